//! What waits to be sent: deliveries of this gateway and of those that are gone, held queues, what was parked for them,
//! and who was overtaken.

use crate::application::ports::{Hold, Probe, Waiting};
use crate::domain::hold::Queue;
use crate::domain::identifiers::{CustomerId, TenantName};
use crate::store::rows::read_time;
use tokio_postgres::Row;

/// The database's time, in microseconds.
macro_rules! now {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}

/// Whether Xceed has, or may have, a later event of the same customer as `event`.
macro_rules! overtaken {
    () => {
        "EXISTS (SELECT 1 FROM event AS later LEFT JOIN delivery AS ahead ON ahead.seq = later.seq
                 WHERE later.line = event.line AND later.seq > event.seq
                 AND (ahead.seq IS NULL OR ahead.state = 'AWAITING_CALLBACK'
                      OR EXISTS (SELECT 1 FROM attempt WHERE attempt.seq = later.seq
                                 AND ended IN ('in_doubt', 'refused'))))"
    };
}

/// Whether `event` waits in the queue $2 of tenant $1, and whether it was parked for the code $3 since $4.
macro_rules! in_queue {
    () => {
        "event.tenant = $1 AND ($2 = 'all' OR ($2 = 'async' AND event.callback_id IS NOT NULL)
                                OR $2 = 'channel:' || event.channel)"
    };
}
macro_rules! parked_for_it {
    () => {
        "d.state = 'PARKED' AND d.reason = $3 AND d.due >= $4"
    };
}

/// Whether the decision on `event` is still to fall at a time of its own.
macro_rules! by_callback {
    () => {
        "(callback_id IS NOT NULL OR (mode = 'deferred' AND response
          AND NOT EXISTS (SELECT 1 FROM decided WHERE decided.seq = event.seq)))"
    };
}

/// Columns of a [`Waiting`]. One whose decision falls at a time of its own is looked at early, since that may be over
/// before the delivery is due.
macro_rules! waiting {
    () => {
        concat!(
            "seq, CASE WHEN ",
            by_callback!(),
            " AND state <> 'AWAITING_CALLBACK' THEN received_at ELSE due END, tenant,
             CASE WHEN state = 'AWAITING_CALLBACK' THEN NULL ELSE customer END, ",
            by_callback!(),
            ", mode IN ('batch', 'async-batch')"
        )
    };
}

/// Takes over what gateways have left that are gone ($1 is this one, $2 the length of the lease in microseconds).
pub(super) const ADOPT: &str = concat!(
    "WITH adopted AS (
         UPDATE delivery SET owner = $1, fence = fence + 1, lease_until = ",
    now!(),
    " + $2 WHERE seq IN (
             SELECT d.seq FROM delivery AS d JOIN gateway AS g ON g.number = d.owner
             WHERE d.state IN ('QUEUED', 'SENDING', 'AWAITING_CALLBACK') AND d.owner <> $1
             AND d.lease_until < ",
    now!(),
    "
             AND (g.alive_until < ",
    now!(),
    " OR greatest(d.lease_until, d.due) < ",
    now!(),
    " - 600000000)
             ORDER BY d.place LIMIT 500 FOR UPDATE OF d SKIP LOCKED)
         RETURNING seq, fence, due, state, place)
     SELECT ",
    waiting!(),
    ", fence FROM adopted JOIN event USING (seq) ORDER BY adopted.place"
);
/// This gateway ($1) ends.
pub(super) const LEAVE: &str = "WITH gone AS (UPDATE gateway SET alive_until = 0 WHERE number = $1)
     UPDATE delivery SET lease_until = 0
     WHERE owner = $1 AND state IN ('QUEUED', 'SENDING', 'AWAITING_CALLBACK')";
/// What this gateway has to send, in the order of recording.
pub(super) const WAITING: &str = concat!(
    "SELECT ",
    waiting!(),
    " FROM delivery AS d JOIN event USING (seq)
     WHERE d.owner = $1 AND d.state IN ('QUEUED', 'SENDING', 'AWAITING_CALLBACK') ORDER BY seq"
);
pub(super) const HOLDS: &str = "SELECT tenant, queue, code, since FROM hold";
/// The oldest delivery that waits in a held queue, or was parked for it and was not overtaken.
pub(super) const OLDEST_HELD: &str = concat!(
    "SELECT ",
    waiting!(),
    ", d.state = 'PARKED' FROM delivery AS d JOIN event USING (seq)
     WHERE ",
    in_queue!(),
    " AND (d.state = 'QUEUED' OR (",
    parked_for_it!(),
    " AND NOT ",
    overtaken!(),
    "))
     ORDER BY seq LIMIT 1"
);
pub(super) const IS_OVERTAKEN: &str = concat!("SELECT ", overtaken!(), " FROM event WHERE seq = $1");
/// A hold ends: what was parked for it is queued again, unless its customer has overtaken it, and is this gateway's ($5)
/// for a while ($6).
pub(super) const RELEASE: &str = concat!(
    "WITH ended AS (DELETE FROM hold WHERE tenant = $1 AND queue = $2),
          freed AS (
              UPDATE delivery AS d SET state = 'QUEUED', reason = NULL, owner = $5, lease_until = ",
    now!(),
    " + $6,
                     fence = fence + CASE WHEN owner = $5 THEN 0 ELSE 1 END
              FROM event WHERE event.seq = d.seq AND ",
    in_queue!(),
    " AND ",
    parked_for_it!(),
    "
              AND NOT ",
    overtaken!(),
    "
              RETURNING d.seq, d.fence, d.due, d.state)
     SELECT ",
    waiting!(),
    ", fence FROM freed JOIN event USING (seq) ORDER BY seq"
);

pub(super) fn read_waiting(row: &Row) -> Waiting {
    let customer = row.get::<_, Option<&str>>(3).map(CustomerId::new);
    Waiting {
        seq: row.get(0),
        due: read_time(row.get(1)),
        line: customer.map(|customer| (TenantName::new(row.get(2)), customer)),
        by_callback: row.get(4),
        in_batch: row.get(5),
    }
}

pub(super) fn read_hold(row: &Row) -> Hold {
    Hold {
        tenant: TenantName::new(row.get(0)),
        queue: Queue::parse(row.get(1)).unwrap_or(Queue::All),
        code: row.get(2),
        since: read_time(row.get(3)),
    }
}

pub(super) fn read_probe(row: &Row) -> Probe {
    Probe { waiting: read_waiting(row), parked: row.get(6) }
}
