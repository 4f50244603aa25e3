//! `mode=async`: the caller hears at once that its event is taken in, and the decision comes with Xceed's callback.
//! The simulator is a real one, with a SOAP codec and a signature of its own.

mod outages;

use crate::harness::{
    Callback, Caller, Config, Connection, Gateway, Response, Simulator, Tenant, customer_event, event,
    own_address,
};
use serde_json::{Value, json};
use std::thread;

/// The tenant with a callback id, and what the test lays over it.
fn tenant(laid_over: &str) -> Tenant {
    Tenant::first_bank().with("xceed.callback_id = \"gw1\"").with(laid_over)
}

fn start(laid_over: &str) -> (Simulator, Gateway) {
    let (tenants, address) = ([tenant(laid_over)], own_address());
    let xceed = Simulator::start_calling_back(&tenants, address);
    let config = Config::new(tenants, &xceed.url()).with(&format!("server.bind = \"{address}\""));
    (xceed, Gateway::start(config))
}

/// Submits an event of this customer.
fn submit(gateway: &Gateway, event_id: &str, customer: &str) -> Response {
    let told = gateway.submit_with("?mode=async", &[], customer_event(event_id, customer).to_string());
    assert_eq!(told.status, 202, "{}", told.text());
    assert_pending(&told.json());
    told
}

#[track_caller]
fn assert_pending(seen: &Value) {
    assert_eq!(
        (&seen["decision"], &seen["outcome"], &seen["basis"]),
        (&json!("PENDING"), &json!("PENDING"), &json!("callback_awaited")),
        "{seen}"
    );
    for member in ["riskScore", "riskAction", "returnCode", "disposition", "category", "threshold"] {
        assert_eq!(seen.get(member), Some(&Value::Null), "{member} is there, and null: {seen}");
    }
    assert_eq!(seen["reliable"], false, "{seen}");
}

/// Looks an event up, and waits for its decision.
fn wait_for(caller: &Caller, event_id: &str) -> Value {
    let request = caller.request("GET", &format!("/v1/events/{event_id}?wait=30"));
    let seen = caller.call(&request);
    assert_eq!(seen.status, 200, "{}", seen.text());
    seen.json()
}

#[track_caller]
fn assert_decided(seen: &Value, decision: &str, outcome: &str, basis: &str, state: &str) {
    let shown = ["decision", "outcome", "basis", "state"].map(|member| seen[member].as_str().unwrap_or("?"));
    assert_eq!(shown, [decision, outcome, basis, state], "{seen}");
}

#[test]
fn the_decision_comes_with_the_callback_and_the_first_answer_stays_what_it_was() {
    let (xceed, gateway) = start("");
    let caller = gateway.caller();
    let customer = "SIM-SCORE-73.5-ACTION-Hold-CALLBACK-AFTER-700";
    let told = submit(&gateway, "e-1", customer);
    let waiting = caller.look_up_until("e-1", |seen| seen["state"] == "AWAITING_CALLBACK");
    assert_pending(&waiting);
    let seen = wait_for(&caller, "e-1");
    assert_decided(&seen, "REVIEW", "SCORED", "action", "SETTLED");
    let expected = json!({
        "riskScore": 73.5, "riskAction": "Hold", "reliable": true, "returnCode": "SUCCESS",
        "disposition": "PROCESSED", "attempts": 1, "late": null, "category": "standard", "threshold": 65.0,
    });
    for (member, value) in expected.as_object().expect("members") {
        assert_eq!(&seen[member], value, "{member}: {seen}");
    }
    assert!(seen["latencyMs"].as_f64().is_some_and(|ms| ms >= 700.0), "from receipt to decision: {seen}");
    let again = gateway.submit_with("?mode=async", &[], customer_event("e-1", customer).to_string());
    assert_eq!((again.status, &again.body), (202, &told.body), "byte for byte");
    assert!(again.is_replay());
    let sync = gateway.submit(&customer_event("e-1", customer));
    assert_eq!((sync.status, &sync.body), (202, &told.body), "the first mode stands");
    let received = xceed.received_of("e-1");
    assert_eq!(received.len(), 1, "it is sent once");
    assert_eq!((&received[0]["operation"], &received[0]["hashOk"]), (&json!("addAsyncEvent"), &json!(true)));
    let called = xceed.called_times("e-1", 1);
    assert_eq!((called.len(), &called[0]["acknowledged"]), (1, &json!(true)), "{called:?}");
    assert_eq!((&called[0]["callbackId"], &called[0]["status"]), (&json!("gw1"), &json!(200)));
}

#[test]
fn without_a_callback_id_there_is_no_async_mode() {
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody"));
    let told = gateway.submit_with("?mode=async", &[], event("e-1").to_string());
    assert_eq!(told.status, 422, "{}", told.text());
    assert_eq!(told.json()["type"], "urn:xceed-gateway:problem:no_callback");
    assert_eq!(gateway.look_up("e-1").status, 404, "nothing is recorded");
}

#[test]
fn what_xceed_does_not_take_in_is_decided_by_the_fallback_at_once() {
    let (xceed, gateway) = start("");
    let caller = gateway.caller();
    for code in ["INVALID_CALLBACK", "HASH_KEY_FAIL", "XML_VALIDATION_FAIL", "MSG_SKIPPED", "BRAND_NEW"] {
        submit(&gateway, code, &format!("SIM-{code}"));
        let seen = wait_for(&caller, code);
        assert_decided(&seen, "ALLOW", "FALLBACK", "return_code", "PARKED");
        assert_eq!((&seen["returnCode"], &seen["reliable"]), (&json!(code), &json!(false)), "{seen}");
        assert_eq!((xceed.received_of(code).len(), xceed.called_for(code).len()), (1, 0));
    }
}

#[test]
fn what_xceed_processes_later_stays_pending_until_its_callback() {
    let (_xceed, gateway) = start("");
    let caller = gateway.caller();
    for code in ["MAINTENANCE", "TIMEOUT", "XSD_VERSION"] {
        submit(&gateway, code, &format!("SIM-{code}-CALLBACK-NEVER"));
        let seen = caller.until_state(code, "AWAITING_CALLBACK");
        assert_pending(&seen);
        let acknowledgement = Callback::of(code).request();
        assert_eq!(gateway.call_back(&acknowledgement).status, 200);
        let seen = wait_for(&caller, code);
        assert_decided(&seen, "REVIEW", "SCORED", "action", "SETTLED");
        assert_eq!(seen["attempts"], 1);
    }
}

#[test]
fn what_is_sent_again_stays_pending() {
    let (xceed, gateway) = start("");
    for (event_id, customer) in [("e-error", "SIM-ERROR"), ("e-reset", "SIM-RESET-CALLBACK-NEVER")] {
        submit(&gateway, event_id, customer);
        let seen = gateway.caller().look_up_until(event_id, |seen| seen["attempts"].as_u64() >= Some(2));
        assert_pending(&seen);
        assert!(xceed.received_of(event_id).len() >= 2, "under the same id");
        assert_eq!(gateway.call_back(&Callback::of(event_id).request()).status, 200);
        let seen = gateway.caller().until_state(event_id, "SETTLED");
        assert_decided(&seen, "REVIEW", "SCORED", "action", "SETTLED");
    }
}

#[test]
fn a_callback_may_be_quicker_than_the_acknowledgement() {
    let (xceed, gateway) = start("");
    submit(&gateway, "e-1", "SIM-CALLBACK-FIRST-SLOW-400-SCORE-95");
    let seen = wait_for(&gateway.caller(), "e-1");
    assert_eq!((&seen["decision"], &seen["attempts"]), (&json!("BLOCK"), &json!(0)), "{seen}");
    let seen = gateway.caller().look_up_until("e-1", |seen| seen["attempts"] == 1);
    assert_decided(&seen, "BLOCK", "SCORED", "threshold", "SETTLED");
    assert_eq!(xceed.called_times("e-1", 1).len(), 1);
}

#[test]
fn the_acknowledgement_of_a_decided_event_changes_nothing_whatever_it_says() {
    let (_xceed, gateway) = start("");
    submit(&gateway, "e-1", "SIM-SLOW-600-HASH_KEY_FAIL");
    gateway.caller().look_up_until("e-1", |seen| seen["state"] == "SENDING");
    assert_eq!(gateway.call_back(&Callback::of("e-1").request()).status, 200);
    let seen = gateway.caller().look_up_until("e-1", |seen| seen["attempts"] == 1);
    assert_decided(&seen, "REVIEW", "SCORED", "action", "SETTLED");
}

#[test]
fn the_first_callback_decides() {
    let (xceed, gateway) = start("");
    let caller = gateway.caller();
    for (event_id, customer) in
        [("e-twice", "SIM-ACTION-Hold-CALLBACK-TWICE"), ("e-conflict", "SIM-ACTION-Hold-CALLBACK-CONFLICT")]
    {
        submit(&gateway, event_id, customer);
        let called = xceed.called_times(event_id, 2);
        let acknowledged = called.iter().all(|called| called["acknowledged"] == true);
        assert!(acknowledged && called.len() == 2, "both are acknowledged the same way: {called:?}");
        let seen = wait_for(&caller, event_id);
        assert_decided(&seen, "REVIEW", "SCORED", "action", "SETTLED");
        assert_eq!((&seen["riskAction"], &seen["late"]), (&json!("Hold"), &Value::Null));
    }
    let log = gateway.log();
    let alarms: Vec<_> = log.lines().filter(|line| line.contains("says something else")).collect();
    assert!(alarms.len() == 1 && alarms[0].contains("e-conflict") && alarms[0].contains("ERROR"), "{log}");
}

#[test]
fn a_callback_with_a_wrong_hash_is_nothing_and_the_right_one_counts() {
    let (xceed, gateway) = start("");
    submit(&gateway, "e-1", "SIM-ACTION-Deny-CALLBACK-FORGED");
    let seen = wait_for(&gateway.caller(), "e-1");
    assert_decided(&seen, "BLOCK", "SCORED", "action", "SETTLED");
    let called = xceed.called_times("e-1", 2);
    let statuses: Vec<_> = called.iter().map(|called| called["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(500), Some(200)]);
    assert!(!gateway.log().contains("stricter"), "a decision that falls in time is nobody's alarm");
}

#[test]
fn callbacks_come_in_any_order() {
    let (xceed, gateway) = start("");
    let events = [("e-3", 900, "Deny"), ("e-1", 100, "Allow"), ("e-2", 500, "Hold")];
    for (event_id, after, action) in events {
        submit(&gateway, event_id, &format!("SIM-ACTION-{action}-CALLBACK-AFTER-{after}"));
    }
    for (event_id, _, action) in events {
        assert_eq!(wait_for(&gateway.caller(), event_id)["riskAction"], action);
    }
    let order: Vec<_> = xceed.called().iter().map(|called| called["eventId"].clone()).collect();
    assert_eq!(order, ["e-1", "e-2", "e-3"]);
}

#[test]
fn a_callback_decides_by_its_row_and_one_that_parks_parks() {
    let (xceed, gateway) = start("");
    let caller = gateway.caller();
    let cases = [
        ("MSG_SKIPPED", "ALLOW", "FALLBACK", "return_code", "PARKED"),
        ("HASH_KEY_FAIL", "ALLOW", "FALLBACK", "return_code", "PARKED"),
        ("BRAND_NEW", "ALLOW", "FALLBACK", "return_code", "PARKED"),
        ("ERROR", "ALLOW", "FALLBACK", "return_code", "SETTLED"),
        ("MAINTENANCE", "ALLOW", "FALLBACK", "maintenance", "SETTLED"),
        ("DATA_COLLECTION", "ALLOW", "FALLBACK", "data_collection", "SETTLED"),
        ("XSD_VERSION", "ALLOW", "SCORED", "action", "SETTLED"),
        ("NO_RISKACTION_CONFIGURED", "ALLOW", "SCORED", "threshold", "SETTLED"),
    ];
    for (code, decision, outcome, basis, state) in cases {
        submit(&gateway, code, &format!("SIM-CALLBACK-CODE-{code}"));
        let seen = wait_for(&caller, code);
        // The acknowledgement may still be on its way to the disk.
        assert_decided(&seen, decision, outcome, basis, state);
        assert_eq!(seen["returnCode"], code);
        assert_eq!(xceed.called_times(code, 1)[0]["acknowledged"], true, "any of them is final");
    }
}

#[test]
fn the_fallback_weighs_a_customers_other_events_also_when_a_callback_brings_no_score() {
    let (_xceed, gateway) = start("policy.fallback = \"local\"");
    for n in 0..4 {
        submit(&gateway, &format!("e-{n}"), "SIM-CALLBACK-CODE-ERROR");
    }
    let seen = wait_for(&gateway.caller(), "e-3");
    // 15 for the tier, 10 for the amount, 15 for three others within the hour.
    assert_eq!((&seen["outcome"], &seen["riskScore"]), (&json!("FALLBACK"), &json!(40.0)), "{seen}");
}

#[test]
fn a_thousand_copies_of_one_callback_change_one_thing() {
    let (xceed, gateway) = start("");
    submit(&gateway, "e-1", "SIM-CALLBACK-NEVER");
    gateway.caller().until_state("e-1", "AWAITING_CALLBACK");
    let request = Callback::of("e-1").request();
    let copies = |_| {
        let mut connection = Connection::open(gateway.address()).expect("a connection");
        (0..25).map(|_| connection.send(&request).expect("an answer")).collect::<Vec<_>>()
    };
    let answers: Vec<Response> = thread::scope(|scope| {
        let senders: Vec<_> = (0..40).map(|n| scope.spawn(move || copies(n))).collect();
        senders.into_iter().flat_map(|sender| sender.join().expect("answered")).collect()
    });
    assert_eq!(answers.len(), 1000);
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body), "{}", answer.text());
    }
    assert!(answers[0].text().contains("<ack>OK</ack>"));
    let seen = gateway.look_up("e-1").json();
    assert_decided(&seen, "REVIEW", "SCORED", "action", "SETTLED");
    assert_eq!((&seen["late"], &seen["attempts"]), (&Value::Null, &json!(1)));
    assert!(xceed.called().is_empty());
    assert!(!gateway.log().contains("says something else"));
}

#[test]
fn minted_callback_ids_are_of_one_event_each() {
    let (xceed, gateway) = start("xceed.callback_id = \"minted\"");
    let ids: Vec<_> = ["e-1", "e-2"]
        .into_iter()
        .map(|event_id| {
            submit(&gateway, event_id, "SIM-ACTION-Hold");
            let seen = wait_for(&gateway.caller(), event_id);
            assert_decided(&seen, "REVIEW", "SCORED", "action", "SETTLED");
            let id = xceed.called_times(event_id, 1)[0]["callbackId"].as_str().unwrap_or_default().to_owned();
            assert!(id.len() == 26 && id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')), "{id}");
            id
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
    submit(&gateway, "e-3", "SIM-CALLBACK-NEVER");
    let mut other = Callback::of("e-3");
    other.callback_id.clone_from(&ids[0]);
    assert_eq!(gateway.call_back(&other.request()).status, 500, "the address of another event");
    gateway.caller().until_state("e-3", "AWAITING_CALLBACK");
}
