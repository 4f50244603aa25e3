//! What arrived at Xceed, read as it grows: every event at least once, each customer's in order.

use crate::events::Key;
use crate::harness::{Connection, Request, Response, Simulator};
use crate::report::Findings;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// Requests that are read at a time.
const PAGE: usize = 5000;

#[derive(Default)]
pub(crate) struct Arrivals {
    after: u64,
    seen: HashSet<Key>,
    /// By customer, the last wave of which anything has arrived.
    latest: HashMap<u16, u32>,
    pub(crate) requests: u64,
    pub(crate) repeats: u64,
    pub(crate) inversions: u64,
    /// Requests that Xceed could not believe.
    pub(crate) refused: u64,
}

/// As much of a request as matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arrival {
    seq: u64,
    event_ids: Vec<String>,
    hash_ok: Option<bool>,
    validation_errors: Vec<serde_json::Value>,
    fault: Option<String>,
}

fn call(xceed: &Simulator, method: &str, query: &str) -> Response {
    let url = xceed.url();
    let address = url.trim_start_matches("http://").split('/').next().and_then(|host| host.parse().ok());
    let connection = Connection::open(address.expect("an address"));
    let request = Request::new(method, &format!("/_sim/received?{query}"));
    connection.and_then(|mut connection| connection.send(&request)).expect("the simulator answers")
}

/// Has the simulator forget all that it has received so far.
pub(crate) fn forget_all(xceed: &Simulator) {
    call(xceed, "DELETE", "through=18446744073709551615");
}

impl Arrivals {
    /// Reads what has arrived since the last time, and has the simulator forget it.
    pub(crate) fn read(&mut self, xceed: &Simulator, found: &mut Findings) {
        loop {
            let listing = call(xceed, "GET", &format!("after={}&limit={PAGE}", self.after));
            let page: Vec<Arrival> = serde_json::from_slice(&listing.body).expect("a listing");
            let read = page.len();
            for arrival in page {
                self.take(&arrival, found);
            }
            if read < PAGE {
                break;
            }
        }
        call(xceed, "DELETE", &format!("through={}", self.after));
    }

    pub(crate) fn has(&self, key: Key) -> bool {
        self.seen.contains(&key)
    }

    fn take(&mut self, arrival: &Arrival, found: &mut Findings) {
        self.requests += 1;
        found.must(arrival.seq == self.after + 1, || {
            format!("the simulator's {} follows its {}: not all can be read", arrival.seq, self.after)
        });
        self.after = arrival.seq;
        let [id] = arrival.event_ids.as_slice() else {
            return found.fault(format!("Xceed could not read a request: {:?}", arrival.fault));
        };
        let Some(key) = Key::parse(id) else {
            return found.fault(format!("Xceed got an event that nobody submitted: {id}"));
        };
        if arrival.hash_ok != Some(true) {
            self.refused += 1;
            return;
        }
        found.must(arrival.validation_errors.is_empty(), || format!("{id} arrived and is not valid"));
        self.arrive(key, found);
    }

    pub(crate) fn arrive(&mut self, key: Key, found: &mut Findings) {
        let id = key.id();
        let latest = self.latest.entry(key.customer).or_insert(key.wave);
        let first = self.seen.insert(key);
        self.repeats += u64::from(!first);
        // Also an event that arrives again may not do so behind a later one: that one left too early, then.
        if key.wave < *latest {
            self.inversions += 1;
            let again = if first { "" } else { " again" };
            found.fault(format!("{id} arrived{again} after events of the same customer's wave {latest}"));
        }
        *latest = key.wave.max(*latest);
    }
}
