//! What is said of an event: what callers are told, decisions, callbacks, late scores. The first words stand.

use super::entries::{Page, event};
use super::falls::{Event, falls};
use super::rows::time;
use super::writes::put;
use crate::application::ports::{Callback, Effect, Late, Seq, StoreError};
use crate::domain::going_back::Kind;
use rusqlite::{OptionalExtension, Transaction, params};

/// The outer error means that nothing of the transaction is written; the inner one, that this could not be.
type Said<T> = rusqlite::Result<Result<T, StoreError>>;

pub(super) fn not_recorded() -> StoreError {
    StoreError("the event is not recorded".to_owned())
}

/// Adds to an event that is recorded; one that is not was lost with its own commit.
pub(super) fn tell(page: &mut Page<'_>, seq: Seq, told: &[u8]) -> Said<Option<Vec<u8>>> {
    match event(page.transaction, seq)? {
        Some(event) => tell_of(page, &event, told).map(Ok),
        None => Ok(Err(not_recorded())),
    }
}

/// What was told before, which then stands.
pub(super) fn tell_of(page: &mut Page<'_>, event: &Event, told: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut insert =
        page.transaction.prepare_cached("INSERT INTO told VALUES (?1,?2) ON CONFLICT DO NOTHING")?;
    if insert.execute(params![event.subject.seq, told])? == 1 {
        page.note(|pen| pen.decision(&event.subject, told))?;
        if event.mode.is_told_the_decision() {
            falls(page, event, Kind::Decision)?;
        }
        return Ok(None);
    }
    let mut before = page.transaction.prepare_cached("SELECT body FROM told WHERE seq = ?1")?;
    before.query_row([event.subject.seq], |row| row.get(0)).optional()
}

/// The decision of an event whose first answer was that it is pending, as it stands.
fn decided(transaction: &Transaction<'_>, seq: Seq) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut query = transaction.prepare_cached("SELECT body FROM decided WHERE seq = ?1")?;
    query.query_row([seq], |row| row.get(0)).optional()
}

pub(super) fn is_decided(transaction: &Transaction<'_>, seq: Seq) -> rusqlite::Result<bool> {
    Ok(decided(transaction, seq)?.is_some())
}

/// Whether the decision has fallen, whoever was told it, and how.
pub(super) fn has_fallen(transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<bool> {
    let table = if event.mode.is_told_the_decision() { "told" } else { "decided" };
    let mut query = transaction.prepare_cached(&format!("SELECT 1 FROM {table} WHERE seq = ?1"))?;
    Ok(query.query_row([event.subject.seq], |_| Ok(())).optional()?.is_some())
}

/// What a callback says is the decision, once.
pub(super) fn call_back(page: &mut Page<'_>, callback: &Callback) -> Said<Effect> {
    let Some(event) = event(page.transaction, callback.seq)? else { return Ok(Err(not_recorded())) };
    let effect = match said_before(page.transaction, callback.seq)? {
        Some(before) if before == callback.said => Effect::Same,
        Some(_) => Effect::Conflict,
        None => take_in(page, &event, callback)?,
    };
    page.note(|pen| pen.callback(&event.subject, callback, effect))?;
    Ok(Ok(effect))
}

/// The first callback of an event.
fn take_in(page: &mut Page<'_>, event: &Event, callback: &Callback) -> rusqlite::Result<Effect> {
    let (transaction, seq) = (page.transaction, callback.seq);
    let [code, score, action] = &callback.said;
    let mut insert = transaction.prepare_cached("INSERT INTO callback VALUES (?1,?2,?3,?4,?5)")?;
    insert.execute(params![seq, code, score, action, time(callback.at)])?;
    put(transaction, seq, &callback.state, time(callback.at))?;
    if decide(page, event, &callback.decided)?.is_none() {
        return Ok(Effect::Decided);
    }
    if let Some(late) = &callback.late {
        note_late(page, event, late)?;
    }
    Ok(Effect::Late)
}

/// What the first callback said.
pub(super) fn said_before(transaction: &Transaction<'_>, seq: Seq) -> rusqlite::Result<Option<[String; 3]>> {
    let mut query = transaction
        .prepare_cached("SELECT return_code, risk_score, risk_action FROM callback WHERE seq = ?1")?;
    query.query_row([seq], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).optional()
}

/// The fallback decides, because no callback came in time; a delivery that only waited for it is done.
pub(super) fn decide_late(page: &mut Page<'_>, seq: Seq, decided: &[u8]) -> Said<()> {
    let Some(event) = event(page.transaction, seq)? else { return Ok(Err(not_recorded())) };
    decide(page, &event, decided)?;
    let mut delete = page
        .transaction
        .prepare_cached("DELETE FROM delivery WHERE seq = ?1 AND state = 'AWAITING_CALLBACK'")?;
    delete.execute([seq])?;
    Ok(Ok(()))
}

/// What was decided before, which then stands.
pub(super) fn decide(page: &mut Page<'_>, event: &Event, words: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut insert =
        page.transaction.prepare_cached("INSERT INTO decided VALUES (?1,?2) ON CONFLICT DO NOTHING")?;
    if insert.execute(params![event.subject.seq, words])? == 1 {
        page.note(|pen| pen.decision(&event.subject, words))?;
        falls(page, event, Kind::Decision)?;
        return Ok(None);
    }
    decided(page.transaction, event.subject.seq)
}

pub(super) fn note_late(page: &mut Page<'_>, event: &Event, late: &Late) -> rusqlite::Result<()> {
    let mut insert = page
        .transaction
        .prepare_cached("INSERT INTO late VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING")?;
    let written = insert.execute(params![
        event.subject.seq,
        late.verdict.name(),
        late.risk_score.map(|score| score.to_string()),
        late.risk_action,
        late.return_code,
        time(late.at),
    ])?;
    if written == 1 {
        page.note(|pen| pen.late(&event.subject, late))?;
        falls(page, event, Kind::Late)?;
    }
    Ok(())
}
