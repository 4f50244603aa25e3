//! How fast what was kept leaves once Xceed is well again: slowly at first, so that it is not felled at once. Pure.

use jiff::Timestamp;

/// So many leave in the first second; in each further one twice as many.
const FIRST: u64 = 8;
/// In no second more than `FIRST` · 2⁶ = 512.
const DOUBLINGS: u64 = 6;

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

    /// How many of those that want to may leave now. What nobody wanted is not saved up.
    pub fn take(&mut self, wanted: usize, now: Timestamp) -> usize {
        let due = self.allowed(now).saturating_sub(self.gone);
        self.gone += due;
        usize::try_from(due).unwrap_or(usize::MAX).min(wanted)
    }

    /// How many may have left by then, in all.
    fn allowed(&self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(0);
        let whole = (millis / 1000).min(DOUBLINGS);
        let before = FIRST * ((1 << whole) - 1);
        1 + before + (FIRST << whole) * (millis - whole * 1000) / 1000
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
            let ticks = (1..=10).map(|tick| pace.take(usize::MAX, at(second * 1000 + tick * 100)));
            left.push(ticks.sum::<usize>());
        }
        assert_eq!(left, [9, 16, 32, 64, 128, 256, 512, 512, 512, 512]);
    }

    #[test]
    fn what_nobody_wanted_is_not_saved_up() {
        let mut pace = Pace::begin(at(0));
        assert_eq!(pace.take(0, at(60_000)), 0);
        assert!(pace.take(usize::MAX, at(60_100)) <= 52);
    }
}
