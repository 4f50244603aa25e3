//! The files that the configuration names: schema sets and the API set, read as they are. They are compiled elsewhere;
//! nothing in them is followed to other files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The folder of the API set among the schema sets.
const API: &str = "api";
/// The largest file that is read, in bytes.
const SIZE_MAX: u64 = 4 * 1024 * 1024;

/// The texts of all sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// By version: the XSDs by file name, and the mapping.
    pub versions: BTreeMap<String, VersionDocuments>,
    /// `operations.toml`
    pub operations: String,
}

/// The texts of one schema set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionDocuments {
    /// XSDs by file name; `events.xsd` is where it begins.
    pub schemas: BTreeMap<String, Vec<u8>>,
    /// `mapping.toml`
    pub mapping: String,
}

impl Documents {
    /// Reads a folder: `<version>/*.xsd`, `<version>/mapping.toml`, `api/operations.toml`.
    ///
    /// # Errors
    /// Everything that is missing or can't be read.
    pub fn read(dir: &Path) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let mut documents = Self::default();
        let operations = dir.join(API).join("operations.toml");
        documents.operations = text(&operations, &mut errors);
        for folder in folders(dir, &mut errors) {
            let path = dir.join(&folder);
            let mapping = text(&path.join("mapping.toml"), &mut errors);
            let schemas = schemas(&path, &mut errors);
            documents.versions.insert(folder, VersionDocuments { schemas, mapping });
        }
        if documents.versions.is_empty() && errors.is_empty() {
            errors.push(format!("{}: holds no schema set; a set is a folder with events.xsd", dir.display()));
        }
        if errors.is_empty() { Ok(documents) } else { Err(errors) }
    }
}

fn text(path: &Path, errors: &mut Vec<String>) -> String {
    let bytes = bytes(path, errors);
    String::from_utf8(bytes).unwrap_or_else(|_| {
        errors.push(format!("{}: is not UTF-8", path.display()));
        String::new()
    })
}

fn bytes(path: &Path, errors: &mut Vec<String>) -> Vec<u8> {
    let read = fs::metadata(path).and_then(|file| {
        if file.len() > SIZE_MAX {
            return Err(std::io::Error::other(format!("it is larger than {SIZE_MAX} bytes")));
        }
        fs::read(path)
    });
    read.unwrap_or_else(|error| {
        errors.push(format!("{}: can't be read ({error})", path.display()));
        Vec::new()
    })
}

/// Folders that hold an `events.xsd`.
fn folders(dir: &Path, errors: &mut Vec<String>) -> Vec<String> {
    let names = names(dir, errors);
    names.into_iter().filter(|name| name != API && dir.join(name).join("events.xsd").is_file()).collect()
}

fn schemas(dir: &Path, errors: &mut Vec<String>) -> BTreeMap<String, Vec<u8>> {
    let names = names(dir, errors).into_iter().filter(|name| name.ends_with(".xsd"));
    names.map(|name| (name.clone(), bytes(&dir.join(&name), errors))).collect()
}

fn names(dir: &Path, errors: &mut Vec<String>) -> Vec<String> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
        Err(error) => {
            errors.push(format!("{}: can't be read ({error})", dir.display()));
            Vec::new()
        }
    }
}
