//! Decisions on their way back, with one gateway alone: which are claimed is known in memory, so that a start begins with
//! none.

use super::entries::{Page, event};
use super::reader::read_late;
use super::rows::{read_time, time};
use crate::application::ports::{Act, ParkedPush, Push, PushEnd, PushId, StoreError};
use crate::domain::delivery::State;
use crate::domain::going_back::{Back, Kind};
use crate::domain::identifiers::{EventId, TenantName};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Pushes whose end is written, or could not be, since the last claim.
#[derive(Debug, Default)]
pub(super) struct Returned(Mutex<Vec<PushId>>);

impl Returned {
    /// Only once what is written can be read.
    pub(super) fn add(&self, id: PushId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }

    fn take(&self) -> Vec<PushId> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which pushes somebody brings back just now.
#[derive(Debug, Default)]
pub(super) struct Claims {
    claimed: Mutex<HashSet<PushId>>,
    returned: Arc<Returned>,
}

/// What a claim reads of each target: so many, and those that are claimed already.
pub(super) struct Reading {
    of_each: usize,
}

impl Claims {
    /// Where a push goes when its end is written.
    pub(super) fn returned(&self) -> Arc<Returned> {
        self.returned.clone()
    }

    /// Of what is due, so many that nobody has; of each target about as many.
    pub(super) fn claim(
        &self,
        limit: u32,
        read: impl FnOnce(Reading) -> Result<Vec<Vec<Push>>, StoreError>,
    ) -> Result<Vec<Push>, StoreError> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        // Before anything is read, so that what was written of these is seen.
        for id in self.returned.take() {
            claimed.remove(&id);
        }
        let limit = limit as usize;
        let targets = read(Reading { of_each: limit + claimed.len() })?;
        let ranked = targets.into_iter().flat_map(|pushes| {
            let free = pushes.into_iter().filter(|push| !claimed.contains(&push.id));
            free.enumerate().collect::<Vec<_>>()
        });
        let mut ranked: Vec<(usize, Push)> = ranked.collect();
        ranked.sort_by_key(|(rank, push)| (*rank, push.id));
        let free: Vec<Push> = ranked.into_iter().take(limit).map(|(_, push)| push).collect();
        claimed.extend(free.iter().map(|push| push.id));
        Ok(free)
    }
}

impl Reading {
    /// What is due of each target that does not pause; of each line only the oldest.
    pub(super) fn read(
        &self,
        connection: &Connection,
        now: Timestamp,
        paused: &[(TenantName, String)],
    ) -> rusqlite::Result<Vec<Vec<Push>>> {
        let of_each = i64::try_from(self.of_each).unwrap_or(i64::MAX);
        let mut query = connection.prepare_cached(
            "SELECT push.id, push.tenant, event_id, target, interaction, participant, is_late,
                    iif(mode = 'sync', told.body, decided.body), push.at, attempts,
                    verdict, late.risk_score, late.risk_action, late.return_code, late.at, back
             FROM push JOIN event USING (seq) LEFT JOIN told USING (seq) LEFT JOIN decided USING (seq)
             LEFT JOIN late ON late.seq = push.seq AND is_late
             WHERE push.tenant = ?1 AND target = ?2 AND reason IS NULL AND due <= ?3 AND NOT EXISTS (
                 SELECT 1 FROM push AS before WHERE before.tenant = push.tenant AND before.target = push.target
                 AND before.line = push.line AND before.id < push.id AND before.reason IS NULL)
             ORDER BY due LIMIT ?4",
        )?;
        let mut all = Vec::new();
        for (tenant, target) in targets(connection)? {
            let pauses = |(of, which): &(TenantName, String)| of.as_str() == tenant && *which == target;
            if !paused.iter().any(pauses) {
                let found = query.query_map(params![tenant, target, time(now), of_each], read)?;
                all.push(found.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?);
            }
        }
        Ok(all)
    }
}

/// Where anything is to go, found from one to the next, however much it is.
fn targets(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut query = connection.prepare_cached(
        "SELECT tenant, target FROM push WHERE reason IS NULL AND (tenant, target) > (?1, ?2)
         ORDER BY tenant, target LIMIT 1",
    )?;
    let mut found: Vec<(String, String)> = Vec::new();
    loop {
        let (tenant, target) =
            found.last().map_or(("", ""), |(tenant, target)| (tenant.as_str(), target.as_str()));
        let mut rows = query.query([tenant, target])?;
        match rows.next()? {
            Some(row) => found.push((row.get(0)?, row.get(1)?)),
            None => return Ok(found),
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<Push>> {
    let Some(event_id) = EventId::parse(row.get_ref(2)?.as_str()?) else { return Ok(None) };
    let target: String = row.get(3)?;
    let back = Back::read(row.get_ref(15)?.as_str_or_null().unwrap_or_default());
    Ok(Some(Push {
        id: row.get(0)?,
        fence: 0,
        tenant: TenantName::new(row.get_ref(1)?.as_str()?),
        event_id,
        high_risk_above: back.high_risk_above(&target),
        target,
        interaction: row.get(4)?,
        participant: row.get(5)?,
        kind: kind(row.get(6)?),
        words: row.get::<_, Option<_>>(7)?.unwrap_or_default(),
        late: read_late(row, 10)?,
        at: read_time(row.get(8)?),
        attempts: row.get(9)?,
    }))
}

pub(super) fn kind(is_late: bool) -> Kind {
    if is_late { Kind::Late } else { Kind::Decision }
}

/// What is kept for a person.
pub(super) fn parked(
    connection: &Connection,
    tenant: &TenantName,
    below: Option<PushId>,
    limit: u32,
) -> rusqlite::Result<Vec<ParkedPush>> {
    let mut query = connection.prepare_cached(
        "SELECT id, event_id, target, is_late, reason, coalesce(parked_at, at), attempts
         FROM push JOIN event USING (seq)
         WHERE push.tenant = ?1 AND id < ?2 AND reason IS NOT NULL ORDER BY id DESC LIMIT ?3",
    )?;
    let read = |row: &Row<'_>| {
        Ok(ParkedPush {
            id: row.get(0)?,
            event_id: row.get(1)?,
            target: row.get(2)?,
            kind: kind(row.get(3)?),
            reason: row.get(4)?,
            at: read_time(row.get(5)?),
            attempts: row.get(6)?,
        })
    };
    query.query_map(params![tenant.as_str(), below.unwrap_or(PushId::MAX), limit], read)?.collect()
}

/// An attempt has ended. One that nobody has any more changes nothing.
pub(super) fn end(page: &mut Page<'_>, end: &PushEnd) -> rusqlite::Result<()> {
    let transaction = page.transaction;
    let is_over = !matches!(end.state, State::Queued { .. });
    let about = is_over.then(|| about(transaction, end.id)).transpose()?.flatten();
    match &end.state {
        State::Queued { due } | State::AwaitingCallback { until: due } => {
            let mut update = transaction.prepare_cached(
                "UPDATE push SET due = ?2, attempts = attempts + ?3 WHERE id = ?1 AND reason IS NULL",
            )?;
            update.execute(params![end.id, time(*due), end.left])?;
        }
        State::Parked { reason } => {
            let mut update = transaction.prepare_cached(
                "UPDATE push SET reason = ?2, parked_at = ?3, attempts = attempts + ?4 WHERE id = ?1",
            )?;
            update.execute(params![end.id, reason, time(end.at), end.left])?;
        }
        State::Settled => {
            transaction.prepare_cached("DELETE FROM push WHERE id = ?1")?.execute([end.id])?;
        }
    }
    if let Some((_, seq, target, kind)) = about.filter(|(parked, ..)| !parked)
        && let Some(event) = event(transaction, seq)?
    {
        page.note(|pen| pen.pushed(&event.subject, (&target, kind), end))?;
    }
    Ok(())
}

/// Whether it is parked, and of which event, where to, and what.
type About = (bool, i64, String, Kind);

fn about(connection: &Connection, id: PushId) -> rusqlite::Result<Option<About>> {
    let mut query = connection
        .prepare_cached("SELECT reason IS NOT NULL, seq, target, is_late FROM push WHERE id = ?1")?;
    let mut rows = query.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((row.get(0)?, row.get(1)?, row.get(2)?, kind(row.get(3)?))))
}

/// What is done with one that is kept for a person; `false` where it is not one of that tenant's.
pub(super) fn operate(
    page: &mut Page<'_>,
    (tenant, id): (&TenantName, PushId),
    act: Act,
    by: Option<&str>,
) -> rusqlite::Result<bool> {
    let transaction = page.transaction;
    let Some((true, seq, target, kind)) = about(transaction, id)? else { return Ok(false) };
    let Some(event) = event(transaction, seq)? else { return Ok(false) };
    if event.subject.tenant != tenant.as_str() {
        return Ok(false);
    }
    match act {
        Act::Replay(at) => {
            let mut update = transaction
                .prepare_cached("UPDATE push SET reason = NULL, parked_at = NULL, due = ?2 WHERE id = ?1")?;
            update.execute(params![id, time(at)])?;
        }
        Act::Discard => {
            transaction.prepare_cached("DELETE FROM push WHERE id = ?1")?.execute([id])?;
        }
    }
    page.note(|pen| pen.operated_push(&event.subject, (id, &target, kind), (act, by)))?;
    Ok(true)
}
