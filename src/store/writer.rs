//! The writer thread: takes all that is queued into one transaction, commits once, and wakes those who wait. With one
//! flush for a whole batch, the number of events a second does not depend on how slow the disk's flush is; no write that
//! somebody waits for waits for others to gather. A record and its settlement that are queued together share their
//! transaction, so a sync event costs one flush, and its delivery is never written at all; to that end a record that
//! nobody waits for begins no flush of its own for a moment.

use super::audit::{Head, Trail};
use super::entries::{self, Page};
use super::log::Log;
use super::pushes::Returned;
use super::rows::failed;
use super::unwritten::Unwritten;
use super::writes::{Outcome, Together, Write, write};
use crate::application::ports::{Effect, Pruned, PushId, Recorded, Seq, StoreError, Waiting};
use crate::telemetry::{self, metrics};
use rusqlite::{Connection, TransactionBehavior};
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
/// How often a store that can't record is tried.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How much a new flush counts in the usual one: 1/8.
const SMOOTHING: u64 = 8;

/// One write, and who waits for it.
pub(super) struct Command {
    pub(super) write: Write,
    pub(super) done: Done,
}

/// Who waits for a write, by what it comes to.
pub(super) enum Done {
    Plain(Answer<()>),
    /// Whatever it comes to, the record is on its way no longer.
    Recorded(Answer<Recorded>, Seq, Arc<Unwritten>),
    Told(Answer<Option<Vec<u8>>>),
    CalledBack(Answer<Effect>),
    Released(Answer<Vec<Waiting>>),
    Pruned(Answer<Pruned>),
    /// Whatever it comes to, the push may be claimed again.
    Pushed(Answer<()>, PushId, Arc<Returned>),
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

impl Done {
    /// Whether somebody waits for the write: a receipt that was dropped is not waited for.
    pub(super) fn is_awaited(&self) -> bool {
        !match self {
            Self::Plain(done) => done.is_closed(),
            Self::Recorded(done, ..) => done.is_closed(),
            Self::Told(done) => done.is_closed(),
            Self::CalledBack(done) => done.is_closed(),
            Self::Released(done) => done.is_closed(),
            Self::Pruned(done) => done.is_closed(),
            Self::Pushed(done, ..) => done.is_closed(),
        }
    }

    /// Who hung up no longer waits; the write stands all the same.
    pub(super) fn say(self, written: Result<Outcome, StoreError>) {
        match (self, written) {
            (Self::Pushed(done, id, returned), written) => {
                returned.add(id);
                let _ = done.send(written.map(drop));
            }
            (Self::Plain(done), Ok(_)) => drop(done.send(Ok(()))),
            (Self::Recorded(done, seq, unwritten), written) => {
                unwritten.remove(seq);
                match written {
                    Ok(Outcome::Recorded(recorded)) => drop(done.send(Ok(recorded))),
                    Err(error) => drop(done.send(Err(error))),
                    Ok(_) => {}
                }
            }
            (Self::Told(done), Ok(Outcome::Told(before))) => drop(done.send(Ok(before))),
            (Self::CalledBack(done), Ok(Outcome::CalledBack(effect))) => drop(done.send(Ok(effect))),
            (Self::Released(done), Ok(Outcome::Released(released))) => drop(done.send(Ok(released))),
            (Self::Pruned(done), Ok(Outcome::Pruned(pruned))) => drop(done.send(Ok(pruned))),
            (Self::Plain(done), Err(error)) => drop(done.send(Err(error))),
            (Self::Told(done), Err(error)) => drop(done.send(Err(error))),
            (Self::CalledBack(done), Err(error)) => drop(done.send(Err(error))),
            (Self::Released(done), Err(error)) => drop(done.send(Err(error))),
            (Self::Pruned(done), Err(error)) => drop(done.send(Err(error))),
            // A write comes to what its kind comes to.
            (_, Ok(_)) => {}
        }
    }
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

    pub(super) fn committed(&self, took: Duration) {
        metrics::COMMITS.add(&["ok"], 1);
        metrics::COMMIT_SECONDS.took(&[], took);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / SMOOTHING);
        let usual = self.usual_flush_micros.load(Relaxed);
        self.usual_flush_micros.store((usual * (SMOOTHING - 1) + took) / SMOOTHING, Relaxed);
        self.recovered();
    }

    pub(super) fn recovered(&self) {
        if !self.well.swap(true, Relaxed) {
            tracing::info!("the store records again");
        }
    }

    pub(super) fn failed(&self, error: &StoreError) {
        metrics::COMMITS.add(&["failed"], 1);
        if self.well.swap(false, Relaxed) {
            tracing::error!(%error, "the store can't record; callers hear 503 until it can");
        }
    }
}

/// Writes until all senders are gone.
#[expect(clippy::needless_pass_by_value, reason = "the thread owns its end of the queue")]
pub(super) fn run(
    mut connection: Connection,
    queue: Receiver<Command>,
    (health, log): (Arc<Health>, Arc<Log>),
    (trail, mut head): (Arc<Trail>, Head),
) {
    while let Some(first) = next(&mut connection, &queue, &health) {
        let batch = gather(first, &queue);
        let started = now();
        let outcome = commit(&mut connection, &batch, &trail, &mut head);
        match &outcome {
            Ok(_) => {
                metrics::COMMIT_WRITES.observe(&[], batch.len() as f64);
                health.committed(started.elapsed());
            }
            Err(error) => {
                health.failed(error);
                // Should a commit ever fail behind the moment from which it counts, the chain goes on from there.
                head = entries::head(&connection, trail.gateway()).unwrap_or(head);
            }
        }
        let mut each = outcome.map(Vec::into_iter);
        for command in batch {
            let result = match &mut each {
                Ok(results) => results.next().unwrap_or(Ok(Outcome::Done)),
                Err(error) => Err(error.clone()),
            };
            command.done.say(result);
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
        if batch.len() == BATCH_MAX || batch.iter().any(|command| command.done.is_awaited()) {
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
/// not be, while the others were. The audit trail's end moves with what is written, and stays where nothing is.
pub(super) fn commit(
    connection: &mut Connection,
    batch: &[Command],
    trail: &Trail,
    head: &mut Head,
) -> Result<Vec<Result<Outcome, StoreError>>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let together = Together::of(batch.iter().map(|command| &command.write));
    let mut page = Page { transaction: &transaction, pen: trail.pen(*head), now: telemetry::now() };
    let results = batch.iter().map(|command| write(&mut page, &command.write, &together));
    let results = results.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let (end, tally) = (page.pen.head(), page.pen.tally());
    transaction.commit().map_err(failed)?;
    tally.count();
    *head = end;
    trail.is_durable(end);
    Ok(results)
}
