//! The CXone data action: whoever calls hears at once that the decision is pending; it falls within 5 seconds, also where
//! Xceed is slow or the gateway was killed in between, and what Xceed says after that is told as late.

use crate::harness::{Config, Gateway, Response, Simulator, Stopwatch, Tenant, flat, repository, until};
use serde_json::{Value, json};
use std::time::Duration;

const DOOR: &str = "/v1/cxone/data-action";

/// The data action's decision falls within a second: a source of its name stands in the place of the one that ships.
fn quick() -> Tenant {
    let file = toml::Value::String(repository("fixtures/sources/quick-action.toml").display().to_string());
    Tenant::first_bank().with(&format!("sources.cxone-data-action.file = {file}"))
}

fn start(tenant: Tenant) -> (Simulator, Gateway) {
    let tenants = [tenant.with("xceed.attempt_timeout = \"20s\"")];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    (xceed, gateway)
}

fn call(gateway: &Gateway, interaction: &str, customer: &str) -> Response {
    let body = json!({
        "eventType": "WireTransfer",
        "data": { "interactionId": interaction, "transactionId": "T-1", "amount": 12500.00, "customerId": customer }
    });
    gateway.caller().post(DOOR, &[("Content-Type", "application/json")], body.to_string())
}

/// The id of an event whose decision is pending.
#[track_caller]
fn pending(response: &Response) -> String {
    let told = flat(response);
    assert_eq!((&told["decision"], &told["basis"]), (&json!("PENDING"), &json!("acknowledgement")), "{told}");
    told["eventId"].as_str().expect("an id").to_owned()
}

fn decided(gateway: &Gateway, id: &str) -> Value {
    gateway.caller().look_up_until(id, |seen| seen["decision"] != "PENDING")
}

#[test]
fn the_decision_falls_behind_and_stands_beside_the_first_answer() {
    let (xceed, gateway) = start(Tenant::first_bank());
    let first = call(&gateway, "i-1", "SIM-SLOW-700-SCORE-95");
    let id = pending(&first);
    let asked = gateway.caller().request("GET", &format!("/v1/events/{id}?wait=20"));
    let seen = gateway.caller().call(&asked).json();
    assert_eq!(
        (&seen["decision"], &seen["outcome"], &seen["riskScore"]),
        (&json!("BLOCK"), &json!("SCORED"), &json!(95.0)),
        "{seen}"
    );
    gateway.caller().until_state(&id, "SETTLED");
    let again = call(&gateway, "i-1", "SIM-SLOW-700-SCORE-95");
    assert!(again.is_replay() && again.body == first.body, "the first answer is what is repeated");
    assert_eq!(xceed.received_of(&id).len(), 1);
    assert_eq!(gateway.look_up(&id).json()["late"], Value::Null);
}

#[test]
fn where_xceed_is_slow_the_fallback_decides_after_five_seconds_and_the_score_is_late() {
    let (_xceed, gateway) = start(Tenant::first_bank());
    let watch = Stopwatch::start();
    let id = pending(&call(&gateway, "i-1", "SIM-SLOW-8000-SCORE-95"));
    assert!(watch.elapsed() < Duration::from_secs(2), "told at once, not after {:?}", watch.elapsed());
    let seen = decided(&gateway, &id);
    let fell = watch.elapsed();
    assert_eq!(
        (&seen["outcome"], &seen["basis"], &seen["decision"]),
        (&json!("FALLBACK"), &json!("deadline"), &json!("ALLOW"))
    );
    assert!(
        fell > Duration::from_millis(4500) && fell < Duration::from_millis(6500),
        "it fell after {fell:?}"
    );
    let seen = gateway.caller().look_up_until(&id, |seen| !seen["late"].is_null());
    assert_eq!(
        (&seen["decision"], &seen["late"]["decision"], &seen["late"]["riskScore"]),
        (&json!("ALLOW"), &json!("BLOCK"), &json!(95.0))
    );
}

#[test]
fn a_gateway_that_was_killed_in_between_decides_all_the_same() {
    let tenants = [quick()];
    let xceed = Simulator::start(&tenants);
    let dead = "http://127.0.0.1:9/nobody";
    let mut gateway = Gateway::start(Config::new(tenants.clone(), &xceed.url()));
    let slow = pending(&call(&gateway, "i-1", "SIM-SLOW-30000"));
    gateway.kill();
    gateway.restart();
    let seen = decided(&gateway, &slow);
    assert_eq!(seen["outcome"], "FALLBACK", "{seen}");
    gateway.restart_with(Config::new(tenants.clone(), dead));
    let lost = pending(&call(&gateway, "i-2", "C-2"));
    gateway.kill();
    gateway.restart();
    let seen = decided(&gateway, &lost);
    assert_eq!((&seen["outcome"], &seen["decision"]), (&json!("FALLBACK"), &json!("ALLOW")), "{seen}");
    gateway.restart_with(Config::new(tenants, &xceed.url()));
    let seen = gateway.caller().look_up_until(&lost, |seen| !seen["late"].is_null());
    assert_eq!(
        (&seen["decision"], &seen["late"]["returnCode"]),
        (&json!("ALLOW"), &json!("SUCCESS")),
        "{seen}"
    );
    assert_eq!(pending(&call(&gateway, "i-2", "C-2")), lost, "and the first answer is still the first");
}

#[test]
fn a_pending_decision_of_a_customer_falls_in_its_turn_or_by_the_fallback() {
    let (xceed, gateway) = start(quick());
    let first = pending(&call(&gateway, "i-1", "SIM-SLOW-2500-SCORE-40"));
    until("its arrival", || (xceed.received_of(&first).len() == 1).then_some(()));
    let second = pending(&call(&gateway, "i-2", "SIM-SLOW-2500-SCORE-40"));
    let seen = [decided(&gateway, &first), decided(&gateway, &second)];
    assert_eq!((&seen[0]["basis"], &seen[1]["basis"]), (&json!("deadline"), &json!("order")), "{seen:?}");
    gateway.caller().until_state(&second, "SETTLED");
    let order: Vec<Value> = xceed.received().iter().map(|request| request["eventIds"][0].clone()).collect();
    assert_eq!(order, [json!(first), json!(second)]);
}

#[test]
fn a_check_too_many_is_reviewed_at_once() {
    let (_xceed, gateway) =
        start(quick().with("limits.checks_per_customer = { count = 3, window = \"10m\" }"));
    for n in 0..3 {
        pending(&call(&gateway, &format!("i-{n}"), "C-1"));
    }
    let response = call(&gateway, "i-9", "C-1");
    let told = flat(&response);
    assert_eq!((&told["outcome"], &told["decision"]), (&json!("LIMITED"), &json!("REVIEW")));
    let seen = decided(&gateway, told["eventId"].as_str().expect("an id"));
    assert_eq!(seen["decision"], "REVIEW");
}
