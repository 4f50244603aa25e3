//! Batches: what was taken in, and how far it has come.

use super::entries::Page;
use super::rows::{read_mode, read_time, time};
use crate::application::ports::{Batch, BatchView};
use crate::domain::identifiers::TenantName;
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) fn put(page: &mut Page<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let mut insert = page
        .transaction
        .prepare_cached("INSERT INTO batch VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT DO NOTHING")?;
    let written = insert.execute(params![
        batch.tenant.as_str(),
        batch.id,
        batch.mode.name(),
        time(batch.received_at),
        count(batch.lines),
        count(batch.accepted),
        count(batch.duplicates),
        count(batch.failed),
        batch.failures,
    ])?;
    if written == 1 {
        page.note(|pen| pen.batch(batch))?;
    }
    Ok(())
}

/// A database counts with a sign.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that was counted.
pub(super) fn read_count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(super) fn view(
    connection: &Connection,
    tenant: &TenantName,
    id: &str,
) -> rusqlite::Result<Option<BatchView>> {
    let mut query = connection.prepare_cached(
        // One look at each event: there may be many.
        "WITH standing AS MATERIALIZED (SELECT state, count(*) AS events FROM event JOIN delivery USING (seq)
                           WHERE event.batch = ?2 GROUP BY state)
         SELECT mode, received_at, lines, accepted, duplicates, failed, failures,
                (SELECT coalesce(sum(events), 0) FROM standing WHERE state NOT IN ('PARKED', 'DISCARDED')),
                (SELECT coalesce(sum(events), 0) FROM standing WHERE state = 'PARKED'),
                (SELECT coalesce(sum(events), 0) FROM standing WHERE state = 'DISCARDED')
         FROM batch WHERE tenant = ?1 AND id = ?2",
    )?;
    let number = |row: &Row<'_>, column: usize| Ok::<_, rusqlite::Error>(read_count(row.get(column)?));
    let read = |row: &Row<'_>| {
        Ok(BatchView {
            batch: Batch {
                id: id.to_owned(),
                tenant: tenant.clone(),
                mode: read_mode(row.get_ref(0)?.as_str()?),
                received_at: read_time(row.get(1)?),
                lines: number(row, 2)?,
                accepted: number(row, 3)?,
                duplicates: number(row, 4)?,
                failed: number(row, 5)?,
                failures: row.get(6)?,
            },
            queued: number(row, 7)?,
            parked: number(row, 8)?,
            discarded: number(row, 9)?,
        })
    };
    query.query_row(params![tenant.as_str(), id], read).optional()
}
