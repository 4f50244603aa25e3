//! Answers that were given without anything on disk, because a person was waiting on the line: counted by reason, and
//! reported once a second at most, so that a flood of them does not become a flood of log lines.

use crate::domain::decision::Basis;
use crate::telemetry::metrics;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);

/// How many there were.
#[derive(Debug, Default)]
pub struct Unrecorded(Mutex<HashMap<&'static str, Count>>);

#[derive(Debug, Default)]
struct Count {
    all: u64,
    unreported: u64,
    reported_at: Option<Timestamp>,
}

impl Unrecorded {
    /// Counts one, and reports it where none was reported within the last second.
    pub fn note(&self, basis: Basis, now: Timestamp) {
        metrics::UNRECORDED.add(&[basis.name()], 1);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(basis.name()).or_default();
        count.all += 1;
        count.unreported += 1;
        if count.reported_at.is_none_or(|at| now.duration_since(at).unsigned_abs() >= EVERY) {
            let (answers, all) = (count.unreported, count.all);
            tracing::error!(basis = basis.name(), answers, all, "answered by the fallback, and not recorded");
            (count.unreported, count.reported_at) = (0, Some(now));
        }
    }

    /// How many there were for this reason since the start.
    pub fn count(&self, basis: Basis) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(basis.name()).map_or(0, |count| count.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_for_its_reason() {
        let (unrecorded, at) = (Unrecorded::default(), Timestamp::UNIX_EPOCH);
        for _ in 0..3 {
            unrecorded.note(Basis::Limit, at);
        }
        unrecorded.note(Basis::Store, at);
        assert_eq!(
            [Basis::Limit, Basis::Store, Basis::Draining].map(|basis| unrecorded.count(basis)),
            [3, 1, 0]
        );
    }
}
