//! Time, and what is watched while it goes by: each step of a gateway at its time, and what leaves for Xceed.

use super::super::shared::GATEWAY_BITS;
use super::super::standing::Duty;
use super::database::{Database, LEASE};
use super::gateways::{Gateway, IN_DOUBT, Step};
use super::story::{End, Story, Trouble};
use crate::application::ports::{Mode, Seq};
use crate::simulation::chance::Chance;
use std::collections::{BTreeMap, HashMap};

/// When it begins, in microseconds since 1970.
const BEGIN: i64 = 1_767_225_600_000_000;
/// Everything is well and nobody calls any more from this time on.
const CALM: i64 = 200_000_000;
/// By then everything is at rest: a callback that never comes, and a delivery that a gateway has forgotten.
const END: i64 = 2_000_000_000;
/// More steps than a run can have.
const STEPS_MAX: u64 = 200_000;

/// All of it.
pub(super) struct World {
    story: Story,
    pub(super) chance: Chance,
    pub(super) database: Database,
    pub(super) gateways: Vec<Gateway>,
    /// What each gateway does next, by time and then in order; of which process.
    steps: BTreeMap<(i64, u64), (usize, u32, Step)>,
    order: u64,
    troubles: Vec<(i64, usize, Trouble)>,
    pub(super) starts: Vec<(i64, usize)>,
    last_seq: Vec<Seq>,
    pub(super) departures: HashMap<Seq, Vec<Departure>>,
    /// Which process recorded an event.
    pub(super) recorders: HashMap<Seq, (usize, u32)>,
    /// What callers have heard.
    pub(super) heard: Vec<(Seq, Vec<u8>)>,
}

/// An attempt that has left.
pub(super) struct Departure {
    pub(super) gateway: usize,
    pub(super) life: u32,
    /// Since when its gateway had it for as long as a lease.
    pub(super) leased_at: i64,
    pub(super) has_ended: bool,
    /// Whether its end is on disk.
    pub(super) is_settled: bool,
    /// Whether it was under way beside an attempt of the gateway that had taken the event over.
    pub(super) is_stale: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let story = Story::of(seed);
        let count = story.gateways;
        let mut world = Self {
            chance: Chance::new(!seed),
            database: Database::new(BEGIN, count),
            gateways: (0..count).map(|_| Gateway::default()).collect(),
            steps: BTreeMap::new(),
            order: 0,
            troubles: story.troubles.clone(),
            starts: Vec::new(),
            last_seq: vec![0; count],
            departures: HashMap::new(),
            recorders: HashMap::new(),
            heard: Vec::new(),
            story,
        };
        world.troubles.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        (0..count).for_each(|g| world.start(g));
        world
    }

    /// A gateway does something after a while, if it is still the same process then.
    pub(super) fn after(&mut self, g: usize, wait: i64, step: Step) {
        self.order += 1;
        let life = self.gateways[g].life;
        self.steps.insert((self.database.now + wait, self.order), (g, life, step));
    }

    /// Plays it to its end, and comes to all that is wrong.
    pub(super) fn play(mut self, is_told: bool) -> Vec<String> {
        let mut calls = std::mem::take(&mut self.story.calls);
        calls.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        for count in 0.. {
            let next = |at: Option<i64>| at.map_or(i64::MAX, |at| BEGIN + at);
            let step = self.steps.first_key_value().map_or(i64::MAX, |((at, _), _)| *at);
            let trouble = next(self.troubles.last().map(|(at, ..)| *at));
            let call = next(calls.last().map(|(at, ..)| *at));
            let start = self.starts.iter().map(|(at, _)| *at).min().unwrap_or(i64::MAX);
            self.database.now = step.min(trouble).min(call).min(start).max(self.database.now);
            let now = self.database.now;
            if now > BEGIN + CALM && (now > BEGIN + END || self.is_at_rest()) {
                break;
            }
            if count > STEPS_MAX {
                self.database.wrong.push("does not come to an end".to_owned());
                break;
            }
            if start <= now {
                let at = self.starts.iter().position(|(at, _)| *at <= now).unwrap_or_default();
                let (_, g) = self.starts.swap_remove(at);
                self.start(g);
            } else if trouble <= now {
                let Some((_, g, trouble)) = self.troubles.pop() else { continue };
                // What is down can't end.
                if self.gateways[g].is_up {
                    if is_told {
                        println!("{} {g}: {trouble:?}", now - BEGIN);
                    }
                    self.befall(g, trouble);
                }
            } else if call <= now {
                let Some((_, g, call)) = calls.pop() else { continue };
                // Whoever finds nobody goes elsewhere.
                let g = (0..self.gateways.len()).map(|n| (g + n) % self.gateways.len());
                if let Some(g) = g.into_iter().find(|g| self.gateways[*g].is_up) {
                    self.after(g, 0, Step::Call(call));
                }
            } else if let Some(((_, order), (g, life, step))) = self.steps.pop_first() {
                let gateway = &self.gateways[g];
                if life != gateway.life || !gateway.is_up {
                    continue;
                }
                if gateway.stopped_until > now {
                    // All of it is due at once then, in whatever order.
                    let order = (self.chance.between(0, 1 << 20) << 32) | (order & 0xffff_ffff);
                    self.steps.insert((gateway.stopped_until, order), (g, life, step));
                    continue;
                }
                if is_told && !matches!(step, Step::Beat) {
                    println!("{} {g}: {step:?}", now - BEGIN);
                }
                self.take(g, step);
            }
        }
        self.judge();
        self.database.wrong
    }

    /// Whether things still go wrong.
    pub(super) fn is_troubled(&self) -> bool {
        self.database.now < BEGIN + CALM / 2
    }

    fn is_at_rest(&self) -> bool {
        let is_done =
            |state: Option<(i64, Option<i64>, &str)>| state.is_none_or(|(_, _, state)| state == "PARKED");
        self.database.rows.keys().all(|seq| is_done(self.database.delivery(*seq)))
    }

    /// Larger than all that the gateway knows of.
    pub(super) fn next_seq(&mut self, g: usize) -> Seq {
        let fresh = (self.database.now - BEGIN + self.story.ahead[g]).max(0);
        let highest = self.database.rows.keys().next_back().copied().unwrap_or_default();
        let after = (self.last_seq[g].max(highest) >> GATEWAY_BITS) + 1;
        self.last_seq[g] = (fresh.max(after) << GATEWAY_BITS) | g as i64;
        self.last_seq[g]
    }

    pub(super) fn is_strict(&self, seq: Seq) -> bool {
        self.database.rows.get(&seq).is_some_and(|row| row.event.subject.tenant == "strict")
    }

    pub(super) fn mode(&self, seq: Seq) -> Mode {
        self.database.rows.get(&seq).map_or(Mode::Ack, |row| row.event.mode)
    }

    /// How the next attempt ends, and after how long.
    pub(super) fn next_end(&mut self) -> (i64, End) {
        let is_calm = self.database.now > BEGIN + CALM;
        let time = match self.chance.between(0, 20) {
            0..16 => self.chance.between(2, 250),
            16..19 => self.chance.between(250, 2_500),
            _ => return (5_000_000, End::InDoubt),
        };
        let end = match self.chance.between(0, 20) {
            _ if is_calm => End::Answered,
            0..14 => End::Answered,
            14..17 => End::Refused,
            17 => End::Parked,
            _ => End::InDoubt,
        };
        (time as i64 * 1_000, end)
    }

    /// Callbacks come to any gateway, now and then twice, and now and then never.
    pub(super) fn expect_callback(&mut self, seq: Seq) {
        let count = *self.chance.pick(&[0, 1, 1, 1, 2]);
        for _ in 0..count {
            let g = self.chance.between(0, self.gateways.len() as u64) as usize;
            let (wait, word) = (self.chance.between(0, 200_000_000) as i64, self.chance.between(0, 2));
            self.after(g, wait, Step::Callback(seq, word));
        }
    }

    /// What leaves may leave. Whether it leaves beside an attempt of the gateway that has it.
    pub(super) fn judge_departure(&mut self, g: usize, seq: Seq) -> bool {
        let before = self.departures.get(&seq).map(Vec::as_slice).unwrap_or_default();
        if self.is_strict(seq) && before.iter().any(|departure| !departure.is_settled) {
            let wrong =
                format!("{seq} must not be sent twice, and leaves {g} while nobody knows what became of it");
            self.database.wrong.push(wrong);
        }
        let duty = self.database.rows.get(&seq).and_then(|row| row.duty.clone());
        let has_it = duty.as_ref().is_some_and(|duty| usize::try_from(duty.owner) == Ok(g));
        let mut is_beside = false;
        for departure in self.departures.get_mut(&seq).into_iter().flatten() {
            let is_under_way =
                !departure.has_ended && departure.life == self.gateways[departure.gateway].life;
            departure.is_stale |= is_under_way && has_it;
            is_beside |= is_under_way;
        }
        // Else it was taken from this gateway while that stood still.
        let Some(duty) = duty.filter(|_| has_it) else { return is_beside };
        let waiting: Vec<(Seq, Duty)> =
            self.database.to_leave(duty.line).map(|(seq, duty)| (seq, duty.clone())).collect();
        // Within the difference of their clocks, gateways may number events otherwise than they record them.
        let is_plain = waiting.is_sorted_by_key(|(_, duty)| duty.place);
        let ahead = waiting.iter().find(|(other, before)| *other < seq && before.place < duty.place);
        if let Some(ahead) = ahead.filter(|_| is_plain && duty.lease_until > self.database.now) {
            let wrong = format!("{seq} leaves {g} as {duty:?} before {ahead:?}, which was recorded before");
            self.database.wrong.push(wrong);
        }
        false
    }

    /// What is taken over is not under way by a lease that still holds.
    pub(super) fn judge_take_over(&mut self, seq: Seq) {
        let now = self.database.now;
        let holds = |departure: &Departure| {
            let is_under_way =
                !departure.has_ended && departure.life == self.gateways[departure.gateway].life;
            is_under_way && now < departure.leased_at + LEASE
        };
        if self.departures.get(&seq).is_some_and(|all| all.iter().any(holds)) {
            self.database.wrong.push(format!("{seq} is taken over while its lease holds"));
        }
    }

    /// What must hold in the end.
    fn judge(&mut self) {
        let mut wrong = Vec::new();
        for (seq, row) in &self.database.rows {
            let state = row.duty.as_ref().map(|duty| duty.state.as_str());
            if !matches!(state, None | Some("PARKED")) {
                wrong.push(format!("{seq} is {:?} in the end", row.duty));
            }
            let is_lost = row.event.mode == Mode::Sync && row.told.is_none();
            if is_lost || (row.event.mode == Mode::Async && row.decided.is_none()) {
                wrong.push(format!("nobody decided {seq}"));
            }
            let departures = self.departures.get(seq).map(Vec::as_slice).unwrap_or_default();
            let stale = departures.iter().filter(|departure| departure.is_stale).count();
            if stale > row.taken as usize {
                let taken = row.taken;
                wrong.push(format!(
                    "{stale} attempts with {seq} came too late, and it was taken over {taken} times"
                ));
            }
            let reason = row.duty.as_ref().and_then(|duty| duty.reason.as_deref());
            let recorder = self.recorders.get(seq).filter(|(g, life)| self.gateways[*g].life == *life);
            let never_left = !self.departures.contains_key(seq) && row.taken == 0 && recorder.is_some();
            if never_left && reason == Some(IN_DOUBT) {
                wrong.push(format!("{seq} is in doubt, and has never left"));
            }
            if reason.is_none() && row.attempts == 0 {
                wrong.push(format!("{seq} is done without an attempt"));
            }
        }
        for (seq, words) in &self.heard {
            let told = self.database.rows.get(seq).and_then(|row| row.told.as_ref());
            if told != Some(words) {
                let text = String::from_utf8_lossy;
                let told = told.map(|told| text(told).into_owned());
                wrong.push(format!("a caller heard {} of {seq}, and {told:?} was told", text(words)));
            }
        }
        self.database.wrong.append(&mut wrong);
    }
}
