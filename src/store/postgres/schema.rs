//! The tables, brought up to date at the start by one gateway at a time; and which store they are.

use super::link::{Link, answer, explain};
use super::statements::{ENLIST, GATEWAY, INSTANCE};
use crate::application::ports::StoreError;
use crate::store::rows::failed;
use std::fmt::Display;

const MIGRATIONS: [&str; 2] = [
    include_str!("../migrations/postgres/0001_events.sql"),
    include_str!("../migrations/postgres/0002_going_back.sql"),
];
/// One gateway at a time, in this database; a number that nothing else locks.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1480934215, 0)";
const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)";

/// Makes what is missing.
///
/// # Errors
/// A newer gateway made the tables, or they can't be made.
pub(super) async fn migrate(link: &Link, place: &impl Display) -> Result<(), StoreError> {
    let refuse = |why: &str| StoreError(format!("{place}: {why}"));
    let begin = format!("SET statement_timeout = 0; BEGIN; {LOCK}; {VERSIONS}");
    link.client.batch_execute(&begin).await.map_err(|error| refuse(&explain(&error)))?;
    let found = link.client.query_one("SELECT coalesce(max(version), 0) FROM schema_version", &[]);
    let found: i32 = found.await.map_err(failed)?.get(0);
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    let known = MIGRATIONS.len();
    if found > known {
        return Err(refuse(&format!(
            "has tables of version {found}, this gateway knows {known}: run a newer gateway"
        )));
    }
    for (n, migration) in MIGRATIONS.iter().enumerate().skip(found) {
        let version = format!("{migration}; INSERT INTO schema_version VALUES ({})", n + 1);
        link.client.batch_execute(&version).await.map_err(|error| refuse(&explain(&error)))?;
    }
    let end = "COMMIT; SET statement_timeout = 5000";
    link.client.batch_execute(end).await.map_err(|error| refuse(&explain(&error)))
}

/// Which store it is.
///
/// # Errors
/// It has none of the gateway's tables, or can't be asked.
pub(super) async fn instance(link: &Link) -> Result<String, StoreError> {
    let rows = answer(link, link.client.query(INSTANCE, &[])).await?;
    match rows.first() {
        Some(row) => Ok(row.get(0)),
        None => Err(StoreError("the database is empty".to_owned())),
    }
}

/// The number of the gateway of this identity, which has one from its first start on.
///
/// # Errors
/// All numbers are taken, or the database can't be asked.
pub(super) async fn number(link: &Link, identity: &str) -> Result<i32, StoreError> {
    for _ in 0..2 {
        if let Some(row) = answer(link, link.client.query(GATEWAY, &[&identity])).await?.first() {
            return Ok(row.get(0));
        }
        answer(link, link.client.query(ENLIST, &[&identity])).await?;
    }
    Err(StoreError(
        "1024 gateways have used this database; delete the rows of some that are gone from \
                    the table gateway"
            .to_owned(),
    ))
}

/// Takes the lock that says that the gateway of this identity runs. `false` where another process has it.
pub(super) async fn lock(link: &Link, identity: &str) -> Result<bool, StoreError> {
    let lock = "SELECT pg_try_advisory_lock(1480934216, hashtext($1))";
    Ok(answer(link, link.client.query_one(lock, &[&identity])).await?.get(0))
}

/// Ends the session that held the lock before, where the database has not noticed yet that it is gone.
pub(super) async fn unlock(link: &Link, identity: &str, before: i32) -> Result<(), StoreError> {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks
               WHERE locktype = 'advisory' AND classid = 1480934216 AND objid::bigint = hashtext($1)::bigint & 4294967295 AND pid = $2";
    answer(link, link.client.query(end, &[&identity, &before])).await.map(drop)
}
