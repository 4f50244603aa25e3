//! Gateways around the database, as far as who may send what depends on them: what each has in memory, what it asks of the
//! database and when, and what it makes of the answer. They do as the application does (`application/journey.rs`, `relay.rs`).

use super::super::batch::Turn;
use super::super::command::{Outcome, Write};
use super::story::{Call, End, Trouble};
use super::world::{Departure, World};
use crate::application::ports::{Callback, Late, Mode, Record, Recorded, Seq, Settlement};
use crate::domain::delivery::{Attempt, State};
use crate::domain::policy::Verdict;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

const MS: i64 = 1_000;
const SECOND: i64 = 1_000_000;
/// How long a caller waits.
const DEADLINE: i64 = 300 * MS;
/// How often an event that waits for other gateways asks.
const ASK_AGAIN: i64 = 20 * MS;
/// How often a gateway says that it is alive, and looks what others have left.
const BEAT: i64 = SECOND;
/// What another gateway has is looked at again after this time.
const ELSEWHERE: i64 = SECOND;
/// How long a callback is awaited.
const CALLBACK: i64 = 180 * SECOND;

/// A gateway: the process of the moment, and whether it stands still.
#[derive(Default)]
pub(super) struct Gateway {
    /// Which process it is; what belongs to one before is forgotten.
    pub(super) life: u32,
    pub(super) is_up: bool,
    /// It does nothing before this time, and does not know.
    pub(super) stopped_until: i64,
    fences: HashMap<Seq, i64>,
    own: BTreeMap<Seq, Own>,
    pending: Vec<(Write, Then)>,
    /// Events whose callers have heard, or will hear from somebody who has the word.
    spoken: HashSet<Seq>,
}

/// A delivery that a gateway believes to have.
struct Own {
    due: i64,
    line: Option<i64>,
    is_busy: bool,
    /// Its caller waits.
    live_until: Option<i64>,
    /// It counts as begun on disk, where nothing may be sent twice.
    is_noted: bool,
    /// Since when it is this gateway's for as long as a lease.
    leased_at: i64,
}

/// What a gateway does at its time.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Call(Call),
    Beat,
    Commit,
    Ask(Seq),
    Depart(Seq),
    Return(Seq, usize, End),
    Deadline(Seq),
    Callback(Seq, u64),
    /// A twin's caller hears what was told.
    Listen(String),
}

/// What follows from a write.
enum Then {
    Recorded { seq: Seq, call: Call, is_turn: bool },
    Told(Seq, Vec<u8>),
    Claimed(Seq),
    Begun(Seq),
    Settled { seq: Seq, departure: Option<usize>, state: State, told: Option<Vec<u8>> },
    Decided(Seq),
    Nothing,
}

impl World {
    pub(super) fn take(&mut self, g: usize, step: Step) {
        match step {
            Step::Call(call) => self.call(g, call),
            Step::Beat => self.beat(g),
            Step::Commit => self.commit(g, true),
            Step::Ask(seq) => self.write(g, Write::Claim(seq), Then::Claimed(seq)),
            Step::Depart(seq) => self.depart(g, seq),
            Step::Return(seq, departure, end) => self.come_back(g, seq, departure, end),
            Step::Deadline(seq) => self.tell_fallback(g, seq),
            Step::Callback(seq, word) => self.call_back(g, seq, word),
            Step::Listen(id) => {
                let told = self
                    .database
                    .named(&id)
                    .and_then(|seq| Some((seq, self.database.rows[&seq].told.clone()?)));
                self.heard.extend(told);
            }
        }
    }

    /// What goes wrong with a gateway.
    pub(super) fn befall(&mut self, g: usize, trouble: Trouble) {
        match trouble {
            Trouble::Stops(time) => {
                let until = self.database.now + time;
                self.gateways[g].stopped_until = self.gateways[g].stopped_until.max(until);
            }
            Trouble::Crashes { down, is_committed } => {
                if is_committed && self.gateways[g].is_up {
                    self.commit(g, false);
                }
                self.end(g, down);
            }
            Trouble::Ends { down } => {
                if self.gateways[g].is_up {
                    self.commit(g, true);
                    self.database.leave(g);
                }
                self.end(g, down);
            }
        }
    }

    fn end(&mut self, g: usize, down: i64) {
        let life = self.gateways[g].life + 1;
        self.gateways[g] = Gateway { life, ..Gateway::default() };
        self.starts.push((self.database.now + down, g));
    }

    pub(super) fn start(&mut self, g: usize) {
        let now = self.database.now;
        self.gateways[g].is_up = true;
        for seq in self.database.waiting(g) {
            self.have(g, seq, now);
        }
        self.after(g, 0, Step::Beat);
    }

    fn have(&mut self, g: usize, seq: Seq, due: i64) {
        let line = self.database.delivery(seq).and_then(|(_, line, _)| line);
        let own = Own { due, line, is_busy: false, live_until: None, is_noted: false, leased_at: 0 };
        self.gateways[g].own.entry(seq).or_insert(own).line = line;
    }

    fn call(&mut self, g: usize, call: Call) {
        let seq = self.next_seq(g);
        let record = call.record(seq, self.time());
        let line = super::super::line::of(&record);
        let is_turn = !self.gateways[g].own.values().any(|own| own.line.is_some() && own.line == line);
        let record = Record { begun: record.begun && is_turn, ..record };
        let own = Own {
            due: i64::MAX,
            line,
            is_busy: true,
            live_until: Some(self.database.now + DEADLINE),
            is_noted: record.begun,
            leased_at: 0,
        };
        self.gateways[g].own.insert(seq, own);
        if call.mode == Mode::Sync {
            self.after(g, DEADLINE, Step::Deadline(seq));
        }
        self.write(g, Write::Record(Box::new(record)), Then::Recorded { seq, call, is_turn });
    }

    /// It is alive, takes over what was left, and goes on with what is due.
    fn beat(&mut self, g: usize) {
        self.database.beat(g);
        let adopted = self.database.adopt(g);
        self.take_over(g, adopted);
        self.look(g);
        self.after(g, BEAT, Step::Beat);
    }

    fn take_over(&mut self, g: usize, adopted: Vec<(Seq, i64)>) {
        for (seq, fence) in adopted {
            self.judge_take_over(seq);
            self.gateways[g].fences.insert(seq, fence);
            self.have(g, seq, self.database.now);
        }
    }

    fn look(&mut self, g: usize) {
        let (now, mut lines) = (self.database.now, HashSet::new());
        let mut claims = Vec::new();
        for (seq, own) in &mut self.gateways[g].own {
            let is_first = own.line.is_none_or(|line| lines.insert(line));
            if is_first && !own.is_busy && own.due <= now {
                own.is_busy = true;
                claims.push(*seq);
            }
        }
        claims.into_iter().for_each(|seq| self.write(g, Write::Claim(seq), Then::Claimed(seq)));
    }

    fn write(&mut self, g: usize, write: Write, then: Then) {
        if self.gateways[g].pending.is_empty() {
            // Now and then the disk takes its time.
            let most = if self.chance.is(10) { 250 } else { 8 };
            let wait = self.chance.between(0, most) as i64 * MS;
            self.after(g, wait, Step::Commit);
        }
        self.gateways[g].pending.push((write, then));
        // It also stands still in the midst of things, now and then until a lease is just over.
        if self.is_troubled() && self.chance.is(1) {
            let (least, most) = if self.chance.is(50) { (14_900, 16_500) } else { (1_000, 60_000) };
            let time = self.chance.between(least, most) as i64 * MS;
            self.befall(g, Trouble::Stops(time));
        }
    }

    fn commit(&mut self, g: usize, hears: bool) {
        let (writes, thens): (Vec<Write>, Vec<Then>) = self.gateways[g].pending.drain(..).unzip();
        if writes.is_empty() {
            return;
        }
        // Most likely where the others believe that it is gone.
        let often = if self.database.is_alive(g) { 3 } else { 60 };
        let between =
            self.chance.is(often).then(|| self.chance.between(0, self.gateways.len() as u64) as usize);
        let is_there = |other: &usize| {
            *other != g
                && self.gateways[*other].is_up
                && self.gateways[*other].stopped_until <= self.database.now
        };
        let between = between.filter(is_there);
        let writes: Vec<&Write> = writes.iter().collect();
        let (outcomes, changes, adopted) =
            self.database.commit(g, &writes, &self.gateways[g].fences, between);
        if let Some(other) = between {
            self.take_over(other, adopted);
        }
        let gateway = &mut self.gateways[g];
        gateway.fences.extend(&changes.taken);
        gateway.fences.retain(|seq, _| !changes.done.contains(seq));
        if hears {
            outcomes.into_iter().zip(thens).for_each(|(outcome, then)| self.follow(g, outcome, then));
            self.look(g);
        } else {
            // It is on disk all the same.
            thens.iter().for_each(|then| self.note_settled(then));
        }
    }

    /// The end of an attempt is on disk.
    fn note_settled(&mut self, then: &Then) {
        if let Then::Settled { seq, departure: Some(departure), .. } = then
            && let Some(all) = self.departures.get_mut(seq)
        {
            all[*departure].is_settled = true;
        }
    }

    fn follow(&mut self, g: usize, outcome: Outcome, then: Then) {
        self.note_settled(&then);
        match (then, outcome) {
            (Then::Recorded { seq, call, .. }, Outcome::Recorded(Recorded::Known)) => {
                self.gateways[g].own.remove(&seq);
                self.after(g, DEADLINE, Step::Listen(call.id));
            }
            (Then::Recorded { seq, is_turn, .. }, Outcome::Recorded(recorded)) => {
                self.recorders.insert(seq, (g, self.gateways[g].life));
                self.lease(g, seq);
                match (is_turn, recorded) {
                    (true, Recorded::First) if self.is_first(g, seq) => self.leave(g, seq),
                    (true, Recorded::First) if self.is_strict(seq) => {
                        let ended = (Attempt::NotSent("others go first"), State::Queued { due: self.time() });
                        self.settle(g, seq, None, ended);
                    }
                    (true, _) => self.wait_for_others(g, seq),
                    (false, _) => self.hand_over(g, seq, 0),
                }
            }
            (Then::Told(seq, words), Outcome::Stands(stands)) => {
                self.heard.push((seq, stands.unwrap_or(words)));
            }
            (Then::Claimed(seq), Outcome::Turn(turn)) => self.claimed(g, seq, turn),
            (Then::Begun(seq), Outcome::Done) => {
                self.lease(g, seq);
                self.gateways[g].own.entry(seq).and_modify(|own| own.is_noted = true);
                self.set_out(g, seq);
            }
            (Then::Begun(seq), _) => self.hand_over(g, seq, ELSEWHERE),
            (Then::Settled { seq, state, told, .. }, outcome) => {
                if let (Some(told), Outcome::Stands(stands)) = (&told, &outcome) {
                    self.heard.push((seq, stands.clone().unwrap_or_else(|| told.clone())));
                }
                // Its caller hears that nothing is promised, and whoever sends it again may tell.
                if told.is_some() && matches!(outcome, Outcome::Refused(_)) {
                    self.gateways[g].spoken.remove(&seq);
                }
                let due = match (state, outcome) {
                    (_, Outcome::Refused(_)) => Some(self.database.now + SECOND),
                    (State::Queued { due }, _) => Some(due.as_microsecond()),
                    (State::AwaitingCallback { until }, _) => {
                        self.gateways[g].own.entry(seq).and_modify(|own| own.line = None);
                        self.expect_callback(seq);
                        Some(until.as_microsecond())
                    }
                    (State::Settled | State::Parked { .. }, _) => None,
                };
                match due {
                    Some(due) => self.hand_over(g, seq, due - self.database.now),
                    None => drop(self.gateways[g].own.remove(&seq)),
                }
            }
            (Then::Decided(seq), _) => self.hand_over(g, seq, SECOND),
            (Then::Nothing, _) => {}
            (_, outcome) => self.database.wrong.push(format!("a write came to {outcome:?}")),
        }
    }

    fn claimed(&mut self, g: usize, seq: Seq, turn: Turn) {
        if turn == Turn::Mine {
            self.lease(g, seq);
        }
        let now = self.database.now;
        let Some(own) = self.gateways[g].own.get(&seq) else { return };
        let is_live = own.live_until.is_some_and(|until| now < until);
        let is_noted = own.is_noted;
        match turn {
            Turn::Gone => drop(self.gateways[g].own.remove(&seq)),
            Turn::Later | Turn::Elsewhere if is_live => self.after(g, ASK_AGAIN, Step::Ask(seq)),
            Turn::Elsewhere => drop(self.gateways[g].own.remove(&seq)),
            Turn::Later => self.hand_over(g, seq, ELSEWHERE),
            Turn::Mine if is_live && !self.is_first(g, seq) => self.after(g, ASK_AGAIN, Step::Ask(seq)),
            Turn::Mine if is_live => self.leave(g, seq),
            Turn::Mine if !self.is_first(g, seq) => self.hand_over(g, seq, ELSEWHERE),
            Turn::Mine => {
                let Some((due, _, state)) = self.database.delivery(seq) else { return };
                let (is_begun, is_awaited) = (state == "SENDING", state == "AWAITING_CALLBACK");
                if is_awaited {
                    self.gateways[g].own.entry(seq).and_modify(|own| own.line = None);
                    if due > now {
                        return self.hand_over(g, seq, due - now);
                    }
                    let words = self.words(g, "REVIEW");
                    return self.write(g, Write::Decide(seq, words), Then::Decided(seq));
                }
                if is_begun && self.is_strict(seq) && !is_noted {
                    let ended = (Attempt::InDoubt("unknown"), State::Parked { reason: IN_DOUBT.to_owned() });
                    return self.settle(g, seq, None, ended);
                }
                self.leave(g, seq);
            }
        }
    }

    /// Sends, once that is on disk where nothing may be sent twice.
    fn leave(&mut self, g: usize, seq: Seq) {
        let is_noted = self.gateways[g].own.get(&seq).is_some_and(|own| own.is_noted);
        if self.is_strict(seq) && !is_noted {
            return self.write(g, Write::Begin(seq), Then::Begun(seq));
        }
        self.set_out(g, seq);
    }

    fn set_out(&mut self, g: usize, seq: Seq) {
        let wait = if self.chance.is(5) { self.chance.between(0, 200) } else { self.chance.between(0, 3) };
        self.after(g, wait as i64 * MS, Step::Depart(seq));
    }

    fn lease(&mut self, g: usize, seq: Seq) {
        let now = self.database.now;
        self.gateways[g].own.entry(seq).and_modify(|own| own.leased_at = now);
    }

    /// Whether nothing of its line goes before it at this gateway.
    fn is_first(&self, g: usize, seq: Seq) -> bool {
        let own = &self.gateways[g].own;
        let Some(line) = own.get(&seq).and_then(|own| own.line) else { return true };
        own.range(..seq).all(|(_, other)| other.line != Some(line))
    }

    fn wait_for_others(&mut self, g: usize, seq: Seq) {
        self.gateways[g].own.entry(seq).and_modify(|own| own.is_noted = false);
        self.after(g, ASK_AGAIN, Step::Ask(seq));
    }

    /// The relay has it, from a time on.
    fn hand_over(&mut self, g: usize, seq: Seq, wait: i64) {
        let due = self.database.now + wait.max(0);
        if let Some(own) = self.gateways[g].own.get_mut(&seq) {
            (own.due, own.is_busy, own.is_noted, own.live_until) = (due, false, false, None);
        }
    }

    fn depart(&mut self, g: usize, seq: Seq) {
        let is_stale = self.judge_departure(g, seq);
        let ((time, end), life) = (self.next_end(), self.gateways[g].life);
        let leased_at = self.gateways[g].own.get(&seq).map_or(0, |own| own.leased_at);
        let all = self.departures.entry(seq).or_default();
        all.push(Departure { gateway: g, life, leased_at, has_ended: false, is_settled: false, is_stale });
        let departure = all.len() - 1;
        self.after(g, time, Step::Return(seq, departure, end));
    }

    fn come_back(&mut self, g: usize, seq: Seq, departure: usize, end: End) {
        self.departures.get_mut(&seq).into_iter().for_each(|all| all[departure].has_ended = true);
        let most = if self.chance.is(20) { 60_000 } else { 8_000 };
        let due = self.time() + Duration::from_millis(self.chance.between(500, most));
        let parked = |reason: &str| State::Parked { reason: reason.to_owned() };
        let ended = match end {
            End::Answered if self.mode(seq) == Mode::Async => {
                let until = self.time() + Duration::from_micros(CALLBACK as u64);
                (Attempt::Refused("taken in"), State::AwaitingCallback { until })
            }
            End::Answered => (Attempt::Refused("settled"), State::Settled),
            End::Refused => (Attempt::Refused("to be sent again"), State::Queued { due }),
            End::Parked => (Attempt::Refused("to be looked at"), parked("INVALID_MSG")),
            End::InDoubt if self.is_strict(seq) => (Attempt::InDoubt("no answer"), parked(IN_DOUBT)),
            End::InDoubt => (Attempt::InDoubt("no answer"), State::Queued { due }),
        };
        self.settle(g, seq, Some(departure), ended);
    }

    fn settle(&mut self, g: usize, seq: Seq, departure: Option<usize>, (attempt, state): (Attempt, State)) {
        let is_untold = self.database.rows.get(&seq).is_none_or(|row| row.told.is_none());
        let speaks = self.mode(seq) == Mode::Sync && is_untold && self.gateways[g].spoken.insert(seq);
        let told = speaks.then(|| self.words(g, "ALLOW"));
        let falls = self.mode(seq) == Mode::Async && matches!(state, State::Parked { .. });
        let decided = falls.then(|| self.words(g, "REVIEW"));
        let late = (state == State::Settled).then(|| self.late());
        let settlement = Settlement {
            seq,
            attempt,
            at: self.time(),
            took: Duration::ZERO,
            state: state.clone(),
            told: told.clone(),
            decided,
            late,
            promoted_key: None,
        };
        self.write(g, Write::Settle(Box::new(settlement)), Then::Settled { seq, departure, state, told });
    }

    /// The fallback speaks, where nobody has.
    fn tell_fallback(&mut self, g: usize, seq: Seq) {
        if self.recorders.contains_key(&seq) && self.gateways[g].spoken.insert(seq) {
            let words = self.words(g, "REVIEW");
            self.write(g, Write::Tell(seq, words.clone()), Then::Told(seq, words));
        }
    }

    fn call_back(&mut self, g: usize, seq: Seq, word: u64) {
        let callback = Callback {
            seq,
            said: ["OK".to_owned(), word.to_string(), "Allow".to_owned()],
            at: self.time(),
            state: State::Settled,
            decided: self.words(g, "ALLOW"),
            late: Some(self.late()),
        };
        self.write(g, Write::CallBack(Box::new(callback)), Then::Nothing);
    }

    fn late(&self) -> Late {
        Late {
            verdict: Verdict::Allow,
            risk_score: None,
            risk_action: None,
            return_code: "OK".to_owned(),
            at: self.time(),
        }
    }

    fn words(&self, g: usize, decision: &str) -> Vec<u8> {
        format!("{{\"decision\":\"{decision}\",\"by\":{g},\"at\":{}}}", self.database.now).into_bytes()
    }

    pub(super) fn time(&self) -> Timestamp {
        Timestamp::from_microsecond(self.database.now).expect("a time")
    }
}

/// Why something is parked that may have left.
pub(super) const IN_DOUBT: &str = "IN_DOUBT";
