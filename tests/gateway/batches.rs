//! Batches: how they come in, how they leave, and that nothing of them is lost or sent twice.

mod crashes;
mod intake;
mod leaving;
mod order;
mod rules;

use crate::harness::{Config, Gateway, Simulator, Tenant, event};
use serde_json::Value;

/// A gateway of one tenant, and its Xceed.
fn start(policy: &str) -> (Simulator, Gateway) {
    let tenant = || Tenant::first_bank().with(policy);
    let simulator = Simulator::start(&[tenant()]);
    let gateway = Gateway::start(Config::new([tenant()], &simulator.url()));
    (simulator, gateway)
}

/// Numbered events, each of a customer of its own.
fn events(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers.map(|n| event(&id(n))).collect()
}

fn id(n: usize) -> String {
    format!("e-{n:04}")
}

/// What is counted in a batch: accepted, duplicates, failed, settled, queued, parked.
fn counts(batch: &Value) -> [u64; 6] {
    ["accepted", "duplicates", "failed", "settled", "queued", "parked"]
        .map(|name| batch[name].as_u64().unwrap_or_else(|| panic!("{name} of {batch}")))
}
