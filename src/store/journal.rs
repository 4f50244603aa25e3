//! The journal of decisions, read behind a place.

use super::reader::read_late;
use crate::application::ports::{JournalEntry, JournalPage, Place};
use crate::domain::going_back::Kind;
use crate::domain::identifiers::TenantName;
use rusqlite::{Connection, Row, params};

/// Rows of all tenants that are looked at for one page.
pub(super) const LOOKED_AT: i64 = 1000;

/// Behind the last row.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<Place> {
    let mut query = connection.prepare_cached("SELECT coalesce(max(place), 0) FROM journal")?;
    Ok(Place(0, query.query_row([], |row| row.get(0))?))
}

/// A tenant's rows behind a place. One whose event is not there any more is left out.
pub(super) fn page(
    connection: &Connection,
    tenant: &TenantName,
    after: Place,
    limit: u32,
) -> rusqlite::Result<JournalPage> {
    let mut query = connection.prepare_cached(
        "SELECT place, is_late, event_id, iif(mode = 'sync', told.body, decided.body),
                verdict, late.risk_score, late.risk_action, late.return_code, late.at
         FROM (SELECT * FROM journal WHERE place > ?2 ORDER BY place LIMIT ?3) AS row
         LEFT JOIN event ON event.seq = row.seq AND row.tenant = ?1
         LEFT JOIN told ON told.seq = event.seq LEFT JOIN decided ON decided.seq = event.seq
         LEFT JOIN late ON late.seq = event.seq AND is_late
         ORDER BY place",
    )?;
    let mut rows = query.query(params![tenant.as_str(), after.1, LOOKED_AT])?;
    let mut page = JournalPage { entries: Vec::new(), upto: after };
    while let Some(row) = rows.next()? {
        if page.entries.len() == limit as usize {
            break;
        }
        let place = Place(0, row.get(0)?);
        page.upto = place.clone();
        page.entries.extend(entry(row, place)?);
    }
    Ok(page)
}

fn entry(row: &Row<'_>, place: Place) -> rusqlite::Result<Option<JournalEntry>> {
    let (Some(event_id), Some(words)) = (row.get(2)?, row.get(3)?) else { return Ok(None) };
    let kind = if row.get(1)? { Kind::Late } else { Kind::Decision };
    Ok(Some(JournalEntry { place, kind, event_id, words, late: read_late(row, 4)? }))
}
