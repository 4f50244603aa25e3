//! How far a file was brought, kept beside it: written anew and put in its place whole, so that a start at any time finds
//! one that is true.

use super::super::shell::Failed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// So much of the file's beginning, and of what stands before the place, is held against what it was.
const KNOWN_BY: u64 = 64 * 1024;

/// Where in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// In bytes.
    pub(super) offset: u64,
    /// Lines before it.
    pub(super) line: u64,
}

/// What became of the lines that were sent.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    pub(super) lines: u64,
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) failed: u64,
    pub(super) batches: u64,
    pub(super) settled: u64,
    pub(super) parked: u64,
    pub(super) discarded: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    url: String,
    mode: String,
    size: u64,
    /// The file's beginning, hashed.
    head: String,
    /// What stands before the place, hashed.
    behind: String,
    place: Place,
    counts: Counts,
    /// How long the file of failures is.
    failures: u64,
    /// Batches that are not done.
    open: Vec<String>,
}

/// How far a file was brought.
pub(super) struct Progress {
    of: PathBuf,
    kept: Kept,
}

/// A file's name with more behind it.
pub(super) fn beside(file: &Path, behind: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(behind);
    name.into()
}

impl Progress {
    /// What is kept of the file, or the beginning.
    pub(super) fn open(of: &Path, file: &mut File, (url, mode): (&str, &str)) -> Result<Self, Failed> {
        let (of, beside) = (of.to_owned(), beside(of, "progress"));
        let unreadable = |error: io::Error| Failed::because(format!("{}: {error}", of.display()));
        let size = file.metadata().map_err(unreadable)?.len();
        let head = hash(file, 0, KNOWN_BY.min(size)).map_err(unreadable)?;
        let text = match fs::read_to_string(&beside) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let kept = Kept {
                    url: url.to_owned(),
                    mode: mode.to_owned(),
                    size,
                    head,
                    behind: String::new(),
                    place: Place::default(),
                    counts: Counts::default(),
                    failures: 0,
                    open: Vec::new(),
                };
                return Ok(Self { of, kept });
            }
            Err(error) => return Err(Failed::because(format!("{}: {error}", beside.display()))),
        };
        let other = |what: &str| {
            Failed::because(format!(
                "{} is about {what}: remove it to begin anew; what is known already counts as a duplicate",
                beside.display()
            ))
        };
        let mut kept: Kept =
            serde_json::from_str(&text).map_err(|_| other("something that can't be read"))?;
        let Place { offset, .. } = kept.place;
        let length = KNOWN_BY.min(offset);
        let is_same = offset <= size
            && hash(file, 0, KNOWN_BY.min(kept.size)).map_err(unreadable)? == kept.head
            && hash(file, offset - length, length).map_err(unreadable)? == kept.behind;
        match () {
            () if kept.url != url || kept.mode != mode => Err(other("another gateway or another mode")),
            () if size < kept.size || !is_same => Err(other("another file, or the file was changed since")),
            () => {
                (kept.size, kept.head) = (size, head);
                Ok(Self { of, kept })
            }
        }
    }

    pub(super) fn place(&self) -> Place {
        self.kept.place
    }

    pub(super) fn size(&self) -> u64 {
        self.kept.size
    }

    pub(super) fn counts(&mut self) -> &mut Counts {
        &mut self.kept.counts
    }

    pub(super) fn open_batches(&mut self) -> &mut Vec<String> {
        &mut self.kept.open
    }

    /// How long the file of failures was when this was written.
    pub(super) fn failures(&self) -> u64 {
        self.kept.failures
    }

    /// Everything up to there is done.
    pub(super) fn reach(&mut self, place: Place, failures: u64) -> Result<(), Failed> {
        let written = File::open(&self.of).and_then(|mut file| {
            let length = KNOWN_BY.min(place.offset);
            self.kept.behind = hash(&mut file, place.offset - length, length)?;
            (self.kept.place, self.kept.failures) = (place, failures);
            self.write()
        });
        written.map_err(|error| self.unwritable(&error))
    }

    /// Notes what has changed besides the place.
    pub(super) fn note(&self) -> Result<(), Failed> {
        self.write().map_err(|error| self.unwritable(&error))
    }

    /// Nothing is left to be known.
    pub(super) fn remove(&self) {
        // What is left of it would only say that everything is done.
        let _ = fs::remove_file(beside(&self.of, "progress"));
    }

    fn write(&self) -> io::Result<()> {
        let (there, new) = (beside(&self.of, "progress"), beside(&self.of, "progress.new"));
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&self.kept)?)?;
        file.sync_all()?;
        fs::rename(new, &there)?;
        // The name is on disk too, where the system lets folders be flushed.
        let folder =
            there.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).or(Ok(()))
    }

    fn unwritable(&self, error: &io::Error) -> Failed {
        Failed::because(format!("{}: {error}", beside(&self.of, "progress").display()))
    }
}

fn hash(file: &mut File, offset: u64, length: u64) -> io::Result<String> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(hex::encode(Sha256::digest(&bytes)))
}
