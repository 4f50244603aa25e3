//! The write-ahead log, kept short. A thread of its own brings what is in it into the database, off the writer's
//! thread. SQLite begins the log anew when all of it is in the database, which under traffic without a pause it never
//! is: so once little is left, the writer brings in the rest between two commits.

use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often the log is brought into the database.
const EVERY: Duration = Duration::from_secs(1);
/// A log that is longer is to begin anew; in pages of 4 KiB.
const LENGTH_MAX: i64 = 4096;
/// So little may be left to the writer, which nobody can write past meanwhile; in pages.
const REST_MAX: i64 = 256;
/// Each pass leaves what is written while it lasts, which is less each time.
const PASSES_MAX: usize = 6;
/// The size that the file keeps when the log begins anew, in bytes.
pub(super) const FILE_MAX: i64 = 64 * 1024 * 1024;

/// What the log's own thread asks of the writer.
#[derive(Debug, Default)]
pub(super) struct Log {
    is_asked: AtomicBool,
}

/// The log's length after a pass, and how much of it is not in the database; in pages.
struct Length {
    all: i64,
    rest: i64,
}

impl Log {
    /// Looks after the log until it is told to stop.
    pub(super) fn watch(&self, connection: &Connection, stopped: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(EVERY) {
            if let Err(error) = self.shorten(connection) {
                tracing::warn!(%error, "the write-ahead log could not be checkpointed; it grows until it can");
            }
        }
    }

    /// Brings the log into the database until little is left, and asks the writer for that where the log is long.
    fn shorten(&self, connection: &Connection) -> rusqlite::Result<()> {
        for _ in 0..PASSES_MAX {
            let length = bring_in(connection)?;
            if length.all <= LENGTH_MAX {
                return Ok(());
            }
            if length.rest <= REST_MAX {
                break;
            }
        }
        self.is_asked.store(true, Relaxed);
        Ok(())
    }

    /// The writer's part, between two commits: does nothing unless it is asked to.
    pub(super) fn finish(&self, connection: &Connection) {
        if !self.is_asked.load(Relaxed) || !self.is_asked.swap(false, Relaxed) {
            return;
        }
        if let Err(error) = bring_in(connection) {
            tracing::warn!(%error, "the write-ahead log could not begin anew; it grows until it can");
        }
    }
}

fn bring_in(connection: &Connection) -> rusqlite::Result<Length> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (all, done): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(Length { all, rest: all - done })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_written_to_without_pause_begins_anew() {
        let folder = std::env::temp_dir().join(format!("xceed-gateway-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let open = || Connection::open(folder.join("a.db")).expect("a database");
        let (writer, other, reader, log) = (open(), open(), open(), Log::default());
        let setup = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (b)";
        writer.execute_batch(setup).expect("SQL");
        let write = |pages: i64| {
            writer.execute("INSERT INTO t VALUES (zeroblob(?1 * 4096))", [pages]).expect("SQL");
        };
        let size = || std::fs::metadata(folder.join("a.db-wal")).expect("a log").len();
        write(LENGTH_MAX / 2);
        log.shorten(&other).expect("a pass");
        assert!(!log.is_asked.load(Relaxed), "a short log is nobody's business");
        write(LENGTH_MAX);
        // As if written during the pass: what a reader's snapshot does not have can't be brought in.
        reader.execute_batch("BEGIN; SELECT count(*) FROM t").expect("SQL");
        write(1);
        log.shorten(&other).expect("a pass");
        reader.execute_batch("COMMIT").expect("SQL");
        let before = size();
        write(1);
        assert!(size() > before, "some of it is always newer");
        log.finish(&writer);
        let before = size();
        write(1);
        assert_eq!(size(), before, "the log begins anew");
        assert!(!log.is_asked.load(Relaxed), "asked once, done once");
        let _ = std::fs::remove_dir_all(&folder);
    }
}
