//! Parked deliveries: who sees them, how they are sent again, and how they are given up.

use crate::harness::{Caller, Config, Gateway, Response, Simulator, Tenant, customer_event};
use serde_json::{Value, json};

struct Bank {
    gateway: Gateway,
    simulator: Simulator,
}

impl Bank {
    fn open() -> Self {
        let tenants = || [Tenant::first_bank(), Tenant::new("second-bank", 210_022)];
        let simulator = Simulator::start(&tenants());
        let gateway = Gateway::start(Config::new(tenants(), &simulator.url()));
        Self { gateway, simulator }
    }

    fn operator(&self) -> Caller {
        Caller { key: "operator-of-first-bank".to_owned(), ..self.gateway.caller() }
    }

    fn call(&self, method: &str, target: &str) -> Response {
        let operator = self.operator();
        operator.call(&operator.request(method, target))
    }

    fn parked(&self) -> Vec<Value> {
        let page = self.call("GET", "/v1/parked");
        assert_eq!(page.status, 200, "{}", page.text());
        page.json()["parked"].as_array().expect("an array").clone()
    }

    /// Submits an event that Xceed answers with this code, which parks it; returns the delivery's id.
    fn park(&self, event_id: &str, code: &str) -> String {
        let event = customer_event(event_id, &format!("SIM-{code}~{event_id}"));
        assert_eq!(self.gateway.caller().submit(&event).status, 200);
        self.gateway.caller().until_state(event_id, "PARKED");
        let found = self.parked().into_iter().find(|row| row["eventId"] == event_id).expect("listed");
        assert_eq!(found["reason"], code);
        found["deliveryId"].as_str().expect("an id").to_owned()
    }
}

#[test]
fn an_operator_sees_what_is_parked_and_why() {
    let bank = Bank::open();
    for n in 0..3 {
        bank.park(&format!("e-{n}"), "XML_VALIDATION_FAIL");
    }
    let parked = bank.parked();
    let ids: Vec<_> = parked.iter().map(|row| row["eventId"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["e-2", "e-1", "e-0"], "the newest first");
    assert_eq!((&parked[0]["attempts"], &parked[0]["eventType"]), (&json!(1), &json!("Login")));

    let first = bank.call("GET", "/v1/parked?limit=2").json();
    let next = first["next"].as_str().expect("there is more");
    let second = bank.call("GET", &format!("/v1/parked?limit=2&before={next}")).json();
    assert_eq!(second["parked"][0]["eventId"], "e-0");
    assert_eq!(second["next"], Value::Null);
}

#[test]
fn a_replay_sends_it_again_and_what_xceed_says_then_is_late() {
    let bank = Bank::open();
    let delivery = bank.park("e-1", "INVALID_MSG");
    bank.simulator.behave(&json!({ "code": "SUCCESS", "score": 91.0, "action": "Deny" }));
    let replayed = bank.call("POST", &format!("/v1/parked/{delivery}/replay"));
    assert_eq!((replayed.status, &replayed.json()["state"]), (202, &json!("QUEUED")));
    let settled = bank.gateway.caller().until_state("e-1", "SETTLED");
    assert_eq!((&settled["decision"], &settled["basis"]), (&json!("ALLOW"), &json!("return_code")));
    assert_eq!((&settled["late"]["decision"], &settled["attempts"]), (&json!("BLOCK"), &json!(2)));
    assert!(bank.parked().is_empty());
    let again = bank.call("POST", &format!("/v1/parked/{delivery}/replay"));
    assert_eq!(again.status, 404, "it is not parked any more");
}

#[test]
fn what_xceed_says_not_to_send_again_needs_force() {
    let bank = Bank::open();
    for code in ["MSG_SKIPPED", "MSG_OOO", "WRONG_NUM_EVENTS"] {
        let event_id = format!("e-{code}");
        let delivery = bank.park(&event_id, code);
        let refused = bank.call("POST", &format!("/v1/parked/{delivery}/replay"));
        assert_eq!(refused.status, 409, "{}", refused.text());
        assert_eq!(bank.gateway.caller().look_up(&event_id).json()["state"], "PARKED");
        bank.simulator.behave(&json!({ "code": "SUCCESS" }));
        let forced = bank.call("POST", &format!("/v1/parked/{delivery}/replay?force=true"));
        assert_eq!(forced.status, 202, "{}", forced.text());
        bank.gateway.caller().until_state(&event_id, "SETTLED");
        bank.simulator.behave_as_usual();
    }
}

#[test]
fn what_is_given_up_stays_given_up_over_a_restart() {
    let mut bank = Bank::open();
    let delivery = bank.park("e-1", "REQUEST_ERROR");
    let kept = bank.park("e-2", "REQUEST_ERROR");
    let discarded = bank.call("DELETE", &format!("/v1/parked/{delivery}"));
    assert_eq!((discarded.status, &discarded.json()["state"]), (200, &json!("DISCARDED")));
    bank.gateway.kill();
    bank.gateway.restart();
    assert_eq!(bank.gateway.caller().look_up("e-1").json()["state"], "DISCARDED");
    let parked = bank.parked();
    assert_eq!((parked.len(), &parked[0]["deliveryId"]), (1, &json!(kept)));
    assert_eq!(bank.call("DELETE", &format!("/v1/parked/{delivery}")).status, 404);
    assert_eq!(bank.simulator.received_of("e-1").len(), 1, "it is not sent again");
}

#[test]
fn only_an_operator_of_the_tenant_may() {
    let bank = Bank::open();
    let delivery = bank.park("e-1", "REQUEST_ERROR");
    let targets = [
        ("GET", "/v1/parked".to_owned()),
        ("POST", format!("/v1/parked/{delivery}/replay")),
        ("DELETE", format!("/v1/parked/{delivery}")),
    ];
    for (method, target) in &targets {
        for key in ["caller-of-first-bank", "auditor-of-first-bank"] {
            let caller = Caller { key: key.to_owned(), ..bank.gateway.caller() };
            assert_eq!(caller.call(&caller.request(method, target)).status, 403, "{method} {target} {key}");
        }
    }
    let other = Caller { key: "operator-of-second-bank".to_owned(), ..bank.gateway.caller() };
    let seen = other.call(&other.request("GET", "/v1/parked")).json();
    assert_eq!(seen["parked"], json!([]));
    for (method, target) in &targets[1..] {
        assert_eq!(other.call(&other.request(method, target)).status, 404, "{method} {target}");
    }
    for id in ["d-0", "d--1", "1", "d-x", "d-999999"] {
        assert_eq!(bank.call("POST", &format!("/v1/parked/{id}/replay")).status, 404, "{id}");
    }
    for query in ["?limit=0", "?limit=101", "?limit=x", "?before=7"] {
        assert_eq!(bank.call("GET", &format!("/v1/parked{query}")).status, 400, "{query}");
    }
    assert_eq!(bank.call("POST", &format!("/v1/parked/{delivery}/replay?force=yes")).status, 400);
}
