//! Refused callbacks, counted: a flood of forged ones is one entry a second and reason, and costs nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many were refused, by reason, since they were last taken.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<&'static str, u64>>);

impl Refusals {
    /// One more.
    pub fn note(&self, why: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(why).or_default() += 1;
    }

    /// All of them, to be recorded.
    pub fn take(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// They could not be recorded: they count again.
    pub fn put_back(&self, refused: &BTreeMap<&'static str, u64>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (why, count) in refused {
            *counts.entry(why).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Refusals;

    #[test]
    fn refusals_are_counted_by_reason_and_taken_once() {
        let refusals = Refusals::default();
        for why in ["form", "address", "form"] {
            refusals.note(why);
        }
        let taken = refusals.take();
        assert_eq!(taken.clone().into_iter().collect::<Vec<_>>(), [("address", 1), ("form", 2)]);
        assert!(refusals.take().is_empty());
        refusals.note("form");
        refusals.put_back(&taken);
        assert_eq!(refusals.take()["form"], 3);
    }
}
