//! The audit trail's rows in SQLite: put in, and read again page by page.

use super::audit::{Entry, Hash, Head, Pen, Subject, Trail};
use super::falls::Event;
use super::rows::{failed, read_mode};
use crate::application::ports::{Seq, StoreError};
use crate::domain::identifiers::CustomerId;
use jiff::Timestamp;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params,
};
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

/// Entries that are read at once: few, so that whoever reads the whole trail does not keep the write-ahead log from
/// being brought in.
const PAGE: usize = 1000;
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// What is written in one transaction: the changes, and the audit trail's entries beside them.
pub(super) struct Page<'t> {
    pub(super) transaction: &'t Transaction<'t>,
    pub(super) pen: Pen<'t>,
    /// When it is written.
    pub(super) now: Timestamp,
}

impl<'t> Page<'t> {
    /// Makes an entry and puts it in.
    pub(super) fn note(&mut self, make: impl FnOnce(&mut Pen<'t>) -> Entry) -> rusqlite::Result<()> {
        insert(self.transaction, &make(&mut self.pen))
    }
}

/// Puts an entry in, inside the transaction of the change that it tells of.
pub(super) fn insert(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let mut insert = connection
        .prepare_cached("INSERT INTO audit (gateway, n, before, body, hash) VALUES (?1,?2,?3,?4,?5)")?;
    insert.execute(params![entry.gateway, entry.n, entry.before, entry.body, entry.hash])?;
    Ok(())
}

/// A recorded event.
pub(super) fn event(connection: &Connection, seq: Seq) -> rusqlite::Result<Option<Event>> {
    let mut query = connection.prepare_cached(
        "SELECT tenant, event_id, interaction, transaction_id, customer, mode, back FROM event WHERE seq = ?1",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Event {
            subject: Subject {
                seq,
                tenant: row.get(0)?,
                event_id: row.get(1)?,
                interaction: row.get(2)?,
                transaction: row.get(3)?,
                customer: row.get_ref(4)?.as_str_or_null()?.map(CustomerId::new),
            },
            mode: read_mode(row.get_ref(5)?.as_str()?),
            back: row.get(6)?,
        })
    };
    query.query_row([seq], read).optional()
}

/// Where a gateway's chain ends. Most likely with the last row; where another gateway wrote that, it is looked for.
pub(super) fn head(connection: &Connection, gateway: &str) -> rusqlite::Result<Head> {
    let found = connection.query_row(
        "SELECT n, hash FROM audit WHERE gateway = ?1 ORDER BY place DESC LIMIT 1",
        [gateway],
        |row| Ok(Head { n: row.get(0)?, hash: row.get(1)? }),
    );
    Ok(found.optional()?.unwrap_or(Head::START))
}

/// The gateway that wrote to the store before this one did, where it had another key, and where its chain ends. Only
/// where the first row is not this gateway's are the others looked through.
fn other(connection: &Connection, gateway: &str) -> rusqlite::Result<Option<(String, Head)>> {
    let first = "SELECT gateway FROM audit ORDER BY place LIMIT 1";
    let first: Option<String> = connection.query_row(first, [], |row| row.get(0)).optional()?;
    if first.is_none_or(|first| first == gateway) {
        return Ok(None);
    }
    let query = "SELECT gateway, n, hash FROM audit WHERE gateway <> ?1 ORDER BY place DESC LIMIT 1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, Head { n: row.get(1)?, hash: row.get(2)? }));
    connection.query_row(query, [gateway], read).optional()
}

/// The hash of an entry, looked for from the end.
pub(super) fn hash_at(connection: &Connection, gateway: &str, n: i64) -> rusqlite::Result<Option<Hash>> {
    let mut query = connection
        .prepare_cached("SELECT hash FROM audit WHERE gateway = ?1 AND n = ?2 ORDER BY place DESC LIMIT 1")?;
    query.query_row(params![gateway, n], |row| row.get(0)).optional()
}

/// Holds the trail against its checkpoints, and records that a gateway starts.
pub(super) fn begin(trail: &Trail, connection: &mut Connection) -> Result<Head, StoreError> {
    let own = head(connection, trail.gateway()).map_err(failed)?;
    let other = other(connection, trail.gateway()).map_err(failed)?;
    trail.meet(own, other, |gateway, n| hash_at(connection, gateway, n).map_err(failed))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let mut pen = trail.pen(own);
    insert(&transaction, &trail.start(&mut pen)).map_err(failed)?;
    let head = pen.head();
    transaction.commit().map_err(failed)?;
    trail.is_durable(head);
    trail.checkpoint()?;
    Ok(head)
}

/// All entries of a store, in the order of writing, while a gateway may write more.
pub(super) struct Entries {
    connection: Option<Connection>,
    page: VecDeque<Entry>,
    place: i64,
}

impl Entries {
    /// Opens a store to read. One that is not there has no entries.
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        let wrong = |error: rusqlite::Error| StoreError(format!("{}: {error}", file.display()));
        let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match Connection::open_with_flags(file, access) {
            Ok(connection) => {
                connection.busy_timeout(BUSY_PATIENCE).map_err(wrong)?;
                let there =
                    "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'audit')";
                let there: bool = connection.query_row(there, [], |row| row.get(0)).map_err(wrong)?;
                there.then_some(connection)
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && !file.exists() => None,
            Err(error) => return Err(wrong(error)),
        };
        Ok(Self { connection, page: VecDeque::new(), place: i64::MIN })
    }

    fn read(&mut self) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let mut query = connection.prepare_cached(
            "SELECT place, gateway, n, before, body, hash FROM audit WHERE place > ?1 ORDER BY place LIMIT ?2",
        )?;
        let mut rows = query.query(params![self.place, i64::try_from(PAGE).unwrap_or(i64::MAX)])?;
        while let Some(row) = rows.next()? {
            self.place = row.get(0)?;
            self.page.push_back(Entry {
                gateway: row.get(1)?,
                n: row.get(2)?,
                // A hash of another length is none.
                before: row.get_ref(3)?.as_blob()?.try_into().unwrap_or_default(),
                body: row.get(4)?,
                hash: row.get_ref(5)?.as_blob()?.try_into().unwrap_or_default(),
            });
        }
        Ok(())
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && let Err(error) = self.read()
        {
            self.connection = None;
            return Some(Err(failed(error)));
        }
        self.page.pop_front().map(Ok)
    }
}
