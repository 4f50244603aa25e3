//! The entries of the audit trail about one event, for whoever looks at it. The trail has no index by event, since every
//! event would pay for that: what was written when it came is looked through, and what was written last.

use crate::application::ports::Noted;
use jiff::Timestamp;
use serde::Deserialize;
use std::ops::Range;
use std::time::Duration;

/// So many entries are looked at from when the event came on, and so many of the last.
pub(super) const LOOKED_AT: i64 = 20_000;
/// Gateways that share a store write at their own pace; so far their entries are out of the order of time, at most.
const APART: Duration = Duration::from_secs(30);

/// What is looked for in an entry's text: ids are plain, so they stand there as they are.
pub(super) fn marks(tenant: &str, event_id: &str) -> [String; 2] {
    [format!("\"tenant\":\"{tenant}\""), format!("\"eventId\":\"{event_id}\"")]
}

/// A search for the first entry that may be about an event: asked for a place, it is told when the next entry was written.
pub(super) struct Halving {
    wanted: Timestamp,
    range: Range<i64>,
}

impl Halving {
    /// Of an event that came then, in a trail of these places.
    pub(super) fn new(received_at: Timestamp, (first, last): (i64, i64)) -> Self {
        Self { wanted: received_at - APART, range: first..last.saturating_add(1) }
    }

    /// Which place to look at next; none where it is found.
    pub(super) fn next(&self) -> Option<i64> {
        let half = self.range.start + (self.range.end - self.range.start) / 2;
        (self.range.start < self.range.end).then_some(half)
    }

    /// What the first entry from there on says of its time; none where there is none, or it says nothing.
    pub(super) fn hear(&mut self, place: i64, body: Option<&str>) {
        let is_before = body.and_then(time_of).is_some_and(|at| at < self.wanted);
        if is_before { self.range.start = place + 1 } else { self.range.end = place }
    }

    /// Where entries about it may be: from when it came on, and the last ones.
    pub(super) fn found(self, last: i64) -> [Range<i64>; 2] {
        let end = last.saturating_add(1);
        let since = self.range.start..self.range.start.saturating_add(LOOKED_AT).min(end);
        let latest = (end - LOOKED_AT).max(since.end)..end;
        [since, latest]
    }
}

fn time_of(body: &str) -> Option<Timestamp> {
    read("", body).map(|noted| noted.at)
}

#[derive(Deserialize)]
struct Said {
    n: i64,
    timestamp: String,
    kind: String,
    by: Option<String>,
}

/// An entry by its text; none where it is no such text.
pub(super) fn read(gateway: &str, body: &str) -> Option<Noted> {
    let said: Said = serde_json::from_str(body).ok()?;
    let at = said.timestamp.parse().ok()?;
    Some(Noted { at, place: (gateway.to_owned(), said.n), kind: said.kind, by: said.by })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_of_a_time_is_found_by_halving_and_the_last_ones_are_not_read_twice() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).expect("a time");
        let body =
            |second: i64| format!("{{\"n\":1,\"timestamp\":\"{}\",\"kind\":\"accepted\"}}", at(second));
        let found = |wanted: i64, last: i64| {
            let mut halving = Halving::new(at(wanted) + APART, (1, last));
            while let Some(place) = halving.next() {
                halving.hear(place, Some(&body(place)));
            }
            halving.found(last)
        };
        assert_eq!(found(7, 100), [7..101, 101..101]);
        assert_eq!(found(0, 100), [1..101, 101..101]);
        assert_eq!(found(50, 90_000), [50..20_050, 70_001..90_001]);
        assert_eq!(found(80_000, 90_000), [80_000..90_001, 90_001..90_001]);
    }
}
