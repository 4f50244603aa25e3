//! When a tenant's events are better kept than sent, because too many attempts fail: closed, open, half-open. Pure: each
//! step takes the time.

use super::decision::Results;
use super::delivery::Attempt;
use super::return_code::{Received, ReturnCode};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// How far back attempts count.
pub const WINDOW: Duration = Duration::from_secs(30);
/// It opens only where so many attempts ended within the window.
pub const ATTEMPTS_MIN: u32 = 10;
/// It stays open for so long before anything leaves to find out.
pub const OPEN_FOR: Duration = Duration::from_secs(60);
/// So many leave then.
pub const PROBES: u32 = 10;
/// It closes once so many of them are good.
pub const GOOD: u32 = 6;
/// A delivery that failed so often takes no probe: it would fail once more, whatever Xceed's health.
pub const FAILED_MANY: u32 = 3;

/// What an attempt says of Xceed's health; `None` where it says nothing. A late answer is an answer.
pub fn is_good(attempt: &Attempt) -> Option<bool> {
    match attempt {
        Attempt::NotSent(_) | Attempt::InDoubt(_) | Attempt::Refused(_) => Some(false),
        Attempt::PassedOver(_) => None,
        Attempt::Answered(Results { code, .. }) => Some(!matches!(
            code,
            Received::Known(ReturnCode::Error | ReturnCode::Timeout | ReturnCode::PublickeysUnavailable)
        )),
    }
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything leaves.
    Closed,
    /// Nothing does.
    Open {
        /// When probes may leave.
        until: Timestamp,
    },
    /// Probes do.
    HalfOpen,
}

impl State {
    /// The words of all of them.
    pub const NAMES: [&str; 3] = ["CLOSED", "OPEN", "HALF_OPEN"];

    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open { .. } => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }
}

/// Leave to make one attempt. Whoever has it says how that ended, or gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// The round of probes that it belongs to; none while closed.
    round: Option<u32>,
}

/// One tenant's breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    state: State,
    since: Timestamp,
    seconds: VecDeque<Second>,
    round: u32,
    probes: Probes,
    /// What made it open: of so many attempts so many failed.
    cause: (u32, u32),
}

#[derive(Clone, Copy, Debug)]
struct Second {
    at: i64,
    good: u32,
    failed: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Probes {
    given: u32,
    good: u32,
    failed: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed,
            since: Timestamp::UNIX_EPOCH,
            seconds: VecDeque::new(),
            round: 0,
            probes: Probes::default(),
            cause: (0, 0),
        }
    }
}

impl Breaker {
    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// What opened it last: attempts within the window, and how many of them failed; of a round of probes where those did.
    pub fn cause(&self) -> (u32, u32) {
        self.cause
    }

    /// Whether a delivery that failed so often before may leave now. Where it may not, it is kept.
    pub fn ask(&mut self, failed_before: u32, now: Timestamp) -> Option<Leave> {
        self.turn(now);
        match self.state {
            State::Closed => Some(Leave { round: None }),
            State::Open { .. } => None,
            State::HalfOpen if self.probes.given >= PROBES => None,
            // Where for long nothing better has come, it has to do.
            State::HalfOpen if failed_before >= FAILED_MANY && now < self.since + OPEN_FOR => None,
            State::HalfOpen => {
                self.probes.given += 1;
                Some(Leave { round: Some(self.round) })
            }
        }
    }

    /// An attempt was not made after all, or says nothing.
    pub fn give_back(&mut self, leave: Leave) {
        if self.is_probe(leave) {
            self.probes.given = self.probes.given.saturating_sub(1);
        }
    }

    /// How an attempt ended.
    pub fn note(&mut self, leave: Leave, good: bool, now: Timestamp) {
        self.turn(now);
        match self.state {
            State::Closed => self.count(good, now),
            State::HalfOpen if self.is_probe(leave) => self.judge(good, now),
            // It left before the breaker opened: known already.
            State::HalfOpen | State::Open { .. } => {}
        }
    }

    /// How many probes may still leave.
    pub fn probes_left(&mut self, now: Timestamp) -> u32 {
        self.turn(now);
        if self.state == State::HalfOpen { PROBES.saturating_sub(self.probes.given) } else { 0 }
    }

    /// Open for long enough: probes may leave.
    fn turn(&mut self, now: Timestamp) {
        if let State::Open { until } = self.state
            && now >= until
        {
            self.round = self.round.wrapping_add(1);
            self.probes = Probes::default();
            self.enter(State::HalfOpen, now);
        }
    }

    fn is_probe(&self, leave: Leave) -> bool {
        self.state == State::HalfOpen && leave.round == Some(self.round)
    }

    fn count(&mut self, good: bool, now: Timestamp) {
        let second = self.second(now);
        second.good += u32::from(good);
        second.failed += u32::from(!good);
        let failed: u32 = self.seconds.iter().map(|second| second.failed).sum();
        let all = failed + self.seconds.iter().map(|second| second.good).sum::<u32>();
        if !good && all >= ATTEMPTS_MIN && failed * 2 >= all {
            self.open((all, failed), now);
        }
    }

    fn judge(&mut self, good: bool, now: Timestamp) {
        self.probes.good += u32::from(good);
        self.probes.failed += u32::from(!good);
        let Probes { good, failed, .. } = self.probes;
        if good >= GOOD {
            self.enter(State::Closed, now);
        } else if failed > PROBES - GOOD {
            self.open((good + failed, failed), now);
        }
    }

    fn open(&mut self, cause: (u32, u32), now: Timestamp) {
        self.cause = cause;
        self.seconds.clear();
        self.enter(State::Open { until: now + OPEN_FOR }, now);
    }

    fn enter(&mut self, state: State, now: Timestamp) {
        (self.state, self.since) = (state, now);
    }

    /// This second's counts; what is older than the window is forgotten.
    fn second(&mut self, now: Timestamp) -> &mut Second {
        let at = self.seconds.back().map_or(i64::MIN, |second| second.at).max(now.as_second());
        let window = i64::try_from(WINDOW.as_secs()).unwrap_or(i64::MAX);
        while self.seconds.front().is_some_and(|second| second.at <= at.saturating_sub(window)) {
            self.seconds.pop_front();
        }
        if self.seconds.back().is_none_or(|second| second.at < at) {
            self.seconds.push_back(Second { at, good: 0, failed: 0 });
        }
        let last = self.seconds.len() - 1;
        &mut self.seconds[last]
    }
}

#[cfg(test)]
mod tests;
