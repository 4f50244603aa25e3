//! The embedded store: one SQLite file for one gateway.

use super::audit::{self, Trail};
use super::damage::{self, words};
use super::log::{FILE_MAX, Log};
use super::pushes::Claims;
use super::rows::failed;
use super::sealing::Sealer;
use super::unwritten::Unwritten;
use super::writer::{Command, Done, Health};
use super::writes::Write;
use super::{batches, entries, journal, prune, pushes, reader, refused, waiting, writer};
use crate::application::ports::{
    Act, Awaited, Batch, BatchView, Callback, Claimed, Effect, Found, Hold, JournalPage, Local, Parked,
    ParkedPush, Place, Probe, Pruned, Push, PushEnd, PushId, Receipt, Record, Recorded, Resumption, Seq,
    Settlement, Store, StoreError, View, Waiting, Who,
};
use crate::domain::hold::STORE_OLDER;
use crate::domain::identifiers::{EventId, TenantName};
use crate::telemetry::{self, vital};
use jiff::Timestamp;
use rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;

#[cfg(test)]
pub(crate) mod stepwise;

const MIGRATIONS: [&str; 4] = [
    include_str!("migrations/0001_events.sql"),
    include_str!("migrations/0002_holds.sql"),
    include_str!("migrations/0003_audit.sql"),
    include_str!("migrations/0004_going_back.sql"),
];
/// Who else may lock the store so long; who waits for a write hears by then what came of it.
const BUSY_PATIENCE: Duration = Duration::from_millis(1500);
/// Prepared statements kept by each connection.
const STATEMENTS: usize = 32;

/// The embedded store.
pub struct Sqlite {
    file: PathBuf,
    idempotency: Duration,
    next_seq: AtomicI64,
    queue: Option<mpsc::Sender<Command>>,
    /// Rings when something is queued, for whoever writes in the place of the thread.
    #[cfg(test)]
    bell: Arc<tokio::sync::Notify>,
    health: Arc<Health>,
    damage_is_told: AtomicBool,
    claims: Claims,
    unwritten: Arc<Unwritten>,
    sealer: Arc<Sealer>,
    readers: Mutex<Vec<Connection>>,
    threads: Vec<JoinHandle<()>>,
    stops: Vec<mpsc::Sender<()>>,
    trail: Arc<Trail>,
    witness: Option<JoinHandle<()>>,
    _lock: File,
}

impl Sqlite {
    /// Opens the store, makes it where it is missing, and brings its tables up to date. An event is known by its
    /// idempotency key for so long.
    ///
    /// # Errors
    /// The file can't be opened or written, another gateway uses it, or a newer version of the gateway made it; or the
    /// audit trail's key or checkpoints can't.
    pub fn open(file: &Path, idempotency: Duration, audit: &audit::Settings) -> Result<Self, StoreError> {
        let file = file.to_owned();
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| refuse(&file, &e.to_string()))?;
        }
        let lock = lock(&file)?;
        let mut connection = Connection::open(&file).map_err(|e| refuse(&file, &words(&e)))?;
        configure(&connection).map_err(|e| refuse(&file, &words(&e)))?;
        migrate(&mut connection, &file)?;
        let last: Seq = connection
            .query_row("SELECT coalesce(max(seq), 0) FROM event", [], |row| row.get(0))
            .map_err(|e| refuse(&file, &words(&e)))?;
        damage::look(open_reader(&file, false)?).map_err(|why| refuse(&file, &why))?;
        let trail = Arc::new(Trail::open(audit)?);
        let head = entries::begin(&trail, &mut connection)?;
        let (health, log) = (Arc::new(Health::default()), Arc::new(Log::default()));
        let (queue, commands) = mpsc::channel();
        let (stop_log, log_stopped) = mpsc::channel();
        let (stop_witness, witness_stopped) = mpsc::channel();
        let log_connection = open_reader(&file, true)?;
        let threads = vec![
            spawn("store-writer", {
                let (health, log, trail) = (health.clone(), log.clone(), trail.clone());
                move || writer::run(connection, commands, (health, log), (trail, head))
            })?,
            spawn("store-log", move || log.watch(&log_connection, &log_stopped))?,
        ];
        let witness = spawn("store-witness", {
            let (trail, queue) = (trail.clone(), queue.clone());
            let mut unsure = None;
            move || trail.watch(&witness_stopped, || refused::record(&trail.refusals, &queue, &mut unsure))
        })?;
        Ok(Self {
            file,
            idempotency,
            damage_is_told: AtomicBool::new(false),
            claims: Claims::default(),
            unwritten: Arc::default(),
            sealer: Arc::default(),
            next_seq: AtomicI64::new(last + 1),
            queue: Some(queue),
            #[cfg(test)]
            bell: Arc::default(),
            health,
            readers: Mutex::default(),
            threads,
            stops: vec![stop_witness, stop_log],
            trail,
            witness: Some(witness),
            _lock: lock,
        })
    }

    /// With payloads sealed.
    ///
    /// # Errors
    /// There are payloads that it can't open.
    pub(super) fn sealing(mut self, sealer: Arc<Sealer>) -> Result<Self, StoreError> {
        let newest = self.read(reader::newest_payload)?;
        sealer.check(newest.as_deref()).map_err(|StoreError(why)| refuse(&self.file, &why))?;
        self.sealer = sealer;
        Ok(self)
    }

    /// Its file, and what its payloads are sealed with.
    pub(super) fn parts(&self) -> (PathBuf, Arc<Sealer>) {
        (self.file.clone(), self.sealer.clone())
    }

    /// Why the store is not the one that was signed, as long as no operator has decided.
    pub fn doubt(&self) -> Option<String> {
        self.trail.doubt()
    }

    /// What a start resumes.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn resumption(&self, now: Timestamp) -> Result<Resumption, StoreError> {
        self.read(|connection| Ok(reader::resumption(connection, now)))?
    }

    fn write<T>(
        &self,
        write: Write,
        done: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Done,
    ) -> Receipt<T> {
        let (sender, receipt) = oneshot::channel();
        // A writer that has ended drops the sender, and the receipt says so.
        if let Some(queue) = &self.queue {
            let _ = queue.send(Command { write, done: done(sender) });
        }
        #[cfg(test)]
        self.bell.notify_one();
        receipt
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| open_reader(&self.file, false), Ok)?;
        let result = query(&connection).map_err(|error| self.read_failed(&error))?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(result)
    }

    fn read_failed(&self, error: &rusqlite::Error) -> StoreError {
        if damage::is_damage(error) && !self.damage_is_told.swap(true, Relaxed) {
            tracing::error!(file = %self.file.display(), "the store {}", words(error));
        }
        failed(error)
    }

    /// Who calls from then on is known by a key that was given; who called before is not.
    fn keys_since(&self, now: Timestamp) -> Timestamp {
        now - self.idempotency
    }

    fn claim_one(&self, connection: &Connection, seq: Seq) -> rusqlite::Result<Claimed> {
        if self.unwritten.has(seq) {
            return Ok(Claimed::Later);
        }
        let found = reader::delivery(connection, seq)?;
        Ok(found.map_or(Claimed::Gone, |delivery| Claimed::Mine(Box::new(delivery))))
    }

    fn read_now<T: 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Local<Result<T, StoreError>> {
        let result = self.read(query);
        Box::pin(std::future::ready(result))
    }
}

impl Store for Sqlite {
    fn next_seq(&self) -> Seq {
        self.next_seq.fetch_add(1, Relaxed)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn record(&self, record: Record) -> Receipt<Recorded> {
        if let Some(key) = record.idempotency_key.clone() {
            let before = self.keys_since(record.received_at);
            drop(self.write(Write::ReleaseKey { tenant: record.tenant.clone(), key, before }, Done::Plain));
        }
        let record = self.sealer.seal(record);
        let (seq, unwritten) = (record.seq, self.unwritten.clone());
        unwritten.add(seq);
        self.write(Write::Record(Box::new(record)), |done| Done::Recorded(done, seq, unwritten))
    }

    fn begin(&self, seq: Seq) -> Receipt {
        self.write(Write::Begin { seq }, Done::Plain)
    }

    fn operate(&self, seq: Seq, act: Act, by: Who) -> Receipt {
        self.write(Write::Operate { seq, act, by }, Done::Plain)
    }

    fn hold(&self, hold: Hold) -> Receipt {
        self.write(Write::Hold(hold), Done::Plain)
    }

    fn release(&self, hold: Hold, by: Who) -> Receipt<Vec<Waiting>> {
        // Whoever ends the first such hold takes the store as it is; that is signed before anything is sent.
        let accepted = match &by {
            Some(by) if hold.code == STORE_OLDER => self.trail.accept(by),
            _ => Ok(None),
        };
        match accepted {
            Ok(accepted) => self.write(Write::Release { hold, by, accepted }, Done::Released),
            Err(error) => {
                let (sender, receipt) = oneshot::channel();
                drop(sender.send(Err(error)));
                receipt
            }
        }
    }

    fn holds(&self) -> Local<Result<Vec<Hold>, StoreError>> {
        self.read_now(waiting::holds)
    }

    fn oldest_held(&self, hold: &Hold) -> Local<Result<Option<Probe>, StoreError>> {
        self.read_now(|connection| waiting::oldest_held(connection, hold))
    }

    fn is_overtaken(&self, seq: Seq) -> Local<Result<bool, StoreError>> {
        self.read_now(|connection| waiting::is_overtaken(connection, seq))
    }

    fn orphans(&self) -> Local<Result<Vec<Waiting>, StoreError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn parked(
        &self,
        tenant: &TenantName,
        below: Option<Seq>,
        limit: u32,
    ) -> Local<Result<Vec<Parked>, StoreError>> {
        self.read_now(|connection| reader::parked(connection, tenant, below, limit))
    }

    fn one_parked(&self, tenant: &TenantName, seq: Seq) -> Local<Result<Option<Parked>, StoreError>> {
        // The one below the number that follows it, where it is that one.
        let found = self.read(|connection| reader::parked(connection, tenant, seq.checked_add(1), 1));
        let found = found.map(|found| found.into_iter().find(|parked| parked.seq == seq));
        Box::pin(std::future::ready(found))
    }

    fn decide(&self, seq: Seq, decided: Vec<u8>) -> Receipt {
        self.write(Write::Decide { seq, decided }, Done::Plain)
    }

    fn call_back(&self, callback: Callback) -> Receipt<Effect> {
        self.write(Write::CallBack(Box::new(callback)), Done::CalledBack)
    }

    fn refused(&self, why: &'static str) {
        self.trail.refusals.note(why);
    }

    fn tell(&self, seq: Seq, told: Vec<u8>) -> Receipt<Option<Vec<u8>>> {
        self.write(Write::Tell { seq, told }, Done::Told)
    }

    fn settle(&self, settlement: Settlement) -> Receipt<Option<Vec<u8>>> {
        self.write(Write::Settle(Box::new(settlement)), Done::Told)
    }

    fn find(&self, tenant: &TenantName, id: &EventId, key: Option<&str>) -> Local<Found> {
        self.read_now(|connection| {
            reader::find(connection, tenant, id, key, self.keys_since(telemetry::now()))
        })
    }

    fn awaited(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<Awaited>, StoreError>> {
        self.read_now(|connection| reader::awaited(connection, tenant, id))
    }

    fn view(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<View>, StoreError>> {
        self.read_now(|connection| reader::view(connection, tenant, id))
    }

    fn claim(&self, seq: Seq) -> Local<Result<Claimed, StoreError>> {
        let claimed = self.read(|connection| self.claim_one(connection, seq));
        Box::pin(std::future::ready(claimed.map(|claimed| self.sealer.open(claimed))))
    }

    fn claim_together(&self, seqs: Vec<Seq>) -> Local<Result<Vec<Claimed>, StoreError>> {
        let claimed: Result<Vec<_>, _> =
            self.read(|connection| seqs.iter().map(|seq| self.claim_one(connection, *seq)).collect());
        let opened = claimed.map(|all| all.into_iter().map(|claimed| self.sealer.open(claimed)).collect());
        Box::pin(std::future::ready(opened))
    }

    fn batch(&self, batch: Batch) -> Receipt {
        self.write(Write::Batch(Box::new(batch)), Done::Plain)
    }

    fn batch_view(&self, tenant: &TenantName, id: &str) -> Local<Result<Option<BatchView>, StoreError>> {
        self.read_now(|connection| batches::view(connection, tenant, id))
    }

    fn pushes(
        &self,
        now: Timestamp,
        limit: u32,
        paused: &[(TenantName, String)],
    ) -> Local<Result<Vec<Push>, StoreError>> {
        // What has landed can't be taken down while the store can't record, and would leave again and again.
        let claimed = match self.is_well() {
            true => self.claims.claim(limit, |due| self.read(|reader| due.read(reader, now, paused))),
            false => Ok(Vec::new()),
        };
        Box::pin(std::future::ready(claimed))
    }

    fn pushed(&self, end: PushEnd) -> Receipt {
        let (id, returned) = (end.id, self.claims.returned());
        self.write(Write::Pushed(end), |done| Done::Pushed(done, id, returned))
    }

    fn parked_pushes(
        &self,
        tenant: &TenantName,
        below: Option<PushId>,
        limit: u32,
    ) -> Local<Result<Vec<ParkedPush>, StoreError>> {
        self.read_now(|connection| pushes::parked(connection, tenant, below, limit))
    }

    fn operate_push(&self, tenant: &TenantName, id: PushId, act: Act, by: Who) -> Receipt {
        self.write(Write::OperatePush { tenant: tenant.clone(), id, act, by }, Done::Plain)
    }

    fn journal_end(&self) -> Local<Result<Place, StoreError>> {
        self.read_now(journal::end)
    }

    fn journal(
        &self,
        tenant: &TenantName,
        after: Place,
        limit: u32,
    ) -> Local<Result<JournalPage, StoreError>> {
        self.read_now(|connection| journal::page(connection, tenant, after, limit))
    }

    fn reloaded(&self, configuration: String) -> Receipt {
        self.write(Write::Reloaded { configuration }, Done::Plain)
    }

    fn prune(&self, after: Seq, before: Timestamp, limit: u32) -> Local<Result<Option<Pruned>, StoreError>> {
        let upto = match self.read(|connection| prune::step(connection, after, before, limit)) {
            Ok(Some(upto)) => upto,
            nothing => return Box::pin(std::future::ready(nothing.map(|_| None))),
        };
        let receipt = self.write(Write::Prune { after, upto, before }, Done::Pruned);
        Box::pin(async { receipt.await.unwrap_or_else(|_| Err(failed("the writer has stopped"))).map(Some) })
    }

    fn lead(&self) -> Duration {
        self.health.lead()
    }

    fn is_well(&self) -> bool {
        self.health.is_well()
    }
}

impl Drop for Sqlite {
    /// Everything that is queued is written before the store closes.
    fn drop(&mut self) {
        self.stops.clear();
        // It may queue the last of what it has.
        if let Some(witness) = self.witness.take() {
            let _ = witness.join();
        }
        // The last connection to close brings the log into the database, which one that only reads can't.
        self.readers.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        if let Err(error) = self.trail.checkpoint() {
            tracing::error!(%error, "the last checkpoint is missing");
        }
    }
}

fn refuse(file: &Path, why: &str) -> StoreError {
    StoreError(format!("{}: {why}", file.display()))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(|| vital(work)).map_err(failed)
}

/// Two writers on one file would each believe to know what is in flight.
fn lock(file: &Path) -> Result<File, StoreError> {
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    let lock = File::create(&name).map_err(|e| refuse(file, &e.to_string()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(refuse(file, "another gateway uses this store; stop it, or give this one a file of its own"))
        }
        Err(TryLockError::Error(error)) => Err(refuse(file, &error.to_string())),
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", FILE_MAX)?;
    // What is taken out is gone from the file, too.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "foreign_keys", false) // the statements check what they need
}

fn migrate(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    let found: usize = connection
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        .map(|version| usize::try_from(version).unwrap_or(usize::MAX))
        .map_err(|e| refuse(file, &words(&e)))?;
    if found > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        return Err(refuse(
            file,
            &format!("has tables of version {found}, this gateway knows {known}: run a newer gateway"),
        ));
    }
    for (version, migration) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction().map_err(|e| refuse(file, &words(&e)))?;
        transaction.execute_batch(migration).map_err(|e| refuse(file, &words(&e)))?;
        transaction
            .pragma_update(None, "user_version", i64::try_from(version + 1).unwrap_or(i64::MAX))
            .map_err(|e| refuse(file, &words(&e)))?;
        transaction.commit().map_err(|e| refuse(file, &words(&e)))?;
    }
    Ok(())
}

/// A connection that reads.
pub(super) fn open_reader(file: &Path, writable: bool) -> Result<Connection, StoreError> {
    let access = if writable { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let connection =
        Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    connection.busy_timeout(BUSY_PATIENCE).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else SQLite plans a kept statement anew for every value, because a partial index might fit it.
    connection.set_db_config(SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    Ok(connection)
}
