//! One customer's deliveries leave in the order they were recorded: through concurrent calls, retries, restarts and
//! replays.

use crate::harness::{Caller, Config, Gateway, Simulator, Tenant, customer_event};
use serde_json::{Value, json};
use std::thread;

fn start(policy: &str) -> (Simulator, Gateway) {
    let tenant = || Tenant::first_bank().with(policy);
    let simulator = Simulator::start(&[tenant()]);
    let gateway = Gateway::start(Config::new([tenant()], &simulator.url()));
    (simulator, gateway)
}

/// The events in the order in which each arrived for the first time.
fn first_arrivals(simulator: &Simulator) -> Vec<String> {
    let mut seen = Vec::new();
    for id in simulator.received().iter().flat_map(ids) {
        if !seen.contains(&id) {
            seen.push(id);
        }
    }
    seen
}

fn ids(request: &Value) -> Vec<String> {
    let ids = request["eventIds"].as_array().expect("an array");
    ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

#[test]
fn acknowledged_events_of_one_customer_arrive_in_the_order_of_their_acknowledgements() {
    let (simulator, gateway) = start("");
    let wanted: Vec<_> = (0..40).map(|n| format!("e-{n}")).collect();
    for id in &wanted {
        let answer = gateway.submit_with("?mode=ack", &[], customer_event(id, "C-1").to_string());
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    gateway.caller().until_state("e-39", "SETTLED");
    assert_eq!(first_arrivals(&simulator), wanted);
}

#[test]
fn concurrent_calls_of_one_customer_all_get_their_turn() {
    let (simulator, gateway) = start("");
    simulator.behave(&json!({ "delay_ms": 60 }));
    let calls = (0..6).map(|n| {
        let caller = gateway.caller();
        thread::spawn(move || caller.submit(&customer_event(&format!("e-{n}"), "C-1")).json())
    });
    let told: Vec<_> = calls.collect::<Vec<_>>().into_iter().map(|call| call.join().expect("told")).collect();
    assert!(told.iter().all(|told| told["outcome"] == "SCORED"), "each waits for its turn: {told:?}");
    assert_eq!(first_arrivals(&simulator).len(), 6);
}

#[test]
fn a_turn_that_does_not_come_in_time_falls_back_with_its_own_basis_and_the_event_follows() {
    let (simulator, gateway) = start("policy.deadline_ms = 400");
    simulator.behave(&json!({ "delay_ms": 1500 }));
    let caller = gateway.caller();
    let first = thread::spawn(move || caller.submit(&customer_event("e-1", "C-1")).json());
    gateway.caller().until_state("e-1", "SENDING");
    let second = gateway.submit(&customer_event("e-2", "C-1")).json();
    assert_eq!((&second["outcome"], &second["basis"]), (&json!("FALLBACK"), &json!("order")), "{second}");
    let other = gateway.submit(&customer_event("e-3", "C-2")).json();
    assert_eq!(other["basis"], "deadline", "another customer does not wait: {other}");
    assert_eq!(first.join().expect("told")["basis"], "deadline");
    let late = gateway.caller().until_state("e-2", "SETTLED");
    assert_eq!((&late["basis"], &late["late"]["returnCode"]), (&json!("order"), &json!("SUCCESS")), "{late}");
    let of_one: Vec<_> = first_arrivals(&simulator).into_iter().filter(|id| id != "e-3").collect();
    assert_eq!(of_one, ["e-1", "e-2"]);
}

#[test]
fn a_new_event_makes_its_customers_backing_off_predecessor_due_at_once() {
    let (simulator, gateway) = start("");
    simulator.behave(&json!({ "code": "ERROR" }));
    gateway.submit(&customer_event("e-1", "C-1"));
    // Some attempts later it waits for many seconds.
    gateway.caller().look_up_until("e-1", |seen| seen["attempts"].as_u64() >= Some(4));
    simulator.behave_as_usual();
    let told = gateway.submit(&customer_event("e-2", "C-1")).json();
    assert_eq!(told["outcome"], "SCORED", "{told}");
    let arrived: Vec<_> = simulator.received().iter().flat_map(ids).collect();
    assert_eq!(arrived[arrived.len() - 2..], ["e-1", "e-2"]);
}

#[test]
fn a_restart_sends_what_waits_in_order() {
    let (simulator, mut gateway) = start("policy.deadline_ms = 300");
    simulator.behave(&json!({ "fault": "reset" }));
    let wanted: Vec<_> = (0..20).map(|n| (n, format!("e-{n}"), format!("C-{}", n % 2))).collect();
    for (_, id, customer) in &wanted {
        gateway.submit_with("?mode=ack", &[], customer_event(id, customer).to_string());
    }
    gateway.kill();
    let before = simulator.received().len();
    simulator.behave_as_usual();
    gateway.restart();
    for (_, id, _) in &wanted {
        gateway.caller().until_state(id, "SETTLED");
    }
    let arrived: Vec<_> = simulator.received()[before..].iter().flat_map(ids).collect();
    for half in 0..2 {
        let of_customer = wanted.iter().filter(|(n, _, _)| n % 2 == half).map(|(_, id, _)| id);
        let expected: Vec<_> = of_customer.collect();
        let found: Vec<_> = arrived.iter().filter(|id| expected.contains(id)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_replay_behind_what_the_customer_has_sent_since_needs_force() {
    let (simulator, gateway) = start("");
    simulator.behave(&json!({ "code": "XML_VALIDATION_FAIL" }));
    gateway.submit(&customer_event("e-1", "C-1"));
    gateway.submit(&customer_event("e-2", "C-2"));
    simulator.behave_as_usual();
    gateway.submit(&customer_event("e-3", "C-1"));
    let operator = Caller { key: "operator-of-first-bank".to_owned(), ..gateway.caller() };
    let parked = operator.call(&operator.request("GET", "/v1/parked")).json();
    let replay = |event_id: &str, query: &str| {
        let rows = parked["parked"].as_array().expect("an array");
        let row = rows.iter().find(|row| row["eventId"] == event_id).expect("parked");
        let id = row["deliveryId"].as_str().expect("an id");
        operator.call(&operator.request("POST", &format!("/v1/parked/{id}/replay{query}")))
    };
    let refused = replay("e-1", "");
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(refused.json()["type"], "urn:xceed-gateway:problem:needs_force");
    assert_eq!(replay("e-2", "").status, 202, "its customer has sent nothing since");
    assert_eq!(replay("e-1", "?force=true").status, 202);
    gateway.caller().until_state("e-1", "SETTLED");
    gateway.caller().until_state("e-2", "SETTLED");
}
