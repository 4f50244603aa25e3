//! What becomes of a decision that goes back, after an attempt to bring it there, and when its target is left alone: pure
//! functions of what happened, how often, and when.

use super::delivery::{AGE_MAX, ATTEMPTS_MAX, BACKOFF_FIRST, State, backoff};
use jiff::Timestamp;
use std::time::Duration;

/// Decisions that are on their way to one target at the same time.
pub const IN_FLIGHT_MAX: usize = 16;
/// The longest pause that a target may ask for.
pub const ASKED_PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// The longest pause that it is given unasked: short, since one attempt then finds out whether it is there again.
const OWN_PAUSE_MAX: Duration = Duration::from_secs(15);
/// So many attempts in a row may fail before the target is left alone: one that others pass is not the target's fault.
const FAILURES_BORNE: u32 = 5;

/// How an attempt to bring a decision back ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is there.
    Landed,
    /// The interaction has ended, or nobody wants it any more: nothing is left to do.
    Gone(&'static str),
    /// It may work later.
    Later {
        /// Why, in words for logs and the store.
        why: &'static str,
        /// Whether it counts: it left this machine, and was not merely put off.
        left: bool,
        /// Whether nothing goes to this target for a while.
        pause: Option<Pause>,
    },
    /// It won't work before a person has done something.
    Refused(&'static str),
}

/// How long a target is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// As long as it asks for.
    Asked(Duration),
    /// Longer each time.
    Growing,
}

impl Pushed {
    /// How it ended, in words for the store.
    pub fn why(&self) -> &'static str {
        match self {
            Self::Landed => "landed",
            Self::Gone(why) | Self::Refused(why) | Self::Later { why, .. } => why,
        }
    }

    /// Whether the attempt left this machine, and counts.
    pub fn left(&self) -> bool {
        !matches!(self, Self::Later { left: false, .. })
    }
}

/// The circumstances of an attempt that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Attempts that left this machine before this one.
    pub attempts_before: u32,
    /// When the decision fell.
    pub fell_at: Timestamp,
    /// The time of day.
    pub now: Timestamp,
    /// A number drawn evenly from 0 to 1, for full jitter.
    pub jitter: f64,
}

/// Where the decision stands after an attempt to bring it back.
pub fn after(pushed: &Pushed, at: Circumstances) -> State {
    let parked = |reason: &str| State::Parked { reason: reason.to_owned() };
    let attempts = at.attempts_before + u32::from(pushed.left());
    match pushed {
        Pushed::Landed | Pushed::Gone(_) => State::Settled,
        Pushed::Refused(why) => parked(why),
        Pushed::Later { .. } if attempts >= ATTEMPTS_MAX => parked("attempts"),
        Pushed::Later { .. } if at.now.duration_since(at.fell_at).unsigned_abs() >= AGE_MAX => parked("age"),
        // Put off with its whole target; whatever is the oldest by then goes first.
        Pushed::Later { pause: Some(_), left: false, .. } => State::Queued { due: at.now },
        Pushed::Later { .. } => State::Queued { due: at.now + backoff(attempts, at.jitter) },
    }
}

/// How a target stands: what is on its way there, and whether it is left alone.
#[derive(Clone, Debug)]
pub struct Standing {
    under_way: usize,
    room: usize,
    failures: u32,
    /// By the clock that every `now` here is of: one that never jumps, from any beginning.
    paused_until: Option<Duration>,
}

impl Default for Standing {
    fn default() -> Self {
        Self { under_way: 0, room: IN_FLIGHT_MAX, failures: 0, paused_until: None }
    }
}

impl Standing {
    /// How many attempts may begin.
    pub fn places(&self, now: Duration) -> usize {
        if self.is_paused(now) { 0 } else { self.room.saturating_sub(self.under_way) }
    }

    /// Whether nothing is known of it that a new one would not have.
    pub fn is_fresh(&self) -> bool {
        self.under_way == 0 && self.room == IN_FLIGHT_MAX && self.failures == 0
    }

    /// An attempt begins.
    pub fn begin(&mut self) {
        self.under_way += 1;
    }

    /// An attempt has ended. Comes to the pause that begins with it.
    pub fn end(&mut self, pushed: &Pushed, now: Duration, jitter: f64) -> Option<Duration> {
        self.under_way = self.under_way.saturating_sub(1);
        let pause = match pushed {
            // Whatever it says, it is there. After a pause it is asked a little more each time.
            Pushed::Landed | Pushed::Gone(_) | Pushed::Refused(_) => {
                self.failures = 0;
                self.room = (self.room * 2).min(IN_FLIGHT_MAX);
                return None;
            }
            Pushed::Later { pause: Some(Pause::Asked(time)), .. } => (*time).min(ASKED_PAUSE_MAX),
            // Those that began before the pause say nothing new.
            Pushed::Later { .. } if self.is_paused(now) => return None,
            Pushed::Later { pause: Some(Pause::Growing), .. } => self.fail(0, jitter)?,
            Pushed::Later { pause: None, .. } => self.fail(FAILURES_BORNE - 1, jitter)?,
        };
        let until = now + pause;
        let begins = self.paused_until.is_none_or(|paused| paused < until);
        self.paused_until = self.paused_until.max(Some(until));
        self.room = 1;
        begins.then_some(pause)
    }

    /// The pause after one more failure, where more than these have been borne: it doubles, and jitter takes up to half.
    fn fail(&mut self, borne: u32, jitter: f64) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        let doublings = self.failures.checked_sub(borne + 1)?.min(16);
        let longest = BACKOFF_FIRST.saturating_mul(1 << doublings).min(OWN_PAUSE_MAX);
        Some(longest.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0)))
    }

    fn is_paused(&self, now: Duration) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(attempts_before: u32, age: Duration) -> Circumstances {
        let fell_at = Timestamp::UNIX_EPOCH;
        Circumstances { attempts_before, fell_at, now: fell_at + age, jitter: 1.0 }
    }

    fn later(left: bool, pause: Option<Pause>) -> Pushed {
        Pushed::Later { why: "it is down", left, pause }
    }

    #[test]
    fn what_is_there_or_gone_is_settled_and_what_is_refused_is_parked() {
        for done in [Pushed::Landed, Pushed::Gone("gone")] {
            assert_eq!(after(&done, at(30, 2 * AGE_MAX)), State::Settled);
        }
        let parked = State::Parked { reason: "forbidden".into() };
        assert_eq!(after(&Pushed::Refused("forbidden"), at(0, Duration::ZERO)), parked);
    }

    #[test]
    fn it_is_tried_again_later_and_later_until_20_attempts_or_a_day() {
        let due = |pushed: &Pushed, before| match after(pushed, at(before, Duration::ZERO)) {
            State::Queued { due } => due.duration_since(Timestamp::UNIX_EPOCH).as_secs(),
            other => panic!("{other:?}"),
        };
        let waits: Vec<_> = (0..8).map(|before| due(&later(true, None), before)).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(due(&later(false, Some(Pause::Growing)), 5), 0, "it waits with its target");
        let parked = |reason: &str| State::Parked { reason: reason.into() };
        assert_eq!(after(&later(true, None), at(19, Duration::ZERO)), parked("attempts"));
        assert_eq!(due(&later(false, None), 19), 60, "what did not leave does not count");
        assert_eq!(after(&later(false, None), at(0, AGE_MAX)), parked("age"));
    }

    #[test]
    fn a_target_has_room_for_16_and_none_while_it_pauses() {
        let (mut target, now) = (Standing::default(), SECOND);
        for _ in 0..IN_FLIGHT_MAX {
            assert!(target.places(now) > 0);
            target.begin();
        }
        assert_eq!(target.places(now), 0);
        let asked = later(true, Some(Pause::Asked(3 * SECOND)));
        assert_eq!(target.end(&asked, now, 0.0), Some(3 * SECOND));
        assert_eq!(target.end(&asked, now, 0.0), None, "the same pause");
        for _ in 2..IN_FLIGHT_MAX {
            target.end(&Pushed::Gone("gone"), now, 0.0);
        }
        assert_eq!(target.places(now + 2 * SECOND), 0);
        assert!(target.places(now + 3 * SECOND) > 0);
    }

    #[test]
    fn after_a_pause_one_finds_out_and_then_more_and_more_follow() {
        let (mut target, now) = (Standing::default(), SECOND);
        target.begin();
        target.end(&later(false, Some(Pause::Growing)), now, 1.0);
        let back = now + SECOND;
        let mut rooms = Vec::new();
        for _ in 0..5 {
            rooms.push(target.places(back));
            target.begin();
            target.end(&Pushed::Landed, back, 1.0);
        }
        assert_eq!(rooms, [1, 2, 4, 8, 16]);
        assert!(target.is_fresh());
    }

    #[test]
    fn pauses_grow_up_to_15_seconds_and_a_few_failures_are_borne() {
        let pauses = |pushed: &Pushed| {
            let (mut target, mut now, mut seen) = (Standing::default(), SECOND, Vec::new());
            for _ in 0..10 {
                let pause = target.end(pushed, now, 1.0).unwrap_or_default();
                now += pause;
                seen.push(pause.as_secs());
            }
            seen
        };
        assert_eq!(pauses(&later(false, Some(Pause::Growing))), [1, 2, 4, 8, 15, 15, 15, 15, 15, 15]);
        assert_eq!(pauses(&later(true, None)), [0, 0, 0, 0, 1, 2, 4, 8, 15, 15]);
        let (mut target, now) = (Standing::default(), SECOND);
        for _ in 0..100 {
            assert_eq!(target.end(&later(true, None), now, 1.0), None, "others pass between");
            target.end(&Pushed::Landed, now, 1.0);
        }
    }

    #[test]
    fn nobody_may_ask_for_more_than_an_hour() {
        let mut target = Standing::default();
        let asked = later(true, Some(Pause::Asked(24 * ASKED_PAUSE_MAX)));
        assert_eq!(target.end(&asked, SECOND, 1.0), Some(ASKED_PAUSE_MAX));
    }
}
