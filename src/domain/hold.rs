//! When a whole queue waits, because its cause is not one event's: a wrong secret, a wrong service id. Pure.

use super::identifiers::{EventId, TenantName};
use super::return_code::{Next, Received, ReturnCode};
use jiff::Timestamp;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// So many different events in a row with the same code hold their queue.
pub const IN_A_ROW: usize = 3;
/// While a queue is held, one of its deliveries leaves so often to find out.
pub const PROBE_EVERY: Duration = Duration::from_secs(30);
/// The code of a hold that only a person ends: the store is older than what is known of it.
pub const STORE_OLDER: &str = "STORE_OLDER";

/// Which of a tenant's deliveries wait together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// All of them.
    All,
    /// Those of one channel.
    Channel(String),
    /// Those whose score comes by callback.
    Async,
}

impl Queue {
    /// Reads a queue's name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "all" => Some(Self::All),
            "async" => Some(Self::Async),
            _ => {
                name.strip_prefix("channel:").filter(|word| !word.is_empty()).map(|w| Self::Channel(w.into()))
            }
        }
    }

    /// The queue that a code speaks of, for a delivery over this channel.
    pub fn of(code: &Received, channel: &str) -> Self {
        match code {
            Received::Known(ReturnCode::InvalidChannel) => Self::Channel(channel.to_owned()),
            Received::Known(ReturnCode::InvalidCallback) => Self::Async,
            _ => Self::All,
        }
    }

    /// Whether a delivery waits with the queue.
    pub fn holds(&self, channel: &str, by_callback: bool) -> bool {
        match self {
            Self::All => true,
            Self::Channel(word) => word == channel,
            Self::Async => by_callback,
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Channel(word) => write!(f, "channel:{word}"),
            Self::Async => f.write_str("async"),
        }
    }
}

/// How many different events in a row got the same code, by queue.
#[derive(Debug, Default)]
pub struct Rows(HashMap<(TenantName, Queue), Row>);

#[derive(Debug)]
struct Row {
    code: String,
    since: Timestamp,
    events: Vec<EventId>,
}

impl Rows {
    /// Notes what Xceed answered. `Some`: the queue that is to be held from now on, and since when its cause is there.
    pub fn note(
        &mut self,
        tenant: &TenantName,
        event: &EventId,
        (channel, by_callback): (&str, bool),
        (code, at): (&Received, Timestamp),
    ) -> Option<(Queue, Timestamp)> {
        let queue = (code.row().next == Next::ParkHold).then(|| Queue::of(code, channel));
        // An answer of another kind ends every row that the delivery could have been in.
        self.0.retain(|(of, other), _| {
            of != tenant || queue.as_ref() == Some(other) || !other.holds(channel, by_callback)
        });
        let queue = queue?;
        let key = (tenant.clone(), queue);
        let new = || Row { code: code.word().to_owned(), since: at, events: vec![] };
        let row = self.0.entry(key.clone()).or_insert_with(new);
        if row.code != code.word() {
            *row = new();
        }
        if !row.events.contains(event) {
            row.events.push(event.clone());
        }
        if row.events.len() < IN_A_ROW {
            return None;
        }
        let since = self.0.remove(&key)?.since;
        Some((key.1, since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(codes: &[(&str, ReturnCode, &str)]) -> Option<Queue> {
        let (mut rows, bank) = (Rows::default(), TenantName::new("bank"));
        let mut note = |(id, code, channel): &(&str, ReturnCode, &str)| {
            let (id, at) = (EventId::parse(id).expect("an id"), Timestamp::UNIX_EPOCH);
            rows.note(&bank, &id, (channel, *code == InvalidCallback), (&Received::Known(*code), at))
        };
        let (last, before) = codes.split_last().expect("codes");
        for one in before {
            assert_eq!(note(one), None, "{one:?}");
        }
        note(last).map(|(queue, _)| queue)
    }

    use ReturnCode::*;

    #[test]
    fn three_different_events_in_a_row_hold_the_queue() {
        let three = [("a", HashKeyFail, "Wire"), ("b", HashKeyFail, "ACH"), ("c", HashKeyFail, "Wire")];
        assert_eq!(row(&three), Some(Queue::All));
    }

    #[test]
    fn the_same_event_again_counts_once() {
        let again = [("a", HashKeyFail, "Wire"), ("a", HashKeyFail, "Wire"), ("b", HashKeyFail, "Wire")];
        assert_eq!(row(&again), None);
    }

    #[test]
    fn another_answer_between_ends_the_row() {
        for between in [Success, BadServiceId, XmlValidationFail, Error] {
            let codes = [
                ("a", HashKeyFail, "Wire"),
                ("b", HashKeyFail, "Wire"),
                ("c", between, "Wire"),
                ("d", HashKeyFail, "Wire"),
            ];
            assert_eq!(row(&codes), None, "{between:?}");
        }
    }

    #[test]
    fn a_wrong_channel_holds_that_channel_and_a_wrong_callback_the_async_queue() {
        let wrong = |code| [("a", code, "ACH"), ("b", code, "ACH"), ("c", code, "ACH")];
        assert_eq!(row(&wrong(InvalidChannel)), Some(Queue::Channel("ACH".into())));
        let mut callbacks = wrong(InvalidCallback).to_vec();
        callbacks.insert(2, ("s", Success, "ACH"));
        assert_eq!(row(&callbacks), Some(Queue::Async), "a sync event's success says nothing");
        let other = [
            ("a", InvalidChannel, "ACH"),
            ("b", InvalidChannel, "ACH"),
            ("c", Success, "Wire"),
            ("d", InvalidChannel, "ACH"),
        ];
        assert_eq!(row(&other), Some(Queue::Channel("ACH".into())), "another channel's success says nothing");
    }

    #[test]
    fn names_read_back() {
        for queue in [Queue::All, Queue::Async, Queue::Channel("ACH".into())] {
            assert_eq!(Queue::parse(&queue.to_string()), Some(queue));
        }
        for bad in ["", "channel:", "ALL", "tenant"] {
            assert_eq!(Queue::parse(bad), None, "{bad}");
        }
    }
}
