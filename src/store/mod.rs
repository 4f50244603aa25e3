//! The only SQL. What was answered is here first: one writer thread takes all that is queued into one transaction,
//! commits, and lets those know who wait for it. Readers have connections of their own.

pub mod audit;
mod damage;
mod entries;
mod log;
mod prune;
mod reader;
mod refused;
mod rows;
mod said;
mod sqlite;
mod waiting;
mod writer;
mod writes;

pub use sqlite::Sqlite;

use crate::application::ports::StoreError;
use std::path::PathBuf;
use std::time::Duration;

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The database's file; its folder is made where it is missing.
    pub file: PathBuf,
    /// How long events are kept that are done.
    pub retention: Duration,
    /// How long an event is known by its idempotency key.
    pub idempotency: Duration,
}

impl Settings {
    /// Whether many gateways write to it, each with an audit trail of its own.
    pub fn is_shared(&self) -> bool {
        false
    }
}

/// The audit trail of a store, entry by entry, also while a gateway writes to it.
///
/// # Errors
/// The store is there and can't be read.
pub fn entries(
    settings: &Settings,
) -> Result<impl Iterator<Item = Result<audit::Entry, StoreError>>, StoreError> {
    entries::Entries::open(&settings.file)
}
