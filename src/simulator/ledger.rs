//! What arrived at the simulator, in order: appended to, never changed, and bounded.
//!
//! Kept are the newest 200 000 requests and at most 1 GiB of them, and the raw bodies of the newest
//! 2 000 and at most 64 MiB. The count of requests is exact for ever; the count of distinct events
//! keeps 8 bytes for each and stops at 20 million. Not a store: it lives in memory alone.

use super::messages::ValidationError;
use actix_web::web::Bytes;
use serde::Serialize;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

const MAX_ENTRIES: usize = 200_000;
const MAX_ENTRY_BYTES: usize = 1 << 30;
const MAX_RAW: usize = 2_000;
const MAX_RAW_BYTES: usize = 64 << 20;
const MAX_DISTINCT: usize = 20_000_000;

/// One request. What a refused request did not show is null.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) operation: Option<&'static str>,
    pub(super) soap_action: Option<String>,
    /// The trace that it belongs to.
    pub(super) traceparent: Option<String>,
    pub(super) event_ids: Vec<String>,
    pub(super) channel: Option<String>,
    pub(super) response_required: Option<bool>,
    pub(super) payload: Option<String>,
    pub(super) hash_key: Option<String>,
    /// Null where no key was known to try it with.
    pub(super) hash_ok: Option<bool>,
    pub(super) validation_errors: Vec<ValidationError>,
    /// Null where the answer carried no Results.
    pub(super) return_code: Option<String>,
    /// What was answered instead of Results: the text of a SOAP Fault, or the fault of the scenario.
    pub(super) fault: Option<String>,
    pub(super) at: String,
}

#[derive(Default)]
pub(super) struct Ledger {
    entries: VecDeque<Arc<Entry>>,
    entry_bytes: usize,
    raw: VecDeque<(u64, Bytes)>,
    raw_bytes: usize,
    by_event: HashMap<String, VecDeque<u64>>,
    distinct: HashSet<u64>,
    fingerprint: RandomState,
    received: u64,
    last_seq: u64,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Count {
    pub(super) received: u64,
    pub(super) events: usize,
}

impl Ledger {
    pub(super) fn record(&mut self, mut entry: Entry, raw: Bytes) {
        self.received += 1;
        self.last_seq += 1;
        entry.seq = self.last_seq;
        for id in &entry.event_ids {
            if self.distinct.len() < MAX_DISTINCT {
                self.distinct.insert(self.fingerprint.hash_one(id));
            }
            let arrivals = self.by_event.entry(id.clone()).or_default();
            if arrivals.back() != Some(&entry.seq) {
                arrivals.push_back(entry.seq);
            }
        }
        self.raw_bytes += raw.len();
        self.raw.push_back((entry.seq, raw));
        self.entry_bytes += entry.weight();
        self.entries.push_back(Arc::new(entry));
        self.forget_the_oldest();
    }

    pub(super) fn count(&self) -> Count {
        Count { received: self.received, events: self.distinct.len() }
    }

    /// Those after this sequence number, in order.
    pub(super) fn after(&self, seq: u64, limit: usize) -> Vec<Arc<Entry>> {
        let first = self.entries.front().map_or(0, |entry| entry.seq);
        let skipped = usize::try_from((seq + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skipped).take(limit).cloned().collect()
    }

    /// All arrivals of an event that are still kept.
    pub(super) fn of_event(&self, event_id: &str) -> Vec<Arc<Entry>> {
        let arrivals = self.by_event.get(event_id).into_iter().flatten();
        arrivals.filter_map(|seq| self.entry(*seq)).cloned().collect()
    }

    /// The body of an event's last arrival, as it came.
    pub(super) fn raw(&self, event_id: &str) -> Option<Bytes> {
        let seq = self.by_event.get(event_id)?.back()?;
        let index = self.raw.binary_search_by_key(seq, |(seq, _)| *seq).ok()?;
        Some(self.raw[index].1.clone())
    }

    /// Empties it and counts from zero; sequence numbers go on, so that none is ever used twice.
    pub(super) fn clear(&mut self) {
        *self = Self { last_seq: self.last_seq, ..Self::default() };
    }

    /// Forgets those up to this sequence number, which stay counted.
    pub(super) fn forget(&mut self, through: u64) {
        while self.entries.front().is_some_and(|entry| entry.seq <= through) {
            self.forget_the_first();
        }
    }

    /// Sequence numbers leave no gap, so that the place follows from the number.
    fn entry(&self, seq: u64) -> Option<&Arc<Entry>> {
        let first = self.entries.front()?.seq;
        self.entries.get(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    fn forget_the_oldest(&mut self) {
        while self.raw.len() > MAX_RAW || (self.raw_bytes > MAX_RAW_BYTES && self.raw.len() > 1) {
            let Some((_, body)) = self.raw.pop_front() else {
                break;
            };
            self.raw_bytes -= body.len();
        }
        while self.entries.len() > MAX_ENTRIES
            || (self.entry_bytes > MAX_ENTRY_BYTES && self.entries.len() > 1)
        {
            self.forget_the_first();
        }
    }

    fn forget_the_first(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.entry_bytes -= entry.weight();
        for id in &entry.event_ids {
            let Some(arrivals) = self.by_event.get_mut(id) else {
                continue;
            };
            if arrivals.front() == Some(&entry.seq) {
                arrivals.pop_front();
            }
            if arrivals.is_empty() {
                self.by_event.remove(id);
            }
        }
    }
}

impl Entry {
    /// About what it takes in memory, its place in the index included.
    fn weight(&self) -> usize {
        let ids: usize = self.event_ids.iter().map(|id| 2 * id.len() + 96).sum();
        let errors: usize = self.validation_errors.iter().map(|error| error.text.len() + 96).sum();
        512 + self.payload.as_ref().map_or(0, String::len) + ids + errors
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Count, Entry, Ledger, MAX_ENTRIES, MAX_RAW};

    fn record(ledger: &mut Ledger, ids: &[&str], raw: &'static str) {
        let event_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        ledger.record(Entry { event_ids, ..Entry::default() }, Bytes::from_static(raw.as_bytes()));
    }

    fn sequence(ledger: &Ledger, after: u64, limit: usize) -> Vec<u64> {
        ledger.after(after, limit).iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn requests_are_listed_in_order_and_by_event() {
        let mut ledger = Ledger::default();
        record(&mut ledger, &["a"], "1");
        record(&mut ledger, &["b", "a", "a"], "2");
        record(&mut ledger, &[], "3");
        assert_eq!(sequence(&ledger, 0, 10), [1, 2, 3]);
        assert_eq!(sequence(&ledger, 1, 1), [2]);
        assert_eq!(sequence(&ledger, 3, 10), [0_u64; 0]);
        assert_eq!(ledger.count(), Count { received: 3, events: 2 });
        let arrivals: Vec<_> = ledger.of_event("a").iter().map(|entry| entry.seq).collect();
        assert_eq!(arrivals, [1, 2]);
        assert_eq!(ledger.raw("a").unwrap(), "2");
        assert!(ledger.raw("c").is_none());
    }

    #[test]
    fn the_oldest_are_forgotten_and_still_counted() {
        let mut ledger = Ledger::default();
        record(&mut ledger, &["first"], "raw");
        for _ in 0..MAX_RAW {
            record(&mut ledger, &["again"], "raw");
        }
        assert!(ledger.raw("first").is_none());
        assert_eq!(ledger.of_event("first").len(), 1);
        for _ in MAX_RAW..MAX_ENTRIES {
            record(&mut ledger, &["again"], "raw");
        }
        assert!(ledger.of_event("first").is_empty());
        assert_eq!(ledger.of_event("again").len(), MAX_ENTRIES);
        assert_eq!(ledger.count(), Count { received: MAX_ENTRIES as u64 + 1, events: 2 });
        assert_eq!(sequence(&ledger, 0, 1), [2]);
    }

    #[test]
    fn an_emptied_ledger_uses_no_sequence_number_twice() {
        let mut ledger = Ledger::default();
        record(&mut ledger, &["a"], "1");
        ledger.clear();
        assert_eq!(ledger.count(), Count { received: 0, events: 0 });
        record(&mut ledger, &["a"], "2");
        assert_eq!(sequence(&ledger, 0, 10), [2]);
    }

    #[test]
    fn what_was_read_can_be_forgotten_and_stays_counted() {
        let mut ledger = Ledger::default();
        for ids in [["a"], ["b"], ["a"]] {
            record(&mut ledger, &ids, "raw");
        }
        ledger.forget(2);
        assert_eq!(sequence(&ledger, 0, 10), [3]);
        assert_eq!((ledger.of_event("a").len(), ledger.of_event("b").len()), (1, 0));
        assert_eq!(ledger.count(), Count { received: 3, events: 2 });
    }
}
