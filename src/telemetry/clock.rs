//! What time it is: the wall's, without its jumps. A wall clock that is set (by hand, by a time server, by a virtual machine
//! that was asleep) must not make deliveries due, leases over or names forgotten: so what is read here goes on with a clock
//! that never jumps, and nears the wall's by a few milliseconds a second. Never goes back.

use jiff::Timestamp;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Instant;

/// So often the wall is looked at, in microseconds.
const LOOK: i64 = 200_000;
/// It is neared by so much: one part in so many of the time that has passed.
const SLOWLY: i64 = 200;
/// Further apart than this, in microseconds, somebody should know.
const FAR: i64 = 1_000_000;

static CLOCK: LazyLock<(Instant, Steady)> = LazyLock::new(|| (instant(), Steady::begin(wall())));

/// The time of day.
pub fn now() -> Timestamp {
    let (begun, steady) = &*CLOCK;
    let passed = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(steady.at(passed, wall)).unwrap_or(Timestamp::MAX)
}

/// Whether the wall's clock was set while the process ran, by more than a second, and has not been neared yet.
pub fn is_apart() -> bool {
    CLOCK.1.apart.load(Relaxed).abs() > FAR
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the clock on the wall")]
fn wall() -> i64 {
    Timestamp::try_from(std::time::SystemTime::now()).map_or(0, Timestamp::as_microsecond)
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the clock that never jumps")]
fn instant() -> Instant {
    Instant::now()
}

/// All in microseconds.
#[derive(Debug)]
struct Steady {
    /// The wall's time at the begin.
    begun: i64,
    /// What is added to that and the time that has passed since.
    correction: AtomicI64,
    /// When the wall was looked at last, since the begin.
    looked: AtomicI64,
    /// By how much the wall was ahead then.
    apart: AtomicI64,
    /// The latest time that was told.
    told: AtomicI64,
}

impl Steady {
    fn begin(wall: i64) -> Self {
        Self {
            begun: wall,
            correction: AtomicI64::new(0),
            looked: AtomicI64::new(0),
            apart: AtomicI64::new(0),
            told: AtomicI64::new(wall),
        }
    }

    /// The time, so long after the begin.
    fn at(&self, passed: i64, wall: impl Fn() -> i64) -> i64 {
        let looked = self.looked.load(Relaxed);
        let since = passed.saturating_sub(looked);
        if since >= LOOK && self.looked.compare_exchange(looked, passed, Relaxed, Relaxed).is_ok() {
            let apart = wall() - self.begun - passed - self.correction.load(Relaxed);
            let most = since / SLOWLY;
            self.correction.fetch_add(apart.clamp(-most, most), Relaxed);
            self.apart.store(apart, Relaxed);
        }
        let now = self.begun.saturating_add(passed).saturating_add(self.correction.load(Relaxed));
        // Whoever asks a little later may meet a correction backwards.
        self.told.fetch_max(now, Relaxed).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;
    const NOON: i64 = 1_700_000_000 * SECOND;

    #[test]
    fn a_wall_that_is_set_is_neared_by_five_milliseconds_a_second() {
        for set in [3600 * SECOND, -3600 * SECOND] {
            let steady = Steady::begin(NOON);
            let mut last = NOON;
            for tick in 1..=100 {
                let passed = tick * SECOND / 5;
                last = steady.at(passed, || NOON + passed + set);
            }
            let moved = last - (NOON + 20 * SECOND);
            assert_eq!(moved, set.signum() * 20 * 5_000);
            assert!(steady.apart.load(Relaxed).abs() > FAR, "somebody should know");
        }
    }

    #[test]
    fn a_wall_that_runs_a_little_fast_is_followed() {
        let steady = Steady::begin(NOON);
        let mut apart = 0;
        for tick in 1..=3000 {
            let passed = tick * SECOND / 5;
            let wall = NOON + passed + passed / 1000;
            apart = wall - steady.at(passed, || wall);
        }
        assert!(apart.abs() < 1_000, "{apart} µs");
    }

    proptest! {
        #[test]
        fn it_never_goes_back_and_never_jumps(walls in prop::collection::vec((-1i64 << 50..1 << 50, 1i64..500_000), 1..200)) {
            let steady = Steady::begin(NOON);
            let (mut passed, mut before) = (0, NOON);
            for (wall, step) in walls {
                passed += step;
                let now = steady.at(passed, || wall);
                prop_assert!(now >= before);
                prop_assert!(now - before <= step + (step + LOOK) / SLOWLY + 1);
                before = now;
            }
        }
    }
}
