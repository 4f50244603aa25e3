//! What people look at, read on a connection and a thread of its own each time: however long it takes, no call waits for it.

use super::found_entries::{Halving, marks, read};
use super::reader::read_late;
use super::rows::{failed, read_time, split, time};
use super::sealing::Sealer;
use super::sqlite::{Sqlite, open_reader};
use super::waiting::SHOWN_STATE;
use crate::application::ports::{
    Archive, Backlog, FoundEvent, Local, Noted, Search, Shelf, StoreError, Story, Tried,
};
use crate::domain::identifiers::{EventId, TenantName};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;
use std::time::Duration;

/// So many events are looked at for one page, at most: then whoever asks is told how far that was.
pub(super) const LOOKED_AT: i64 = 20_000;

impl Archive for Sqlite {
    fn backlog(&self) -> Local<Result<Vec<Backlog>, StoreError>> {
        aside(self, |connection, _| {
            let mut query = connection.prepare(
                "SELECT state, count, received_at
                 FROM (SELECT state, count(*) AS count, min(seq) AS seq FROM delivery GROUP BY state)
                 LEFT JOIN event USING (seq)",
            )?;
            let read = |row: &Row<'_>| {
                let since: Option<i64> = row.get(2)?;
                let count = row.get::<_, i64>(1)?.unsigned_abs();
                Ok(Backlog { state: row.get(0)?, count, since: since.map(read_time) })
            };
            query.query_map([], read)?.collect()
        })
    }

    fn search(&self, search: Search) -> Local<Result<Shelf, StoreError>> {
        aside(self, move |connection, _| find(connection, &search))
    }

    fn story(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<Story>, StoreError>> {
        let (tenant, id) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        let found = aside(self, move |connection, sealer| {
            Ok(tell(connection, &tenant, &id)?.map(|story| opened(&sealer, story)))
        });
        Box::pin(async move { found.await?.transpose() })
    }
}

/// With its payload as it was sent.
pub(super) fn opened(sealer: &Sealer, mut story: Story) -> Result<Story, StoreError> {
    story.payload = sealer.open_text(&story.found.tenant, &story.found.event_id, &story.payload)?;
    Ok(story)
}

/// What the caller of a synchronous call heard is the decision; of others, what was decided behind.
const WORDS: &str = "coalesce(decided.body, told.body)";
const JOINED: &str =
    "LEFT JOIN told USING (seq) LEFT JOIN decided USING (seq) LEFT JOIN delivery USING (seq)";

fn find(connection: &Connection, search: &Search) -> rusqlite::Result<Shelf> {
    let tenants = serde_json::to_string(&search.tenants).unwrap_or_default();
    let whose = "event.tenant IN (SELECT value FROM json_each(?1))";
    let columns =
        format!("event.seq, event.tenant, event_id, event_type, received_at, {WORDS}, {SHOWN_STATE}");
    if let Some(id) = &search.event_id {
        let mut query = connection
            .prepare(&format!("SELECT {columns} FROM event {JOINED} WHERE {whose} AND event_id = ?2"))?;
        let rows = query.query_map(params![tenants, id], read_found)?.collect::<Result<_, _>>()?;
        return Ok(Shelf { rows, next: None });
    }
    let below = search.below.unwrap_or(i64::MAX);
    let mut last = connection.prepare(
        "SELECT min(seq), count(*) FROM (SELECT seq FROM event WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2)",
    )?;
    let (from, looked_at): (Option<i64>, i64) =
        last.query_row([below, LOOKED_AT], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(from) = from else { return Ok(Shelf::default()) };
    let mut query = connection.prepare(&format!(
        "SELECT {columns} FROM event {JOINED}
         WHERE event.seq >= ?2 AND event.seq < ?3 AND {whose}
           AND (?4 IS NULL OR interaction = ?4) AND (?5 IS NULL OR customer = ?5) AND (?6 IS NULL OR received_at < ?6)
           AND (?7 IS NULL OR instr({WORDS}, CAST(?7 AS BLOB)) > 0) AND (?8 IS NULL OR instr({WORDS}, CAST(?8 AS BLOB)) > 0)
         ORDER BY event.seq DESC LIMIT ?9"
    ))?;
    let until = search.until.map(time);
    let (outcome, code) = (member("outcome", &search.outcome), member("returnCode", &search.code));
    let values = params![
        tenants,
        from,
        below,
        search.interaction,
        search.customer,
        until,
        outcome,
        code,
        search.limit
    ];
    let rows: Vec<FoundEvent> = query.query_map(values, read_found)?.collect::<Result<_, _>>()?;
    let is_full = rows.len() == search.limit as usize;
    let next =
        if is_full { rows.last().map(|row| row.seq) } else { (looked_at == LOOKED_AT).then_some(from) };
    Ok(Shelf { rows, next })
}

/// How a member stands in the words.
pub(super) fn member(name: &str, value: &Option<String>) -> Option<String> {
    value.as_ref().map(|value| format!("\"{name}\":\"{value}\""))
}

fn read_found(row: &Row<'_>) -> rusqlite::Result<FoundEvent> {
    Ok(FoundEvent {
        seq: row.get(0)?,
        tenant: row.get(1)?,
        event_id: row.get(2)?,
        event_type: row.get(3)?,
        received_at: read_time(row.get(4)?),
        words: row.get(5)?,
        state: row.get(6)?,
    })
}

fn tell(connection: &Connection, tenant: &str, id: &str) -> rusqlite::Result<Option<Story>> {
    let mut query = connection.prepare(&format!(
        "SELECT event.seq, event.tenant, event_id, event_type, received_at, {WORDS}, {SHOWN_STATE},
                mode, channel, schema, defaulted, batch, payload, told.body,
                verdict, late.risk_score, late.risk_action, late.return_code, late.at,
                callback.return_code, callback.risk_score, callback.risk_action, callback.at
         FROM event {JOINED} LEFT JOIN late USING (seq) LEFT JOIN callback USING (seq)
         WHERE event.tenant = ?1 AND event_id = ?2"
    ))?;
    let read = |row: &Row<'_>| {
        let called: Option<i64> = row.get(22)?;
        let said = |n: usize| row.get::<_, Option<String>>(n).map(Option::unwrap_or_default);
        Ok(Story {
            found: read_found(row)?,
            mode: row.get(7)?,
            channel: row.get(8)?,
            schema: row.get(9)?,
            defaulted: split(row.get_ref(10)?.as_str()?),
            batch: row.get(11)?,
            payload: row.get(12)?,
            told: row.get(13)?,
            late: read_late(row, 14)?,
            callback: match called {
                Some(at) => Some(([said(19)?, said(20)?, said(21)?], read_time(at))),
                None => None,
            },
            attempts: Vec::new(),
            pushes: Vec::new(),
            trail: Vec::new(),
        })
    };
    let Some(mut story) = query.query_row([tenant, id], read).optional()? else { return Ok(None) };
    let mut attempts = connection.prepare(
        "SELECT ended_at, took, ended, coalesce(return_code, why, ''), risk_score, risk_action FROM attempt
         WHERE seq = ?1 ORDER BY number",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Tried {
            at: read_time(row.get(0)?),
            took: Duration::from_micros(row.get::<_, i64>(1)?.unsigned_abs()),
            ended: row.get(2)?,
            said: row.get(3)?,
            risk_score: row.get(4)?,
            risk_action: row.get(5)?,
        })
    };
    story.attempts = attempts.query_map([story.found.seq], read)?.collect::<Result<_, _>>()?;
    // What is back is no row any more: the audit trail tells of it.
    let mut pushes =
        connection.prepare("SELECT target, is_late, at, reason FROM push WHERE seq = ?1 ORDER BY id")?;
    let read = |row: &Row<'_>| {
        let what = if row.get(1)? { "late score" } else { "decision" };
        Ok((row.get(0)?, what, read_time(row.get(2)?), row.get(3)?))
    };
    story.pushes = pushes.query_map([story.found.seq], read)?.collect::<Result<_, _>>()?;
    story.trail = trail(connection, &story.found)?;
    Ok(Some(story))
}

/// What the audit trail says of an event.
fn trail(connection: &Connection, event: &FoundEvent) -> rusqlite::Result<Vec<Noted>> {
    let ends = "SELECT min(place), max(place) FROM audit";
    let ends = connection.query_row(ends, [], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = ends else { return Ok(Vec::new()) };
    let mut halving = Halving::new(event.received_at, (first, last));
    let mut next = connection.prepare("SELECT body FROM audit WHERE place >= ?1 ORDER BY place LIMIT 1")?;
    while let Some(place) = halving.next() {
        let body: Option<String> = next.query_row([place], |row| row.get(0)).optional()?;
        halving.hear(place, body.as_deref());
    }
    let [tenant, id] = marks(&event.tenant, &event.event_id);
    let mut entries = connection.prepare(
        "SELECT gateway, body FROM audit WHERE place >= ?1 AND place < ?2 AND instr(body, ?3) > 0 AND instr(body, ?4) > 0
         ORDER BY place",
    )?;
    let mut found = Vec::new();
    for range in halving.found(last) {
        let mut rows = entries.query(params![range.start, range.end, id, tenant])?;
        while let Some(row) = rows.next()? {
            found.extend(read(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?));
        }
    }
    Ok(found)
}

fn aside<T: Send + 'static>(
    store: &Sqlite,
    query: impl FnOnce(&Connection, Arc<Sealer>) -> rusqlite::Result<T> + Send + 'static,
) -> Local<Result<T, StoreError>> {
    let (file, sealer) = store.parts();
    let work = move || query(&open_reader(&file, false)?, sealer).map_err(failed);
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(StoreError("a read broke down".to_owned())))
    })
}
