//! The same event again gets the first answer, byte for byte, and is not sent again: at once, later, after a restart,
//! after a crash, through any mode. Another event under the same name is refused.

use crate::harness::{Config, Gateway, Response, Simulator, Tenant, customer_event, event, until};
use serde_json::json;
use std::thread;

fn start() -> (Simulator, Gateway) {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    (xceed, gateway)
}

#[track_caller]
fn assert_replay(again: &Response, first: &Response) {
    assert_eq!((again.status, again.text()), (first.status, first.text()));
    assert!(again.is_replay(), "it does not say that it was given before");
    assert_eq!(again.header("content-type"), first.header("content-type"));
}

#[track_caller]
fn assert_other_body(response: &Response) {
    assert_eq!(response.status, 422, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(response.json()["type"], "urn:xceed-gateway:problem:other_body");
}

#[test]
fn the_same_event_again_gets_the_first_answer_across_restart_and_crash() {
    let (xceed, mut gateway) = start();
    let event = event("e-1");
    let first = gateway.submit(&event);
    assert_eq!((first.status, first.is_replay()), (200, false));
    assert_replay(&gateway.submit(&event), &first);
    assert!(gateway.terminate().success());
    gateway.restart();
    assert_replay(&gateway.submit(&event), &first);
    gateway.kill();
    gateway.restart();
    assert_replay(&gateway.submit(&event), &first);
    let seen = gateway.look_up("e-1").text();
    assert!(seen.starts_with(first.text().trim_end_matches('}')), "{seen}");
    assert_eq!(xceed.received_of("e-1").len(), 1);
}

#[test]
fn bodies_are_equal_when_they_parse_to_the_same_json() {
    let (xceed, gateway) = start();
    let first = r#"{"eventId":"e-1","eventType":"WireTransfer","transaction":{"id":"T","amount":12500.00,"payee":"Ä/b"},"attributes":{"a":true,"b":null}}"#;
    let told = gateway.submit_with("", &[], first);
    assert_eq!(told.status, 200, "{}", told.text());
    for same in [
        r#"{"attributes":{"b":null,"a":true},"transaction":{"payee":"Ä/b","amount":12500.00,"id":"T"},"eventType":"WireTransfer","eventId":"e-1"}"#,
        "\n\t{ \"eventId\" : \"e-1\", \"eventType\":\"WireTransfer\" ,\r\n \"transaction\": {\"id\":\"T\",\"amount\":12500.00,\"payee\":\"Ä/b\"},\"attributes\":{\"a\":true,\"b\":null} } \n",
        r#"{"event\u0049d":"e\u002d1","eventType":"WireTransfer","transaction":{"id":"T","amount":12500.00,"payee":"\u00c4\/b"},"attributes":{"a":true,"b":null}}"#,
    ] {
        assert_replay(&gateway.submit_with("", &[], same), &told);
    }
    for (was, is) in [
        ("12500.00", "12500.0"),
        ("12500.00", "12500"),
        ("12500.00", "1.25e4"),
        ("\"Ä/b\"", "\"A\u{308}/b\""),
        ("true", "\"true\""),
        (",\"b\":null", ""),
        ("WireTransfer", "BillPay"),
    ] {
        assert_other_body(&gateway.submit_with("", &[], first.replacen(was, is, 1)));
    }
    assert_eq!(xceed.received_of("e-1").len(), 1);
    assert_replay(&gateway.submit_with("", &[], first), &told);
}

#[test]
fn twins_in_flight_share_one_answer_and_one_arrival() {
    let (xceed, gateway) = start();
    let event = customer_event("e-1", "SIM-SLOW-700-SCORE-70");
    let answers: Vec<Response> = thread::scope(|scope| {
        let callers: Vec<_> = (0..32).map(|_| scope.spawn(|| gateway.submit(&event))).collect();
        callers.into_iter().map(|caller| caller.join().expect("answered")).collect()
    });
    let (again, first): (Vec<_>, Vec<_>) = answers.into_iter().partition(Response::is_replay);
    assert_eq!(
        (first.len(), first[0].status),
        (1, 200),
        "one is the first, and the others know that they are not"
    );
    for twin in &again {
        assert_replay(twin, &first[0]);
    }
    assert_eq!(first[0].json()["outcome"], "SCORED");
    assert_eq!(xceed.received_of("e-1").len(), 1);
}

#[test]
fn another_body_is_refused_while_the_first_is_in_flight() {
    let (xceed, gateway) = start();
    let slow = customer_event("e-1", "SIM-SLOW-1200");
    let mut other = slow.clone();
    other["outcome"] = json!("Failure");
    thread::scope(|scope| {
        let first = scope.spawn(|| gateway.submit(&slow));
        until("its arrival", || (xceed.received_of("e-1").len() == 1).then_some(()));
        assert_other_body(&gateway.submit(&other));
        assert_eq!(first.join().expect("answered").status, 200);
    });
    assert_other_body(&gateway.submit(&other));
    assert_eq!(xceed.received_of("e-1").len(), 1);
}

#[test]
fn an_explicit_key_is_a_name_for_one_call() {
    let (xceed, mut gateway) = start();
    let slow = customer_event("e-1", "SIM-SLOW-1500").to_string();
    let key = |key: &'static str| [("Idempotency-Key", key)];
    let first = thread::scope(|scope| {
        let first = scope.spawn(|| gateway.submit_with("", &key("k-1"), slow.clone()));
        until("its arrival", || (xceed.received_of("e-1").len() == 1).then_some(()));
        let twin = gateway.submit_with("", &key("k-1"), slow.clone());
        assert_eq!((twin.status, twin.header("retry-after")), (409, Some("1")), "{}", twin.text());
        assert_eq!(twin.json()["type"], "urn:xceed-gateway:problem:in_flight");
        assert_other_body(&gateway.submit_with("", &key("k-1"), event("e-2").to_string()));
        first.join().expect("answered")
    });
    assert_eq!((first.status, first.is_replay()), (200, false));
    assert_replay(&gateway.submit_with("", &key("k-1"), slow.clone()), &first);
    assert_replay(&gateway.submit_with("", &[], slow.clone()), &first);
    assert_other_body(&gateway.submit_with("", &key("k-1"), event("e-2").to_string()));
    gateway.kill();
    gateway.restart();
    assert_replay(&gateway.submit_with("", &key("k-1"), slow), &first);
    assert_other_body(&gateway.submit_with("", &key("k-1"), event("e-2").to_string()));
    assert_eq!(gateway.submit_with("", &key("k-2"), event("e-2").to_string()).status, 200);
    assert_eq!((xceed.received_of("e-1").len(), xceed.received_of("e-2").len()), (1, 1));
}

#[test]
fn the_mode_is_not_compared_and_the_first_stands() {
    let (xceed, gateway) = start();
    let (ack, sync) = (event("e-ack").to_string(), event("e-sync").to_string());
    let first = gateway.submit_with("?mode=ack", &[], ack.clone());
    assert_eq!(first.status, 202);
    assert_replay(&gateway.submit_with("", &[], ack.clone()), &first);
    gateway.caller().until_state("e-ack", "SETTLED");
    assert_replay(&gateway.submit_with("?mode=sync", &[], ack), &first);
    let first = gateway.submit_with("", &[], sync.clone());
    assert_eq!(first.status, 200);
    assert_replay(&gateway.submit_with("?mode=ack", &[], sync), &first);
    assert_eq!((xceed.received_of("e-ack").len(), xceed.received_of("e-sync").len()), (1, 1));
}

#[test]
fn a_refused_event_leaves_its_name_free() {
    let (_xceed, gateway) = start();
    let mut bad = event("e-1");
    bad["occurredAt"] = json!("2026-11-22T08:00:00");
    assert_eq!(gateway.submit(&bad).status, 422);
    assert_eq!(gateway.look_up("e-1").status, 404);
    assert_eq!(gateway.submit(&event("e-1")).status, 200);
}

#[test]
fn an_event_id_belongs_to_one_tenant() {
    let tenants = [Tenant::new("east", 210_100), Tenant::new("west", 210_101)];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let (east, west) = (gateway.caller_of("east"), gateway.caller_of("west"));
    let first = east.submit_with("", &[("Idempotency-Key", "k-1")], event("e-1").to_string());
    assert_eq!(first.status, 200);
    let unknown = west.look_up("e-1");
    assert_eq!(
        (unknown.status, &unknown.json()["type"]),
        (404, &json!("urn:xceed-gateway:problem:unknown_event"))
    );
    let never_there = west.look_up("e-0");
    assert_eq!(unknown.body, never_there.body, "what another tenant has is as unknown as what nobody has");
    let mut other = event("e-1");
    other["outcome"] = json!("Failure");
    let own = west.submit_with("", &[("Idempotency-Key", "k-1")], other.to_string());
    assert_eq!((own.status, own.is_replay()), (200, false));
    assert_eq!(xceed.received_of("e-1").len(), 2);
    assert_replay(&east.submit(&event("e-1")), &first);
}

#[test]
fn who_hangs_up_changes_nothing() {
    let (xceed, gateway) = start();
    let event = customer_event("e-1", "SIM-SLOW-600-ACTION-Hold");
    let hung_up = gateway.caller().hang_up_after(&gateway.caller().submission("", event.to_string()), || {
        until("its arrival", || (xceed.received_of("e-1").len() == 1).then_some(()));
    });
    assert!(hung_up.is_ok());
    gateway.caller().until_state("e-1", "SETTLED");
    let told = gateway.submit(&event);
    assert_eq!((told.is_replay(), &told.json()["decision"]), (true, &json!("REVIEW")));
    assert_eq!(xceed.received_of("e-1").len(), 1);
}

#[test]
fn an_answer_that_was_given_is_repeated_while_its_event_is_being_sent_again() {
    let tenants = [Tenant::first_bank().with("policy.deadline_ms = 300")];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let event = customer_event("e-1", "SIM-RESET");
    let key = [("Idempotency-Key", "k-1")];
    let first = gateway.submit_with("", &key, event.to_string());
    assert_eq!(first.json()["outcome"], "FALLBACK");
    xceed.behave(&json!({ "delay_ms": 2500 }));
    gateway.caller().look_up_until("e-1", |seen| seen["state"] == "SENDING" && seen["attempts"] == 1);
    assert_replay(&gateway.submit(&event), &first);
    assert_replay(&gateway.submit_with("", &key, event.to_string()), &first);
    let seen = gateway.look_up("e-1").json();
    assert_eq!(
        (&seen["state"], &seen["attempts"]),
        (&json!("SENDING"), &json!(1)),
        "and it is still under way"
    );
}

#[test]
fn a_key_of_one_event_is_no_key_of_another_that_is_known() {
    let (_xceed, gateway) = start();
    let key = [("Idempotency-Key", "k-1")];
    let first = gateway.submit_with("", &key, event("e-1").to_string());
    assert_eq!((first.status, gateway.submit(&event("e-2")).status), (200, 200));
    assert_other_body(&gateway.submit_with("", &key, event("e-2").to_string()));
    assert_replay(&gateway.submit_with("", &[("Idempotency-Key", "k-9")], event("e-1").to_string()), &first);
}
