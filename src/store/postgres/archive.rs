//! What people look at.

use super::Postgres;
use super::link::Link;
use super::reader::ask;
use crate::application::ports::{Archive, Backlog, Local, StoreError};
use crate::store::rows::read_time;
use std::sync::Arc;

const BACKLOG: &str = "SELECT state, count, received_at
     FROM (SELECT state, count(*) AS count, min(seq) AS seq FROM delivery GROUP BY state) AS few LEFT JOIN event USING (seq)";

impl Archive for Postgres {
    fn backlog(&self) -> Local<Result<Vec<Backlog>, StoreError>> {
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let rows = link.query(BACKLOG, &[]).await?;
            let read = |row: &tokio_postgres::Row| Backlog {
                state: row.get(0),
                count: row.get::<_, i64>(1).unsigned_abs(),
                since: row.get::<_, Option<i64>>(2).map(read_time),
            };
            Ok(rows.iter().map(read).collect())
        })
    }
}
