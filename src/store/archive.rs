//! What people look at, read on a connection and a thread of its own each time: however long it takes, no call waits for it.

use super::rows::{failed, read_time};
use super::sqlite::{Sqlite, open_reader};
use crate::application::ports::{Archive, Backlog, Local, StoreError};
use rusqlite::Connection;

impl Archive for Sqlite {
    fn backlog(&self) -> Local<Result<Vec<Backlog>, StoreError>> {
        aside(self, |connection| {
            let mut query = connection.prepare(
                "SELECT state, count, received_at FROM (SELECT state, count(*) AS count, min(seq) AS seq FROM delivery GROUP BY state)
                 LEFT JOIN event USING (seq)",
            )?;
            let read = |row: &rusqlite::Row<'_>| {
                let since: Option<i64> = row.get(2)?;
                let count = row.get::<_, i64>(1)?.unsigned_abs();
                Ok(Backlog { state: row.get(0)?, count, since: since.map(read_time) })
            };
            query.query_map([], read)?.collect()
        })
    }
}

fn aside<T: Send + 'static>(
    store: &Sqlite,
    query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Local<Result<T, StoreError>> {
    let file = store.file().to_owned();
    let work = move || query(&open_reader(&file, false)?).map_err(failed);
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(StoreError("a read broke down".to_owned())))
    })
}
