//! Events that have neither a name of their own, nor an interaction, nor a transaction: equal ones are one event for two
//! minutes, and another after that. Each is named by what it says and the two minutes in which the first of it came.

use super::identifiers::TenantName;
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// So long equal events are one.
pub const SPAN: Duration = Duration::from_secs(120);

/// The two minutes in which a time lies.
fn period(at: Timestamp) -> i64 {
    at.as_second().div_euclid(120)
}

/// Whether an event that came then is still the same now.
pub fn is_same(then: Timestamp, now: Timestamp) -> bool {
    now <= then || now.duration_since(then).unsigned_abs() < SPAN
}

/// What came in the last minutes.
#[derive(Debug, Default)]
pub struct Names {
    recent: HashMap<(TenantName, String), (i64, Timestamp)>,
    swept_at: Option<Timestamp>,
}

/// The period that an event is named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// It came here before.
    Known(i64),
    /// It did not come here; perhaps it did elsewhere, or before a start, in the period before.
    New(i64),
}

impl Names {
    /// The period of an event that comes now.
    pub fn claim(&mut self, tenant: &TenantName, name: &str, now: Timestamp) -> Period {
        self.sweep(now);
        let place = self.recent.entry((tenant.clone(), name.to_owned())).or_insert((i64::MIN, now));
        if place.0 != i64::MIN && is_same(place.1, now) {
            return Period::Known(place.0);
        }
        *place = (period(now), now);
        Period::New(place.0)
    }

    /// It did come before, then.
    pub fn correct(&mut self, tenant: &TenantName, name: &str, then: (i64, Timestamp)) {
        self.recent.insert((tenant.clone(), name.to_owned()), then);
    }

    /// Forgets what is over, so that memory follows the traffic.
    fn sweep(&mut self, now: Timestamp) {
        if self.swept_at.is_some_and(|at| is_same(at, now)) {
            return;
        }
        self.swept_at = Some(now);
        self.recent.retain(|_, (_, at)| is_same(*at, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(n)
    }

    #[test]
    fn equal_events_are_one_for_two_minutes_from_the_first_on() {
        let (mut names, bank) = (Names::default(), TenantName::new("b"));
        let mut claim = |at| names.claim(&bank, "ivr:x", second(at));
        assert_eq!(claim(119), Period::New(0));
        for at in [119, 120, 121, 238] {
            assert_eq!(claim(at), Period::Known(0), "{at}");
        }
        assert_eq!(claim(239), Period::New(1));
        assert_eq!(claim(358), Period::Known(1));
        assert_eq!(claim(359), Period::New(2), "and never the same period twice");
    }

    #[test]
    fn what_came_before_a_start_counts_from_then_on() {
        let (mut names, bank) = (Names::default(), TenantName::new("b"));
        assert_eq!(names.claim(&bank, "ivr:x", second(130)), Period::New(1));
        names.correct(&bank, "ivr:x", (0, second(100)));
        assert_eq!(names.claim(&bank, "ivr:x", second(219)), Period::Known(0));
        assert_eq!(names.claim(&bank, "ivr:x", second(220)), Period::New(1));
        assert_eq!(names.claim(&TenantName::new("c"), "ivr:x", second(220)), Period::New(1));
    }

    #[test]
    fn memory_follows_the_traffic() {
        let (mut names, bank) = (Names::default(), TenantName::new("b"));
        for n in 0..100 {
            names.claim(&bank, &n.to_string(), second(n));
        }
        names.claim(&bank, "late", second(1000));
        assert_eq!(names.recent.len(), 1);
    }
}
