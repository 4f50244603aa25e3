//! What a batch of writes changes: a pure function of the writes and of what the database says of their events, while
//! it lets nobody else touch them. The first writer's words stand, whichever gateway it was; who has lost the lease
//! changes nothing but the list of attempts.

use super::command::{Outcome, Write};
use super::news::News;
use super::standing::{Changes, Duty, Going, Standing};
use crate::application::ports::{
    Act, Callback, Check, Effect, Hold, Late, PushId, Record, Recorded, Seq, Settlement, StoreError,
};
use crate::domain::delivery::State;
use crate::domain::going_back::Kind;
use crate::domain::hold::STORE_OLDER;
use crate::store::audit::{Head, Pen};
use crate::store::falls::Event;
use crate::store::rows::time;
use std::collections::{HashMap, HashSet};

/// How long a delivery that waits is its gateway's alone, should that be gone; in microseconds. It must be claimed
/// before it is sent again, so nothing is under way.
const GRACE: i64 = 10_000_000;
/// The state of a delivery whose attempt has begun, as far as that is recorded.
const SENDING: &str = "SENDING";

/// A batch while it is worked out.
pub(super) struct Batch<'a> {
    /// This gateway's number.
    pub(super) me: i32,
    /// The database's time.
    pub(super) now: i64,
    /// How long a delivery is this gateway's alone from when its attempt may begin; in microseconds.
    pub(super) attempt: i64,
    /// Events that were there before.
    pub(super) standing: HashMap<Seq, Standing>,
    /// Lines in which other gateways have something to send: whose the first of it is, and which.
    pub(super) busy: HashMap<i64, (i32, Seq)>,
    /// The events that this batch has recorded, and their places.
    pub(super) placed: HashMap<Seq, i64>,
    /// How many checks count against those that are to be recorded, by number.
    pub(super) checked: HashMap<Seq, i64>,
    /// The pushes that the batch is about.
    pub(super) going: HashMap<PushId, Going>,
    /// Checks that the batch has let through: of which line and type, and when they came.
    pub(super) let_through: HashMap<(i64, String), Vec<i64>>,
    /// Queues that are held, where any of the writes asks.
    pub(super) held: HashSet<(String, String)>,
    /// The fences under which this gateway has its deliveries, where they are not the first.
    pub(super) fences: &'a HashMap<Seq, i64>,
    /// Writes the audit trail.
    pub(super) pen: Pen<'a>,
}

impl Batch<'_> {
    /// Works out each write in turn.
    pub(super) fn run(mut self, writes: &[&Write]) -> (Vec<Outcome>, Changes, Head) {
        let before: HashMap<Seq, Duty> =
            self.standing.iter().filter_map(|(seq, standing)| Some((*seq, standing.duty.clone()?))).collect();
        let mut changes = Changes::default();
        let each = |(n, write): (usize, &&Write)| self.apply(n, write, &mut changes);
        let outcomes = writes.iter().enumerate().map(each).collect();
        let head = self.pen.head();
        changes.tally = self.pen.tally();
        for (seq, standing) in self.standing {
            match (before.get(&seq), standing.duty) {
                (Some(before), Some(now)) if *before == now => {}
                (_, Some(now)) => changes.duties.push((seq, now)),
                (Some(_), None) => changes.done.push(seq),
                (None, None) => {}
            }
        }
        (outcomes, changes, head)
    }

    fn apply(&mut self, n: usize, write: &Write, changes: &mut Changes) -> Outcome {
        match write {
            Write::Record(record) => self.record(record, changes),
            Write::Begin(seq) => self.begin(*seq),
            Write::Tell(seq, told) => self.tell(*seq, told, changes),
            Write::Decide(seq, decided) => self.decide_late(*seq, decided, changes),
            Write::Operate(seq, act, by) => self.operate(*seq, *act, by.as_deref(), changes),
            Write::Hold(hold) => self.hold(hold, changes),
            Write::Refused(refused) => {
                for (why, count) in refused {
                    changes.entries.push(self.pen.refused(why, *count));
                }
                Outcome::Done
            }
            Write::Settle(end) => self.settle(n, end, changes),
            Write::CallBack(callback) => self.call_back(callback, changes),
            Write::Claim(seq) => Outcome::Turn(self.claim(*seq, changes)),
            Write::ClaimTogether(seqs) => self.claim_together(seqs, changes),
            Write::Batch(batch) => {
                changes.entries.push(self.pen.batch(batch));
                changes.batches.push((**batch).clone());
                Outcome::Done
            }
            Write::Pushed(end) => self.pushed(end, changes),
            Write::OperatePush(tenant, id, act, by) => {
                self.operate_push(tenant, *id, (*act, by.as_deref()), changes)
            }
            Write::Reloaded(configuration) => {
                changes.entries.push(self.pen.reloaded(configuration));
                Outcome::Done
            }
        }
    }

    fn record(&mut self, record: &Record, changes: &mut Changes) -> Outcome {
        let Some(&place) = self.placed.get(&record.seq) else { return Outcome::Recorded(Recorded::Known) };
        let line = super::line::of(record);
        let ahead = line.and_then(|line| self.busy.get(&line)).copied();
        let duty = Duty {
            // Behind another gateway's nothing begins, whatever its own gateway knew.
            state: if record.begun && ahead.is_none() { SENDING } else { "QUEUED" }.to_owned(),
            due: time(record.received_at),
            reason: None,
            line,
            place,
            owner: self.me,
            fence: 0,
            lease_until: self.now + self.attempt,
        };
        let limited = self.one_too_many(record, line);
        let mut standing = Standing::new(Event::of(record), duty);
        changes.entries.push(self.pen.accepted(record));
        if limited.is_some()
            && let Some(duty) = &mut standing.duty
        {
            // Nothing has begun: what is sent is another message.
            "QUEUED".clone_into(&mut duty.state);
        }
        self.standing.insert(record.seq, standing);
        if let Some(Check { limited, .. }) = limited {
            changes.limited.push(record.seq);
            self.tell(record.seq, limited, changes);
            if record.mode.is_told_pending() {
                self.decide(record.seq, limited, changes);
            }
            return Outcome::Recorded(Recorded::Limited);
        }
        if let Some(told) = &record.told {
            self.tell(record.seq, told, changes);
        }
        if let Some(decided) = &record.decided {
            self.decide(record.seq, decided, changes);
        }
        match ahead {
            Some((owner, first)) => {
                changes.news.push(News::Hurry { owner, seq: first });
                Outcome::Recorded(Recorded::Behind)
            }
            None => Outcome::Recorded(Recorded::First),
        }
    }

    /// Whether the customer was checked too often. What is let through counts against the others of the batch.
    fn one_too_many<'r>(&mut self, record: &'r Record, line: Option<i64>) -> Option<&'r Check> {
        let (check, line) = (record.check.as_ref()?, line?);
        let (at, window) = (time(record.received_at), micros(check.rule.window));
        let whom = (line, record.prepared.facts.event_type.clone());
        let here = self.let_through.entry(whom).or_default();
        let count = here.iter().filter(|other| **other > at - window).count();
        let before = self.checked.get(&record.seq).copied().unwrap_or_default();
        if i64::try_from(count).unwrap_or(i64::MAX).saturating_add(before) >= i64::from(check.rule.count) {
            return Some(check);
        }
        here.push(at);
        None
    }

    fn begin(&mut self, seq: Seq) -> Outcome {
        let (until, is_mine) = (self.now + self.attempt, self.is_mine(seq));
        match self.duty(seq) {
            Some(duty) if is_mine && duty.state == "QUEUED" => {
                SENDING.clone_into(&mut duty.state);
                duty.lease_until = until;
                Outcome::Done
            }
            _ => refuse("the delivery is not queued here"),
        }
    }

    fn tell(&mut self, seq: Seq, told: &[u8], changes: &mut Changes) -> Outcome {
        let Some(standing) = self.standing.get_mut(&seq) else { return unknown() };
        if let Some(before) = &standing.told {
            return Outcome::Stands(Some(before.clone()));
        }
        standing.told = Some(told.to_owned());
        changes.told.push((seq, told.to_owned()));
        changes.entries.push(self.pen.decision(&standing.event.subject, told));
        if standing.event.mode.is_told_the_decision() {
            changes.fall(&standing.event, Kind::Decision);
        }
        changes.announce(&standing.event);
        Outcome::Stands(None)
    }

    fn settle(&mut self, n: usize, end: &Settlement, changes: &mut Changes) -> Outcome {
        let (seq, is_mine) = (end.seq, self.is_mine(end.seq));
        let Some(standing) = self.standing.get_mut(&seq) else { return unknown() };
        standing.attempts += 1;
        changes.attempts.push((n, standing.attempts));
        changes.entries.push(self.pen.attempt(&standing.event.subject, end));
        if let Some((tenant, fingerprint)) = &end.promoted_key {
            changes.promoted.insert(tenant.as_str().to_owned(), fingerprint.clone());
            changes.entries.push(self.pen.key_promoted(tenant.as_str(), fingerprint));
        }
        let is_done = standing.duty.is_none();
        let stands = match (&end.told, &end.decided) {
            (Some(_), _) => standing.told.clone(),
            (None, Some(_)) => standing.decided.clone(),
            (None, None) => None,
        };
        // Nothing is sent while its callback is awaited: this is the end of an older attempt, from before it was taken over.
        let is_over = standing.duty.as_ref().is_some_and(|duty| duty.state == "AWAITING_CALLBACK");
        if (!is_mine || is_over) && !is_done {
            // Another gateway has it, and will say what is to be heard.
            return match stands {
                None if end.told.is_some() => refuse("another gateway has taken the delivery over"),
                stands => Outcome::Stands(stands),
            };
        }
        // What falls with this very write is not late.
        let is_late = standing.has_fallen();
        if let Some(told) = &end.told {
            self.tell(seq, told, changes);
        }
        if let Some(decided) = &end.decided {
            self.decide(seq, decided, changes);
        }
        if let Some(late) = end.late.as_ref().filter(|_| is_late) {
            self.note_late(seq, late, changes);
        }
        let standing = self.standing.get(&seq);
        // A callback is final, also one that was quicker than the acknowledgement.
        if !is_done && standing.is_some_and(|standing| standing.said.is_none()) {
            let is_decided = standing.is_some_and(|standing| standing.decided.is_some());
            self.put(
                seq,
                match &end.state {
                    // Its time was over before Xceed took it in: nothing is awaited any more.
                    State::AwaitingCallback { .. } if is_decided => &State::Settled,
                    state => state,
                },
                time(end.at),
            );
        }
        Outcome::Stands(stands)
    }

    /// The fallback decides, because no callback came in time; a delivery that only waited for it is done.
    fn decide_late(&mut self, seq: Seq, decided: &[u8], changes: &mut Changes) -> Outcome {
        if !self.decide(seq, decided, changes) && !self.standing.contains_key(&seq) {
            return unknown();
        }
        if self.duty(seq).is_some_and(|duty| duty.state == "AWAITING_CALLBACK") {
            self.put(seq, &State::Settled, 0);
        }
        Outcome::Done
    }

    /// What a callback says is the decision, once.
    fn call_back(&mut self, callback: &Callback, changes: &mut Changes) -> Outcome {
        let seq = callback.seq;
        let Some(standing) = self.standing.get(&seq) else { return unknown() };
        let subject = standing.event.subject.clone();
        let effect = match &standing.said {
            Some(before) if *before == callback.said => Effect::Same,
            Some(_) => Effect::Conflict,
            None => self.take_in(callback, changes),
        };
        changes.entries.push(self.pen.callback(&subject, callback, effect));
        Outcome::Effect(effect)
    }

    /// The first callback of an event.
    fn take_in(&mut self, callback: &Callback, changes: &mut Changes) -> Effect {
        let (seq, is_done) = (callback.seq, self.duty(callback.seq).is_none());
        if let Some(standing) = self.standing.get_mut(&seq) {
            standing.said = Some(callback.said.clone());
        }
        changes.callbacks.push((seq, callback.said.clone(), time(callback.at)));
        // One that parks, parks also what was done.
        if !is_done || callback.state != State::Settled {
            self.put(seq, &callback.state, time(callback.at));
        }
        if self.decide(seq, &callback.decided, changes) {
            return Effect::Decided;
        }
        if let Some(late) = &callback.late {
            self.note_late(seq, late, changes);
        }
        Effect::Late
    }

    /// A queue is held from now on.
    fn hold(&mut self, hold: &Hold, changes: &mut Changes) -> Outcome {
        let (tenant, queue) = (hold.tenant.as_str(), hold.queue.to_string());
        if hold.code == STORE_OLDER {
            // It waits for a person, whatever else its queues waited for.
            self.held.retain(|(of, _)| of != tenant);
            changes.holds.retain(|other| other.tenant != hold.tenant);
            changes.unheld.push(tenant.to_owned());
        }
        if self.held.insert((tenant.to_owned(), queue.clone())) {
            changes.holds.push(hold.clone());
            changes.entries.push(self.pen.hold(tenant, &queue, &hold.code));
        }
        Outcome::Done
    }

    /// What an operator does with a parked delivery, which is this gateway's from then on.
    fn operate(&mut self, seq: Seq, act: Act, by: Option<&str>, changes: &mut Changes) -> Outcome {
        let (me, until) = (self.me, self.now + GRACE);
        let Some(duty) = self.duty(seq).filter(|duty| duty.state == "PARKED") else {
            return refuse("the delivery is not parked");
        };
        match act {
            Act::Replay(at) => {
                "QUEUED".clone_into(&mut duty.state);
                (duty.due, duty.lease_until) = (time(at), until);
            }
            Act::Discard => "DISCARDED".clone_into(&mut duty.state),
        }
        changes.take(seq, duty, me);
        if let Some(standing) = self.standing.get(&seq) {
            changes.entries.push(self.pen.operated(&standing.event.subject, act, by));
        }
        Outcome::Done
    }

    /// The delivery is this gateway's to send, where nobody else has it and nobody else's goes first.
    fn claim(&mut self, seq: Seq, changes: &mut Changes) -> Turn {
        let (me, now, until) = (self.me, self.now, self.now + self.attempt);
        let Some(standing) = self.standing.get_mut(&seq) else { return Turn::Gone };
        let Some(duty) = &mut standing.duty else { return Turn::Gone };
        let is_held = duty.owner != me && (duty.lease_until > now || standing.is_attended);
        match duty.state.as_str() {
            "QUEUED" | SENDING | "AWAITING_CALLBACK" if is_held => Turn::Elsewhere,
            "QUEUED" | SENDING if standing.is_behind => Turn::Later,
            "QUEUED" | SENDING | "AWAITING_CALLBACK" => {
                duty.lease_until = duty.lease_until.max(until);
                changes.take(seq, duty, me);
                Turn::Mine
            }
            _ => Turn::Gone,
        }
    }

    /// In the order of recording: whoever stands behind one of them that can't be had waits as well.
    fn claim_together(&mut self, seqs: &[Seq], changes: &mut Changes) -> Outcome {
        let duty = |seq: &Seq| self.standing.get(seq).and_then(|standing| standing.duty.as_ref());
        let line_of = |seq: &Seq| duty(seq).and_then(|duty| duty.line);
        let places: HashMap<Seq, (i64, Option<i64>)> =
            seqs.iter().map(|seq| (*seq, (duty(seq).map_or(0, |duty| duty.place), line_of(seq)))).collect();
        let mut in_order = seqs.to_vec();
        in_order.sort_by_key(|seq| places.get(seq).map(|(place, _)| *place));
        let (mut turns, mut blocked) = (HashMap::new(), HashSet::new());
        for seq in in_order {
            let line = places.get(&seq).and_then(|(_, line)| *line);
            let turn = match line.is_some_and(|line| blocked.contains(&line)) {
                true => Turn::Later,
                false => self.claim(seq, changes),
            };
            if matches!(turn, Turn::Later | Turn::Elsewhere) {
                blocked.extend(line);
            }
            turns.insert(seq, turn);
        }
        Outcome::Turns(seqs.iter().map(|seq| turns.get(seq).copied().unwrap_or(Turn::Gone)).collect())
    }

    /// Whether it is the decision; the first one stands.
    fn decide(&mut self, seq: Seq, decided: &[u8], changes: &mut Changes) -> bool {
        let Some(standing) = self.standing.get_mut(&seq).filter(|standing| standing.decided.is_none()) else {
            return false;
        };
        standing.decided = Some(decided.to_owned());
        changes.decided.push((seq, decided.to_owned()));
        changes.entries.push(self.pen.decision(&standing.event.subject, decided));
        changes.fall(&standing.event, Kind::Decision);
        changes.announce(&standing.event);
        true
    }

    fn note_late(&mut self, seq: Seq, late: &Late, changes: &mut Changes) {
        if let Some(standing) = self.standing.get_mut(&seq).filter(|standing| !standing.is_late) {
            standing.is_late = true;
            changes.late.push((seq, late.clone()));
            changes.entries.push(self.pen.late(&standing.event.subject, late));
            changes.fall(&standing.event, Kind::Late);
            changes.announce(&standing.event);
        }
    }

    /// Where a delivery stands.
    fn put(&mut self, seq: Seq, state: &State, at: i64) {
        let me = self.me;
        let Some(standing) = self.standing.get_mut(&seq) else { return };
        let (due, reason, lease_until) = match state {
            State::Settled => return standing.duty = None,
            State::Queued { due } => (time(*due), None, self.now + GRACE),
            State::AwaitingCallback { until } => (time(*until), None, self.now + GRACE),
            State::Parked { reason } => (at, Some(reason.clone()), 0),
        };
        let state = state.name().to_owned();
        let blank = || Duty {
            state: String::new(),
            due,
            reason: None,
            line: None,
            place: 0,
            owner: me,
            fence: 0,
            lease_until,
        };
        let duty = standing.duty.take().unwrap_or_else(blank);
        standing.duty = Some(Duty { state, due, reason, lease_until, ..duty });
    }

    fn duty(&mut self, seq: Seq) -> Option<&mut Duty> {
        self.standing.get_mut(&seq)?.duty.as_mut()
    }

    /// Whether this gateway has the delivery, under the fence that it knows.
    fn is_mine(&self, seq: Seq) -> bool {
        let duty = self.standing.get(&seq).and_then(|standing| standing.duty.as_ref());
        let fence = self.fences.get(&seq).copied().unwrap_or_default();
        duty.is_some_and(|duty| duty.owner == self.me && duty.fence == fence)
    }
}

/// What another gateway took over between the look and the write is not this gateway's, whatever the batch has come to.
pub(super) fn lose(
    writes: &[&Write],
    written: &HashSet<Seq>,
    outcomes: &mut [Outcome],
    changes: &mut Changes,
) {
    let put = changes.duties.iter().map(|(seq, _)| *seq);
    let lost: HashSet<Seq> = put.filter(|seq| !written.contains(seq)).collect();
    changes.taken.retain(|seq, _| !lost.contains(seq));
    for (write, outcome) in writes.iter().zip(outcomes) {
        match (write, outcome) {
            (Write::Claim(seq), Outcome::Turn(turn)) if lost.contains(seq) => *turn = Turn::Elsewhere,
            // Those behind it may be of its line.
            (Write::ClaimTogether(seqs), Outcome::Turns(turns))
                if seqs.iter().any(|seq| lost.contains(seq)) =>
            {
                turns.iter_mut().filter(|turn| **turn == Turn::Mine).for_each(|turn| *turn = Turn::Later);
            }
            (Write::Begin(seq), outcome) if lost.contains(seq) => {
                *outcome = refuse("another gateway has taken the delivery over");
            }
            _ => {}
        }
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Mine,
    Later,
    Elsewhere,
    Gone,
}

fn micros(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn unknown() -> Outcome {
    refuse("the event is not recorded")
}

pub(super) fn refuse(why: &str) -> Outcome {
    Outcome::Refused(StoreError(why.to_owned()))
}
