//! How many deliveries may be sent again just now: retries must not fell an Xceed that is about to get well. Pure.

use jiff::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// How far back first attempts count.
pub const WINDOW: Duration = Duration::from_secs(10);
/// One retry for so many first attempts of the window.
const FIRST_FOR_ONE: u32 = 10;
/// So many retries a second are always allowed.
const ALWAYS_PER_SECOND: u32 = 5;

/// First attempts and retries of the last seconds.
#[derive(Debug, Default)]
pub struct Budget {
    seconds: VecDeque<Second>,
}

#[derive(Debug)]
struct Second {
    at: i64,
    first: u32,
    again: u32,
}

impl Budget {
    /// A first attempt leaves.
    pub fn first(&mut self, now: Timestamp) {
        let second = self.second(now);
        second.first = second.first.saturating_add(1);
    }

    /// Whether one may be sent again now; where it may, that is counted.
    pub fn again(&mut self, now: Timestamp) -> bool {
        self.second(now);
        let (first, again) = self.seconds.iter().fold((0u32, 0u32), |(first, again), second| {
            (first.saturating_add(second.first), again.saturating_add(second.again))
        });
        let second = self.second(now);
        let may = second.again < ALWAYS_PER_SECOND || again < first / FIRST_FOR_ONE;
        if may {
            second.again += 1;
        }
        may
    }

    /// One that was granted was not sent again after all.
    pub fn refund(&mut self) {
        if let Some(last) = self.seconds.back_mut() {
            last.again = last.again.saturating_sub(1);
        }
    }

    /// This second's counts; what is older than the window is forgotten. A clock that is set back counts on.
    fn second(&mut self, now: Timestamp) -> &mut Second {
        let at = self.seconds.back().map_or(i64::MIN, |second| second.at).max(now.as_second());
        let window = i64::try_from(WINDOW.as_secs()).unwrap_or(i64::MAX);
        while self.seconds.front().is_some_and(|second| second.at <= at - window) {
            self.seconds.pop_front();
        }
        if self.seconds.back().is_none_or(|second| second.at < at) {
            self.seconds.push_back(Second { at, first: 0, again: 0 });
        }
        let last = self.seconds.len() - 1;
        &mut self.seconds[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000_000_000 + millis).expect("a time")
    }

    fn granted(budget: &mut Budget, millis: i64, tries: u32) -> usize {
        (0..tries).filter(|_| budget.again(at(millis))).count()
    }

    #[test]
    fn five_a_second_are_always_allowed() {
        let mut budget = Budget::default();
        assert_eq!(granted(&mut budget, 0, 100), 5);
        assert_eq!(granted(&mut budget, 900, 100), 0);
        assert_eq!(granted(&mut budget, 1000, 100), 5);
    }

    #[test]
    fn a_tenth_of_the_first_attempts_of_ten_seconds() {
        let mut budget = Budget::default();
        (0..1000).for_each(|_| budget.first(at(0)));
        assert_eq!(granted(&mut budget, 1000, 1000), 100);
        assert_eq!(granted(&mut budget, 9000, 1000), 5, "the tenth is spent");
        assert_eq!(granted(&mut budget, 10_000, 1000), 5, "the first attempts are forgotten");
        assert!(budget.seconds.len() <= 10);
    }

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let mut budget = Budget::default();
        assert_eq!(granted(&mut budget, 50_000, 100), 5);
        assert_eq!(granted(&mut budget, 0, 100), 0);
        assert_eq!(granted(&mut budget, 51_000, 100), 5);
    }
}
