//! What is written: each write's statements, inside the transaction of its batch.

use super::audit::Doubt;
use super::batches;
use super::entries::{Page, event};
use super::falls::Event;
use super::prune::{release_key, take_out};
use super::pushes;
use super::rows::{join, tier, time};
use super::said::{
    call_back, decide, decide_late, has_fallen, is_decided, not_recorded, note_late, said_before, tell,
    tell_of,
};
use super::waiting::{leave_for_good, overtake, release, stand_aside};
use crate::application::ports::{
    Act, Batch, Callback, Effect, Hold, Pruned, PushEnd, PushId, Record, Recorded, Seq, Settlement,
    StoreError, Waiting, Who,
};
use crate::domain::delivery::{Attempt, State};
use crate::domain::hold::STORE_OLDER;
use crate::domain::identifiers::TenantName;
use jiff::Timestamp;
use rusqlite::{Transaction, params};
use std::collections::{BTreeMap, HashSet};

/// The state of a delivery whose attempt has begun, as far as that is recorded.
const SENDING: &str = "SENDING";

/// One write.
pub(super) enum Write {
    Record(Box<Record>),
    Begin { seq: Seq },
    Tell { seq: Seq, told: Vec<u8> },
    Decide { seq: Seq, decided: Vec<u8> },
    Operate { seq: Seq, act: Act, by: Who },
    Settle(Box<Settlement>),
    CallBack(Box<Callback>),
    Refused(BTreeMap<&'static str, u64>),
    Hold(Hold),
    Release { hold: Hold, by: Who, accepted: Option<Doubt> },
    ReleaseKey { tenant: TenantName, key: String, before: Timestamp },
    Prune { after: Seq, upto: Seq, before: Timestamp },
    Batch(Box<Batch>),
    Pushed(PushEnd),
    OperatePush { tenant: TenantName, id: PushId, act: Act, by: Who },
    Reloaded { configuration: String },
}

/// What a write comes to.
pub(super) enum Outcome {
    Done,
    Recorded(Recorded),
    /// What was told or decided before, which stands.
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
pub(super) fn write(page: &mut Page<'_>, write: &Write, together: &Together) -> Written {
    match write {
        Write::Record(new) => Ok(Ok(Outcome::Recorded(record(page, new, together)?))),
        Write::Begin { seq } => begin(page.transaction, *seq),
        Write::Tell { seq, told } => Ok(tell(page, *seq, told)?.map(Outcome::Told)),
        Write::Decide { seq, decided } => Ok(decide_late(page, *seq, decided)?.map(|()| Outcome::Done)),
        Write::Operate { seq, act, by } => operate(page, (*seq, *act), by),
        Write::Settle(end) => settle(page, end, together),
        Write::CallBack(callback) => Ok(call_back(page, callback)?.map(Outcome::CalledBack)),
        Write::Refused(refused) => refuse(page, refused),
        Write::Hold(new) => hold(page, new),
        Write::Release { hold, by, accepted } => end_hold(page, hold, by, *accepted),
        Write::ReleaseKey { tenant, key, before } => {
            release_key(page.transaction, tenant.as_str(), key, *before)?;
            Ok(Ok(Outcome::Done))
        }
        Write::Prune { after, upto, before } => {
            Ok(Ok(Outcome::Pruned(take_out(page.transaction, (*after, *upto), *before)?)))
        }
        Write::Batch(batch) => {
            batches::put(page, batch)?;
            Ok(Ok(Outcome::Done))
        }
        Write::Pushed(end) => {
            pushes::end(page, end)?;
            Ok(Ok(Outcome::Done))
        }
        Write::OperatePush { tenant, id, act, by } => {
            let done = pushes::operate(page, (tenant, *id), *act, by.as_deref())?;
            one(usize::from(done), "the push is not parked")
        }
        Write::Reloaded { configuration } => {
            page.note(|pen| pen.reloaded(configuration))?;
            Ok(Ok(Outcome::Done))
        }
    }
}

fn one(written: usize, otherwise: &str) -> Written {
    Ok(if written == 1 { Ok(Outcome::Done) } else { Err(StoreError(otherwise.to_owned())) })
}

fn record(page: &mut Page<'_>, new: &Record, together: &Together) -> rusqlite::Result<Recorded> {
    let (transaction, prepared, message) = (page.transaction, &new.prepared, &new.prepared.message);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO event
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22)
         ON CONFLICT DO NOTHING",
    )?;
    let event = Event::of(new);
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
        prepared.traces.interaction,
        prepared.traces.transaction,
        event.back,
        new.batch,
        new.check.is_some(),
    ])?;
    if written == 0 {
        return Ok(Recorded::Known);
    }
    page.note(|pen| pen.accepted(new))?;
    if let Some(told) = &new.told {
        tell_of(page, &event, told)?;
    }
    if let Some(decided) = &new.decided {
        decide(page, &event, decided)?;
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

fn settle(page: &mut Page<'_>, end: &Settlement, together: &Together) -> Written {
    let transaction = page.transaction;
    let Some(event) = event(transaction, end.seq)? else { return Ok(Err(not_recorded())) };
    note_attempt(transaction, end)?;
    page.note(|pen| pen.attempt(&event.subject, end))?;
    // What falls with this very write is not late.
    let is_late = end.late.is_some() && has_fallen(transaction, &event)?;
    let mut before = match &end.told {
        Some(told) => tell_of(page, &event, told)?,
        None => None,
    };
    if let Some(decided) = &end.decided {
        before = decide(page, &event, decided)?.or(before);
    }
    if let Some(late) = end.late.as_ref().filter(|_| is_late) {
        note_late(page, &event, late)?;
    }
    if let Some((tenant, fingerprint)) = &end.promoted_key {
        let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO promoted_key VALUES (?1,?2)")?;
        insert.execute(params![tenant.as_str(), fingerprint])?;
        page.note(|pen| pen.key_promoted(tenant.as_str(), fingerprint))?;
    }
    if end.state.is_at_xceed() || matches!(end.attempt, Attempt::InDoubt(_) | Attempt::Refused(_)) {
        overtake(transaction, end.seq)?;
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
    Ok(Ok(Outcome::Told(before)))
}

/// What is done with a parked delivery.
fn operate(page: &mut Page<'_>, (seq, act): (Seq, Act), by: &Who) -> Written {
    let (state, due) = match act {
        Act::Replay(at) => ("QUEUED", Some(time(at))),
        Act::Discard => ("DISCARDED", None),
    };
    let mut update = page.transaction.prepare_cached(
        "UPDATE delivery SET state = ?2, due = coalesce(?3, due) WHERE seq = ?1 AND state = 'PARKED'",
    )?;
    let written = update.execute(params![seq, state, due])?;
    if act == Act::Discard {
        leave_for_good(page.transaction, seq)?;
    }
    if written == 1
        && let Some(event) = event(page.transaction, seq)?
    {
        page.note(|pen| pen.operated(&event.subject, act, by.as_deref()))?;
    }
    one(written, "the delivery is not parked")
}

fn refuse(page: &mut Page<'_>, refused: &BTreeMap<&'static str, u64>) -> Written {
    for (why, count) in refused {
        page.note(|pen| pen.refused(why, *count))?;
    }
    Ok(Ok(Outcome::Done))
}

fn hold(page: &mut Page<'_>, new: &Hold) -> Written {
    let (tenant, queue) = (new.tenant.as_str(), new.queue.to_string());
    if new.code == STORE_OLDER {
        // It waits for a person, whatever else its queues waited for.
        page.transaction.prepare_cached("DELETE FROM hold WHERE tenant = ?1")?.execute([tenant])?;
    }
    let mut insert =
        page.transaction.prepare_cached("INSERT INTO hold VALUES (?1,?2,?3,?4) ON CONFLICT DO NOTHING")?;
    if insert.execute(params![tenant, queue, new.code, time(new.since)])? == 1 {
        page.note(|pen| pen.hold(tenant, &queue, &new.code))?;
    }
    Ok(Ok(Outcome::Done))
}

fn end_hold(page: &mut Page<'_>, hold: &Hold, by: &Who, accepted: Option<Doubt>) -> Written {
    if let (Some(doubt), Some(by)) = (accepted, by) {
        page.note(|pen| pen.restored(doubt, by))?;
    }
    let released = release(page.transaction, hold)?;
    let (tenant, queue) = (hold.tenant.as_str(), hold.queue.to_string());
    page.note(|pen| pen.resume(tenant, &queue, &hold.code, by.as_deref()))?;
    Ok(Ok(Outcome::Released(released)))
}

/// Where a delivery stands.
pub(super) fn put(transaction: &Transaction<'_>, seq: Seq, state: &State, at: i64) -> rusqlite::Result<()> {
    match state {
        State::Settled => {
            leave_for_good(transaction, seq)?;
            transaction.prepare_cached("DELETE FROM delivery WHERE seq = ?1")?.execute([seq])?;
            Ok(())
        }
        State::Queued { due } => queue(transaction, seq, state.name(), time(*due), None),
        State::AwaitingCallback { until } => queue(transaction, seq, state.name(), time(*until), None),
        State::Parked { reason } => {
            stand_aside(transaction, seq)?;
            queue(transaction, seq, state.name(), at, Some(reason))
        }
    }
}

fn note_attempt(transaction: &Transaction<'_>, end: &Settlement) -> rusqlite::Result<()> {
    let why = end.attempt.why();
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
