//! The project's own Xceed, as a process: it checks each request with a SOAP codec and a signature of its own, and
//! does what it is told.

use super::clock::until;
use super::config::{Config, Tenant};
use super::folder::Folder;
use super::http::{Connection, Request, Response};
use super::process::Process;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Command;

#[derive(Debug)]
pub(crate) struct Simulator {
    // Before the folder, so that it has ended when that is removed.
    _process: Process,
    address: SocketAddr,
    _folder: Folder,
}

impl Simulator {
    /// An Xceed that knows these tenants, by the keys that each has here.
    pub(crate) fn start(tenants: &[Tenant]) -> Self {
        // Nobody listens there.
        Self::start_calling_back(tenants, SocketAddr::from(([127, 0, 0, 1], 9)))
    }

    /// The same, which calls back the gateway at this address.
    pub(crate) fn start_calling_back(tenants: &[Tenant], gateway: SocketAddr) -> Self {
        let folder = Folder::new();
        let config = Config::new(tenants.to_vec(), "http://127.0.0.1:9/not-called")
            .write_with(folder.path(), "sqlite:not-opened");
        let mut command = Command::new(env!("CARGO_BIN_EXE_xceed-gateway"));
        command.env("RUST_LOG", "info");
        command.args(["simulate", "--bind", "127.0.0.1:0", "--config"]).arg(config);
        command.args(["--callback-base", &format!("http://{gateway}/xceed/callback")]);
        let mut process = Process::start(command);
        let address = process.address().unwrap_or_else(|log| panic!("the simulator does not start: {log}"));
        Self { _process: process, address, _folder: folder }
    }

    /// Where it plays the platforms.
    pub(crate) fn platform(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where gateways send to.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/xceed", self.address)
    }

    /// Does this with every request from now on.
    pub(crate) fn behave(&self, behaviour: &Value) {
        let response = self.call(&Request::new("PUT", "/_sim/behaviour").body(behaviour.to_string()));
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// Does as usual again.
    pub(crate) fn behave_as_usual(&self) {
        self.call(&Request::new("DELETE", "/_sim/behaviour"));
    }

    /// All requests that arrived, in order.
    pub(crate) fn received(&self) -> Vec<Value> {
        self.listing("/_sim/received")
    }

    /// How many events arrived, each counted once.
    pub(crate) fn events(&self) -> u64 {
        let count = self.call(&Request::new("GET", "/_sim/received/count")).json();
        count["events"].as_u64().unwrap_or_else(|| panic!("no count: {count}"))
    }

    /// The requests that brought this event, in order.
    pub(crate) fn received_of(&self, event_id: &str) -> Vec<Value> {
        self.listing(&format!("/_sim/received/{event_id}"))
    }

    /// What it called back, in order.
    pub(crate) fn called(&self) -> Vec<Value> {
        self.listing("/_sim/callbacks")
    }

    /// What it called back for this event, in order.
    pub(crate) fn called_for(&self, event_id: &str) -> Vec<Value> {
        self.called().into_iter().filter(|called| called["eventId"] == event_id).collect()
    }

    /// What it called back for this event, once it is so much.
    pub(crate) fn called_times(&self, event_id: &str, count: usize) -> Vec<Value> {
        until("callbacks", || Some(self.called_for(event_id)).filter(|called| called.len() >= count))
    }

    fn listing(&self, target: &str) -> Vec<Value> {
        match self.call(&Request::new("GET", target)).json() {
            Value::Array(requests) => requests,
            other => panic!("no listing: {other}"),
        }
    }

    pub(super) fn call(&self, request: &Request) -> Response {
        let connection = Connection::open(self.address);
        let answered = connection.and_then(|mut connection| connection.send(request));
        answered.unwrap_or_else(|error| panic!("the simulator does not answer: {error}"))
    }
}
