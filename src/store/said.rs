//! What is said of an event: what callers are told, decisions, callbacks, late scores. The first words stand.

use super::audit::Subject;
use super::entries::{Page, subject};
use super::rows::time;
use super::writes::put;
use crate::application::ports::{Callback, Effect, Late, Seq, StoreError};
use rusqlite::{OptionalExtension, Transaction, params};

/// The outer error means that nothing of the transaction is written; the inner one, that this could not be.
type Said<T> = rusqlite::Result<Result<T, StoreError>>;

pub(super) fn not_recorded() -> StoreError {
    StoreError("the event is not recorded".to_owned())
}

/// Adds to an event that is recorded; one that is not was lost with its own commit.
pub(super) fn tell(page: &mut Page<'_>, seq: Seq, told: &[u8]) -> Said<Option<Vec<u8>>> {
    match subject(page.transaction, seq)? {
        Some(subject) => tell_of(page, &subject, told).map(Ok),
        None => Ok(Err(not_recorded())),
    }
}

/// What was told before, which then stands.
pub(super) fn tell_of(
    page: &mut Page<'_>,
    subject: &Subject,
    told: &[u8],
) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut insert =
        page.transaction.prepare_cached("INSERT INTO told VALUES (?1,?2) ON CONFLICT DO NOTHING")?;
    if insert.execute(params![subject.seq, told])? == 1 {
        page.note(|pen| pen.decision(subject, told))?;
        return Ok(None);
    }
    let mut before = page.transaction.prepare_cached("SELECT body FROM told WHERE seq = ?1")?;
    before.query_row([subject.seq], |row| row.get(0)).optional()
}

pub(super) fn is_decided(transaction: &Transaction<'_>, seq: Seq) -> rusqlite::Result<bool> {
    let mut query = transaction.prepare_cached("SELECT 1 FROM decided WHERE seq = ?1")?;
    Ok(query.query_row([seq], |_| Ok(())).optional()?.is_some())
}

/// What a callback says is the decision, once.
pub(super) fn call_back(page: &mut Page<'_>, callback: &Callback) -> Said<Effect> {
    let Some(subject) = subject(page.transaction, callback.seq)? else { return Ok(Err(not_recorded())) };
    let effect = match said_before(page.transaction, callback.seq)? {
        Some(before) if before == callback.said => Effect::Same,
        Some(_) => Effect::Conflict,
        None => take_in(page, &subject, callback)?,
    };
    page.note(|pen| pen.callback(&subject, callback, effect))?;
    Ok(Ok(effect))
}

/// The first callback of an event.
fn take_in(page: &mut Page<'_>, subject: &Subject, callback: &Callback) -> rusqlite::Result<Effect> {
    let (transaction, seq) = (page.transaction, callback.seq);
    let [code, score, action] = &callback.said;
    let mut insert = transaction.prepare_cached("INSERT INTO callback VALUES (?1,?2,?3,?4,?5)")?;
    insert.execute(params![seq, code, score, action, time(callback.at)])?;
    put(transaction, seq, &callback.state, time(callback.at))?;
    if decide(page, subject, &callback.decided)? {
        return Ok(Effect::Decided);
    }
    if let Some(late) = &callback.late {
        note_late(page, subject, late)?;
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
    let Some(subject) = subject(page.transaction, seq)? else { return Ok(Err(not_recorded())) };
    decide(page, &subject, decided)?;
    let mut delete = page
        .transaction
        .prepare_cached("DELETE FROM delivery WHERE seq = ?1 AND state = 'AWAITING_CALLBACK'")?;
    delete.execute([seq])?;
    Ok(Ok(()))
}

/// Whether it is the decision; the first one stands.
pub(super) fn decide(page: &mut Page<'_>, subject: &Subject, decided: &[u8]) -> rusqlite::Result<bool> {
    let mut insert =
        page.transaction.prepare_cached("INSERT INTO decided VALUES (?1,?2) ON CONFLICT DO NOTHING")?;
    let falls = insert.execute(params![subject.seq, decided])? == 1;
    if falls {
        page.note(|pen| pen.decision(subject, decided))?;
    }
    Ok(falls)
}

pub(super) fn note_late(page: &mut Page<'_>, subject: &Subject, late: &Late) -> rusqlite::Result<()> {
    let mut insert = page
        .transaction
        .prepare_cached("INSERT INTO late VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING")?;
    let written = insert.execute(params![
        subject.seq,
        late.verdict.name(),
        late.risk_score.map(|score| score.to_string()),
        late.risk_action,
        late.return_code,
        time(late.at),
    ])?;
    if written == 1 {
        page.note(|pen| pen.late(subject, late))?;
    }
    Ok(())
}
