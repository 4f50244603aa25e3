//! One caller of one tenant: the calls of the published interface as verbs.

use super::clock::until;
use super::http::{Connection, Request, Response};
use serde_json::Value;
use std::io;
use std::net::SocketAddr;

#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
}

impl Caller {
    /// A request with this caller's key.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(method, target).header("Authorization", &format!("Bearer {}", self.key))
    }

    /// A request that submits a body as JSON; `query` begins with `?` or is empty.
    pub(crate) fn submission(&self, query: &str, body: impl Into<Vec<u8>>) -> Request {
        self.request("POST", &format!("/v1/events{query}"))
            .header("Content-Type", "application/json")
            .body(body)
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn try_call(&self, request: &Request) -> io::Result<Response> {
        Connection::open(self.address)?.send(request)
    }

    pub(crate) fn call(&self, request: &Request) -> Response {
        self.try_call(request).unwrap_or_else(|error| panic!("the gateway does not answer: {error}"))
    }

    /// Sends a request, and hangs up without having heard the answer.
    pub(crate) fn hang_up_after(&self, request: &Request, wait: impl FnOnce()) -> io::Result<()> {
        let mut connection = Connection::open(self.address)?;
        connection.write(request)?;
        wait();
        Ok(())
    }

    pub(crate) fn submit(&self, event: &Value) -> Response {
        self.submit_with("", &[], event.to_string())
    }

    pub(crate) fn submit_with(
        &self,
        query: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Response {
        let request = self.submission(query, body);
        self.call(&headers.iter().fold(request, |request, (name, value)| request.header(name, value)))
    }

    /// Posts a body to an address.
    pub(crate) fn post(&self, target: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Response {
        let request = self.request("POST", target);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        self.call(&request.body(body))
    }

    pub(crate) fn look_up(&self, event_id: &str) -> Response {
        self.call(&self.request("GET", &format!("/v1/events/{event_id}")))
    }

    /// Looks an event up until it is as wanted.
    pub(crate) fn look_up_until(&self, event_id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        let ask = || {
            let response = self.look_up(event_id);
            seen = response.json();
            (response.status == 200 && wanted(&seen)).then(|| seen.clone())
        };
        // The last look is the best explanation of a wait in vain.
        let what = format!("{event_id} in another state");
        until(&what, ask)
    }

    pub(crate) fn until_state(&self, event_id: &str, state: &str) -> Value {
        self.look_up_until(event_id, |seen| seen["state"] == state)
    }
}
