//! How often one customer may be checked, and how many requests a tenant may send: pure, with the time as an argument.

use super::identifiers::{CustomerId, TenantName};
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// So many checks of one customer and event type within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How many are allowed.
    pub count: u32,
    /// Within how long.
    pub window: Duration,
}

impl Rule {
    /// The longest window: checks are known for so long after a start.
    pub const WINDOW_MAX: Duration = Duration::from_secs(60 * 60);
    /// The most checks that a rule counts.
    pub const COUNT_MAX: u32 = 1000;
}

impl Default for Rule {
    fn default() -> Self {
        Self { count: 3, window: Duration::from_secs(10 * 60) }
    }
}

/// Whom a check is about: the customer of a tenant, and the type of the event.
type Checked = (TenantName, CustomerId, String);

/// Times of the checks that were let through.
#[derive(Debug, Default)]
pub struct Checks {
    recent: HashMap<Checked, VecDeque<Timestamp>>,
    swept_at: Option<Timestamp>,
}

impl Checks {
    /// Lets a check through and counts it, or not: then it doesn't count either.
    pub fn allow(
        &mut self,
        tenant: &TenantName,
        (customer, kind): (&CustomerId, &str),
        rule: Rule,
        at: Timestamp,
    ) -> bool {
        self.sweep(at);
        let times = self.recent.entry((tenant.clone(), customer.clone(), kind.to_owned())).or_default();
        while times.front().is_some_and(|first| is_over(*first, at, rule.window)) {
            times.pop_front();
        }
        let is_allowed = times.len() < rule.count as usize;
        if is_allowed {
            times.push_back(at);
        }
        is_allowed
    }

    /// A check that was let through before.
    pub fn count(&mut self, tenant: &TenantName, (customer, kind): (&CustomerId, &str), at: Timestamp) {
        self.recent.entry((tenant.clone(), customer.clone(), kind.to_owned())).or_default().push_back(at);
    }

    /// A check that came to nothing: its event was not recorded.
    pub fn take_back(&mut self, tenant: &TenantName, (customer, kind): (&CustomerId, &str), at: Timestamp) {
        let key = (tenant.clone(), customer.clone(), kind.to_owned());
        if let Some(times) = self.recent.get_mut(&key)
            && let Some(place) = times.iter().rposition(|time| *time == at)
        {
            times.remove(place);
        }
    }

    /// Forgets customers without a recent check, so that memory follows the traffic.
    fn sweep(&mut self, now: Timestamp) {
        if self.swept_at.is_some_and(|at| !is_over(at, now, Rule::WINDOW_MAX)) {
            return;
        }
        self.swept_at = Some(now);
        self.recent
            .retain(|_, times| times.back().is_some_and(|last| !is_over(*last, now, Rule::WINDOW_MAX)));
    }
}

fn is_over(at: Timestamp, now: Timestamp, window: Duration) -> bool {
    at < now && now.duration_since(at).unsigned_abs() >= window
}

/// Requests of one tenant: a bucket that holds one second's worth, and fills again all the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// What is taken out of it, in requests.
    taken: f64,
    at: Option<Timestamp>,
}

impl Bucket {
    /// Takes one request out, or says how long to wait until there is one.
    ///
    /// # Errors
    /// There is none; nothing is taken.
    pub fn take(&mut self, per_second: u32, now: Timestamp) -> Result<(), Duration> {
        let rate = f64::from(per_second.max(1));
        // A clock that was set back fills nothing.
        let passed = self.at.map_or(Duration::ZERO, |at| {
            if at < now { now.duration_since(at).unsigned_abs() } else { Duration::ZERO }
        });
        self.taken = (self.taken - passed.as_secs_f64() * rate).max(0.0);
        self.at = Some(now);
        if self.taken + 1.0 > rate.max(1.0) {
            return Err(Duration::from_secs_f64((self.taken + 1.0 - rate) / rate));
        }
        self.taken += 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(n)
    }

    #[test]
    fn the_fourth_check_in_ten_minutes_is_one_too_many() {
        let (mut checks, bank, rule) = (Checks::default(), TenantName::new("b"), Rule::default());
        let customer = CustomerId::new("C-1");
        let mut allow = |kind: &str, at| checks.allow(&bank, (&customer, kind), rule, second(at));
        assert!([0, 1, 599].into_iter().all(|at| allow("Login", at)));
        assert!(!allow("Login", 599));
        assert!(allow("WireTransfer", 599), "another type is counted by itself");
        assert!(allow("Login", 600), "the first is ten minutes old");
        assert!(!allow("Login", 600), "and what was refused did not count");
    }

    #[test]
    fn what_was_not_recorded_is_no_check() {
        let (mut checks, bank, customer) = (Checks::default(), TenantName::new("b"), CustomerId::new("C-1"));
        let rule = Rule { count: 1, ..Rule::default() };
        assert!(checks.allow(&bank, (&customer, "Login"), rule, second(1)));
        checks.take_back(&bank, (&customer, "Login"), second(1));
        assert!(checks.allow(&bank, (&customer, "Login"), rule, second(2)));
        assert!(!checks.allow(&bank, (&customer, "Login"), rule, second(3)));
    }

    #[test]
    fn memory_follows_the_traffic() {
        let (mut checks, bank) = (Checks::default(), TenantName::new("b"));
        for n in 0..100 {
            checks.allow(&bank, (&CustomerId::new(&n.to_string()), "Login"), Rule::default(), second(n));
        }
        checks.allow(&bank, (&CustomerId::new("late"), "Login"), Rule::default(), second(9000));
        assert_eq!(checks.recent.len(), 1);
    }

    #[test]
    fn a_bucket_lets_a_seconds_worth_through_and_then_as_many_as_a_second_brings() {
        let mut bucket = Bucket::default();
        assert!((0..5).all(|_| bucket.take(5, second(1)).is_ok()));
        let wait = bucket.take(5, second(1)).expect_err("empty");
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(200), "{wait:?}");
        assert!(bucket.take(5, second(1) + Duration::from_millis(200)).is_ok());
        assert!(bucket.take(5, second(1) + Duration::from_millis(210)).is_err());
        assert_eq!((0..9).filter(|_| bucket.take(5, second(60)).is_ok()).count(), 5);
        assert!(bucket.take(1, second(0)).is_err(), "a clock that was set back fills nothing");
    }
}
