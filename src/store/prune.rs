//! Retention: what is old and done is taken out in steps so small that nobody notices. A reader looks for what is old,
//! which also brings its pages to hand; the writer then takes out a range of numbers, without what is still to be done.

use super::rows::{read_time, time};
use crate::application::ports::{Pruned, Seq};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

/// The number that the next step goes up to; `None` where nothing behind `after` is old. The newest event stays
/// whatever its age: the next one's number is counted from it.
pub(super) fn step(
    connection: &Connection,
    after: Seq,
    before: Timestamp,
    limit: u32,
) -> rusqlite::Result<Option<Seq>> {
    let mut query = connection.prepare_cached(
        "SELECT seq, received_at, length(told.body), length(decided.body), late.at, callback.at,
                (SELECT max(ended_at) FROM attempt WHERE attempt.seq = event.seq)
         FROM event LEFT JOIN told USING (seq) LEFT JOIN decided USING (seq) LEFT JOIN late USING (seq)
         LEFT JOIN callback USING (seq)
         WHERE seq > ?1 AND seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = query.query(params![after, limit])?;
    let mut upto = None;
    while let Some(row) = rows.next()? {
        if read_time(row.get(1)?) >= before {
            break;
        }
        upto = Some(row.get(0)?);
    }
    Ok(upto)
}

/// Takes out all events of a range that are settled or given up and whose decision is back, and what hangs on them; and
/// of what is older than a time elsewhere, so much that it keeps pace.
pub(super) fn take_out(
    transaction: &Transaction<'_>,
    (after, upto): (Seq, Seq),
    before: Timestamp,
) -> rusqlite::Result<Pruned> {
    let done = "seq > ?1 AND seq <= ?2
                AND seq NOT IN (SELECT seq FROM delivery WHERE seq > ?1 AND seq <= ?2 AND state <> 'DISCARDED')
                AND seq NOT IN (SELECT seq FROM push WHERE seq > ?1 AND seq <= ?2)";
    let mut removed = 0;
    for table in ["told", "decided", "callback", "attempt", "late", "parked_line", "event"] {
        let mut delete = transaction.prepare_cached(&format!("DELETE FROM {table} WHERE {done}"))?;
        removed = delete.execute([after, upto])?;
    }
    let mut delete = transaction.prepare_cached(
        "DELETE FROM delivery WHERE seq > ?1 AND seq <= ?2 AND state = 'DISCARDED'
         AND seq NOT IN (SELECT seq FROM push WHERE seq > ?1 AND seq <= ?2)",
    )?;
    delete.execute([after, upto])?;
    take_out_journal(transaction, before)?;
    Ok(Pruned { upto, removed })
}

/// An event has two rows at most in the journal, so whoever takes out more at a time keeps pace.
const JOURNAL_STEP: i64 = 400;
/// A batch of one event is the smallest.
const BATCH_STEP: i64 = 100;

fn take_out_journal(transaction: &Transaction<'_>, before: Timestamp) -> rusqlite::Result<()> {
    let mut journal = transaction.prepare_cached(
        "DELETE FROM journal WHERE place < (SELECT max(place) FROM journal) AND at < ?1
         AND place < (SELECT min(place) FROM journal) + ?2",
    )?;
    journal.execute(params![time(before), JOURNAL_STEP])?;
    let mut batches = transaction.prepare_cached(
        "DELETE FROM batch WHERE rowid IN (
             SELECT batch.rowid FROM batch WHERE received_at < ?1
             AND NOT EXISTS (SELECT 1 FROM event WHERE event.batch = batch.id) LIMIT ?2)",
    )?;
    batches.execute(params![time(before), BATCH_STEP])?;
    Ok(())
}

/// Lets a new event have the idempotency key of one that is so old that it need not be known by it any more.
pub(super) fn release_key(
    transaction: &Transaction<'_>,
    tenant: &str,
    key: &str,
    before: Timestamp,
) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached(
        "UPDATE event SET idempotency_key = NULL
         WHERE tenant = ?1 AND idempotency_key = ?2 AND received_at < ?3",
    )?;
    update.execute(params![tenant, key, time(before)])?;
    Ok(())
}
