//! Decisions on their way back: each is some gateway's for a while, under a fence, and another's as soon as that one is
//! gone; and the journal's rows, which are written beside them.

use super::link::Link;
use super::reader::{Read, ask};
use super::rows::late;
use super::standing::{Changes, Going};
use super::written::all;
use crate::application::ports::{Local, ParkedPush, Push, PushId, StoreError};
use crate::domain::going_back::{Back, Kind};
use crate::domain::identifiers::{EventId, TenantName};
use crate::store::audit::Subject;
use crate::store::rows::{read_time, time};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use tokio_postgres::{Error, Row};

/// How long a push is its gateway's alone, as long as that is there; in microseconds. No attempt takes so long.
const LEASE: i64 = 60_000_000;

/// The database's time, in microseconds.
macro_rules! now {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}

/// Of what is due at a time ($1), so many ($2) that nobody has, of each target about as many, of each line only the
/// oldest; none of the targets that pause ($3, $4). They are this gateway's ($5) for a while ($6).
const CLAIM: &str = concat!(
    "WITH RECURSIVE target AS (
         (SELECT tenant, target FROM push WHERE reason IS NULL ORDER BY tenant, target LIMIT 1)
         UNION ALL
         SELECT next.tenant, next.target FROM target AS last, LATERAL (
             SELECT tenant, target FROM push WHERE reason IS NULL AND (tenant, target) > (last.tenant, last.target)
             ORDER BY tenant, target LIMIT 1) AS next),
     free AS (
         SELECT found.id,
                row_number() OVER (PARTITION BY target.tenant, target.target ORDER BY found.due, found.id) AS rank
         FROM target, LATERAL (
             SELECT p.id, p.due FROM push AS p
             WHERE p.tenant = target.tenant AND p.target = target.target AND p.reason IS NULL AND p.due <= $1
             AND (p.lease_until < ",
    now!(),
    " OR NOT EXISTS (SELECT 1 FROM gateway WHERE number = p.owner AND alive_until > ",
    now!(),
    "))
             AND NOT EXISTS (SELECT 1 FROM push AS before WHERE before.tenant = p.tenant
                 AND before.target = p.target AND before.line = p.line AND before.id < p.id AND before.reason IS NULL)
             ORDER BY p.due LIMIT $2 FOR UPDATE OF p SKIP LOCKED) AS found
         WHERE NOT EXISTS (SELECT 1 FROM unnest($3::text[], $4::text[]) AS pause (tenant, target)
             WHERE pause.tenant = target.tenant AND pause.target = target.target)),
     claimed AS (
         UPDATE push SET owner = $5, fence = fence + 1, lease_until = ",
    now!(),
    " + $6
         WHERE id IN (SELECT id FROM free ORDER BY rank, id LIMIT $2)
         RETURNING id, fence, seq, tenant, target, participant, is_late, at, attempts)
     SELECT claimed.id, fence, claimed.tenant, event_id, target, interaction, participant, is_late,
            CASE WHEN mode = 'sync' THEN told.body ELSE decided.body END, claimed.at, attempts,
            verdict, late.risk_score, late.risk_action, late.return_code, late.at, back
     FROM claimed JOIN event USING (seq) LEFT JOIN told USING (seq) LEFT JOIN decided USING (seq)
     LEFT JOIN late ON late.seq = event.seq AND is_late ORDER BY claimed.id"
);
/// What is kept for a person.
const PARKED: &str = "SELECT id, event_id, target, is_late, reason, coalesce(parked_at, at), attempts
     FROM push JOIN event USING (seq)
     WHERE push.tenant = $1 AND id < $2 AND reason IS NOT NULL ORDER BY id DESC LIMIT $3";

/// What this gateway ($1) had before it ended.
pub(super) const FREE: &str = "UPDATE push SET lease_until = 0 WHERE owner = $1 AND lease_until > 0";
/// The pushes that writes are about, which nobody else touches meanwhile.
pub(super) const GOING: &str = "SELECT p.id, p.target, p.is_late, p.fence, p.attempts, p.reason IS NOT NULL,
            e.seq, e.tenant, e.event_id, e.interaction, e.transaction_id
     FROM push AS p JOIN event AS e USING (seq) WHERE p.id = ANY($1::bigint[]) ORDER BY p.id FOR UPDATE OF p";
/// Rows of the journal, in that order.
pub(super) const WRITE_DOWN: &str = concat!(
    "INSERT INTO journal (tenant, seq, is_late, at)
     SELECT tenant, seq, is_late, ",
    now!(),
    " FROM unnest($1::text[], $2::bigint[], $3::boolean[]) WITH ORDINALITY AS fallen (tenant, seq, is_late, n)
     ORDER BY n"
);
/// What goes back of it; nobody's ($7 is only who writes) until it is claimed.
pub(super) const SEND_BACK: &str = concat!(
    "INSERT INTO push (tenant, seq, is_late, target, line, participant, owner, at, due)
     SELECT tenant, seq, is_late, target, line, participant, $7, ",
    now!(),
    ", 0
     FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY
          AS new (tenant, seq, is_late, target, line, participant, n)
     ORDER BY n"
);
pub(super) const PUSHED: &str = "DELETE FROM push WHERE id = ANY($1::bigint[])";
pub(super) const PUSHING: &str =
    "UPDATE push SET due = new.due, attempts = new.attempts, reason = new.reason,
            parked_at = new.parked_at, lease_until = 0
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[])
          AS new (id, due, attempts, reason, parked_at)
     WHERE push.id = new.id";

/// Claims what is due.
pub(super) fn claim(
    reads: Option<&UnboundedSender<Read>>,
    me: i32,
    (now, limit): (Timestamp, u32),
    paused: &[(TenantName, String)],
) -> Local<Result<Vec<Push>, StoreError>> {
    let (tenants, targets): (Vec<String>, Vec<String>) =
        paused.iter().map(|(tenant, target)| (tenant.as_str().to_owned(), target.clone())).unzip();
    ask(reads, move |link: Arc<Link>| async move {
        let (now, limit) = (time(now), i64::from(limit));
        let rows = link.query(CLAIM, &[&now, &limit, &tenants, &targets, &me, &LEASE]).await?;
        Ok(rows.iter().filter_map(read_push).collect())
    })
}

fn read_push(row: &Row) -> Option<Push> {
    let target: String = row.get(4);
    let back = Back::read(row.get(16));
    Some(Push {
        id: row.get(0),
        fence: row.get(1),
        tenant: TenantName::new(row.get(2)),
        event_id: EventId::parse(row.get(3))?,
        high_risk_above: back.high_risk_above(&target),
        target,
        interaction: row.get(5),
        participant: row.get(6),
        kind: kind(row.get(7)),
        words: row.get::<_, Option<_>>(8).unwrap_or_default(),
        late: late(row, 11),
        at: read_time(row.get(9)),
        attempts: count(row.get(10)),
    })
}

fn kind(is_late: bool) -> Kind {
    if is_late { Kind::Late } else { Kind::Decision }
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What is kept for a person.
pub(super) fn parked(
    reads: Option<&UnboundedSender<Read>>,
    tenant: &TenantName,
    below: Option<PushId>,
    limit: u32,
) -> Local<Result<Vec<ParkedPush>, StoreError>> {
    let (tenant, below) = (tenant.as_str().to_owned(), below.unwrap_or(PushId::MAX));
    ask(reads, move |link: Arc<Link>| async move {
        let rows = link.query(PARKED, &[&tenant, &below, &i64::from(limit)]).await?;
        let read = |row: &Row| ParkedPush {
            id: row.get(0),
            event_id: row.get(1),
            target: row.get(2),
            kind: kind(row.get(3)),
            reason: row.get(4),
            at: read_time(row.get(5)),
            attempts: count(row.get(6)),
        };
        Ok(rows.iter().map(read).collect())
    })
}

/// A row of [`GOING`].
pub(super) fn read_going(row: &Row) -> (PushId, Going) {
    let going = Going {
        subject: Subject {
            seq: row.get(6),
            tenant: row.get(7),
            event_id: row.get(8),
            interaction: row.get(9),
            transaction: row.get(10),
            // No word of the log is about it.
            customer: None,
        },
        target: row.get(1),
        kind: kind(row.get(2)),
        fence: row.get(3),
        attempts: row.get(4),
        is_parked: row.get(5),
    };
    (row.get(0), going)
}

/// What has fallen, what goes back of it, and what became of what was on its way.
pub(super) async fn write(link: &Link, me: i32, changes: &Changes) -> Result<(), Error> {
    let (written, sent, pushed, pushing) = tokio::join!(
        biased;
        write_down(link, changes),
        send_back(link, me, changes),
        all(link, PUSHED, &changes.pushed),
        push_on(link, changes),
    );
    for result in [written, sent, pushed, pushing] {
        result?;
    }
    Ok(())
}

async fn write_down(link: &Link, changes: &Changes) -> Result<Vec<Row>, Error> {
    let rows = &changes.journal;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let tenants: Vec<_> = rows.iter().map(|(tenant, ..)| tenant).collect();
    let seqs: Vec<_> = rows.iter().map(|(_, seq, _)| seq).collect();
    let late: Vec<_> = rows.iter().map(|(.., is_late)| is_late).collect();
    link.query(WRITE_DOWN, &[&tenants, &seqs, &late]).await
}

async fn send_back(link: &Link, me: i32, changes: &Changes) -> Result<Vec<Row>, Error> {
    let rows = &changes.pushes;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let tenants: Vec<_> = rows.iter().map(|(tenant, ..)| tenant).collect();
    let seqs: Vec<_> = rows.iter().map(|(_, seq, ..)| seq).collect();
    let late: Vec<_> = rows.iter().map(|(_, _, is_late, _)| is_late).collect();
    let targets: Vec<_> = rows.iter().map(|(.., push)| &push.target).collect();
    let lines: Vec<_> = rows.iter().map(|(.., push)| &push.line).collect();
    let participants: Vec<_> = rows.iter().map(|(.., push)| push.participant.as_deref()).collect();
    link.query(SEND_BACK, &[&tenants, &seqs, &late, &targets, &lines, &participants, &me]).await
}

async fn push_on(link: &Link, changes: &Changes) -> Result<Vec<Row>, Error> {
    let rows = &changes.pushing;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let dues: Vec<_> = rows.iter().map(|row| row.due).collect();
    let attempts: Vec<_> = rows.iter().map(|row| row.attempts).collect();
    let reasons: Vec<_> = rows.iter().map(|row| row.reason.as_deref()).collect();
    let parked: Vec<_> = rows.iter().map(|row| row.parked_at).collect();
    link.query(PUSHING, &[&ids, &dues, &attempts, &reasons, &parked]).await
}
