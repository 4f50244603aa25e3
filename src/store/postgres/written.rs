//! The second round of a transaction: what the batch has come to, whole columns at a time, and the commit.

use super::batches;
use super::command::Write;
use super::going_back;
use super::link::Link;
use super::standing::Changes;
use super::statements::{
    ATTEMPT, CALL_BACK, DECIDE, DONE, HOLD, LATE, LIMIT, NOTE, PROMOTE, PUT, TELL, UNHOLD,
};
use crate::application::ports::{Seq, Settlement};
use crate::store::audit::Entry;
use crate::store::rows::{join, time};
use std::collections::HashSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

/// Sends all of it, and the commit behind it. A commit of a transaction of which anything failed undoes it. Comes to the
/// deliveries that are as the batch has it.
pub(super) async fn write(
    link: &Link,
    me: i32,
    writes: &[&Write],
    changes: &Changes,
) -> Result<HashSet<Seq>, Error> {
    let (
        told,
        decided,
        callbacks,
        late,
        attempts,
        promoted,
        unheld,
        holds,
        put,
        done,
        limited,
        back,
        batches,
        noted,
        end,
    ) = tokio::join!(
        biased;
        bodies(link, TELL, &changes.told),
        bodies(link, DECIDE, &changes.decided),
        callbacks(link, changes),
        late(link, changes),
        attempts(link, writes, changes),
        promote(link, changes),
        all(link, UNHOLD, &changes.unheld),
        holds(link, changes),
        put(link, changes),
        all(link, DONE, &changes.done),
        all(link, LIMIT, &changes.limited),
        going_back::write(link, me, changes),
        batches::write(link, &changes.batches),
        note(link, &changes.entries),
        link.client.batch_execute("COMMIT"),
    );
    for result in [told, decided, callbacks, late, attempts, promoted, unheld, holds, done, limited, batches]
    {
        result?;
    }
    back?;
    noted?;
    end?;
    Ok(put?.iter().map(|row| row.get(0)).collect())
}

/// What concerns all of these, where there are any.
pub(super) async fn all<T>(link: &Link, sql: &'static str, which: &Vec<T>) -> Result<Vec<Row>, Error>
where
    Vec<T>: ToSql + Sync,
{
    if which.is_empty() { Ok(Vec::new()) } else { link.query(sql, &[which]).await }
}

/// Puts entries of the audit trail in.
pub(super) async fn note(link: &Link, entries: &[Entry]) -> Result<Vec<Row>, Error> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let gateways: Vec<_> = entries.iter().map(|entry| entry.gateway.as_str()).collect();
    let numbers: Vec<_> = entries.iter().map(|entry| entry.n).collect();
    let before: Vec<_> = entries.iter().map(|entry| entry.before.as_slice()).collect();
    let texts: Vec<_> = entries.iter().map(|entry| entry.body.as_str()).collect();
    let hashes: Vec<_> = entries.iter().map(|entry| entry.hash.as_slice()).collect();
    link.query(NOTE, &[&gateways, &numbers, &before, &texts, &hashes]).await
}

async fn bodies(link: &Link, sql: &'static str, rows: &[(i64, Vec<u8>)]) -> Result<Vec<Row>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (seqs, bodies): (Vec<i64>, Vec<&[u8]>) =
        rows.iter().map(|(seq, body)| (*seq, body.as_slice())).unzip();
    link.query(sql, &[&seqs, &bodies]).await
}

async fn promote(link: &Link, changes: &Changes) -> Result<Vec<Row>, Error> {
    if changes.promoted.is_empty() {
        return Ok(Vec::new());
    }
    let (tenants, keys): (Vec<&String>, Vec<&String>) = changes.promoted.iter().unzip();
    link.query(PROMOTE, &[&tenants, &keys]).await
}

async fn callbacks(link: &Link, changes: &Changes) -> Result<Vec<Row>, Error> {
    let rows = &changes.callbacks;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let seqs: Vec<_> = rows.iter().map(|(seq, _, _)| seq).collect();
    let said = |n: usize| rows.iter().map(|(_, said, _)| said[n].as_str()).collect::<Vec<_>>();
    let ats: Vec<_> = rows.iter().map(|(_, _, at)| at).collect();
    link.query(CALL_BACK, &[&seqs, &said(0), &said(1), &said(2), &ats]).await
}

async fn late(link: &Link, changes: &Changes) -> Result<Vec<Row>, Error> {
    let rows = &changes.late;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let seqs: Vec<_> = rows.iter().map(|(seq, _)| seq).collect();
    let verdicts: Vec<_> = rows.iter().map(|(_, late)| late.verdict.name()).collect();
    let scores: Vec<_> =
        rows.iter().map(|(_, late)| late.risk_score.map(|score| score.to_string())).collect();
    let actions: Vec<_> = rows.iter().map(|(_, late)| late.risk_action.as_deref()).collect();
    let codes: Vec<_> = rows.iter().map(|(_, late)| late.return_code.as_str()).collect();
    let ats: Vec<_> = rows.iter().map(|(_, late)| time(late.at)).collect();
    link.query(LATE, &[&seqs, &verdicts, &scores, &actions, &codes, &ats]).await
}

async fn attempts(link: &Link, writes: &[&Write], changes: &Changes) -> Result<Vec<Row>, Error> {
    let ended = |&(n, number): &(usize, i64)| match writes.get(n) {
        Some(Write::Settle(end)) => Some((&**end, number)),
        _ => None,
    };
    let rows: Vec<(&Settlement, i64)> = changes.attempts.iter().filter_map(ended).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    fn each<'r, T>(rows: &[(&'r Settlement, i64)], value: impl Fn(&'r Settlement) -> T) -> Vec<T> {
        rows.iter().map(|(end, _)| value(end)).collect()
    }
    let numbers: Vec<_> = rows.iter().map(|(_, number)| number).collect();
    let why = |end: &Settlement| end.attempt.why();
    let remarks = |end: &Settlement| {
        let results = end.attempt.results()?;
        Some(join(&results.reasons.iter().chain(&results.remarks).cloned().collect::<Vec<_>>()))
    };
    link.query(
        ATTEMPT,
        &[
            &each(&rows, |end| end.seq),
            &numbers,
            &each(&rows, |end| time(end.at)),
            &each(&rows, |end| i64::try_from(end.took.as_micros()).unwrap_or(i64::MAX)),
            &each(&rows, |end| end.attempt.name()),
            &each(&rows, why),
            &each(&rows, |end| end.attempt.results().map(|results| results.code.word())),
            &each(&rows, |end| end.attempt.results()?.risk_score.map(|score| score.to_string())),
            &each(&rows, |end| end.attempt.results()?.risk_action.as_deref()),
            &each(&rows, remarks),
        ],
    )
    .await
}

async fn holds(link: &Link, changes: &Changes) -> Result<Vec<Row>, Error> {
    let rows = &changes.holds;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let tenants: Vec<_> = rows.iter().map(|hold| hold.tenant.as_str()).collect();
    let queues: Vec<_> = rows.iter().map(|hold| hold.queue.to_string()).collect();
    let codes: Vec<_> = rows.iter().map(|hold| hold.code.as_str()).collect();
    let since: Vec<_> = rows.iter().map(|hold| time(hold.since)).collect();
    link.query(HOLD, &[&tenants, &queues, &codes, &since]).await
}

async fn put(link: &Link, changes: &Changes) -> Result<Vec<Row>, Error> {
    let rows = &changes.duties;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let seqs: Vec<_> = rows.iter().map(|(seq, _)| seq).collect();
    let states: Vec<_> = rows.iter().map(|(_, duty)| duty.state.as_str()).collect();
    let dues: Vec<_> = rows.iter().map(|(_, duty)| duty.due).collect();
    let reasons: Vec<_> = rows.iter().map(|(_, duty)| duty.reason.as_deref()).collect();
    let lines: Vec<_> = rows.iter().map(|(_, duty)| duty.line).collect();
    let places: Vec<_> = rows.iter().map(|(_, duty)| duty.place).collect();
    let owners: Vec<_> = rows.iter().map(|(_, duty)| duty.owner).collect();
    let fences: Vec<_> = rows.iter().map(|(_, duty)| duty.fence).collect();
    let leases: Vec<_> = rows.iter().map(|(_, duty)| duty.lease_until).collect();
    link.query(PUT, &[&seqs, &states, &dues, &reasons, &lines, &places, &owners, &fences, &leases]).await
}
