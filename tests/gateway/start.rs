//! A start takes up what was pending, however much it is: all of it arrives, once, and each customer's in order. How
//! quick it is ready is a benchmark's business (`benches/start.rs`).

use crate::harness::{Config, Copies, Gateway, Simulator, Tenant, customer_event, until};
use std::collections::HashMap;

const PENDING: u64 = 5_000;
const CUSTOMERS: u64 = 500;

#[test]
fn thousands_of_pending_deliveries_arrive_once_and_in_order() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let dead = "http://127.0.0.1:9/nobody";
    let mut gateway = Gateway::start(Config::new(tenants.clone(), dead));
    let event = customer_event("pending", "somebody");
    assert_eq!(gateway.submit_with("?mode=ack", &[], event.to_string()).status, 202);
    gateway.kill();
    let copies = Copies {
        event_id: "pending",
        customer: "somebody",
        count: PENDING,
        id: "'e-' || n",
        customer_id: &format!("'C-' || (n % {CUSTOMERS})"),
    };
    copies.put_into(&gateway.file("gateway.db")).expect("a store that nobody uses");
    gateway.restart_with(Config::new(tenants, &xceed.url()));
    until("all of them", || (xceed.events() > PENDING).then_some(()));
    for id in ["e-1", "e-5000", "pending"] {
        gateway.caller().until_state(id, "SETTLED");
    }
    let mut next: HashMap<u64, u64> = HashMap::new();
    let mut arrived = 0;
    for request in xceed.received() {
        let id = request["eventIds"][0].as_str().expect("an id");
        let Some(n) = id.strip_prefix("e-").and_then(|n| n.parse::<u64>().ok()) else { continue };
        arrived += 1;
        let customer = n % CUSTOMERS;
        // A customer's first one has the customer's own number, but for the one that is a multiple.
        let first = if customer == 0 { CUSTOMERS } else { customer };
        let expected = next.insert(customer, n + CUSTOMERS).unwrap_or(first);
        assert_eq!(n, expected, "of customer {customer}");
    }
    assert_eq!(arrived, PENDING, "each once");
}
