//! The breaker, step by step, and under any sequence of steps.

use super::*;
use proptest::prelude::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_000_000_000_000 + millis).expect("a time")
}

fn attempt(breaker: &mut Breaker, good: bool, now: Timestamp) {
    let leave = breaker.ask(0, now).expect("it may leave");
    breaker.note(leave, good, now);
}

fn opened(now: Timestamp) -> Breaker {
    let mut breaker = Breaker::default();
    (0..ATTEMPTS_MIN).for_each(|_| attempt(&mut breaker, false, now));
    breaker
}

#[test]
fn nine_failures_leave_it_closed_and_the_tenth_opens_it() {
    let mut breaker = Breaker::default();
    (0..9).for_each(|_| attempt(&mut breaker, false, at(0)));
    assert_eq!(breaker.state(), State::Closed);
    attempt(&mut breaker, false, at(29_999));
    assert_eq!(breaker.state(), State::Open { until: at(29_999) + OPEN_FOR });
    assert_eq!(breaker.cause(), (10, 10));
}

#[test]
fn half_of_the_attempts_open_it_and_less_does_not() {
    let mut breaker = Breaker::default();
    (0..11).for_each(|_| attempt(&mut breaker, true, at(0)));
    (0..10).for_each(|_| attempt(&mut breaker, false, at(1000)));
    assert_eq!(breaker.state(), State::Closed, "10 of 21");
    attempt(&mut breaker, false, at(1000));
    assert!(matches!(breaker.state(), State::Open { .. }), "11 of 22");
}

#[test]
fn what_is_older_than_the_window_does_not_count() {
    let mut breaker = Breaker::default();
    (0..9).for_each(|_| attempt(&mut breaker, false, at(0)));
    attempt(&mut breaker, false, at(30_000));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn nothing_leaves_for_sixty_seconds_and_then_ten_do() {
    let mut breaker = opened(at(0));
    assert_eq!(breaker.ask(0, at(59_999)), None);
    let probes = (0..20).filter(|_| breaker.ask(0, at(60_000)).is_some()).count();
    assert_eq!(probes, 10);
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn six_good_probes_close_it_and_five_failed_ones_open_it_again() {
    let mut breaker = opened(at(0));
    (0..4).for_each(|_| attempt(&mut breaker, false, at(60_000)));
    (0..5).for_each(|_| attempt(&mut breaker, true, at(60_000)));
    assert_eq!(breaker.state(), State::HalfOpen);
    attempt(&mut breaker, true, at(61_000));
    assert_eq!(breaker.state(), State::Closed);

    let mut breaker = opened(at(0));
    (0..5).for_each(|_| attempt(&mut breaker, false, at(60_000)));
    assert_eq!(breaker.state(), State::Open { until: at(120_000) });
}

#[test]
fn a_probe_that_is_not_made_may_be_anothers() {
    let mut breaker = opened(at(0));
    let all: Vec<_> = (0..10).filter_map(|_| breaker.ask(0, at(60_000))).collect();
    assert_eq!(breaker.ask(0, at(60_000)), None);
    breaker.give_back(all[0]);
    assert!(breaker.ask(0, at(60_000)).is_some());
}

#[test]
fn what_left_before_it_opened_changes_nothing_afterwards() {
    let mut breaker = Breaker::default();
    let early = breaker.ask(0, at(0)).expect("closed");
    (0..10).for_each(|_| attempt(&mut breaker, false, at(0)));
    breaker.note(early, true, at(1000));
    assert!(matches!(breaker.state(), State::Open { .. }));
    let probe = breaker.ask(0, at(60_000)).expect("a probe");
    (0..5).for_each(|_| breaker.note(early, false, at(60_000)));
    assert_eq!(breaker.state(), State::HalfOpen);
    // Nor does a probe of an earlier round.
    (0..5).for_each(|_| attempt(&mut breaker, false, at(60_000)));
    assert!(breaker.ask(0, at(120_000)).is_some());
    (0..6).for_each(|_| breaker.note(probe, true, at(120_000)));
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn a_delivery_that_failed_three_times_takes_no_probe_until_nothing_better_has_come_for_a_minute() {
    let mut breaker = opened(at(0));
    assert_eq!(breaker.ask(FAILED_MANY, at(60_000)), None);
    assert_eq!(breaker.ask(FAILED_MANY, at(119_999)), None);
    assert!(breaker.ask(FAILED_MANY - 1, at(119_999)).is_some());
    assert!(breaker.ask(FAILED_MANY, at(120_000)).is_some());
}

#[test]
fn only_failures_of_the_way_and_of_xceed_itself_count() {
    let answered = |code| {
        Attempt::Answered(Results {
            code,
            risk_score: None,
            risk_action: None,
            reasons: vec![],
            remarks: vec![],
            concerns: None,
            faulty: vec![],
        })
    };
    for code in ReturnCode::ALL {
        let failed = ["ERROR", "TIMEOUT", "PUBLICKEYS_UNAVAILABLE"].contains(&code.row().code);
        assert_eq!(is_good(&answered(Received::Known(code))), Some(!failed), "{code:?}");
    }
    assert_eq!(is_good(&answered(Received::parse("WHAT"))), Some(true));
    for attempt in [Attempt::NotSent("a"), Attempt::InDoubt("b"), Attempt::Refused("c")] {
        assert_eq!(is_good(&attempt), Some(false));
    }
    assert_eq!(is_good(&Attempt::PassedOver("d")), None);
}

proptest! {
    #[test]
    fn it_never_lets_more_than_ten_leave_while_half_open_and_always_lets_somebody_find_out(
        steps in prop::collection::vec((0u8..4, 0i64..40_000), 1..400),
    ) {
        let (mut breaker, mut now) = (Breaker::default(), 0);
        let mut under_way: Vec<Leave> = Vec::new();
        for (step, wait) in steps {
            match step {
                0 => under_way.extend(breaker.ask(u32::from(step), at(now))),
                1 => if let Some(leave) = under_way.pop() { breaker.note(leave, false, at(now)) },
                2 => if let Some(leave) = under_way.pop() { breaker.note(leave, true, at(now)) },
                _ => { now += wait; if let Some(leave) = under_way.pop() { breaker.give_back(leave) } },
            }
            let probes = under_way.iter().filter(|leave| breaker.is_probe(**leave)).count();
            prop_assert!(probes <= PROBES as usize);
            if let State::Open { until } = breaker.state() {
                prop_assert!(until <= at(now) + OPEN_FOR);
            }
        }
        // Whatever has happened: once all have ended and a minute has passed, somebody may leave.
        for leave in under_way { breaker.give_back(leave) }
        prop_assert!(breaker.ask(0, at(now) + OPEN_FOR).is_some());
    }
}
