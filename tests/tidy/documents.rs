//! The documents at the root: that they exist, that the README names its commands early, and that
//! links between files lead somewhere.
//! Not a check of links to the web, and not of headings.

/// Documents that are missing from the tree's paths.
pub(crate) fn missing(files: &[String], wanted: &[&str]) -> Vec<String> {
    let absent = wanted.iter().filter(|name| !files.iter().any(|file| file == *name));
    absent.map(|name| format!("{name} does not exist; write it, a reader looks for it")).collect()
}

/// Commands that the first `lines` lines of a document do not name.
pub(crate) fn unnamed(file: &str, text: &str, lines: usize, commands: &[&str]) -> Vec<String> {
    let head: String = text.lines().take(lines).flat_map(|line| [line, "\n"]).collect();
    let absent = commands.iter().filter(|command| !head.contains(**command));
    absent
        .map(|command| format!("{file}: the first {lines} lines do not name `{command}`; say it early"))
        .collect()
}

/// Links of a Markdown document to files that do not exist.
pub(crate) fn broken_links(file: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    for (line, target) in links(text) {
        let path = target.split(['#', '?']).next().unwrap_or_default();
        let elsewhere = target.contains("://") || target.starts_with("mailto:");
        if path.is_empty() || elsewhere {
            continue;
        }
        let reaches = resolve(folder, path).is_some_and(|path| exists(&path));
        if !reaches {
            found.push(format!(
                "{file}:{line}: the link `{target}` leads nowhere; correct it, relative to the file"
            ));
        }
    }
    found
}

/// The targets of links and of link definitions, outside code, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut fenced) = (Vec::new(), false);
    for (line, content) in text.lines().enumerate() {
        let start = content.trim_start();
        if start.starts_with("```") || start.starts_with("~~~") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        let prose: String = content.split('`').step_by(2).collect::<Vec<_>>().join("code");
        let definition = start.starts_with('[').then(|| prose.split_once("]: ")).flatten();
        let inline = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let targets = inline.map(|(target, _)| target).chain(definition.map(|(_, rest)| rest));
        found.extend(targets.filter_map(|target| {
            let target = target.split_whitespace().next()?;
            Some((line + 1, target.trim_matches(['<', '>']).to_string()))
        }));
    }
    found
}

/// A path as the document writes it, from the root of the tree; nothing if it leaves the tree.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{broken_links, missing, unnamed};

    #[test]
    fn a_missing_document_fails() {
        let files = ["README.md".to_string()];
        assert_eq!(missing(&files, &["README.md"]), Vec::<String>::new());
        assert_eq!(missing(&files, &["README.md", "LICENSE"]).len(), 1);
    }

    #[test]
    fn a_command_that_comes_too_late_fails() {
        assert_eq!(unnamed("a.md", "# A\nrun me\n", 2, &["run me"]), Vec::<String>::new());
        assert_eq!(unnamed("a.md", "# A\n\nrun me\n", 2, &["run me"]).len(), 1);
    }

    #[test]
    fn links_to_files_of_the_tree_and_to_elsewhere_pass() {
        let text = "[a](b.md) [c](../d/e.md#f \"title\") [g](https://h.example/i) [j](#k)\n[l]: <b.md>";
        let exists = |path: &str| ["docs/b.md", "d/e.md"].contains(&path);
        assert_eq!(broken_links("docs/a.md", text, exists), Vec::<String>::new());
    }

    #[test]
    fn links_that_lead_nowhere_fail_and_code_is_not_read() {
        let text = "[a](b.md)\n```\n[c](d.md)\n```\n`[e](f.md)` [`g`](h.md)\n[i]: j.md\n[k](../../l.md)";
        let found = broken_links("a.md", text, |_| false);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("a.md:1:") && found[1].contains("h.md"), "{found:?}");
    }
}
