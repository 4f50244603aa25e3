//! Where the gateways of a proof record: each in its own SQLite.

use crate::harness::Config;

pub(crate) enum Store {
    Sqlite,
}

impl Store {
    /// `None` where this machine has no such store.
    pub(crate) fn named(name: &str) -> Option<Self> {
        (name == "sqlite").then_some(Self::Sqlite)
    }

    /// The same configuration with this store.
    pub(crate) fn of(&self, config: Config) -> Config {
        config
    }

    /// The processes that write for it, beside the gateway.
    pub(crate) fn processes(&self) -> Vec<u32> {
        Vec::new()
    }
}
