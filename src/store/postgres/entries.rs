//! The audit trail's rows: where a chain ends, and all of them again, page by page.

use super::address::PostgresSettings;
use super::link::{Link, answer};
use super::tls::Tls;
use super::written::note;
use crate::application::ports::StoreError;
use crate::store::audit::{Entry, Hash, Head, Trail};
use crate::store::rows::failed;
use std::collections::VecDeque;
use tokio::runtime::Runtime;

/// Entries that are read at once.
const PAGE: i64 = 1000;
const HEAD: &str = "SELECT n, hash FROM audit WHERE gateway = $1 ORDER BY n DESC LIMIT 1";
const HASH: &str = "SELECT hash FROM audit WHERE gateway = $1 AND n = $2";
const READ: &str =
    "SELECT place, gateway, n, before, body, hash FROM audit WHERE place > $1 ORDER BY place LIMIT $2";

/// A hash of another length is none.
fn hash(bytes: &[u8]) -> Hash {
    bytes.try_into().unwrap_or_default()
}

/// Where a gateway's chain ends.
pub(super) async fn head(link: &Link, gateway: &str) -> Result<Head, StoreError> {
    let rows = answer(link, link.client.query(HEAD, &[&gateway])).await?;
    Ok(rows.first().map_or(Head::START, |row| Head { n: row.get(0), hash: hash(row.get(1)) }))
}

/// The hash of an entry.
pub(super) async fn hash_at(link: &Link, gateway: &str, n: i64) -> Result<Option<Hash>, StoreError> {
    let rows = answer(link, link.client.query(HASH, &[&gateway, &n])).await?;
    Ok(rows.first().map(|row| hash(row.get(0))))
}

/// Holds the trail against its checkpoints, and records that a gateway starts.
pub(super) fn begin(runtime: &Runtime, trail: &Trail, link: &Link) -> Result<Head, StoreError> {
    let head = runtime.block_on(head(link, trail.gateway()))?;
    // That others write to the store is as it should be.
    trail.meet(head, None, |gateway, n| runtime.block_on(hash_at(link, gateway, n)))?;
    let mut pen = trail.pen(head);
    let start = trail.start(&mut pen);
    runtime.block_on(answer(link, note(link, &[start])))?;
    trail.is_durable(pen.head());
    trail.checkpoint()?;
    Ok(pen.head())
}

/// All entries of a store, in the order of writing, while gateways may write more.
pub(crate) struct Entries {
    // Before the runtime that it lives on.
    link: Option<Link>,
    runtime: Runtime,
    page: VecDeque<Entry>,
    place: i64,
}

impl Entries {
    /// Opens a store to read. One that is empty has no entries.
    pub(crate) fn open(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let tls = Tls::new().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let link = runtime.block_on(async {
            let (link, _) = Link::open(settings, &tls).await?;
            let there = "SELECT to_regclass('audit') IS NOT NULL";
            let there: bool = answer(&link, link.client.query_one(there, &[])).await?.get(0);
            Ok::<_, StoreError>(there.then_some(link))
        })?;
        Ok(Self { link, runtime, page: VecDeque::new(), place: -1 })
    }

    fn read(&mut self) -> Result<(), StoreError> {
        let Some(link) = &self.link else { return Ok(()) };
        let rows = self.runtime.block_on(answer(link, link.client.query(READ, &[&self.place, &PAGE])))?;
        for row in rows {
            self.place = row.get(0);
            self.page.push_back(Entry {
                gateway: row.get(1),
                n: row.get(2),
                before: hash(row.get(3)),
                body: row.get(4),
                hash: hash(row.get(5)),
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
            self.link = None;
            return Some(Err(error));
        }
        self.page.pop_front().map(Ok)
    }
}
