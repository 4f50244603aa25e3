//! The audit trail: what happened, entry by entry, in a chain of hashes whose end is signed once a second outside the
//! database. Knows no database: the store puts each entry in beside the change that it tells of, in one transaction.
//!
//! An entry's hash is SHA-256 over the hash before it (64 hexadecimal digits), a line feed, and the entry's text. So
//! whoever changes, removes or puts in an entry must change all behind it, and then the checkpoints tell.

mod body;
mod chain;
mod checkpoint;
mod key;
mod pen;
mod refusals;
mod report;
mod standing;
mod tally;
mod trail;
mod verify;
mod witness;

pub use chain::{Entry, Hash, Head, NOTHING, hash};
pub use checkpoint::{Accepted, Checkpoint, Checkpoints};
pub use key::{Key, KeySettings, Public, gateway_of};
pub use pen::{Pen, Subject};
pub use refusals::Refusals;
pub use report::{ChainReport, Finding, Report, What};
pub use standing::{Doubt, Standing};
pub use tally::Tally;
pub use trail::Trail;
pub use verify::verify;
pub use witness::read as read_checkpoints;

use std::path::{Path, PathBuf};

/// Where the trail is witnessed, and what it is signed with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file of the checkpoints, outside the database.
    pub checkpoints: PathBuf,
    /// The key that they are signed with.
    pub signing_key: KeySettings,
    /// A fingerprint of the whole configuration; a keyed hash of it is recorded at each start.
    pub configuration: String,
}

impl Settings {
    /// Both files in one folder.
    pub fn within(folder: &Path) -> Self {
        Self {
            checkpoints: folder.join("audit.checkpoints"),
            signing_key: KeySettings::File(folder.join("audit.key")),
            configuration: String::new(),
        }
    }
}
