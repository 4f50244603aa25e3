//! How many calls are under way at most, and whose: fewer while the machine is behind, and each tenant its share. Pure.

use super::identifiers::TenantName;
use std::collections::HashMap;
use std::time::Duration;

/// However far the machine is behind, so many calls may be under way for each thread that serves.
const FLOOR_EACH: usize = 32;
/// A thread that comes so much later than it meant to all the time is behind.
const BEHIND: Duration = Duration::from_millis(5);
/// It is judged by so many looks: by the least of them, since one long turn says nothing.
const LOOKS: u32 = 10;

/// Calls under way, by tenant.
#[derive(Debug)]
pub struct Admission {
    most: usize,
    floor: usize,
    limit: usize,
    under_way: usize,
    by_tenant: HashMap<TenantName, usize>,
}

impl Admission {
    /// At most so many, over so many threads.
    pub fn new(most: usize, threads: usize) -> Self {
        let floor = (FLOOR_EACH * threads).min(most);
        Self { most, floor, limit: most, under_way: 0, by_tenant: HashMap::new() }
    }

    /// Whether one more of a tenant's may come in. Where the limit is reached, only tenants with less than their share come
    /// in, up to twice of it; so whoever floods makes room and others do not feel it.
    pub fn enter(&mut self, tenant: &TenantName) -> bool {
        let own = self.by_tenant.get(tenant).copied().unwrap_or(0);
        let tenants = self.by_tenant.len() + usize::from(own == 0);
        let has_room = self.under_way < self.limit;
        let is_due = own < (self.limit / tenants).max(1) && self.under_way < 2 * self.limit && tenants > 1;
        if !has_room && !is_due {
            return false;
        }
        self.under_way += 1;
        match self.by_tenant.get_mut(tenant) {
            Some(own) => *own += 1,
            None => drop(self.by_tenant.insert(tenant.clone(), 1)),
        }
        true
    }

    /// One of a tenant's has ended.
    pub fn leave(&mut self, tenant: &TenantName) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(own) = self.by_tenant.get_mut(tenant) {
            *own -= 1;
            if *own == 0 {
                self.by_tenant.remove(tenant);
            }
        }
    }

    /// A thread that serves is behind, or is not.
    pub fn adapt(&mut self, is_behind: bool) {
        self.limit = if is_behind {
            // From where it is, and not from where it might be.
            (self.limit.min(self.under_way.max(self.floor)) * 7 / 8).max(self.floor)
        } else {
            (self.limit + self.limit / 16 + 1).min(self.most)
        };
    }

    /// How many may be under way just now.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many are.
    pub fn under_way(&self) -> usize {
        self.under_way
    }
}

/// By how much one thread comes too late.
#[derive(Debug, Default)]
pub struct Lag {
    looks: u32,
    least: Duration,
}

impl Lag {
    /// It came so much later than it meant to. Every so many looks it is known whether it is behind.
    pub fn note(&mut self, late: Duration) -> Option<bool> {
        self.least = if self.looks == 0 { late } else { self.least.min(late) };
        self.looks += 1;
        (self.looks == LOOKS).then(|| {
            self.looks = 0;
            self.least > BEHIND
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(number: usize) -> TenantName {
        TenantName::new(&format!("bank-{number}"))
    }

    fn enter(admission: &mut Admission, number: usize, times: usize) -> usize {
        (0..times).filter(|_| admission.enter(&named(number))).count()
    }

    #[test]
    fn alone_a_tenant_has_all_of_it_and_no_more() {
        let mut admission = Admission::new(100, 1);
        assert_eq!(enter(&mut admission, 0, 1000), 100);
        admission.leave(&named(0));
        assert_eq!(enter(&mut admission, 0, 1000), 1);
    }

    #[test]
    fn whoever_floods_keeps_nobody_out() {
        let mut admission = Admission::new(100, 1);
        assert_eq!(enter(&mut admission, 0, 1000), 100);
        assert_eq!(enter(&mut admission, 1, 10), 10, "they have less than their share");
        assert_eq!(enter(&mut admission, 0, 10), 0);
        (0..30).for_each(|_| admission.leave(&named(0)));
        assert_eq!(enter(&mut admission, 0, 1000), 20, "what the others leave");
        assert_eq!(enter(&mut admission, 1, 1000), 40, "half of all");
    }

    #[test]
    fn a_machine_that_is_behind_takes_in_less_and_one_that_is_not_more_again() {
        let mut admission = Admission::new(1024, 2);
        enter(&mut admission, 0, 400);
        admission.adapt(true);
        assert_eq!(admission.limit(), 350, "from what is under way on");
        (0..100).for_each(|_| admission.adapt(true));
        assert_eq!(admission.limit(), 64);
        let steps = (1..).find(|_| {
            admission.adapt(false);
            admission.limit() == 1024
        });
        assert!(steps.is_some_and(|steps| steps < 50), "{steps:?}");
    }

    #[test]
    fn one_long_turn_does_not_make_a_thread_late() {
        let mut lag = Lag::default();
        let ms = Duration::from_millis;
        let told: Vec<_> =
            (0..20).filter_map(|look| lag.note(if look == 3 { ms(900) } else { ms(0) })).collect();
        assert_eq!(told, [false, false]);
        let told: Vec<_> = (0..10).filter_map(|look| lag.note(ms(6 + look))).collect();
        assert_eq!(told, [true]);
    }

    proptest! {
        #[test]
        fn it_counts_right_and_never_lets_in_more_than_twice_its_limit(
            steps in prop::collection::vec((0usize..5, 0u8..4), 1..500),
        ) {
            let mut admission = Admission::new(40, 1);
            let mut inside: Vec<usize> = Vec::new();
            for (tenant, step) in steps {
                match step {
                    0 => if let Some(at) = inside.iter().position(|one| *one == tenant) {
                        admission.leave(&named(inside.swap_remove(at)));
                    },
                    1 => admission.adapt(tenant % 2 == 0),
                    _ => if admission.enter(&named(tenant)) { inside.push(tenant) },
                }
                prop_assert_eq!(admission.under_way(), inside.len());
                prop_assert!(inside.len() <= 80);
            }
            inside.iter().for_each(|tenant| admission.leave(&named(*tenant)));
            prop_assert!(admission.under_way() == 0 && admission.by_tenant.is_empty());
        }
    }
}
