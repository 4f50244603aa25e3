//! The journal of decisions, read behind a place: in the order of transactions, and only what is older than every
//! transaction under way, so that nothing appears before a place that was read on to.

use super::link::Link;
use super::reader::{Read, ask};
use super::rows::late;
use crate::application::ports::{JournalEntry, JournalPage, Local, Place, StoreError};
use crate::domain::going_back::Kind;
use crate::domain::identifiers::TenantName;
use crate::store::journal::LOOKED_AT;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use tokio_postgres::Row;

/// Everything that is not older than the oldest transaction under way comes behind it.
const END: &str = "SELECT txid_snapshot_xmin(txid_current_snapshot())";
/// A tenant's ($1) rows behind a place ($2, $3), of so many that are looked at ($4): at most so many ($5), and how far that is.
const PAGE: &str = "SELECT row.xid, row.place, is_late, event_id,
            CASE WHEN mode = 'sync' THEN told.body ELSE decided.body END,
            verdict, late.risk_score, late.risk_action, late.return_code, late.at
     FROM (SELECT *, count(*) FILTER (WHERE tenant = $1) OVER (ORDER BY xid, place) AS n
           FROM (SELECT * FROM journal
                 WHERE (xid, place) > ($2, $3) AND xid < txid_snapshot_xmin(txid_current_snapshot())
                 ORDER BY xid, place LIMIT $4) AS few) AS row
     LEFT JOIN event ON event.seq = row.seq AND row.tenant = $1
     LEFT JOIN told ON told.seq = event.seq LEFT JOIN decided ON decided.seq = event.seq
     LEFT JOIN late ON late.seq = event.seq AND is_late
     WHERE n <= $5 ORDER BY row.xid, row.place";
/// What was written before the database was moved to a server that numbers its transactions anew comes first, in the
/// order of its places.
pub(super) const MEND: &str = "UPDATE journal SET xid = 0
     WHERE (SELECT max(xid) FROM journal) > txid_snapshot_xmax(txid_current_snapshot())";

pub(super) fn end(reads: Option<&UnboundedSender<Read>>) -> Local<Result<Place, StoreError>> {
    ask(reads, move |link: Arc<Link>| async move {
        let rows = link.query(END, &[]).await?;
        Ok(Place(rows.first().map_or(0, |row| row.get(0)), 0))
    })
}

pub(super) fn page(
    reads: Option<&UnboundedSender<Read>>,
    tenant: &TenantName,
    after: Place,
    limit: u32,
) -> Local<Result<JournalPage, StoreError>> {
    let tenant = tenant.as_str().to_owned();
    ask(reads, move |link: Arc<Link>| async move {
        let limit = i64::from(limit);
        let rows = link.query(PAGE, &[&tenant, &after.0, &after.1, &LOOKED_AT, &limit]).await?;
        let mut page = JournalPage { entries: Vec::new(), upto: after };
        for row in &rows {
            page.upto = Place(row.get(0), row.get(1));
            page.entries.extend(entry(row));
        }
        Ok(page)
    })
}

/// One whose event is not there any more is left out.
fn entry(row: &Row) -> Option<JournalEntry> {
    let (event_id, words) = row.get::<_, Option<_>>(3).zip(row.get::<_, Option<_>>(4))?;
    let kind = if row.get(2) { Kind::Late } else { Kind::Decision };
    Some(JournalEntry { place: Place(row.get(0), row.get(1)), kind, event_id, words, late: late(row, 5) })
}
