//! The embedded store without a thread: what is queued is written when somebody says so. For a simulation, in which the
//! disk's time is no more real than all the others', and a crash takes what is queued with it.

use super::super::audit::{self, Head, Trail};
use super::super::entries;
use super::super::pushes::Claims;
use super::super::writer::{self, Command, Health};
use super::{Sqlite, damage, lock, migrate, refuse};
use crate::application::ports::{Seq, StoreError};
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::Notify;

/// Writes what is queued.
pub(crate) struct Stepper {
    connection: Connection,
    queue: mpsc::Receiver<Command>,
    gathered: Vec<Command>,
    health: Arc<Health>,
    trail: Arc<Trail>,
    head: Head,
    /// Rings when something is queued.
    pub(crate) bell: Arc<Notify>,
}

/// Opens the store as it is always opened, but for its threads. What is written needs not outlive the machine.
pub(crate) fn open(
    file: &Path,
    idempotency: Duration,
    audit: &audit::Settings,
) -> Result<(Sqlite, Stepper), StoreError> {
    let lock = lock(file)?;
    let unreadable = |error: rusqlite::Error| refuse(file, &damage::words(&error));
    let mut connection = Connection::open(file).map_err(unreadable)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(unreadable)?;
    connection.pragma_update(None, "synchronous", "OFF").map_err(unreadable)?;
    migrate(&mut connection, file)?;
    let last: Seq = connection
        .query_row("SELECT coalesce(max(seq), 0) FROM event", [], |row| row.get(0))
        .map_err(unreadable)?;
    let trail = Arc::new(Trail::open(audit)?);
    let head = entries::begin(&trail, &mut connection)?;
    let (queue, commands) = mpsc::channel();
    let (health, bell): (Arc<Health>, Arc<Notify>) = Default::default();
    let store = Sqlite {
        file: file.to_owned(),
        idempotency,
        damage_is_told: AtomicBool::new(false),
        claims: Claims::default(),
        unwritten: Arc::default(),
        sealer: Arc::default(),
        next_seq: AtomicI64::new(last + 1),
        queue: Some(queue),
        bell: bell.clone(),
        health: health.clone(),
        readers: Mutex::default(),
        threads: Vec::new(),
        stops: Vec::new(),
        trail: trail.clone(),
        witness: None,
        _lock: lock,
    };
    let stepper = Stepper { connection, queue: commands, gathered: Vec::new(), health, trail, head, bell };
    Ok((store, stepper))
}

impl Stepper {
    /// Takes what is queued. Whether there is anything, and whether anybody waits for it.
    pub(crate) fn gather(&mut self) -> (bool, bool) {
        self.gathered.extend(self.queue.try_iter());
        (!self.gathered.is_empty(), self.gathered.iter().any(|command| command.done.is_awaited()))
    }

    /// Writes what was gathered in one transaction, which took so long.
    pub(crate) fn commit(&mut self, took: Duration) {
        let batch = std::mem::take(&mut self.gathered);
        let outcome = writer::commit(&mut self.connection, &batch, &self.trail, &mut self.head);
        self.health.committed(took);
        let mut each = outcome.expect("a simulated disk writes what it is given").into_iter();
        for command in batch {
            command.done.say(each.next().expect("each write comes to something"));
        }
    }

    /// Can't write it.
    pub(crate) fn fail(&mut self) {
        let error = StoreError("the simulated disk is full".to_owned());
        self.health.failed(&error);
        for command in std::mem::take(&mut self.gathered) {
            command.done.say(Err(error.clone()));
        }
    }

    /// Finds out that it can write again.
    pub(crate) fn recover(&self) {
        self.health.recovered();
    }
}
