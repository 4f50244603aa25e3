//! What becomes of a delivery after an attempt: a pure function of what happened, how often, and when.

use super::decision::Results;
use super::return_code::{Next, Received, TRANSPORT_FAILURE};
use jiff::Timestamp;
use std::time::Duration;

/// The first wait before a delivery is sent again; each further one is twice as long.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// A delivery that failed so often is kept for a person.
pub const ATTEMPTS_MAX: u32 = 20;
/// A delivery that is older than this is kept for a person.
pub const AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How an attempt to bring an event to Xceed ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing left this machine, in words for the log and the answer.
    NotSent(&'static str),
    /// Something left, and no answer came: Xceed may have the event.
    InDoubt(&'static str),
    /// Something answered that is no Results: a SOAP Fault, another status, a malformed document.
    Refused(&'static str),
    /// Xceed stopped at another event of the chunk that it was in, and has not come to it.
    PassedOver(&'static str),
    /// Xceed's Results.
    Answered(Results),
}

impl Attempt {
    /// How it ended, in one word for logs and the store.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotSent(_) => "not_sent",
            Self::InDoubt(_) => "in_doubt",
            Self::Refused(_) => "refused",
            Self::PassedOver(_) => "passed_over",
            Self::Answered(_) => "answered",
        }
    }

    /// Why there are no Results, in words for logs and the store.
    pub fn why(&self) -> Option<&'static str> {
        match self {
            Self::NotSent(why) | Self::InDoubt(why) | Self::Refused(why) | Self::PassedOver(why) => {
                Some(*why)
            }
            Self::Answered(_) => None,
        }
    }

    /// Whether it counts as an attempt that left: Xceed may have looked at the event.
    pub fn has_left(&self) -> bool {
        !matches!(self, Self::NotSent(_) | Self::PassedOver(_))
    }

    /// Xceed's answer, where there is one.
    pub fn results(&self) -> Option<&Results> {
        match self {
            Self::Answered(results) => Some(results),
            _ => None,
        }
    }

    fn next(&self) -> Next {
        self.results().map_or(TRANSPORT_FAILURE.next, |results| results.code.row().next)
    }
}

/// Where a delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits to be sent, not before the time given.
    Queued {
        /// When it is due.
        due: Timestamp,
    },
    /// Xceed has it, and its callback is awaited until the time given.
    AwaitingCallback {
        /// When the fallback decides.
        until: Timestamp,
    },
    /// Done: never sent again.
    Settled,
    /// Kept for a person, and why.
    Parked {
        /// A return code, or a word of ours.
        reason: String,
    },
}

impl State {
    /// Whether Xceed has taken the event.
    pub fn is_at_xceed(&self) -> bool {
        matches!(self, Self::Settled | Self::AwaitingCallback { .. })
    }

    /// Its word on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "QUEUED",
            Self::AwaitingCallback { .. } => "AWAITING_CALLBACK",
            Self::Settled => "SETTLED",
            Self::Parked { .. } => "PARKED",
        }
    }
}

/// The circumstances of an attempt that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Attempts that left this machine, this one included.
    pub attempts: u32,
    /// When the event was recorded.
    pub recorded_at: Timestamp,
    /// The time of day.
    pub now: Timestamp,
    /// A number drawn evenly from 0 to 1, for full jitter.
    pub jitter: f64,
    /// Whether the tenant allows an event to be sent again whose fate is not known.
    pub resend_in_doubt: bool,
    /// Until when a callback is awaited, where the score comes by one.
    pub callback_until: Option<Timestamp>,
    /// Whether the queue that the code speaks of is held: then the event waits with it.
    pub held: bool,
}

/// Where the delivery stands after an attempt.
pub fn after(attempt: &Attempt, at: Circumstances) -> State {
    let parked = |reason: &str| State::Parked { reason: reason.to_owned() };
    let code = attempt.results().map_or("transport", |results| results.code.word());
    match attempt.next() {
        _ if matches!(attempt, Attempt::PassedOver(_)) => State::Queued { due: at.now },
        Next::Settle => match at.callback_until {
            Some(until) => State::AwaitingCallback { until },
            None => State::Settled,
        },
        Next::ParkHold if at.held => State::Queued { due: at.now },
        Next::Park | Next::ParkForced | Next::ParkHold | Next::Refresh => parked(code),
        Next::Backoff if matches!(attempt, Attempt::InDoubt(_)) && !at.resend_in_doubt => parked("in_doubt"),
        Next::Backoff if at.attempts >= ATTEMPTS_MAX => parked("attempts"),
        Next::Backoff if at.now.duration_since(at.recorded_at).unsigned_abs() >= AGE_MAX => parked("age"),
        Next::Backoff => State::Queued { due: at.now + backoff(at.attempts, at.jitter) },
    }
}

/// Where the delivery stands after a callback, which is final whatever it says.
pub fn after_callback(results: &Results) -> State {
    let row = results.code.row();
    match row.next {
        Next::Settle | Next::Backoff => State::Settled,
        Next::Park | Next::ParkForced | Next::ParkHold | Next::Refresh => {
            State::Parked { reason: results.code.word().to_owned() }
        }
    }
}

/// Whether a delivery that was parked for this reason may be sent again just like that. Where Xceed said not to, only
/// a person who insists may.
pub fn may_be_replayed(reason: &str) -> bool {
    Received::parse(reason).row().next != Next::ParkForced
}

/// Whether a delivery that waits for a time of its own may leave. None waits longer than the longest backoff: one that
/// seems to was given its time by a clock that was ahead of this one.
pub fn is_due(due: Timestamp, now: Timestamp) -> bool {
    due <= now || due > now + BACKOFF_MAX
}

/// The wait after so many attempts: 1 s · 2ⁿ, at most 60 s, with full jitter.
pub fn backoff(attempts: u32, jitter: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let longest = BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX);
    longest.mul_f64(jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::return_code::ReturnCode;

    fn at(attempts: u32, age: Duration) -> Circumstances {
        let recorded_at = Timestamp::UNIX_EPOCH;
        Circumstances {
            attempts,
            recorded_at,
            now: recorded_at + age,
            jitter: 1.0,
            resend_in_doubt: true,
            callback_until: None,
            held: false,
        }
    }

    fn answered(code: ReturnCode) -> Attempt {
        let code = Received::Known(code);
        Attempt::Answered(Results {
            code,
            risk_score: None,
            risk_action: None,
            reasons: vec![],
            remarks: vec![],
            concerns: None,
            faulty: vec![],
        })
    }

    #[test]
    fn a_time_that_no_backoff_can_have_given_is_over() {
        let now = Timestamp::UNIX_EPOCH;
        let in_seconds = |seconds| now + Duration::from_secs(seconds);
        assert!(is_due(now, now) && !is_due(in_seconds(1), now) && !is_due(in_seconds(60), now));
        assert!(is_due(in_seconds(61), now));
    }

    #[test]
    fn every_code_goes_where_its_row_says() {
        for code in ReturnCode::ALL {
            let state = after(&answered(code), at(1, Duration::ZERO));
            let expected = match code.row().next {
                Next::Settle => State::Settled,
                Next::Backoff => State::Queued { due: Timestamp::UNIX_EPOCH + BACKOFF_FIRST },
                _ => State::Parked { reason: code.row().code.to_owned() },
            };
            assert_eq!(state, expected, "{code:?}");
        }
    }

    #[test]
    fn what_xceed_took_in_awaits_its_callback_and_what_it_refused_does_not() {
        let until = Timestamp::UNIX_EPOCH + Duration::from_secs(900);
        for code in ReturnCode::ALL {
            let awaited = Circumstances { callback_until: Some(until), ..at(1, Duration::ZERO) };
            let state = after(&answered(code), awaited);
            let awaits = code.row().next == Next::Settle;
            assert_eq!(state == State::AwaitingCallback { until }, awaits, "{code:?}");
        }
    }

    #[test]
    fn what_would_hold_a_held_queue_waits_with_it() {
        for code in ReturnCode::ALL {
            let held = Circumstances { held: true, ..at(1, Duration::ZERO) };
            let (state, usual) =
                (after(&answered(code), held), after(&answered(code), at(1, Duration::ZERO)));
            let waits = code.row().next == Next::ParkHold;
            let expected = if waits { State::Queued { due: Timestamp::UNIX_EPOCH } } else { usual };
            assert_eq!(state, expected, "{code:?}");
        }
    }

    #[test]
    fn what_xceed_says_not_to_send_again_is_replayed_only_by_force() {
        for code in ["MSG_OOO", "MSG_SKIPPED", "WRONG_NUM_EVENTS"] {
            assert!(!may_be_replayed(code), "{code}");
        }
        for reason in ["HASH_KEY_FAIL", "XML_VALIDATION_FAIL", "attempts", "age", "in_doubt", "transport"] {
            assert!(may_be_replayed(reason), "{reason}");
        }
    }

    #[test]
    fn what_was_passed_over_leaves_again_at_once_whatever_became_of_the_others() {
        let strict = Circumstances { resend_in_doubt: false, ..at(ATTEMPTS_MAX, AGE_MAX) };
        let state = after(&Attempt::PassedOver("stopped"), strict);
        assert_eq!(state, State::Queued { due: strict.now });
        assert!(!Attempt::PassedOver("stopped").has_left());
    }

    #[test]
    fn waits_double_up_to_a_minute_and_jitter_shortens_them() {
        let waits: Vec<u64> = (1..=8).map(|n| backoff(n, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff(u32::MAX, 1.0), BACKOFF_MAX);
        assert_eq!(backoff(3, 0.5), Duration::from_secs(2));
        assert_eq!(backoff(3, 0.0), Duration::ZERO);
    }

    #[test]
    fn retries_end_after_20_attempts_or_a_day() {
        let lost = Attempt::InDoubt("reset");
        assert!(matches!(after(&lost, at(19, Duration::ZERO)), State::Queued { .. }));
        assert_eq!(after(&lost, at(20, Duration::ZERO)), State::Parked { reason: "attempts".into() });
        assert_eq!(after(&lost, at(1, AGE_MAX)), State::Parked { reason: "age".into() });
    }

    #[test]
    fn a_tenant_may_forbid_sending_again_in_doubt() {
        let strict = Circumstances { resend_in_doubt: false, ..at(1, Duration::ZERO) };
        assert_eq!(after(&Attempt::InDoubt("reset"), strict), State::Parked { reason: "in_doubt".into() });
        assert!(matches!(after(&Attempt::NotSent("refused"), strict), State::Queued { .. }));
    }

    /// Every attempt there is, under every circumstance that makes a difference: where it goes is what its row says, and
    /// nothing that Xceed settled is ever sent again.
    #[test]
    fn every_attempt_goes_where_it_should_under_every_circumstance() {
        let words = ReturnCode::ALL.map(|code| code.row().code).into_iter().chain(["BRAND_NEW"]);
        let answers = words.map(|word| {
            let Attempt::Answered(results) = answered(ReturnCode::Success) else { unreachable!("an answer") };
            Attempt::Answered(Results { code: Received::parse(word), ..results })
        });
        let others = [Attempt::NotSent("a"), Attempt::InDoubt("b"), Attempt::Refused("c")];
        let attempts: Vec<_> = answers.chain(others).collect();
        let (minute, until) = (Duration::from_secs(60), Timestamp::UNIX_EPOCH + Duration::from_secs(900));
        let mut seen = 0;
        for attempt in &attempts {
            for (tries, age) in [0, 1, 19, 20, 21].into_iter().flat_map(|tries| {
                [Duration::ZERO, AGE_MAX - minute, AGE_MAX, AGE_MAX + minute].map(|age| (tries, age))
            }) {
                for flags in 0..8 {
                    let circumstances = Circumstances {
                        resend_in_doubt: flags & 1 > 0,
                        held: flags & 2 > 0,
                        callback_until: (flags & 4 > 0).then_some(until),
                        jitter: f64::from(flags) / 7.0,
                        ..at(tries, age)
                    };
                    let next = attempt.next();
                    let strict_doubt = matches!(attempt, Attempt::InDoubt(_)) && flags & 1 == 0;
                    let is_spent = tries >= ATTEMPTS_MAX || age >= AGE_MAX;
                    let state = after(attempt, circumstances);
                    match &state {
                        State::Settled => assert!(next == Next::Settle && flags & 4 == 0),
                        State::AwaitingCallback { .. } => assert!(next == Next::Settle && flags & 4 > 0),
                        State::Queued { due } => {
                            let again = next == Next::Backoff && !strict_doubt && !is_spent;
                            assert!(again || (next == Next::ParkHold && flags & 2 > 0), "{attempt:?}");
                            assert!((circumstances.now..=circumstances.now + BACKOFF_MAX).contains(due));
                        }
                        State::Parked { reason } => match reason.as_str() {
                            "in_doubt" => assert!(strict_doubt),
                            "attempts" => assert!(next == Next::Backoff && tries >= ATTEMPTS_MAX),
                            "age" => assert!(next == Next::Backoff && age >= AGE_MAX),
                            code => assert!(
                                next.is_refusal() && attempt.results().is_some_and(|r| r.code.word() == code)
                            ),
                        },
                    }
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 29 * 20 * 8);
    }
}
