//! Held queues: three different events in a row with a code whose cause is not one event's hold their queue; callers
//! are answered, nothing is parked by the thousand, and when the cause is mended all of it leaves in order.

use crate::harness::{Caller, Config, Gateway, Simulator, Tenant, customer_event, until};
use serde_json::{Value, json};

const RIGHT: &str = "311a5439c8bda8ef";
const WRONG: &str = "ffffffffffffffff";

fn start(tenant: impl Fn() -> Tenant) -> (Simulator, Gateway) {
    let simulator = Simulator::start(&[tenant().secret(RIGHT)]);
    let gateway = Gateway::start(Config::new([tenant()], &simulator.url()));
    (simulator, gateway)
}

fn operator(gateway: &Gateway) -> Caller {
    Caller { key: "operator-of-first-bank".to_owned(), ..gateway.caller() }
}

fn call(gateway: &Gateway, method: &str, target: &str) -> (u16, Value) {
    let operator = operator(gateway);
    let answer = operator.call(&operator.request(method, target));
    (answer.status, answer.json())
}

fn held(gateway: &Gateway) -> Vec<(String, String)> {
    let (_, listed) = call(gateway, "GET", "/v1/held");
    let rows = listed["held"].as_array().expect("an array").iter();
    let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
    rows.map(|row| (text(row, "queue"), text(row, "code"))).collect()
}

fn parked(gateway: &Gateway) -> usize {
    call(gateway, "GET", "/v1/parked").1["parked"].as_array().expect("an array").len()
}

/// Submits numbered events of one customer; returns their ids and bases.
fn submit(gateway: &Gateway, numbers: std::ops::Range<usize>) -> Vec<(String, String)> {
    let submit = |n| {
        let id = format!("e-{n:03}");
        let told = gateway.submit(&customer_event(&id, "C-1")).json();
        assert_eq!(told["outcome"], "FALLBACK", "{told}");
        (id, told["basis"].as_str().expect("a basis").to_owned())
    };
    numbers.map(submit).collect()
}

fn arrivals(simulator: &Simulator) -> Vec<String> {
    let ids = |request: &Value| request["eventIds"][0].as_str().expect("an id").to_owned();
    simulator.received().iter().map(ids).collect()
}

#[test]
fn a_wrong_secret_holds_the_queue_and_the_right_one_sends_all_of_it_in_order() {
    let (simulator, mut gateway) = start(|| Tenant::first_bank().secret(WRONG));
    let told = submit(&gateway, 0..30);
    assert!(told[..3].iter().all(|(_, basis)| basis == "return_code"), "{told:?}");
    assert!(told[3..].iter().all(|(_, basis)| basis == "held"), "{told:?}");
    assert_eq!(held(&gateway), [("all".to_owned(), "HASH_KEY_FAIL".to_owned())]);
    let ready = gateway.caller().call(&gateway.caller().request("GET", "/readyz"));
    assert_eq!((ready.status, &ready.json()["heldQueues"]), (200, &json!(1)), "events are taken in");
    assert_eq!(parked(&gateway), 3, "nothing is parked by the thousand");
    assert_eq!(gateway.look_up("e-010").json()["state"], "HELD");
    assert_eq!(gateway.look_up("e-001").json()["state"], "PARKED");
    assert_eq!(simulator.received().len(), 3, "nothing leaves");

    gateway.restart();
    assert_eq!(held(&gateway).len(), 1, "a restart forgets nothing");
    assert_eq!(submit(&gateway, 30..31)[0].1, "held");
    let before = until("a probe", || Some(simulator.received().len()).filter(|count| *count > 3));

    // The right secret, and a start with it: its first probe ends the hold.
    gateway.restart_with(Config::new([Tenant::first_bank().secret(RIGHT)], &simulator.url()));
    for n in 0..31 {
        gateway.caller().until_state(&format!("e-{n:03}"), "SETTLED");
    }
    assert!(held(&gateway).is_empty());
    assert_eq!(parked(&gateway), 0, "what was parked for it has left as well");
    let wanted: Vec<_> = (0..31).map(|n| format!("e-{n:03}")).collect();
    assert_eq!(arrivals(&simulator)[before..], wanted, "in the order of recording");
    let last = gateway.look_up("e-030").json();
    assert_eq!((&last["basis"], &last["late"]["returnCode"]), (&json!("held"), &json!("SUCCESS")), "{last}");
}

#[test]
fn an_operator_resumes_a_held_queue() {
    let (simulator, gateway) = start(Tenant::first_bank);
    simulator.behave(&json!({ "code": "BAD_SERVICE_ID" }));
    submit(&gateway, 0..6);
    simulator.behave_as_usual();
    assert_eq!(call(&gateway, "POST", "/v1/held/async/resume").0, 404, "another queue");
    let caller = gateway.caller();
    let refused = caller.call(&caller.request("POST", "/v1/held/all/resume"));
    assert_eq!(refused.status, 403, "not with a caller's key");
    let (status, resumed) = call(&gateway, "POST", "/v1/held/all/resume");
    assert_eq!((status, &resumed["state"]), (202, &json!("RESUMED")));
    for n in 0..6 {
        gateway.caller().until_state(&format!("e-{n:03}"), "SETTLED");
    }
    let arrived = arrivals(&simulator);
    assert_eq!(arrived[3..], ["e-000", "e-001", "e-002", "e-003", "e-004", "e-005"]);
    assert_eq!(call(&gateway, "POST", "/v1/held/all/resume").0, 404, "once");
}

#[test]
fn resuming_too_early_holds_again_and_parks_no_more_than_a_row() {
    let (simulator, gateway) = start(Tenant::first_bank);
    simulator.behave(&json!({ "code": "HASH_KEY_FAIL" }));
    submit(&gateway, 0..10);
    assert_eq!(call(&gateway, "POST", "/v1/held/all/resume").0, 202);
    until("held again", || held(&gateway).first().cloned());
    gateway.caller().until_state("e-009", "HELD");
    assert!(parked(&gateway) <= 3, "{}", parked(&gateway));
    simulator.behave_as_usual();
    call(&gateway, "POST", "/v1/held/all/resume");
    for n in 0..10 {
        gateway.caller().until_state(&format!("e-{n:03}"), "SETTLED");
    }
    let arrived = arrivals(&simulator);
    let wanted: Vec<_> = (0..10).map(|n| format!("e-{n:03}")).collect();
    assert_eq!(arrived[arrived.len() - 10..], wanted);
}

#[test]
fn a_wrong_channel_holds_that_channel_alone() {
    let (simulator, gateway) = start(|| Tenant::first_bank().with("xceed.channels = { Logout = \"ACH\" }"));
    simulator.behave(&json!({ "code": "INVALID_CHANNEL" }));
    let logout = |n: usize| {
        let mut event = customer_event(&format!("out-{n}"), &format!("C-{n}"));
        event["eventType"] = json!("Logout");
        gateway.submit(&event).json()
    };
    let bases: Vec<_> = (0..4).map(|n| logout(n)["basis"].clone()).collect();
    assert_eq!(bases, ["return_code", "return_code", "return_code", "held"]);
    simulator.behave_as_usual();
    let told = gateway.submit(&customer_event("in-1", "C-9")).json();
    assert_eq!(told["outcome"], "SCORED", "{told}");
    assert_eq!(held(&gateway), [("channel:ACH".to_owned(), "INVALID_CHANNEL".to_owned())]);
    assert_eq!(call(&gateway, "POST", "/v1/held/channel:ACH/resume").0, 202);
    gateway.caller().until_state("out-3", "SETTLED");
}

#[test]
fn a_new_key_that_xceed_has_moved_to_ends_the_hold() {
    let (simulator, mut gateway) = start(|| Tenant::first_bank().secret(WRONG));
    submit(&gateway, 0..5);
    let both = Tenant::first_bank().secret(WRONG).next_secret(RIGHT);
    gateway.restart_with(Config::new([both], &simulator.url()));
    for n in 0..5 {
        gateway.caller().until_state(&format!("e-{n:03}"), "SETTLED");
    }
    assert!(held(&gateway).is_empty());
    let told = gateway.submit(&customer_event("e-9", "C-1")).json();
    assert_eq!(told["outcome"], "SCORED", "{told}");
}
