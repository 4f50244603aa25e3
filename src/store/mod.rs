//! The only SQL. What was answered is here first: one writer thread takes all that is queued into one transaction,
//! commits, and lets those know who wait for it. Readers have connections of their own.

mod archive;
pub mod audit;
mod batches;
mod damage;
mod entries;
mod falls;
mod found_entries;
mod journal;
mod log;
mod postgres;
mod prune;
mod pushes;
mod reader;
mod refused;
mod rows;
mod said;
mod sealing;
mod sqlite;
mod unwritten;
mod waiting;
mod writer;
mod writes;

pub use postgres::{Postgres, PostgresSettings};
pub use sealing::SealingSettings;
pub use sqlite::Sqlite;
#[cfg(test)]
pub(crate) use sqlite::stepwise;

use crate::application::ports::{Resumption, Store, StoreError};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the store is, and how long it keeps what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it is.
    pub place: PlaceSettings,
    /// How long events are kept that are done.
    pub retention: Duration,
    /// How long an event is known by its idempotency key.
    pub idempotency: Duration,
    /// What payloads are sealed with.
    pub sealing: SealingSettings,
}

impl Settings {
    /// Whether many gateways write to it, each with an audit trail of its own.
    pub fn is_shared(&self) -> bool {
        matches!(self.place, PlaceSettings::Postgres(_))
    }
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceSettings {
    /// Embedded: one file for one gateway; its folder is made where it is missing.
    Sqlite(PathBuf),
    /// Shared by many gateways.
    Postgres(Box<PostgresSettings>),
}

/// Who opens a store.
#[derive(Clone, Copy, Debug)]
pub struct Opener {
    /// No attempt to send lasts longer.
    pub attempt: Duration,
    /// The time of day.
    pub now: Timestamp,
}

/// A store that is open.
pub struct Opened {
    /// It.
    pub store: Arc<dyn Store>,
    /// What a start resumes.
    pub resumption: Resumption,
    /// Why it is not the one that was signed, where it is not.
    pub doubt: Option<String>,
}

/// Opens the store, and reads what a start resumes.
///
/// # Errors
/// It can't be opened or read, a newer gateway has made it, or its audit trail can't be witnessed.
pub fn open(settings: &Settings, audit: &audit::Settings, opener: &Opener) -> Result<Opened, StoreError> {
    let sealer = Arc::new(sealing::Sealer::of(&settings.sealing)?);
    match &settings.place {
        PlaceSettings::Sqlite(file) => {
            let store = Sqlite::open(file, settings.idempotency, audit)?.sealing(sealer)?;
            let (resumption, doubt) = (store.resumption(opener.now)?, store.doubt());
            Ok(Opened { store: Arc::new(store), resumption, doubt })
        }
        PlaceSettings::Postgres(database) => {
            let store =
                Postgres::open(database, settings.idempotency, opener.attempt, audit)?.sealing(sealer)?;
            let (resumption, doubt) = (store.resumption(opener.now)?, store.doubt());
            Ok(Opened { store: Arc::new(store), resumption, doubt })
        }
    }
}

/// Entries of an audit trail, one after the other.
pub type Entries = Box<dyn Iterator<Item = Result<audit::Entry, StoreError>>>;

/// The audit trail of a store, entry by entry, also while a gateway writes to it.
///
/// # Errors
/// The store is there and can't be read.
pub fn entries(settings: &Settings) -> Result<Entries, StoreError> {
    Ok(match &settings.place {
        PlaceSettings::Sqlite(file) => Box::new(entries::Entries::open(file)?),
        PlaceSettings::Postgres(database) => Box::new(postgres::Entries::open(database)?),
    })
}
