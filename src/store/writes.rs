//! What is written: each write's statements, inside the transaction of its batch.

use super::prune::{release_key, take_out};
use super::rows::{join, tier, time};
use super::waiting::release;
use crate::application::ports::{
    Act, Callback, Effect, Hold, Late, Pruned, Record, Recorded, Seq, Settlement, StoreError, Waiting,
};
use crate::domain::delivery::{Attempt, State};
use crate::domain::identifiers::TenantName;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::HashSet;

/// The state of a delivery whose attempt has begun, as far as that is recorded.
const SENDING: &str = "SENDING";

/// One write.
pub(super) enum Write {
    Record(Box<Record>),
    Begin { seq: Seq },
    Tell { seq: Seq, told: Vec<u8> },
    Decide { seq: Seq, decided: Vec<u8> },
    Operate { seq: Seq, act: Act },
    Settle(Box<Settlement>),
    CallBack(Box<Callback>),
    Hold(Hold),
    Release(Hold),
    ReleaseKey { tenant: TenantName, key: String, before: Timestamp },
    Prune { after: Seq, upto: Seq },
}

/// What a write comes to.
pub(super) enum Outcome {
    Done,
    Recorded(Recorded),
    /// What was told before, which stands.
    Told(Option<Vec<u8>>),
    CalledBack(Effect),
    Released(Vec<Waiting>),
    Pruned(Pruned),
}

/// Which events are recorded, and which deliveries settled, in this very batch.
pub(super) struct Together {
    recorded: HashSet<Seq>,
    settled: HashSet<Seq>,
}

impl Together {
    pub(super) fn of<'w>(batch: impl Iterator<Item = &'w Write>) -> Self {
        let mut together = Self { recorded: HashSet::new(), settled: HashSet::new() };
        for write in batch {
            match write {
                Write::Record(record) => together.recorded.insert(record.seq),
                Write::Settle(end) if end.state == State::Settled => together.settled.insert(end.seq),
                _ => false,
            };
        }
        together
    }

    fn fused(&self, seq: Seq) -> bool {
        self.recorded.contains(&seq) && self.settled.contains(&seq)
    }
}

/// The outer error means that nothing of the transaction is written; the inner one, that this write could not be.
pub(super) type Written = rusqlite::Result<Result<Outcome, StoreError>>;

/// Carries out one write.
pub(super) fn write(transaction: &Transaction<'_>, write: &Write, together: &Together) -> Written {
    match write {
        Write::Record(new) => Ok(Ok(Outcome::Recorded(record(transaction, new, together)?))),
        Write::Begin { seq } => begin(transaction, *seq),
        Write::Tell { seq, told } => Ok(tell(transaction, *seq, told)?.map(Outcome::Told)),
        Write::Decide { seq, decided } => decide_late(transaction, *seq, decided),
        Write::Operate { seq, act } => operate(transaction, *seq, *act),
        Write::Settle(end) => settle(transaction, end, together),
        Write::CallBack(callback) => Ok(Ok(Outcome::CalledBack(call_back(transaction, callback)?))),
        Write::Hold(new) => hold(transaction, new),
        Write::Release(hold) => Ok(Ok(Outcome::Released(release(transaction, hold)?))),
        Write::ReleaseKey { tenant, key, before } => {
            release_key(transaction, tenant.as_str(), key, *before)?;
            Ok(Ok(Outcome::Done))
        }
        Write::Prune { after, upto } => Ok(Ok(Outcome::Pruned(take_out(transaction, *after, *upto)?))),
    }
}

fn one(written: usize, otherwise: &str) -> Written {
    Ok(if written == 1 { Ok(Outcome::Done) } else { Err(StoreError(otherwise.to_owned())) })
}

fn record(transaction: &Transaction<'_>, new: &Record, together: &Together) -> rusqlite::Result<Recorded> {
    let (prepared, message) = (&new.prepared, &new.prepared.message);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO event VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17) ON CONFLICT DO NOTHING",
    )?;
    let written = insert.execute(params![
        new.seq,
        new.tenant.as_str(),
        message.event_id.as_str(),
        new.idempotency_key,
        new.fingerprint.0,
        new.mode.name(),
        time(new.received_at),
        prepared.facts.event_type,
        prepared.facts.customer.as_ref().map(|customer| customer.expose()),
        tier(prepared.facts.tier),
        prepared.facts.amount.map(|amount| amount.to_string()),
        prepared.schema,
        message.channel,
        message.payload,
        message.response_required,
        message.callback_id,
        join(&prepared.defaulted),
    ])?;
    if written == 0 {
        return Ok(Recorded::Known);
    }
    if let Some(told) = &new.told {
        tell(transaction, new.seq, told)?.ok();
    }
    if let Some(decided) = &new.decided {
        decide(transaction, new.seq, decided)?;
    }
    if !together.fused(new.seq) {
        let state = if new.begun { SENDING } else { "QUEUED" };
        queue(transaction, new.seq, state, time(new.received_at), None)?;
    }
    Ok(Recorded::First)
}

fn begin(transaction: &Transaction<'_>, seq: Seq) -> Written {
    let mut update = transaction.prepare_cached("UPDATE delivery SET state = ?2 WHERE seq = ?1")?;
    one(update.execute(params![seq, SENDING])?, "the delivery is not queued")
}

/// Adds to an event that is recorded; one that is not was lost with its own commit. The first words stand.
fn tell(
    transaction: &Transaction<'_>,
    seq: Seq,
    told: &[u8],
) -> rusqlite::Result<Result<Option<Vec<u8>>, StoreError>> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO told SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM event WHERE seq = ?1) ON CONFLICT DO NOTHING",
    )?;
    if insert.execute(params![seq, told])? == 1 {
        return Ok(Ok(None));
    }
    let mut before = transaction.prepare_cached("SELECT body FROM told WHERE seq = ?1")?;
    let before = before.query_row([seq], |row| row.get(0)).optional()?;
    Ok(before.map(Some).ok_or_else(|| StoreError("the event is not recorded".to_owned())))
}

fn settle(transaction: &Transaction<'_>, end: &Settlement, together: &Together) -> Written {
    let mut known = transaction.prepare_cached("SELECT 1 FROM event WHERE seq = ?1")?;
    if known.query_row([end.seq], |_| Ok(())).optional()?.is_none() {
        return Ok(Err(StoreError("the event is not recorded".to_owned())));
    }
    note_attempt(transaction, end)?;
    let told_before = match &end.told {
        Some(told) => tell(transaction, end.seq, told)?.unwrap_or_default(),
        None => None,
    };
    if let Some(decided) = &end.decided {
        decide(transaction, end.seq, decided)?;
    }
    if let Some(late) = &end.late {
        note_late(transaction, end.seq, late)?;
    }
    if let Some((tenant, fingerprint)) = &end.promoted_key {
        let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO promoted_key VALUES (?1,?2)")?;
        insert.execute(params![tenant.as_str(), fingerprint])?;
    }
    let fused = together.fused(end.seq);
    // A callback is final, also one that was quicker than the acknowledgement.
    if !fused && said_before(transaction, end.seq)?.is_none() {
        let state = match &end.state {
            // Its time was over before Xceed took it in: nothing is awaited any more.
            State::AwaitingCallback { .. } if is_decided(transaction, end.seq)? => &State::Settled,
            state => state,
        };
        put(transaction, end.seq, state, time(end.at))?;
    }
    Ok(Ok(Outcome::Told(told_before)))
}

fn is_decided(transaction: &Transaction<'_>, seq: Seq) -> rusqlite::Result<bool> {
    let mut query = transaction.prepare_cached("SELECT 1 FROM decided WHERE seq = ?1")?;
    Ok(query.query_row([seq], |_| Ok(())).optional()?.is_some())
}

/// What is done with a parked delivery.
fn operate(transaction: &Transaction<'_>, seq: Seq, act: Act) -> Written {
    let (state, due) = match act {
        Act::Replay(at) => ("QUEUED", Some(time(at))),
        Act::Discard => ("DISCARDED", None),
    };
    let mut update = transaction.prepare_cached(
        "UPDATE delivery SET state = ?2, due = coalesce(?3, due) WHERE seq = ?1 AND state = 'PARKED'",
    )?;
    one(update.execute(params![seq, state, due])?, "the delivery is not parked")
}

fn hold(transaction: &Transaction<'_>, new: &Hold) -> Written {
    let mut insert =
        transaction.prepare_cached("INSERT INTO hold VALUES (?1,?2,?3,?4) ON CONFLICT DO NOTHING")?;
    insert.execute(params![new.tenant.as_str(), new.queue.to_string(), new.code, time(new.since)])?;
    Ok(Ok(Outcome::Done))
}

/// What a callback says is the decision, once.
fn call_back(transaction: &Transaction<'_>, callback: &Callback) -> rusqlite::Result<Effect> {
    let seq = callback.seq;
    if let Some(before) = said_before(transaction, seq)? {
        return Ok(if before == callback.said { Effect::Same } else { Effect::Conflict });
    }
    let [code, score, action] = &callback.said;
    let mut insert = transaction.prepare_cached("INSERT INTO callback VALUES (?1,?2,?3,?4,?5)")?;
    insert.execute(params![seq, code, score, action, time(callback.at)])?;
    put(transaction, seq, &callback.state, time(callback.at))?;
    if decide(transaction, seq, &callback.decided)? {
        return Ok(Effect::Decided);
    }
    if let Some(late) = &callback.late {
        note_late(transaction, seq, late)?;
    }
    Ok(Effect::Late)
}

/// What the first callback said.
fn said_before(transaction: &Transaction<'_>, seq: Seq) -> rusqlite::Result<Option<[String; 3]>> {
    let mut query = transaction
        .prepare_cached("SELECT return_code, risk_score, risk_action FROM callback WHERE seq = ?1")?;
    query.query_row([seq], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).optional()
}

/// The fallback decides, because no callback came in time; a delivery that only waited for it is done.
fn decide_late(transaction: &Transaction<'_>, seq: Seq, decided: &[u8]) -> Written {
    decide(transaction, seq, decided)?;
    let mut delete =
        transaction.prepare_cached("DELETE FROM delivery WHERE seq = ?1 AND state = 'AWAITING_CALLBACK'")?;
    delete.execute([seq])?;
    Ok(Ok(Outcome::Done))
}

/// Whether it is the decision; the first one stands.
fn decide(transaction: &Transaction<'_>, seq: Seq, decided: &[u8]) -> rusqlite::Result<bool> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO decided VALUES (?1,?2) ON CONFLICT DO NOTHING")?;
    Ok(insert.execute(params![seq, decided])? == 1)
}

fn note_late(transaction: &Transaction<'_>, seq: Seq, late: &Late) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO late VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING")?;
    insert.execute(params![
        seq,
        late.verdict.name(),
        late.risk_score.map(|score| score.to_string()),
        late.risk_action,
        late.return_code,
        time(late.at),
    ])?;
    Ok(())
}

/// Where a delivery stands.
fn put(transaction: &Transaction<'_>, seq: Seq, state: &State, at: i64) -> rusqlite::Result<()> {
    match state {
        State::Settled => {
            transaction.prepare_cached("DELETE FROM delivery WHERE seq = ?1")?.execute([seq])?;
            Ok(())
        }
        State::Queued { due } => queue(transaction, seq, state.name(), time(*due), None),
        State::AwaitingCallback { until } => queue(transaction, seq, state.name(), time(*until), None),
        State::Parked { reason } => queue(transaction, seq, state.name(), at, Some(reason)),
    }
}

fn note_attempt(transaction: &Transaction<'_>, end: &Settlement) -> rusqlite::Result<()> {
    let why = match &end.attempt {
        Attempt::NotSent(why) | Attempt::InDoubt(why) | Attempt::Refused(why) => Some(*why),
        Attempt::Answered(_) => None,
    };
    let results = end.attempt.results();
    let remarks = results.map(|results| {
        let all: Vec<String> = results.reasons.iter().chain(&results.remarks).cloned().collect();
        join(&all)
    });
    let mut insert = transaction.prepare_cached(
        "INSERT INTO attempt
         VALUES (?1,(SELECT count(*) + 1 FROM attempt WHERE seq = ?1),?2,?3,?4,?5,?6,?7,?8,?9)",
    )?;
    insert.execute(params![
        end.seq,
        time(end.at),
        i64::try_from(end.took.as_micros()).unwrap_or(i64::MAX),
        end.attempt.name(),
        why,
        results.map(|results| results.code.word()),
        results.and_then(|results| results.risk_score).map(|score| score.to_string()),
        results.and_then(|results| results.risk_action.as_deref()),
        remarks,
    ])?;
    Ok(())
}

fn queue(
    transaction: &Transaction<'_>,
    seq: Seq,
    state: &str,
    due: i64,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO delivery VALUES (?1,?2,?3,?4)")?;
    insert.execute(params![seq, state, due, reason])?;
    Ok(())
}
