//! Batches of events: what was taken in, and how far it has come.

use super::link::Link;
use super::reader::{Read, ask};
use crate::application::ports::{Batch, BatchView, Local, StoreError};
use crate::domain::identifiers::TenantName;
use crate::store::batches::{count, read_count};
use crate::store::rows::{read_mode, read_time, time};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use tokio_postgres::{Error, Row};

pub(super) const BATCH: &str = "INSERT INTO batch
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::text[])
     ON CONFLICT DO NOTHING";
const VIEW: &str = "SELECT mode, received_at, lines, accepted, duplicates, failed, failures,
            count(state) FILTER (WHERE state NOT IN ('PARKED', 'DISCARDED')),
            count(state) FILTER (WHERE state = 'PARKED'), count(state) FILTER (WHERE state = 'DISCARDED')
     FROM batch LEFT JOIN (
         SELECT event.batch, state FROM event JOIN delivery USING (seq) WHERE event.batch = $2) AS open
     ON open.batch = batch.id
     WHERE tenant = $1 AND id = $2 GROUP BY batch.tenant, batch.id";

pub(super) async fn write(link: &Link, batches: &[Batch]) -> Result<Vec<Row>, Error> {
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    let numbers =
        |which: fn(&Batch) -> u64| batches.iter().map(|batch| count(which(batch))).collect::<Vec<_>>();
    link.query(
        BATCH,
        &[
            &batches.iter().map(|batch| batch.tenant.as_str()).collect::<Vec<_>>(),
            &batches.iter().map(|batch| batch.id.as_str()).collect::<Vec<_>>(),
            &batches.iter().map(|batch| batch.mode.name()).collect::<Vec<_>>(),
            &batches.iter().map(|batch| time(batch.received_at)).collect::<Vec<_>>(),
            &numbers(|batch| batch.lines),
            &numbers(|batch| batch.accepted),
            &numbers(|batch| batch.duplicates),
            &numbers(|batch| batch.failed),
            &batches.iter().map(|batch| batch.failures.as_str()).collect::<Vec<_>>(),
        ],
    )
    .await
}

pub(super) fn view(
    reads: Option<&UnboundedSender<Read>>,
    tenant: &TenantName,
    id: &str,
) -> Local<Result<Option<BatchView>, StoreError>> {
    let (tenant, id) = (tenant.clone(), id.to_owned());
    ask(reads, move |link: Arc<Link>| async move {
        let rows = link.query(VIEW, &[&tenant.as_str(), &id]).await?;
        let number = |row: &Row, column: usize| read_count(row.get(column));
        let read = |row: &Row| BatchView {
            batch: Batch {
                id: id.clone(),
                tenant: tenant.clone(),
                mode: read_mode(row.get(0)),
                received_at: read_time(row.get(1)),
                lines: number(row, 2),
                accepted: number(row, 3),
                duplicates: number(row, 4),
                failed: number(row, 5),
                failures: row.get(6),
            },
            queued: number(row, 7),
            parked: number(row, 8),
            discarded: number(row, 9),
        };
        Ok(rows.first().map(read))
    })
}
