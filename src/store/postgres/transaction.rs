//! A batch of writes as one transaction, in two rounds: lock, look and record; then write what the batch has come to,
//! and commit. Each round's statements are sent at once, without waiting for each other's answers.

use super::batch::{Batch, lose};
use super::command::{Outcome, Write};
use super::going_back::{GOING, read_going};
use super::line;
use super::link::{Link, explain};
use super::shared::seq_at;
use super::standing::{Changes, Duty, Standing};
use super::statements::{BUSY, CHECKED, CLOCK, FREE_KEYS, HELD, LAST, LOCK, RECORD, STANDING};
use super::written::write;
use crate::application::ports::{Check, PushId, Record, Seq, StoreError};
use crate::domain::identifiers::CustomerId;
use crate::store::audit::{Head, Pen, Subject};
use crate::store::falls::Event;
use crate::store::rows::{join, read_mode, tier, time};
use std::collections::{BTreeSet, HashMap};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};

/// Who writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Author {
    /// This gateway's number.
    pub(super) me: i32,
    /// How long a delivery is its alone from when an attempt may begin; in microseconds.
    pub(super) attempt: i64,
    /// How long an event is known by its idempotency key; in microseconds.
    pub(super) idempotency: i64,
}

/// What a batch has come to.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) changes: Changes,
    /// Where the audit trail ends now.
    pub(super) head: Head,
    /// The largest number of any event before.
    pub(super) highest: Seq,
    /// Whether it stays, whatever becomes of the database.
    pub(super) lasts: bool,
}

/// Why a batch was not committed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Two gateways were in each other's way: once more.
    Again,
    /// A value that the database does not take: the others of the batch may.
    Value(StoreError),
    /// The database can't.
    Store(StoreError),
}

/// Commits a batch, unless its connection fails: then nobody knows.
pub(super) async fn commit(
    link: &Link,
    author: Author,
    writes: &[&Write],
    fences: &HashMap<Seq, i64>,
    pen: Pen<'_>,
) -> Result<Committed, Failure> {
    let committed = attempt(link, author, writes, fences, pen).await;
    if committed.is_err() && !link.is_closed() {
        // Where this fails too, the connection is lost.
        let _ = link.client.batch_execute("ROLLBACK").await;
    }
    committed.map_err(|error| failure(&error))
}

async fn attempt(
    link: &Link,
    author: Author,
    writes: &[&Write],
    fences: &HashMap<Seq, i64>,
    pen: Pen<'_>,
) -> Result<Committed, Error> {
    let must_last = writes.iter().any(|write| write.must_last());
    let begin = if must_last { "BEGIN" } else { "BEGIN; SET LOCAL synchronous_commit = off" };
    let records: Vec<&Record> = writes.iter().filter_map(|write| record(write)).collect();
    let about: BTreeSet<Seq> = writes.iter().flat_map(|write| write.about()).copied().collect();
    let about: Vec<Seq> = about.into_iter().collect();
    let claims: Vec<Seq> = writes.iter().flat_map(|write| write.claims().0).copied().collect();
    let together = writes.iter().map(|write| write.claims()).filter(|(_, together)| *together);
    let together: Vec<Seq> = together.flat_map(|(seqs, _)| seqs).copied().collect();
    let pushes: Vec<PushId> = writes.iter().filter_map(|write| write.push()).collect();
    let keys: BTreeSet<i64> =
        records.iter().map(|record| line::lock(record)).chain(about.iter().copied()).collect();
    let keys: Vec<i64> = keys.into_iter().collect();
    let lines: BTreeSet<i64> = records.iter().filter_map(|record| line::of(record)).collect();
    let lines: Vec<i64> = lines.into_iter().collect();
    let holds = writes.iter().any(|write| matches!(write, Write::Hold(_)));
    let (begun, locked, clock, standing, busy, held, going, freed, checked, placed) = tokio::join!(
        biased;
        link.client.batch_execute(begin),
        async { link.query(LOCK, &[&keys]).await },
        link.query(CLOCK, &[]),
        async {
            let is_idle = about.is_empty();
            if is_idle { return Ok(Vec::new()) }
            link.query(STANDING, &[&about, &author.me, &claims, &together]).await
        },
        async {
            if lines.is_empty() { Ok(Vec::new()) } else { link.query(BUSY, &[&lines, &author.me]).await }
        },
        async { if holds { link.query(HELD, &[]).await } else { Ok(Vec::new()) } },
        async {
            if pushes.is_empty() { Ok(Vec::new()) } else { link.query(GOING, &[&pushes]).await }
        },
        free_keys(link, &records, author.idempotency),
        // Before the batch's own are there.
        count_checks(link, &records),
        insert(link, &records),
    );
    begun?;
    locked?;
    freed?;
    let clock = clock?;
    let (now, highest) = clock.first().map_or((0, 0), |row| (row.get(0), row.get(1)));
    let standing = standing?.iter().map(read_standing).collect();
    let busy = busy?.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    let held = held?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let placed: HashMap<Seq, i64> = placed?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let going = going?.iter().map(read_going).collect();
    let checked = checked?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let let_through = HashMap::new();
    let Author { me, attempt, .. } = author;
    let batch =
        Batch { me, now, attempt, standing, busy, placed, checked, going, let_through, held, fences, pen };
    let (mut outcomes, mut changes, head) = batch.run(writes);
    // What came to something that is told.
    let must_last_now = !must_last && !changes.limited.is_empty();
    let (lasting, written) = tokio::join!(
        biased;
        async { if must_last_now { link.query(LAST, &[]).await } else { Ok(Vec::new()) } },
        write(link, author.me, writes, &changes),
    );
    lasting?;
    lose(writes, &written?, &mut outcomes, &mut changes);
    Ok(Committed { outcomes, changes, head, highest, lasts: must_last || must_last_now })
}

/// Lets new events have idempotency keys whose events need not be known by them any more.
async fn free_keys(link: &Link, records: &[&Record], idempotency: i64) -> Result<Vec<Row>, Error> {
    let keyed = records.iter().filter_map(|record| {
        let key = record.idempotency_key.as_deref()?;
        Some((record.tenant.as_str(), (key, time(record.received_at) - idempotency)))
    });
    let (tenants, others): (Vec<&str>, Vec<(&str, i64)>) = keyed.unzip();
    if tenants.is_empty() {
        return Ok(Vec::new());
    }
    let (keys, before): (Vec<&str>, Vec<i64>) = others.into_iter().unzip();
    link.query(FREE_KEYS, &[&tenants, &keys, &before]).await
}

/// How many checks on the same customer came before each of these, as far as that matters.
async fn count_checks(link: &Link, records: &[&Record]) -> Result<Vec<Row>, Error> {
    let checks =
        records.iter().filter_map(|record| Some((*record, line::of(record)?, record.check.as_ref()?)));
    let checks: Vec<(&Record, i64, &Check)> = checks.collect();
    if checks.is_empty() {
        return Ok(Vec::new());
    }
    let since = |(record, _, check): &(&Record, i64, &Check)| time(record.received_at - check.rule.window);
    let sinces: Vec<i64> = checks.iter().map(since).collect();
    link.query(
        CHECKED,
        &[
            &checks.iter().map(|(record, ..)| record.seq).collect::<Vec<_>>(),
            &checks.iter().map(|(_, line, _)| *line).collect::<Vec<_>>(),
            &checks.iter().map(|(record, ..)| record.prepared.facts.event_type.as_str()).collect::<Vec<_>>(),
            &sinces.iter().map(|since| seq_at(*since)).collect::<Vec<_>>(),
            &sinces,
            &checks.iter().map(|(.., check)| i64::from(check.rule.count)).collect::<Vec<_>>(),
        ],
    )
    .await
}

async fn insert(link: &Link, records: &[&Record]) -> Result<Vec<Row>, Error> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    fn each<'r, T>(records: &[&'r Record], value: impl Fn(&'r Record) -> T) -> Vec<T> {
        records.iter().map(|record| value(record)).collect()
    }
    link.query(
        RECORD,
        &[
            &each(records, |record| record.seq),
            &each(records, line::of),
            &each(records, |record| record.tenant.as_str()),
            &each(records, |record| record.prepared.message.event_id.as_str()),
            &each(records, |record| record.idempotency_key.as_deref()),
            &each(records, |record| record.fingerprint.0.as_slice()),
            &each(records, |record| record.mode.name()),
            &each(records, |record| time(record.received_at)),
            &each(records, |record| record.prepared.facts.event_type.as_str()),
            &each(records, |record| {
                record.prepared.facts.customer.as_ref().map(|customer| customer.expose())
            }),
            &each(records, |record| tier(record.prepared.facts.tier)),
            &each(records, |record| record.prepared.facts.amount.map(|amount| amount.to_string())),
            &each(records, |record| record.prepared.schema.as_str()),
            &each(records, |record| &*record.prepared.message.channel),
            &each(records, |record| &*record.prepared.message.payload),
            &each(records, |record| record.prepared.message.response_required),
            &each(records, |record| record.prepared.message.callback_id.as_deref()),
            &each(records, |record| join(&record.prepared.defaulted)),
            &each(records, |record| record.prepared.traces.interaction.as_deref()),
            &each(records, |record| record.prepared.traces.transaction.as_deref()),
            &each(records, |record| record.back.text()),
            &each(records, |record| record.batch.as_deref()),
            &each(records, |record| record.check.is_some()),
        ],
    )
    .await
}

fn record<'w>(write: &'w &Write) -> Option<&'w Record> {
    match write {
        Write::Record(record) => Some(record),
        _ => None,
    }
}

fn read_standing(row: &Row) -> (Seq, Standing) {
    let said: Option<String> = row.get(6);
    let state: Option<String> = row.get(10);
    let standing = Standing {
        event: Event {
            subject: Subject {
                seq: row.get(0),
                tenant: row.get(1),
                event_id: row.get(2),
                interaction: row.get(20),
                transaction: row.get(21),
                customer: row.get::<_, Option<&str>>(22).map(CustomerId::new),
            },
            mode: read_mode(row.get(23)),
            back: row.get(24),
        },
        told: row.get(3),
        decided: row.get(4),
        is_late: row.get(5),
        said: said.map(|code| [code, row.get(7), row.get(8)]),
        attempts: row.get(9),
        duty: state.map(|state| Duty {
            state,
            due: row.get(11),
            reason: row.get(12),
            line: row.get(13),
            place: row.get(14),
            owner: row.get(15),
            fence: row.get(16),
            lease_until: row.get(17),
        }),
        is_attended: row.get(18),
        is_behind: row.get(19),
    };
    (row.get(0), standing)
}

/// Whether the batch, or each write of it, may be tried again.
fn failure(error: &Error) -> Failure {
    let told = StoreError(explain(error));
    match error.code() {
        Some(code)
            if [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(code) =>
        {
            Failure::Again
        }
        Some(code) if code.code().starts_with("22") || code.code().starts_with("23") => Failure::Value(told),
        _ => Failure::Store(told),
    }
}
