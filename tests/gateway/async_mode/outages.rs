//! Callbacks that come too late or never, crashes between an event and its callback, and times that run out meanwhile.

use super::{assert_decided, start, submit, wait_for};
use crate::harness::{Callback, customer_event, until};
use serde_json::{Value, json};

#[test]
fn a_callback_that_does_not_come_in_time_leaves_the_decision_to_the_fallback() {
    let (xceed, gateway) = start("[xceed]\ncallback_timeout = \"1s\"\n[policy]\nfallback = \"closed\"");
    let caller = gateway.caller();
    let told = submit(&gateway, "e-late", "SIM-SCORE-95-CALLBACK-AFTER-2500");
    submit(&gateway, "e-never", "SIM-CALLBACK-NEVER");
    submit(&gateway, "e-error", "SIM-ERROR");
    for event_id in ["e-late", "e-never", "e-error"] {
        let seen = wait_for(&caller, event_id);
        let state = if event_id == "e-error" { seen["state"].as_str().unwrap_or("?") } else { "SETTLED" };
        assert_decided(&seen, "REVIEW", "FALLBACK", "callback_timeout", state);
        assert_eq!((&seen["late"], &seen["riskScore"]), (&Value::Null, &Value::Null), "{seen}");
    }
    assert!(xceed.called_for("e-late").is_empty());
    let seen = caller.look_up_until("e-late", |seen| seen["late"] != Value::Null);
    assert_decided(&seen, "REVIEW", "FALLBACK", "callback_timeout", "SETTLED");
    let mut late = seen["late"].clone();
    assert!(late["at"].take().is_string());
    let expected = json!({"decision": "BLOCK", "riskScore": 95.0, "riskAction": null, "returnCode": "SUCCESS", "at": null});
    assert_eq!(late, expected);
    assert_eq!(xceed.called_times("e-late", 1)[0]["acknowledged"], true);
    until("its alert", || gateway.log().contains("stricter than what was told").then_some(()));
    // The same again, and something else: neither changes anything.
    let mut again = Callback::of("e-late");
    (again.risk_score, again.risk_action) = ("95".to_owned(), String::new());
    for callback in [again, Callback::of("e-late")] {
        let answer = gateway.call_back(&callback.request());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(gateway.look_up("e-late").json(), seen);
    }
    let again = gateway.submit_with(
        "?mode=async",
        &[],
        customer_event("e-late", "SIM-SCORE-95-CALLBACK-AFTER-2500").to_string(),
    );
    assert_eq!(again.body, told.body);
}

#[test]
fn an_event_that_xceed_takes_in_when_its_time_is_over_awaits_nothing() {
    let (xceed, gateway) = start("xceed.callback_timeout = \"1s\"");
    xceed.behave(&json!({ "code": "ERROR" }));
    submit(&gateway, "e-1", "C-1");
    let seen = wait_for(&gateway.caller(), "e-1");
    assert_eq!(seen["basis"], "callback_timeout");
    xceed.behave(&json!({ "callback": "never" }));
    let seen =
        gateway.caller().look_up_until("e-1", |seen| seen["state"] != "QUEUED" && seen["state"] != "SENDING");
    assert_decided(&seen, "ALLOW", "FALLBACK", "callback_timeout", "SETTLED");
}

#[test]
fn a_callback_finds_its_event_after_a_crash() {
    let (xceed, mut gateway) = start("");
    let told = submit(&gateway, "e-1", "SIM-ACTION-Deny-CALLBACK-AFTER-1200");
    submit(&gateway, "e-2", "SIM-ACTION-Hold-CALLBACK-AFTER-100");
    gateway.caller().until_state("e-1", "AWAITING_CALLBACK");
    wait_for(&gateway.caller(), "e-2");
    gateway.kill();
    until("a callback to nobody", || (!xceed.called_for("e-1").is_empty()).then_some(()));
    gateway.restart();
    let seen = wait_for(&gateway.caller(), "e-1");
    assert_decided(&seen, "BLOCK", "SCORED", "action", "SETTLED");
    assert_eq!(wait_for(&gateway.caller(), "e-2")["riskAction"], "Hold");
    let again = gateway.submit_with(
        "?mode=async",
        &[],
        customer_event("e-1", "SIM-ACTION-Deny-CALLBACK-AFTER-1200").to_string(),
    );
    assert_eq!(again.body, told.body);
    let called = until("its acknowledgement", || {
        let called = xceed.called_for("e-1");
        called.last().is_some_and(|called| called["acknowledged"] == true).then_some(called)
    });
    assert_eq!(called[0]["status"], Value::Null, "{called:?}");
    assert_eq!(xceed.received_of("e-1").len(), 1, "it is not sent again");
}

#[test]
fn a_time_that_runs_out_during_an_outage_is_over_after_it() {
    let (_xceed, mut gateway) = start("xceed.callback_timeout = \"1s\"");
    submit(&gateway, "e-1", "SIM-CALLBACK-NEVER");
    gateway.kill();
    gateway.restart();
    let seen = wait_for(&gateway.caller(), "e-1");
    assert_eq!(seen["basis"], "callback_timeout");
}

#[test]
fn a_callbacks_time_is_over_also_while_an_event_backs_off_after_a_crash() {
    let (_xceed, mut gateway) = start("xceed.callback_timeout = \"4s\"");
    submit(&gateway, "e-1", "SIM-ERROR");
    gateway.caller().look_up_until("e-1", |seen| seen["attempts"].as_u64() >= Some(1));
    gateway.kill();
    gateway.restart();
    let seen = wait_for(&gateway.caller(), "e-1");
    assert_eq!(
        (&seen["basis"], &seen["outcome"]),
        (&json!("callback_timeout"), &json!("FALLBACK")),
        "{seen}"
    );
}
