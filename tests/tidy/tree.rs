//! The repository as the rules see it: its files and their texts.
//! Not what lies around it: build output and ignored files are left out.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that are never part of the tree, for a copy without git.
const IGNORED: &[&str] = &[".git", "target", "data"];

/// The files below the repository's root.
pub(crate) struct Tree {
    pub(crate) files: Vec<String>,
}

impl Tree {
    /// Lists the files: what git tracks or would track, or, without git, all there is.
    pub(crate) fn read() -> Self {
        let mut files = listed_by_git().unwrap_or_else(|| walk(&root(), &root()));
        files.retain(|file| root().join(file).is_file());
        files.sort();
        assert!(
            files.iter().any(|file| file == "src/lib.rs"),
            "{} has no src/lib.rs; run the tests in a checkout",
            root().display()
        );
        Self { files }
    }

    /// Paths and texts of the files below one of the places that end so. Files that are not text
    /// are left out.
    pub(crate) fn texts(&self, places: &[&str], ending: &str) -> Vec<(String, String)> {
        let wanted = self
            .files
            .iter()
            .filter(|file| places.iter().any(|place| file.starts_with(place)) && file.ends_with(ending));
        wanted.filter_map(|file| Some((file.clone(), text(file)?))).collect()
    }
}

/// The text of one file, nothing if it cannot be read as text.
pub(crate) fn text(file: &str) -> Option<String> {
    std::fs::read_to_string(root().join(file)).ok()
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn listed_by_git() -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()?;
    let listed = String::from_utf8(output.stdout).ok()?;
    let files: Vec<String> = listed.split('\0').filter(|file| !file.is_empty()).map(String::from).collect();
    (output.status.success() && !files.is_empty()).then_some(files)
}

fn walk(root: &Path, folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let ignored = entry.file_name().to_str().is_none_or(|name| IGNORED.contains(&name));
        if path.is_dir() && !path.is_symlink() && !ignored {
            files.extend(walk(root, &path));
        } else if path.is_file() {
            let inside = path.strip_prefix(root).ok().and_then(Path::to_str);
            files.extend(inside.map(String::from));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::{Tree, root, walk};

    #[test]
    fn both_ways_of_listing_find_this_file() {
        let this = "tests/tidy/tree.rs".to_string();
        assert!(Tree::read().files.contains(&this));
        assert!(walk(&root(), &root()).contains(&this));
    }
}
