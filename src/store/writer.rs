//! The writer thread: takes all that is queued into one transaction, commits once, and wakes those who wait. With one
//! flush for a whole batch, the number of events a second does not depend on how slow the disk's flush is; no write that
//! somebody waits for waits for others to gather. A record and its settlement that are queued together share their
//! transaction, so a sync event costs one flush, and its delivery is never written at all; to that end a record that
//! nobody waits for begins no flush of its own for a moment.

use super::log::Log;
use super::rows::{failed, join, tier, time};
use crate::application::ports::{Record, Seq, Settlement, StoreError};
use crate::domain::delivery::{Attempt, State};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Writes that share a transaction at most, so that the first of them does not wait too long.
const BATCH_MAX: usize = 1024;
/// A write that nobody waits for is written with the next that somebody waits for, or when it is this old.
const ALONE_MAX: Duration = Duration::from_millis(5);
/// A write is queued at least so long before a deadline.
const LEAD_MIN: Duration = Duration::from_millis(10);
/// The state of a delivery whose attempt has begun, as far as that is recorded.
pub(super) const SENDING: &str = "SENDING";
/// How often a store that can't record is tried.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How much a new flush counts in the usual one: 1/8.
const SMOOTHING: u64 = 8;

/// One write, and who waits for it.
pub(super) struct Command {
    pub(super) write: Write,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

impl Command {
    /// Whether somebody waits for the write: a receipt that was dropped is not waited for.
    fn is_awaited(&self) -> bool {
        !self.done.is_closed()
    }
}

pub(super) enum Write {
    Record(Box<Record>),
    Begin { seq: Seq },
    Tell { seq: Seq, told: Vec<u8> },
    Settle(Box<Settlement>),
}

/// How the writer is.
#[derive(Debug)]
pub(super) struct Health {
    well: AtomicBool,
    usual_flush_micros: AtomicU64,
}

impl Default for Health {
    fn default() -> Self {
        Self { well: AtomicBool::new(true), usual_flush_micros: AtomicU64::new(0) }
    }
}

impl Health {
    pub(super) fn is_well(&self) -> bool {
        self.well.load(Relaxed)
    }

    /// Twice the usual flush: the one that may be under way, and the one that carries the write.
    pub(super) fn lead(&self) -> Duration {
        Duration::from_micros(2 * self.usual_flush_micros.load(Relaxed)).max(LEAD_MIN)
    }

    fn committed(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / SMOOTHING);
        let usual = self.usual_flush_micros.load(Relaxed);
        self.usual_flush_micros.store((usual * (SMOOTHING - 1) + took) / SMOOTHING, Relaxed);
        self.recovered();
    }

    fn recovered(&self) {
        if !self.well.swap(true, Relaxed) {
            tracing::info!("the store records again");
        }
    }

    fn failed(&self, error: &StoreError) {
        if self.well.swap(false, Relaxed) {
            tracing::error!(%error, "the store can't record; callers hear 503 until it can");
        }
    }
}

/// Writes until all senders are gone.
#[expect(clippy::needless_pass_by_value, reason = "the thread owns its end of the queue")]
pub(super) fn run(mut connection: Connection, queue: Receiver<Command>, health: Arc<Health>, log: Arc<Log>) {
    while let Some(first) = next(&mut connection, &queue, &health) {
        let batch = gather(first, &queue);
        let started = now();
        let outcome = commit(&mut connection, &batch);
        match &outcome {
            Ok(_) => health.committed(started.elapsed()),
            Err(error) => health.failed(error),
        }
        let mut each = outcome.map(Vec::into_iter);
        for command in batch {
            let result = match &mut each {
                Ok(results) => results.next().unwrap_or(Ok(())),
                Err(error) => Err(error.clone()),
            };
            // Who hung up no longer waits; the write stands all the same.
            let _ = command.done.send(result);
        }
        log.finish(&connection);
    }
}

/// Waits for a write. While the store is not well it is tried without one, now and then: who is not ready gets no
/// calls, and could not find out by them.
fn next(connection: &mut Connection, queue: &Receiver<Command>, health: &Health) -> Option<Command> {
    while !health.is_well() {
        match queue.recv_timeout(PROBE_EVERY) {
            Ok(command) => return Some(command),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                if probe(connection).is_ok() {
                    health.recovered();
                }
            }
        }
    }
    queue.recv().ok()
}

/// Writes what is there already.
fn probe(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

/// All that is queued, as soon as somebody waits for any of it.
fn gather(first: Command, queue: &Receiver<Command>) -> Vec<Command> {
    let mut batch = vec![first];
    let begun = now();
    loop {
        while batch.len() < BATCH_MAX
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        if batch.len() == BATCH_MAX || batch.iter().any(Command::is_awaited) {
            return batch;
        }
        match queue.recv_timeout(ALONE_MAX.saturating_sub(begun.elapsed())) {
            Ok(next) => batch.push(next),
            Err(_) => return batch,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a commit takes, and a write waits, is what is measured"
)]
fn now() -> Instant {
    Instant::now()
}

/// All writes in one transaction. The outer error means that nothing was written; an inner one, that this write could
/// not be, while the others were.
fn commit(connection: &mut Connection, batch: &[Command]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let together = Together::of(batch);
    let results = batch.iter().map(|command| write(&transaction, &command.write, &together));
    let results = results.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(results)
}

/// Which events are recorded, and which deliveries settled, in this very batch.
struct Together {
    recorded: HashSet<Seq>,
    settled: HashSet<Seq>,
}

impl Together {
    fn of(batch: &[Command]) -> Self {
        let mut together = Self { recorded: HashSet::new(), settled: HashSet::new() };
        for command in batch {
            match &command.write {
                Write::Record(record) => together.recorded.insert(record.seq),
                Write::Settle(end) if end.state == State::Settled => together.settled.insert(end.seq),
                Write::Settle(_) | Write::Begin { .. } | Write::Tell { .. } => false,
            };
        }
        together
    }

    fn fused(&self, seq: Seq) -> bool {
        self.recorded.contains(&seq) && self.settled.contains(&seq)
    }
}

type Outcome = rusqlite::Result<Result<(), StoreError>>;

fn write(transaction: &Transaction<'_>, write: &Write, together: &Together) -> Outcome {
    match write {
        Write::Record(new) => record(transaction, new, together),
        Write::Begin { seq } => begin(transaction, *seq),
        Write::Tell { seq, told } => tell(transaction, *seq, told),
        Write::Settle(end) => settle(transaction, end, together),
    }
}

fn record(transaction: &Transaction<'_>, new: &Record, together: &Together) -> Outcome {
    let (prepared, message) = (&new.prepared, &new.prepared.message);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO event VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16) ON CONFLICT DO NOTHING",
    )?;
    let written = insert.execute(params![
        new.seq,
        new.tenant.as_str(),
        message.event_id.as_str(),
        new.idempotency_key,
        new.fingerprint.0,
        new.mode.name(),
        time(new.received_at),
        prepared.facts.event_type,
        prepared.facts.customer.as_ref().map(|customer| customer.expose()),
        tier(prepared.facts.tier),
        prepared.facts.amount.map(|amount| amount.to_string()),
        prepared.schema,
        message.channel,
        message.payload,
        message.response_required,
        join(&prepared.defaulted),
    ])?;
    if written == 0 {
        return Ok(Err(StoreError("the event is recorded already".to_owned())));
    }
    if let Some(told) = &new.told {
        tell(transaction, new.seq, told)?.ok();
    }
    if !together.fused(new.seq) {
        let state = if new.begun { SENDING } else { "QUEUED" };
        queue(transaction, new.seq, state, time(new.received_at), None)?;
    }
    Ok(Ok(()))
}

fn begin(transaction: &Transaction<'_>, seq: Seq) -> Outcome {
    let mut update = transaction.prepare_cached("UPDATE delivery SET state = ?2 WHERE seq = ?1")?;
    let written = update.execute(params![seq, SENDING])?;
    Ok(if written == 1 { Ok(()) } else { Err(StoreError("the delivery is not queued".to_owned())) })
}

/// Adds to an event that is recorded; one that is not was lost with its own commit.
fn tell(transaction: &Transaction<'_>, seq: Seq, told: &[u8]) -> Outcome {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO told SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM event WHERE seq = ?1) ON CONFLICT DO NOTHING",
    )?;
    let written = insert.execute(params![seq, told])?;
    Ok(if written == 1 { Ok(()) } else { Err(StoreError("the event is not recorded".to_owned())) })
}

fn settle(transaction: &Transaction<'_>, end: &Settlement, together: &Together) -> Outcome {
    let mut known = transaction.prepare_cached("SELECT 1 FROM event WHERE seq = ?1")?;
    if known.query_row([end.seq], |_| Ok(())).optional()?.is_none() {
        return Ok(Err(StoreError("the event is not recorded".to_owned())));
    }
    note_attempt(transaction, end)?;
    if let Some(told) = &end.told {
        tell(transaction, end.seq, told)?.ok();
    }
    if let Some(late) = &end.late {
        let mut insert = transaction
            .prepare_cached("INSERT INTO late VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING")?;
        insert.execute(params![
            end.seq,
            late.verdict.name(),
            late.risk_score.map(|score| score.to_string()),
            late.risk_action,
            late.return_code,
            time(late.at),
        ])?;
    }
    if let Some((tenant, fingerprint)) = &end.promoted_key {
        let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO promoted_key VALUES (?1,?2)")?;
        insert.execute(params![tenant.as_str(), fingerprint])?;
    }
    match &end.state {
        State::Settled if together.fused(end.seq) => {}
        State::Settled => {
            transaction.prepare_cached("DELETE FROM delivery WHERE seq = ?1")?.execute([end.seq])?;
        }
        State::Queued { due } => queue(transaction, end.seq, end.state.name(), time(*due), None)?,
        State::Parked { reason } => {
            queue(transaction, end.seq, end.state.name(), time(end.at), Some(reason))?;
        }
    }
    Ok(Ok(()))
}

fn note_attempt(transaction: &Transaction<'_>, end: &Settlement) -> rusqlite::Result<()> {
    let why = match &end.attempt {
        Attempt::NotSent(why) | Attempt::InDoubt(why) | Attempt::Refused(why) => Some(*why),
        Attempt::Answered(_) => None,
    };
    let results = end.attempt.results();
    let remarks = results.map(|results| {
        let all: Vec<String> = results.reasons.iter().chain(&results.remarks).cloned().collect();
        join(&all)
    });
    let mut insert = transaction.prepare_cached("INSERT INTO attempt VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)")?;
    insert.execute(params![
        end.seq,
        time(end.at),
        i64::try_from(end.took.as_micros()).unwrap_or(i64::MAX),
        end.attempt.name(),
        why,
        results.map(|results| results.code.word()),
        results.and_then(|results| results.risk_score).map(|score| score.to_string()),
        results.and_then(|results| results.risk_action.as_deref()),
        remarks,
    ])?;
    Ok(())
}

fn queue(
    transaction: &Transaction<'_>,
    seq: Seq,
    state: &str,
    due: i64,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO delivery VALUES (?1,?2,?3,?4)")?;
    insert.execute(params![seq, state, due, reason])?;
    Ok(())
}
