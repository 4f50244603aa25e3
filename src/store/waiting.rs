//! What waits to be sent: held queues, what was parked for them, and who was overtaken.

use super::rows::{read_time, time};
use crate::application::ports::{Hold, Probe, Seq, Waiting};
use crate::domain::hold::Queue;
use crate::domain::identifiers::{CustomerId, TenantName};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Whether Xceed has, or may have, a later event of the same customer as `event`.
const OVERTAKEN: &str = "EXISTS (
    SELECT 1 FROM parked_line line
    WHERE line.tenant = event.tenant AND line.customer = event.customer AND line.seq = event.seq AND is_overtaken)";

/// Whether `event` waits in the queue ?2 of tenant ?1.
const IN_QUEUE: &str = "event.tenant = ?1 AND (?2 = 'all' OR (?2 = 'async' AND event.callback_id IS NOT NULL)
                        OR ?2 = 'channel:' || event.channel)";

/// What was parked for the code ?3 since ?4.
const PARKED_FOR_IT: &str = "delivery.state = 'PARKED' AND delivery.reason = ?3 AND delivery.due >= ?4";

/// Whether the decision on `event` is still to fall at a time of its own.
const BY_CALLBACK: &str = "(event.callback_id IS NOT NULL OR (event.mode = 'deferred' AND event.response
     AND NOT EXISTS (SELECT 1 FROM decided WHERE decided.seq = event.seq)))";

/// Columns of a [`Waiting`] behind its number, time and line.
fn how() -> String {
    format!("{BY_CALLBACK}, event.mode IN ('batch', 'async-batch')")
}

/// Columns of a [`Waiting`].
fn columns() -> String {
    format!("event.seq, delivery.due, event.tenant, event.customer, {}", how())
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    let customer = row.get_ref(3)?.as_str_or_null()?.map(CustomerId::new);
    let tenant = TenantName::new(row.get_ref(2)?.as_str()?);
    Ok(Waiting {
        seq: row.get(0)?,
        due: read_time(row.get(1)?),
        line: customer.map(|customer| (tenant, customer)),
        by_callback: row.get(4)?,
        in_batch: row.get(5)?,
    })
}

pub(super) fn holds(connection: &Connection) -> rusqlite::Result<Vec<Hold>> {
    let mut query = connection.prepare_cached("SELECT tenant, queue, code, since FROM hold")?;
    let read = |row: &Row<'_>| {
        Ok(Hold {
            tenant: TenantName::new(row.get_ref(0)?.as_str()?),
            queue: Queue::parse(row.get_ref(1)?.as_str()?).unwrap_or(Queue::All),
            code: row.get(2)?,
            since: read_time(row.get(3)?),
        })
    };
    query.query_map([], read)?.collect()
}

/// The oldest delivery that waits in a held queue, or was parked for it and was not overtaken.
pub(super) fn oldest_held(connection: &Connection, hold: &Hold) -> rusqlite::Result<Option<Probe>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {}, delivery.state = 'PARKED' FROM delivery JOIN event USING (seq)
         WHERE {IN_QUEUE} AND (delivery.state = 'QUEUED' OR ({PARKED_FOR_IT} AND NOT {OVERTAKEN}))
         ORDER BY event.seq LIMIT 1",
        columns()
    ))?;
    let values = params![hold.tenant.as_str(), hold.queue.to_string(), hold.code, time(hold.since)];
    query.query_row(values, |row| Ok(Probe { waiting: waiting(row)?, parked: row.get(6)? })).optional()
}

pub(super) fn is_overtaken(connection: &Connection, seq: Seq) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached(&format!("SELECT {OVERTAKEN} FROM event WHERE seq = ?1"))?;
    Ok(query.query_row([seq], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// A delivery is parked: what its customer sends from now on overtakes it.
pub(super) fn stand_aside(connection: &Connection, seq: Seq) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO parked_line (tenant, customer, seq)
         SELECT tenant, customer, seq FROM event WHERE seq = ?1 AND customer IS NOT NULL ON CONFLICT DO NOTHING",
    )?;
    insert.execute([seq])?;
    Ok(())
}

/// Xceed has an event, or may have it: what its customer has parked before is overtaken. Nearly always nothing is parked.
pub(super) fn overtake(connection: &Connection, seq: Seq) -> rusqlite::Result<()> {
    if is_anything_parked(connection)? {
        let mut update = connection.prepare_cached(
            "UPDATE parked_line SET is_overtaken = 1
             WHERE (tenant, customer) = (SELECT tenant, customer FROM event WHERE seq = ?1) AND seq < ?1",
        )?;
        update.execute([seq])?;
    }
    Ok(())
}

/// A delivery is done or given up: nothing overtakes it any more.
pub(super) fn leave_for_good(connection: &Connection, seq: Seq) -> rusqlite::Result<()> {
    if is_anything_parked(connection)? {
        let mut delete = connection.prepare_cached(
            "DELETE FROM parked_line
             WHERE (tenant, customer, seq) = (SELECT tenant, customer, seq FROM event WHERE seq = ?1)",
        )?;
        delete.execute([seq])?;
    }
    Ok(())
}

fn is_anything_parked(connection: &Connection) -> rusqlite::Result<bool> {
    let mut any = connection.prepare_cached("SELECT 1 FROM parked_line LIMIT 1")?;
    Ok(any.query_row([], |_| Ok(())).optional()?.is_some())
}

/// A hold ends: what was parked for it is queued again, unless its customer has overtaken it.
pub(super) fn release(connection: &Connection, hold: &Hold) -> rusqlite::Result<Vec<Waiting>> {
    let (tenant, queue) = (hold.tenant.as_str(), hold.queue.to_string());
    let mut find = connection.prepare_cached(&format!(
        "SELECT {} FROM delivery JOIN event USING (seq)
         WHERE {IN_QUEUE} AND {PARKED_FOR_IT} AND NOT {OVERTAKEN} ORDER BY event.seq",
        columns()
    ))?;
    let found = find.query_map(params![tenant, queue, hold.code, time(hold.since)], waiting)?;
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut update =
        connection.prepare_cached("UPDATE delivery SET state = 'QUEUED', reason = NULL WHERE seq = ?1")?;
    for one in &found {
        update.execute([one.seq])?;
    }
    connection
        .prepare_cached("DELETE FROM hold WHERE tenant = ?1 AND queue = ?2")?
        .execute(params![tenant, queue])?;
    Ok(found)
}

/// Deliveries that are not settled, in the order of recording.
pub(super) fn all_waiting(connection: &Connection) -> rusqlite::Result<Vec<Waiting>> {
    let mut query = connection.prepare(&format!(
        // One that is sent again is looked at first: the time of its decision may be over before it is due.
        "SELECT event.seq, iif({BY_CALLBACK} AND state <> 'AWAITING_CALLBACK', received_at, due), tenant,
                iif(state = 'AWAITING_CALLBACK', NULL, customer), {}
         FROM delivery JOIN event USING (seq) WHERE state NOT IN ('PARKED', 'DISCARDED') ORDER BY event.seq",
        how()
    ))?;
    query.query_map([], waiting)?.collect()
}

/// The state of a delivery as it is shown: one that waits in a held queue is held.
pub(super) const SHOWN_STATE: &str = "CASE WHEN state = 'QUEUED' AND EXISTS (
    SELECT 1 FROM hold WHERE hold.tenant = event.tenant
      AND (queue = 'all' OR (queue = 'async' AND callback_id IS NOT NULL) OR queue = 'channel:' || channel))
    THEN 'HELD' ELSE coalesce(state, 'SETTLED') END";
