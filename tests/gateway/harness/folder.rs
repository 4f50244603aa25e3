//! A private folder for one test, removed when it is dropped; and where the repository's own files are.

use super::postgres::Database;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static NEXT: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    database: OnceLock<Database>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!("xceed-gateway-test-{}-{}", process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Self { path, database: OnceLock::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A database of its own, made when it is first asked for.
    pub(crate) fn database(&self) -> &Database {
        self.database.get_or_init(|| Database::new().expect("this machine has PostgreSQL"))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A file or folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
