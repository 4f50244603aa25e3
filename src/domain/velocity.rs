//! How many events a customer had of late: a sliding window per customer, pure.

use super::identifiers::{CustomerId, TenantName};
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How far back velocity looks.
pub const WINDOW: Duration = Duration::from_secs(60 * 60);
/// More than this many events of one customer make no difference to any rule, so no more are kept.
const KEPT_MAX: usize = 16;

/// Times of receipt by customer, over all doors.
#[derive(Debug, Default)]
pub struct Velocity {
    recent: HashMap<(TenantName, CustomerId), VecDeque<Timestamp>>,
    swept_at: Option<Timestamp>,
}

impl Velocity {
    /// Counts an accepted event and answers how many others the customer had in the window before it.
    pub fn count(&mut self, tenant: &TenantName, customer: &CustomerId, at: Timestamp) -> u32 {
        self.sweep(at);
        let times = self.recent.entry((tenant.clone(), customer.clone())).or_default();
        drop_old(times, at);
        let others = times.len();
        times.push_back(at);
        if times.len() > KEPT_MAX {
            times.pop_front();
        }
        u32::try_from(others).unwrap_or(u32::MAX)
    }

    /// How many others the customer had in the window before an event that was counted already.
    pub fn others(&self, tenant: &TenantName, customer: &CustomerId, at: Timestamp) -> u32 {
        let times = self.recent.get(&(tenant.clone(), customer.clone())).into_iter().flatten();
        let others = times.filter(|&&other| other < at && at.duration_since(other).unsigned_abs() < WINDOW);
        u32::try_from(others.count()).unwrap_or(u32::MAX)
    }

    /// Forgets customers without a recent event, once per window, so that memory follows the traffic.
    fn sweep(&mut self, now: Timestamp) {
        if self.swept_at.is_some_and(|at| now.duration_since(at).unsigned_abs() < WINDOW) {
            return;
        }
        self.swept_at = Some(now);
        self.recent.retain(|_, times| {
            drop_old(times, now);
            !times.is_empty()
        });
    }
}

fn drop_old(times: &mut VecDeque<Timestamp>, now: Timestamp) {
    while times.front().is_some_and(|&at| at < now && now.duration_since(at).unsigned_abs() >= WINDOW) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(n * 60)
    }

    #[test]
    fn it_counts_the_others_of_the_last_hour() {
        let (mut velocity, bank, one) = (Velocity::default(), TenantName::new("b"), CustomerId::new("C-1"));
        assert_eq!(velocity.count(&bank, &one, minute(0)), 0);
        assert_eq!(velocity.count(&bank, &one, minute(59)), 1);
        assert_eq!(velocity.count(&bank, &CustomerId::new("C-2"), minute(59)), 0);
        assert_eq!(velocity.count(&TenantName::new("c"), &one, minute(59)), 0);
        assert_eq!(velocity.count(&bank, &one, minute(60)), 1, "the one at 0 is an hour old");
        assert_eq!(velocity.count(&bank, &one, minute(500)), 0);
    }

    #[test]
    fn memory_follows_the_traffic() {
        let (mut velocity, bank) = (Velocity::default(), TenantName::new("b"));
        for n in 0..1000 {
            velocity.count(&bank, &CustomerId::new(&n.to_string()), minute(1));
        }
        for _ in 0..100 {
            velocity.count(&bank, &CustomerId::new("busy"), minute(2));
        }
        velocity.count(&bank, &CustomerId::new("late"), minute(200));
        assert_eq!(velocity.recent.len(), 1);
        assert_eq!(velocity.count(&bank, &CustomerId::new("late"), minute(200)), 1);
    }
}
