//! How fast what was kept leaves once Xceed is well again: slowly at first, so that it is not felled at once. Pure.

use jiff::Timestamp;

/// So many leave in the first second; in each further one twice as many.
const FIRST: u64 = 8;
/// In no second more than `FIRST` · 2⁶ = 512.
const DOUBLINGS: u64 = 6;

/// Until the full pace is reached, in milliseconds.
const RISES: u64 = 1000 * (DOUBLINGS + 1);

/// What has left since the queue began to move.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    began: Timestamp,
    gone: u64,
}

impl Pace {
    /// The queue begins to move.
    pub fn begin(now: Timestamp) -> Self {
        Self { began: now, gone: 0 }
    }

    /// How many may leave now.
    pub fn left(&self, now: Timestamp) -> usize {
        usize::try_from(self.due(now).saturating_sub(self.gone)).unwrap_or(usize::MAX)
    }

    /// One leaves, where it may.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let may = self.left(now) > 0;
        self.gone += u64::from(may);
        may
    }

    /// Nobody wants to leave: what nobody wanted is not saved up.
    pub fn pass_over(&mut self, now: Timestamp) {
        self.gone = self.gone.max(self.due(now));
    }

    /// Whether it has risen as far as it does.
    pub fn has_risen(&self, now: Timestamp) -> bool {
        self.millis(now) >= RISES
    }

    /// How many may have left by then, in all.
    fn due(&self, now: Timestamp) -> u64 {
        let millis = self.millis(now);
        let whole = (millis / 1000).min(DOUBLINGS);
        let before = FIRST * ((1 << whole) - 1);
        1 + before + (FIRST << whole) * (millis - whole * 1000) / 1000
    }

    fn millis(&self, now: Timestamp) -> u64 {
        u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000_000_000 + millis).expect("a time")
    }

    #[test]
    fn each_second_twice_as_many_up_to_512() {
        let mut pace = Pace::begin(at(0));
        let mut left = Vec::new();
        for second in 0..10 {
            let ticks = (1..=10).map(|tick| {
                let now = at(second * 1000 + tick * 100);
                let gone = (0..).take_while(|_| pace.take(now)).count();
                assert_eq!(pace.left(now), 0);
                gone
            });
            left.push(ticks.sum::<usize>());
        }
        assert_eq!(left, [9, 16, 32, 64, 128, 256, 512, 512, 512, 512]);
    }

    #[test]
    fn what_nobody_wanted_is_not_saved_up() {
        let mut pace = Pace::begin(at(0));
        assert!(!pace.has_risen(at(6_999)) && pace.has_risen(at(7_000)));
        pace.pass_over(at(60_000));
        assert_eq!(pace.left(at(60_000)), 0);
        assert!(pace.left(at(60_100)) <= 52);
    }
}
