//! The only SQL. What was answered is here first: one writer thread takes all that is queued into one transaction,
//! commits, and lets those know who wait for it. Readers have connections of their own.

mod log;
mod reader;
mod rows;
mod sqlite;
mod waiting;
mod writer;
mod writes;

pub use sqlite::Sqlite;

use std::path::PathBuf;

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The database's file; its folder is made where it is missing.
    pub file: PathBuf,
}
