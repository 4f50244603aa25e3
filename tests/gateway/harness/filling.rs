//! Fills a store with what a gateway would have recorded in a long time: copies of one event that a gateway has recorded
//! itself, with everything that hangs on it. Used by tests and by benchmarks. The gateway must not run meanwhile.

use rusqlite::Connection;
use std::path::Path;

/// The copies to make.
pub(crate) struct Copies<'a> {
    /// The event that is copied; its id and its customer's must stand nowhere else in it.
    pub(crate) event_id: &'a str,
    pub(crate) customer: &'a str,
    /// So many copies, `n` from 1 on.
    pub(crate) count: u64,
    /// The id of copy `n`, and its customer's, as SQL.
    pub(crate) id: &'a str,
    pub(crate) customer_id: &'a str,
}

/// Copies made in one transaction.
const STEP: u64 = 50_000;

impl Copies<'_> {
    /// Puts them into a store.
    pub(crate) fn put_into(&self, store: &Path) -> rusqlite::Result<()> {
        let connection = Connection::open(store)?;
        // Nothing here has to survive a crash.
        connection.execute_batch(
            "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144",
        )?;
        let (first, last): (i64, i64) = connection.query_row(
            "SELECT seq, (SELECT max(seq) FROM event) FROM event WHERE event_id = ?1",
            [self.event_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut tables = connection.prepare(
            "SELECT name FROM sqlite_schema AS t WHERE type = 'table'
             AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'seq') AND name <> 'audit'",
        )?;
        let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for from in (0..self.count).step_by(STEP as usize) {
            let upto = (from + STEP).min(self.count);
            connection.execute_batch("BEGIN")?;
            for table in &tables {
                connection.execute_batch(&self.statement(
                    &connection,
                    table,
                    (first, last),
                    (from, upto),
                )?)?;
            }
            connection.execute_batch("COMMIT")?;
        }
        connection.execute_batch("PRAGMA journal_mode = WAL")
    }

    fn statement(
        &self,
        connection: &Connection,
        table: &str,
        (first, last): (i64, i64),
        (from, upto): (u64, u64),
    ) -> rusqlite::Result<String> {
        let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let columns: Vec<String> = columns.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let renamed = |text: &str| {
            format!(
                "replace(replace({text}, '{}', new_id), '{}', new_customer)",
                self.event_id, self.customer
            )
        };
        let value = |column: &String| match column.as_str() {
            "seq" => format!("{last} + n"),
            "event_id" => "new_id".to_owned(),
            "customer" => "new_customer".to_owned(),
            // Numbers of a table's own are counted on.
            "idempotency_key" | "place" | "id" => "NULL".to_owned(),
            "payload" => renamed("payload"),
            "body" => format!("CAST({} AS BLOB)", renamed("CAST(body AS TEXT)")),
            other => other.to_owned(),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let (id, customer_id, upto, from) = (self.id, self.customer_id, upto, from + 1);
        Ok(format!(
            "WITH RECURSIVE numbers (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {upto}),
                  copies AS MATERIALIZED (SELECT n, {id} AS new_id, {customer_id} AS new_customer FROM numbers),
                  original AS MATERIALIZED (SELECT * FROM {table} WHERE seq = {first})
             INSERT INTO {table} ({}) SELECT {} FROM copies CROSS JOIN original ORDER BY n;",
            columns.join(", "),
            values.join(", ")
        ))
    }
}
