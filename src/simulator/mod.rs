//! A simulator of Xceed, to run against: for tests, for demonstrations, for a developer's desk.
//!
//! It speaks SOAP with a codec and a signature of its own, checks every request as Xceed would,
//! scores deterministically, and can be told to misbehave in every way that a client has to bear.
//! It is not Xceed, knows none of its rules for risk, and keeps nothing. It answers the four
//! operations of the reference model; `addAsyncEvent` is acknowledged, and its score comes by
//! callback, while `addMAsyncEvents` is acknowledged alone, as the vendor says.
//!
//! One request goes through `server` (HTTP) → `soap` with `outline` and `messages` (what it says) →
//! `payload` (what it is about) → `xceed` (what becomes of it: `checks` with `signature`, then what
//! it is told by `scenario`, `triggers`, `behaviour`, then `scoring`) → `ledger` → `answer` or
//! `connection` (how it is answered), and `callbacks` (what is called back) → `caller`. `control` has the doors by which it is told what to do and
//! asked what came. `platforms` plays those that decisions go back to.

mod answer;
mod behaviour;
mod callbacks;
mod caller;
mod checks;
mod connection;
mod control;
mod ledger;
mod messages;
mod outline;
mod payload;
mod platforms;
mod scenario;
mod scoring;
mod server;
mod signature;
mod soap;
mod triggers;
mod xceed;

pub use behaviour::{Behaviour, Calling, Fault, Score};
pub use scenario::{Rule, Scenario};
pub use server::{Running, start};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The payload's version and its text → what is wrong with it, each with the event that it is in, where that is known.
/// Nothing means valid. It is called on the simulator's worker threads.
pub type Validate = Arc<dyn Fn(&str, &str) -> Vec<(Option<String>, String)> + Send + Sync>;

/// What a simulator needs to start.
#[derive(Clone)]
pub struct Settings {
    /// Port 0 asks for any free port.
    pub bind: SocketAddr,
    /// Whom it knows; anybody else hears `BAD_SERVICE_ID`.
    pub tenants: Vec<Tenant>,
    /// The schema versions that are supported: what a payload's `version` may be.
    pub versions: Vec<String>,
    /// How a payload is found valid.
    pub validate: Validate,
    /// The rules that it starts with.
    pub scenario: Scenario,
    /// How long an idle connection is kept; zero closes each after its answer.
    pub keep_alive: Duration,
    /// Threads that answer; one serves thousands of waiting requests.
    pub workers: usize,
    /// Where to call back, by callback id.
    pub callbacks: Vec<(String, String)>,
    /// What stands before every other callback id; without it, these are `INVALID_CALLBACK`.
    pub callback_base: Option<String>,
    /// What webhooks are signed with, by name: any of them.
    pub webhooks: Vec<(String, Vec<String>)>,
}

/// Whom the simulator knows. It has no `Debug`, because it holds secrets.
#[derive(Clone)]
pub struct Tenant {
    /// The platform provider's id at Xceed.
    pub platform_id: String,
    /// The institution's id at Xceed.
    pub service_id: String,
    /// Any of them may sign, as while a key is being changed.
    pub secret_keys: Vec<String>,
    /// Empty for any channel.
    pub channels: Vec<String>,
}

impl Settings {
    /// One worker, connections kept for five seconds as usual servers do, no scenario, and nobody to call back.
    pub fn new(bind: SocketAddr, tenants: Vec<Tenant>, versions: Vec<String>, validate: Validate) -> Self {
        let (scenario, keep_alive, workers) = (Scenario::default(), Duration::from_secs(5), 1);
        Self {
            bind,
            tenants,
            versions,
            validate,
            scenario,
            keep_alive,
            workers,
            callbacks: Vec::new(),
            callback_base: None,
            webhooks: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
