//! Where the gateways of a proof record: each in its own SQLite, or all in one database of PostgreSQL.

use crate::harness::{Config, Database, Server};
use std::fs;

pub(crate) enum Store {
    Sqlite,
    /// In a server that others use too, or in one of its own, which ends behind the database.
    Postgres {
        database: Database,
        _server: Option<Server>,
    },
}

impl Store {
    /// `None` where this machine has no such store.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "postgres" => Database::new().map(|database| Self::Postgres { database, _server: None }),
            _ => Some(Self::Sqlite),
        }
    }

    /// The same in a server that nobody else uses: one that others use too writes and flushes one log for all of them, by
    /// processes that come and go.
    pub(crate) fn alone(name: &str) -> Option<Self> {
        match name {
            "postgres" => Server::start()
                .map(|server| Self::Postgres { database: server.database(), _server: Some(server) }),
            _ => Self::named(name),
        }
    }

    /// The same configuration with this store.
    pub(crate) fn of(&self, config: Config) -> Config {
        match self {
            Self::Sqlite => config,
            Self::Postgres { database, .. } => config.with(&format!("store.url = \"{}\"", database.url())),
        }
    }

    /// The processes that write for it, beside the gateway.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let Self::Postgres { database, .. } = self else { return Vec::new() };
        let folder = database.ask("SHOW data_directory");
        let file = fs::read_to_string(format!("{folder}/postmaster.pid")).unwrap_or_default();
        let server: u32 = file.lines().next().and_then(|line| line.parse().ok()).expect("a running server");
        let children = fs::read_dir("/proc").expect("this is Linux").flatten().filter_map(|entry| {
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()?;
            (parent == server).then_some(process)
        });
        [server].into_iter().chain(children).collect()
    }
}
