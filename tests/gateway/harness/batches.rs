//! Batches: how they are posted, and what became of them.

use super::caller::Caller;
use super::clock::until;
use super::http::{Request, Response};
use super::simulator::Simulator;
use serde_json::Value;

/// Events as NDJSON.
pub(crate) fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// The ids of a request's events, in its order.
pub(crate) fn ids(request: &Value) -> Vec<String> {
    let ids = request["eventIds"].as_array().expect("an array");
    ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

impl Caller {
    /// A request that brings a batch as NDJSON; `query` begins with `?` or is empty.
    pub(crate) fn batch(&self, query: &str, body: impl Into<Vec<u8>>) -> Request {
        self.request("POST", &format!("/v1/batches{query}"))
            .header("Content-Type", "application/x-ndjson")
            .body(body)
    }

    pub(crate) fn post_batch(&self, query: &str, body: impl Into<Vec<u8>>) -> Response {
        self.call(&self.batch(query, body))
    }

    /// Posts a batch that is taken in. Its id.
    #[track_caller]
    pub(crate) fn posted(&self, query: &str, events: &[Value]) -> String {
        let answer = self.post_batch(query, lines(events));
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["batchId"].as_str().expect("an id").to_owned()
    }

    pub(crate) fn look_up_batch(&self, id: &str) -> Value {
        let answer = self.call(&self.request("GET", &format!("/v1/batches/{id}")));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The batch, once nothing of it waits any more.
    pub(crate) fn until_done(&self, id: &str) -> Value {
        let mut seen = Value::Null;
        let done = || {
            seen = self.look_up_batch(id);
            (seen["state"] == "DONE").then(|| seen.clone())
        };
        until("a batch that is done", done)
    }
}

impl Simulator {
    /// The requests that brought events, as the ids of each.
    pub(crate) fn chunks(&self) -> Vec<Vec<String>> {
        self.received().iter().map(ids).collect()
    }

    /// Every event as often as it arrived, in order.
    pub(crate) fn arrivals(&self) -> Vec<String> {
        self.chunks().concat()
    }

    /// The requests, once they brought so many different events.
    pub(crate) fn once_it_has(&self, events: u64) -> Vec<Value> {
        until("all events", || (self.events() >= events).then_some(()));
        self.received()
    }
}
