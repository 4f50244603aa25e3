//! What people look at.

use super::Postgres;
use super::link::Link;
use super::reader::ask;
use super::rows::late;
use crate::application::ports::{
    Archive, Backlog, FoundEvent, Local, Noted, Search, Shelf, StoreError, Story, Tried,
};
use crate::domain::identifiers::{EventId, TenantName};
use crate::store::archive::{LOOKED_AT, member, opened};
use crate::store::found_entries::{Halving, marks, read};
use crate::store::rows::{read_time, split, time};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Row;

const BACKLOG: &str = "SELECT state, count, received_at
     FROM (SELECT state, count(*) AS count, min(seq) AS seq FROM delivery GROUP BY state) AS few LEFT JOIN event USING (seq)";
/// Of these tenants ($1).
const FOUND: &str = "SELECT event.seq, event.tenant, event_id, event_type, received_at, coalesce(decided.body, told.body),
            CASE WHEN state = 'QUEUED' AND EXISTS (
                SELECT 1 FROM hold WHERE hold.tenant = event.tenant
                AND (queue = 'all' OR (queue = 'async' AND callback_id IS NOT NULL) OR queue = 'channel:' || channel))
            THEN 'HELD' ELSE coalesce(state, 'SETTLED') END";
const JOINED: &str =
    "FROM event LEFT JOIN told USING (seq) LEFT JOIN decided USING (seq) LEFT JOIN delivery USING (seq)";
/// How far so many ($2) events below a number ($1) reach, and how many they are.
const REACH: &str =
    "SELECT min(seq), count(*) FROM (SELECT seq FROM event WHERE seq < $1 ORDER BY seq DESC LIMIT $2) AS few";
const ATTEMPTS: &str =
    "SELECT ended_at, took, ended, coalesce(return_code, why, ''), risk_score, risk_action FROM attempt
     WHERE seq = $1 ORDER BY number";
const PUSHES: &str = "SELECT target, is_late, at, reason FROM push WHERE seq = $1 ORDER BY id";

const ENDS: &str = "SELECT min(place), max(place) FROM audit";
const NEXT: &str = "SELECT body FROM audit WHERE place >= $1 ORDER BY place LIMIT 1";
const ENTRIES: &str = "SELECT gateway, body FROM audit
     WHERE place >= $1 AND place < $2 AND position($3 in body) > 0 AND position($4 in body) > 0 ORDER BY place";

impl Archive for Postgres {
    fn backlog(&self) -> Local<Result<Vec<Backlog>, StoreError>> {
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let rows = link.query(BACKLOG, &[]).await?;
            let read = |row: &Row| Backlog {
                state: row.get(0),
                count: row.get::<_, i64>(1).unsigned_abs(),
                since: row.get::<_, Option<i64>>(2).map(read_time),
            };
            Ok(rows.iter().map(read).collect())
        })
    }

    fn search(&self, search: Search) -> Local<Result<Shelf, StoreError>> {
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            if let Some(id) = &search.event_id {
                let text = format!("{FOUND} {JOINED} WHERE event.tenant = ANY($1) AND event_id = $2");
                let rows = link.client.query(&text, &[&search.tenants, id]).await?;
                return Ok(Shelf { rows: rows.iter().map(found).collect(), next: None });
            }
            let below = search.below.unwrap_or(i64::MAX);
            let reach = link.query(REACH, &[&below, &LOOKED_AT]).await?;
            let Some(from) = reach.first().and_then(|row| row.get::<_, Option<i64>>(0)) else {
                return Ok(Shelf::default());
            };
            let looked_at: i64 = reach[0].get(1);
            let text = format!(
                "{FOUND} {JOINED} WHERE event.seq >= $2 AND event.seq < $3 AND event.tenant = ANY($1)
                   AND ($4::text IS NULL OR interaction = $4) AND ($5::text IS NULL OR customer = $5)
                   AND ($6::bigint IS NULL OR received_at < $6)
                   AND ($7::text IS NULL OR position(convert_to($7, 'UTF8') in coalesce(decided.body, told.body)) > 0)
                   AND ($8::text IS NULL OR position(convert_to($8, 'UTF8') in coalesce(decided.body, told.body)) > 0)
                 ORDER BY event.seq DESC LIMIT $9"
            );
            let (until, limit) = (search.until.map(time), i64::from(search.limit));
            let (outcome, code) = (member("outcome", &search.outcome), member("returnCode", &search.code));
            let rows = link
                .client
                .query(
                    &text,
                    &[
                        &search.tenants,
                        &from,
                        &below,
                        &search.interaction,
                        &search.customer,
                        &until,
                        &outcome,
                        &code,
                        &limit,
                    ],
                )
                .await?;
            let rows: Vec<FoundEvent> = rows.iter().map(found).collect();
            let is_full = rows.len() == search.limit as usize;
            let end = (looked_at == LOOKED_AT).then_some(from);
            let next = if is_full { rows.last().map(|row| row.seq) } else { end };
            Ok(Shelf { rows, next })
        })
    }

    fn story(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<Story>, StoreError>> {
        let (tenant, id) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        let sealer = self.sealer.clone();
        let told = ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let text = format!(
                "{FOUND}, mode, channel, schema, defaulted, batch, payload, told.body,
                 verdict, late.risk_score, late.risk_action, late.return_code, late.at,
                 callback.return_code, callback.risk_score, callback.risk_action, callback.at
                 {JOINED} LEFT JOIN late USING (seq) LEFT JOIN callback USING (seq)
                 WHERE event.tenant = $1 AND event_id = $2"
            );
            let rows = link.client.query(&text, &[&tenant, &id]).await?;
            let Some(mut story) = rows.first().map(story) else { return Ok(None) };
            let attempts = link.query(ATTEMPTS, &[&story.found.seq]).await?;
            story.attempts = attempts.iter().map(tried).collect();
            let pushes = link.query(PUSHES, &[&story.found.seq]).await?;
            story.pushes = pushes.iter().map(push).collect();
            story.trail = trail(&link, &story.found).await?;
            Ok(Some(story))
        });
        Box::pin(async move { told.await?.map(|story| opened(&sealer, story)).transpose() })
    }
}

/// What the audit trail says of an event.
async fn trail(link: &Link, event: &FoundEvent) -> Result<Vec<Noted>, tokio_postgres::Error> {
    let ends = link.query(ENDS, &[]).await?;
    let end = |n: usize| ends.first().and_then(|row| row.get::<_, Option<i64>>(n));
    let (Some(first), Some(last)) = (end(0), end(1)) else { return Ok(Vec::new()) };
    let mut halving = Halving::new(event.received_at, (first, last));
    while let Some(place) = halving.next() {
        let rows = link.query(NEXT, &[&place]).await?;
        halving.hear(place, rows.first().map(|row| row.get(0)));
    }
    let [tenant, id] = marks(&event.tenant, &event.event_id);
    let mut found = Vec::new();
    for range in halving.found(last) {
        let rows = link.query(ENTRIES, &[&range.start, &range.end, &id, &tenant]).await?;
        found.extend(rows.iter().filter_map(|row| read(row.get(0), row.get(1))));
    }
    Ok(found)
}

fn found(row: &Row) -> FoundEvent {
    FoundEvent {
        seq: row.get(0),
        tenant: row.get(1),
        event_id: row.get(2),
        event_type: row.get(3),
        received_at: read_time(row.get(4)),
        words: row.get(5),
        state: row.get(6),
    }
}

fn story(row: &Row) -> Story {
    let said = |n: usize| row.get::<_, Option<String>>(n).unwrap_or_default();
    Story {
        found: found(row),
        mode: row.get(7),
        channel: row.get(8),
        schema: row.get(9),
        defaulted: split(row.get(10)),
        batch: row.get(11),
        payload: row.get(12),
        told: row.get(13),
        late: late(row, 14),
        callback: row.get::<_, Option<i64>>(22).map(|at| ([said(19), said(20), said(21)], read_time(at))),
        attempts: Vec::new(),
        pushes: Vec::new(),
        trail: Vec::new(),
    }
}

fn tried(row: &Row) -> Tried {
    Tried {
        at: read_time(row.get(0)),
        took: Duration::from_micros(row.get::<_, i64>(1).unsigned_abs()),
        ended: row.get(2),
        said: row.get(3),
        risk_score: row.get(4),
        risk_action: row.get(5),
    }
}

fn push(row: &Row) -> (String, &'static str, jiff::Timestamp, Option<String>) {
    let what = if row.get(1) { "late score" } else { "decision" };
    (row.get(0), what, read_time(row.get(2)), row.get(3))
}
