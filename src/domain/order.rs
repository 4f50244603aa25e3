//! Whose turn it is: one customer's deliveries leave in the order they were recorded. Pure: numbers in, turns out.

use super::identifiers::{CustomerId, TenantName};
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};

/// A delivery's place in the order of recording.
pub type Place = i64;
/// Whose deliveries stand in one line.
pub type Whose = (TenantName, CustomerId);

/// All lines. A delivery without a customer stands in none, and it is always its turn.
#[derive(Debug, Default)]
pub struct Order {
    lines: HashMap<Whose, Line>,
    whose: HashMap<Place, Whose>,
}

#[derive(Debug, Default)]
struct Line {
    places: BTreeSet<Place>,
    /// Those whose attempt is under way: one, or some that stand behind each other and leave together.
    sending: BTreeSet<Place>,
}

/// What a delivery finds when it joins a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It may leave.
    Now,
    /// Others go first, and this one is the first of them; `under_way` where it is being sent.
    Behind {
        /// The first in line.
        first: Place,
        /// Whether its attempt is under way.
        under_way: bool,
    },
    /// A later one is being sent: it comes too late for its place.
    Overtaken,
}

impl Order {
    /// Stands in line at its place, which may be before others that wait.
    pub fn join(&mut self, whose: Whose, place: Place) -> Turn {
        let line = self.lines.entry(whose.clone()).or_default();
        line.places.insert(place);
        self.whose.insert(place, whose);
        if line.sending.last().is_some_and(|later| *later > place) {
            return Turn::Overtaken;
        }
        let sending = line.sending.first().copied();
        match (sending, line.places.first()) {
            (None, Some(&first)) if first == place => Turn::Now,
            (_, first) => {
                let first = sending.or_else(|| first.copied()).unwrap_or(place);
                Turn::Behind { first, under_way: sending.is_some() }
            }
        }
    }

    /// An attempt begins, where it is the delivery's turn and none of its line is under way.
    pub fn begin(&mut self, place: Place) -> bool {
        let Some(line) = self.line(place) else { return true };
        let is_turn = line.sending.is_empty() && line.places.first() == Some(&place);
        if is_turn {
            line.sending.insert(place);
        }
        is_turn
    }

    /// Whether none of its line goes before it.
    pub fn is_first(&mut self, place: Place) -> bool {
        self.line(place).is_none_or(|line| line.places.first() == Some(&place))
    }

    /// The one that stands behind another in the same line.
    pub fn behind(&mut self, place: Place) -> Option<Place> {
        let line = self.line(place)?;
        line.places.range((Excluded(place), Unbounded)).next().copied()
    }

    /// An attempt begins together with that of the one before it, the last of its line that is under way.
    pub fn begin_behind(&mut self, place: Place, before: Place) -> bool {
        if self.behind(before) != Some(place) {
            return false;
        }
        let Some(line) = self.line(place) else { return false };
        let is_turn = line.sending.last() == Some(&before);
        if is_turn {
            line.sending.insert(place);
        }
        is_turn
    }

    /// An attempt has ended, and the delivery stays in line.
    pub fn stay(&mut self, place: Place) {
        if let Some(line) = self.line(place) {
            line.sending.remove(&place);
        }
    }

    /// A delivery is done, or kept for a person. Answers whose turn it is now.
    pub fn leave(&mut self, place: Place) -> Option<Place> {
        self.stay(place);
        let whose = self.whose.remove(&place)?;
        let line = self.lines.get_mut(&whose)?;
        line.places.remove(&place);
        if line.places.is_empty() {
            self.lines.remove(&whose);
            return None;
        }
        line.places.first().copied().filter(|_| line.sending.is_empty())
    }

    fn line(&mut self, place: Place) -> Option<&mut Line> {
        let whose = self.whose.get(&place)?;
        self.lines.get_mut(whose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(customer: &str) -> Whose {
        (TenantName::new("bank"), CustomerId::new(customer))
    }

    #[test]
    fn the_first_goes_and_the_next_follows_when_it_is_done() {
        let mut order = Order::default();
        assert_eq!(order.join(of("a"), 1), Turn::Now);
        assert!(order.begin(1));
        assert_eq!(order.join(of("a"), 2), Turn::Behind { first: 1, under_way: true });
        assert!(!order.begin(2));
        assert_eq!(order.join(of("b"), 3), Turn::Now, "another customer does not wait");
        assert_eq!(order.leave(1), Some(2));
        assert!(order.begin(2));
        assert_eq!(order.leave(2), None);
        assert_eq!(order.lines.len(), 1, "memory follows who waits");
    }

    #[test]
    fn one_that_is_sent_again_keeps_its_place() {
        let mut order = Order::default();
        order.join(of("a"), 1);
        assert!(order.begin(1));
        order.stay(1);
        assert_eq!(order.join(of("a"), 2), Turn::Behind { first: 1, under_way: false });
        assert!(!order.begin(2) && order.begin(1));
    }

    #[test]
    fn a_replay_takes_its_old_place_unless_a_later_one_is_under_way() {
        let mut order = Order::default();
        order.join(of("a"), 5);
        assert_eq!(order.join(of("a"), 3), Turn::Now);
        assert!(!order.begin(5) && order.begin(3));
        assert_eq!(order.leave(3), Some(5));
        assert!(order.begin(5));
        assert_eq!(order.join(of("a"), 4), Turn::Overtaken);
        assert_eq!(order.leave(4), None, "whoever is overtaken may go, and the one under way goes on");
    }

    #[test]
    fn without_a_customer_it_is_always_ones_turn() {
        let mut order = Order::default();
        assert!(order.begin(7) && order.begin(8));
        assert_eq!(order.leave(7), None);
    }

    #[test]
    fn who_stands_behind_each_other_may_leave_together() {
        let mut order = Order::default();
        for place in [1, 3, 5] {
            order.join(of("a"), place);
        }
        order.join(of("b"), 2);
        assert!(order.begin(1) && order.behind(1) == Some(3));
        assert!(!order.begin_behind(5, 1) && !order.begin_behind(2, 1), "none between them, and one line");
        assert!(order.begin_behind(3, 1) && !order.begin_behind(3, 1) && order.begin_behind(5, 3));
        assert_eq!(order.join(of("a"), 7), Turn::Behind { first: 1, under_way: true });
        assert_eq!(order.join(of("a"), 4), Turn::Overtaken);
        assert_eq!(order.leave(4), None);
        order.stay(3);
        assert_eq!(order.leave(1), None, "the last of them is under way");
        assert!(!order.begin(3) && !order.begin_behind(7, 3));
        assert_eq!(order.leave(5), Some(3), "who stayed goes first");
        assert!(order.begin(3) && order.begin_behind(7, 3));
    }

    proptest! {
        /// Whatever joins, fails and ends in whatever order, what leaves leaves in the order of places.
        #[test]
        fn what_leaves_leaves_in_order(steps in prop::collection::vec((0..3usize, 0..4u8), 1..200)) {
            let customers = ["a", "b", "c"];
            let (mut order, mut next) = (Order::default(), 0);
            let mut left: HashMap<usize, Place> = HashMap::new();
            for (who, what) in steps {
                let line = order.lines.get(&of(customers[who]));
                let first = line.and_then(|line| line.places.first().copied());
                match (what, first) {
                    (0, _) => {
                        next += 1;
                        order.join(of(customers[who]), next);
                    }
                    (1, Some(first)) => {
                        if order.begin(first) {
                            prop_assert!(left.insert(who, first).is_none_or(|before| before <= first));
                        }
                    }
                    (2, Some(first)) => order.stay(first),
                    (_, Some(first)) => {
                        let then = order.leave(first);
                        prop_assert!(then.is_none_or(|then| then > first));
                    }
                    (_, None) => {}
                }
            }
        }
    }
}
