//! A damaged store: found at the start as far as there is time to look, and told in words that say what to do.

use rusqlite::{Connection, Error, ErrorCode};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A start looks so long. What is larger is looked through by its operator.
const LOOK_MAX: Duration = Duration::from_millis(250);

/// Whether the file is not what SQLite has written.
pub(super) fn is_damage(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// An error in words for the operator.
pub(super) fn words(error: &Error) -> String {
    if is_damage(error) { damaged(&error.to_string()) } else { error.to_string() }
}

fn damaged(how: &str) -> String {
    format!("is damaged ({how}); keep it to be looked at, and restore a backup as the README says")
}

/// Looks the whole store through, if that can be done in time.
pub(super) fn look(connection: Connection) -> Result<(), String> {
    let handle = connection.get_interrupt_handle();
    let (done, found) = mpsc::channel();
    let work = move || {
        let check = "PRAGMA integrity_check(1)";
        let _ = done.send(connection.query_row(check, [], |row| row.get::<_, String>(0)));
    };
    let thread = thread::Builder::new().name("store-check".to_owned()).spawn(work);
    let thread = thread.map_err(|error| error.to_string())?;
    let found = found.recv_timeout(LOOK_MAX);
    handle.interrupt();
    let _ = thread.join();
    match found {
        Ok(Ok(word)) if word == "ok" => Ok(()),
        Ok(Ok(fault)) => Err(damaged(&fault)),
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => {
            tracing::info!("the store is too large to be looked through at the start; the README says how");
            Ok(())
        }
    }
}
