//! How events of batches leave: in chunks that are full, valid and rightly counted, behind live calls.

use super::{counts, events, id, start};
use crate::harness::{Caller, Tenant, event, lines, until};
use serde_json::{Value, json};

#[test]
fn a_batch_leaves_in_chunks_of_five_hundred() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    let batch = caller.until_done(&caller.posted("", &events(0..1200)));
    assert_eq!(counts(&batch), [1200, 0, 0, 1200, 0, 0], "{batch}");
    let received = simulator.received();
    for request in &received {
        assert_eq!(
            (&request["operation"], &request["returnCode"], &request["hashOk"]),
            (&json!("addMEvents"), &json!("SUCCESS"), &json!(true)),
            "valid, signed, and rightly counted"
        );
        assert_eq!(request["channel"], "Wire");
    }
    let mut sizes: Vec<_> = simulator.chunks().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [200, 500, 500]);
    let mut arrived = simulator.arrivals();
    arrived.sort_unstable();
    assert_eq!(arrived, (0..1200).map(id).collect::<Vec<_>>(), "each once");
    let seen = gateway.look_up(&id(7)).json();
    assert_eq!((&seen["outcome"], &seen["basis"]), (&json!("ACKNOWLEDGED"), &json!("acknowledgement")));
    assert_eq!(
        (&seen["decision"], &seen["state"], &seen["attempts"]),
        (&Value::Null, &json!("SETTLED"), &json!(1))
    );
}

#[test]
fn how_many_leave_together_is_the_tenants_choice_and_xceed_may_take_them_in_behind() {
    let (simulator, gateway) = start("batch.chunk = 7");
    let caller = gateway.caller();
    let batch = caller.until_done(&caller.posted("?mode=async", &events(0..20)));
    assert_eq!((counts(&batch), &batch["mode"]), ([20, 0, 0, 20, 0, 0], &json!("async")), "{batch}");
    assert!(simulator.received().iter().all(|request| request["operation"] == "addMAsyncEvents"));
    let mut sizes: Vec<_> = simulator.chunks().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [6, 7, 7]);
}

#[test]
fn a_chunk_is_no_longer_than_a_mebibyte() {
    let (simulator, gateway) = start("");
    let wide = |n| {
        let mut event = event(&id(n));
        event["attributes"] = (0..39).map(|n| (format!("a{n}"), json!("x".repeat(95)))).collect();
        event
    };
    let caller = gateway.caller();
    let posted = caller.posted("", &(0..500).map(wide).collect::<Vec<_>>());
    caller.until_done(&posted);
    let lengths: Vec<_> = simulator
        .received()
        .iter()
        .map(|request| request["payload"].as_str().expect("a text").len())
        .collect();
    assert!(lengths.iter().all(|length| *length <= 1024 * 1024), "{lengths:?}");
    assert!(lengths.iter().sum::<usize>() > 2 * 1024 * 1024 && lengths.len() == 3, "{lengths:?}");
}

#[test]
fn each_channel_leaves_by_itself() {
    let (simulator, gateway) = start("xceed.channels = { Logout = \"ACH\" }");
    let mixed = |n: usize| {
        let mut event = event(&id(n));
        event["eventType"] = json!(if n.is_multiple_of(2) { "Login" } else { "Logout" });
        event
    };
    let caller = gateway.caller();
    caller.until_done(&caller.posted("", &(0..40).map(mixed).collect::<Vec<_>>()));
    let channels: Vec<_> = simulator.received().iter().map(|request| request["channel"].clone()).collect();
    assert!(channels.contains(&json!("ACH")) && channels.contains(&json!("Wire")), "{channels:?}");
    assert!(simulator.received().iter().all(|request| request["returnCode"] == "SUCCESS"));
    assert_eq!(simulator.arrivals().len(), 40);
}

#[test]
fn live_calls_are_answered_in_time_while_a_large_batch_leaves() {
    let (simulator, gateway) = start("batch.chunk = 20");
    let caller = gateway.caller();
    simulator.behave(&json!({ "delay_ms": 120 }));
    let posted = caller.posted("", &events(0..3000));
    let told: Vec<_> = (0..15).map(|n| gateway.submit(&event(&format!("live-{n}"))).json()).collect();
    assert_eq!(caller.look_up_batch(&posted)["state"], "SENDING", "they came in the middle of it");
    assert_nearly_all_scored(&told);
    simulator.behave_as_usual();
    assert_eq!(counts(&caller.until_done(&posted))[3], 3000);
}

#[test]
fn live_calls_are_answered_in_time_while_a_large_batch_comes_in() {
    let (_simulator, gateway) = start("");
    let body = lines(&events(0..6000));
    let caller = gateway.caller();
    let told: Vec<_> = std::thread::scope(|scope| {
        let posting = scope.spawn(|| caller.post_batch("", body));
        let mut told = Vec::new();
        while !posting.is_finished() {
            told.push(gateway.submit(&event(&format!("live-{}", told.len()))).json());
        }
        assert_eq!(posting.join().expect("no panic").status, 202);
        told
    });
    assert!(told.len() > 5, "they came in the middle of it: {}", told.len());
    assert_nearly_all_scored(&told);
}

/// A machine that stalls may break a connection off; live calls that have to wait for a batch would be many.
fn assert_nearly_all_scored(told: &[Value]) {
    let others: Vec<_> = told.iter().filter(|told| told["outcome"] != "SCORED").collect();
    assert!(others.len() * 10 <= told.len(), "{others:?}");
}

#[test]
fn a_parked_event_of_a_batch_is_replayed_as_a_chunk() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    simulator.behave(&json!({ "code": "XML_VALIDATION_FAIL" }));
    let posted = caller.posted("", &events(0..3));
    assert_eq!(counts(&caller.until_done(&posted)), [3, 0, 0, 0, 0, 3]);
    simulator.behave_as_usual();
    let operator = Caller { key: "operator-of-first-bank".to_owned(), ..caller };
    let listed = operator.call(&operator.request("GET", "/v1/parked")).json();
    for row in &listed["parked"].as_array().expect("an array")[..2] {
        let id = row["deliveryId"].as_str().expect("an id");
        let replay = operator.request("POST", &format!("/v1/parked/{id}/replay"));
        assert_eq!(operator.call(&replay).status, 202);
    }
    until("their end", || (counts(&caller.look_up_batch(&posted))[3] == 2).then_some(()));
    let replayed = &simulator.received()[1..];
    assert!(replayed.iter().all(|request| request["operation"] == "addMEvents"), "{replayed:?}");
    assert_eq!(counts(&caller.look_up_batch(&posted)), [3, 0, 0, 2, 0, 1]);
}

#[test]
fn a_batch_belongs_to_its_tenant() {
    let tenants = [Tenant::first_bank(), Tenant::new("other-bank", 210_022)];
    let simulator = crate::harness::Simulator::start(&tenants);
    let gateway = crate::harness::Gateway::start(crate::harness::Config::new(tenants, &simulator.url()));
    let posted = gateway.caller().posted("", &events(0..5));
    let other = gateway.caller_of("other-bank");
    assert_eq!(other.call(&other.request("GET", &format!("/v1/batches/{posted}"))).status, 404);
    let same = other.post_batch("", lines(&events(0..5))).json();
    let same = other.until_done(same["batchId"].as_str().expect("an id"));
    assert_eq!(counts(&same), [5, 0, 0, 5, 0, 0], "its ids are its own");
    gateway.caller().until_done(&posted);
    assert_eq!(simulator.arrivals().len(), 10);
}
