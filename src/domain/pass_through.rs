//! Where a tenant prefers that: while too many calls fail, all but one in twenty pass by Xceed, answered by the fallback,
//! until it is well. Pure: each step takes the time.

use jiff::Timestamp;
use rust_decimal::Decimal;
use std::collections::VecDeque;
use std::time::Duration;

/// Calls are counted by slots of this length.
pub const SLOT: Duration = Duration::from_secs(10);
/// It begins only where so many calls were made in all of its slots.
const CALLS_MIN: u32 = 100;
/// While calls pass by, one in so many does not.
pub const ONE_IN: u32 = 20;
/// It ends with a slot of at least so many probes, where few enough of them failed.
const PROBES_MIN: u32 = 10;
/// Where no live call comes to be a probe, a delivery that waits may be one so often: enough for a slot to end it.
const WAITING_EVERY: Duration = Duration::from_millis(900);

/// When calls pass by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The share of failed calls, 0 to 1, that each slot has to be over.
    pub over: Decimal,
    /// So many slots in a row.
    pub slots: u32,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A live call.
    Live,
    /// A delivery that waits.
    Waiting,
}

/// One tenant's calls, and whether they pass by.
#[derive(Clone, Debug, Default)]
pub struct PassThrough {
    slots: VecDeque<Slot>,
    bypassed: Option<Bypassed>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    at: i64,
    calls: u32,
    failed: u32,
}

#[derive(Clone, Copy, Debug)]
struct Bypassed {
    since: Timestamp,
    calls: u32,
    probe: Option<Timestamp>,
}

impl PassThrough {
    /// Since when calls pass by, where they do.
    pub fn since(&self) -> Option<Timestamp> {
        self.bypassed.map(|bypassed| bypassed.since)
    }

    /// Whether this one goes to Xceed.
    pub fn ask(&mut self, rule: Rule, asks: Asks, now: Timestamp) -> bool {
        self.turn(rule, now);
        let Some(bypassed) = &mut self.bypassed else { return true };
        let goes = match asks {
            Asks::Live => {
                bypassed.calls += 1;
                bypassed.calls.is_multiple_of(ONE_IN)
            }
            Asks::Waiting => bypassed.probe.is_none_or(|last| now >= last + WAITING_EVERY),
        };
        if goes {
            bypassed.probe = Some(now);
        }
        goes
    }

    /// How a call to Xceed ended.
    pub fn note(&mut self, rule: Rule, good: bool, now: Timestamp) {
        self.turn(rule, now);
        let at = slot_of(now).max(self.slots.back().map_or(i64::MIN, |slot| slot.at));
        if self.slots.back().is_none_or(|slot| slot.at < at) {
            self.slots.push_back(Slot { at, calls: 0, failed: 0 });
        }
        if let Some(slot) = self.slots.back_mut() {
            slot.calls += 1;
            slot.failed += u32::from(!good);
        }
    }

    /// What the slots that are over come to.
    fn turn(&mut self, rule: Rule, now: Timestamp) {
        let current = slot_of(now);
        let oldest = current - i64::from(rule.slots);
        while self.slots.front().is_some_and(|slot| slot.at < oldest) {
            self.slots.pop_front();
        }
        let over = self.slots.iter().filter(|slot| slot.at < current);
        match self.bypassed {
            None => {
                let bad = over.clone().filter(|slot| slot.is_over(rule)).count();
                let calls: u32 = over.map(|slot| slot.calls).sum();
                if bad == rule.slots as usize && calls >= CALLS_MIN {
                    self.bypassed = Some(Bypassed { since: now, calls: 0, probe: None });
                }
            }
            Some(bypassed) => {
                let began = slot_of(bypassed.since);
                let mut probed = over.filter(|slot| slot.at > began && slot.calls >= PROBES_MIN);
                if probed.any(|slot| !slot.is_over(rule)) {
                    self.bypassed = None;
                    self.slots.retain(|slot| slot.at == current);
                }
            }
        }
    }
}

impl Slot {
    fn is_over(&self, rule: Rule) -> bool {
        Decimal::from(self.failed) > rule.over * Decimal::from(self.calls)
    }
}

fn slot_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(i64::try_from(SLOT.as_secs()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000_000_000 + millis).expect("a time")
    }

    fn rule() -> Rule {
        Rule { over: Decimal::new(5, 2), slots: 6 }
    }

    /// So many calls at the begin of a slot, of which so many fail.
    fn slot(through: &mut PassThrough, number: i64, calls: u32, failed: u32) {
        for call in 0..calls {
            assert!(through.ask(rule(), Asks::Live, at(number * 10_000)), "call {call} of slot {number}");
            through.note(rule(), call >= failed, at(number * 10_000));
        }
    }

    fn bypassed() -> PassThrough {
        let mut through = PassThrough::default();
        (0..6).for_each(|number| slot(&mut through, number, 20, 2));
        assert_eq!(through.since(), None, "the last slot is not over");
        assert!(!through.ask(rule(), Asks::Live, at(60_000)));
        through
    }

    #[test]
    fn six_slots_over_five_percent_let_calls_pass_by() {
        assert_eq!(bypassed().since(), Some(at(60_000)));
    }

    #[test]
    fn one_good_slot_or_too_few_calls_do_not() {
        let mut through = PassThrough::default();
        (0..6).for_each(|number| slot(&mut through, number, 20, if number == 3 { 1 } else { 2 }));
        assert!(through.ask(rule(), Asks::Live, at(60_000)), "one slot had 5 percent, which is not over");
        let mut through = PassThrough::default();
        (0..6).for_each(|number| slot(&mut through, number, 16, 2));
        assert!(through.ask(rule(), Asks::Live, at(60_000)), "96 calls");
        let mut through = PassThrough::default();
        [0, 1, 2, 4, 5, 6].into_iter().for_each(|number| slot(&mut through, number, 20, 2));
        assert!(through.ask(rule(), Asks::Live, at(70_000)), "a slot without calls is not over");
    }

    #[test]
    fn one_call_in_twenty_still_goes() {
        let mut through = bypassed();
        let gone = (0..400).filter(|_| through.ask(rule(), Asks::Live, at(61_000))).count();
        assert_eq!(gone, 20);
    }

    #[test]
    fn deliveries_that_wait_are_probes_where_no_live_call_comes() {
        let mut through = bypassed();
        let gone =
            (0..100).filter(|step| through.ask(rule(), Asks::Waiting, at(70_000 + step * 100))).count();
        assert!((10..=12).contains(&gone), "{gone} in ten seconds, enough for a slot");
    }

    #[test]
    fn a_slot_of_ten_good_probes_ends_it() {
        for (probes, failed, ends) in [(10, 0, true), (9, 0, false), (20, 1, true), (20, 2, false)] {
            let mut through = bypassed();
            (0..probes).for_each(|probe| through.note(rule(), probe >= failed, at(75_000)));
            let goes = through.ask(rule(), Asks::Live, at(80_000));
            assert_eq!((through.since().is_none(), goes), (ends, ends), "{failed} of {probes} failed");
        }
    }
}
