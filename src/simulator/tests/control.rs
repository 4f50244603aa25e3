//! The simulator's own doors over a real socket: the ledger, the behaviour, and what is turned away.

use super::http::{call, exchange};
use super::{draft, event, post, settings, simulator};
use crate::simulator::{Scenario, Settings, start};
use serde_json::json;

#[tokio::test]
async fn the_ledger_tells_what_arrived() {
    let simulator = simulator().await;
    let address = simulator.address();
    let first = draft(&[event("e-1", "C-1")]);
    let second = draft(&[event("e/2 é", "SIM-RESET")]);
    call(address, "POST", "/xceed", &first.envelope()).await;
    let _ = exchange(address, "POST", "/xceed", &second.envelope()).await;
    call(address, "POST", "/xceed", &first.envelope()).await;

    let received = call(address, "GET", "/_sim/received", "").await.json();
    assert_eq!(received.as_array().unwrap().len(), 3);
    let mut entry = received[0].clone();
    assert!(entry["at"].take().as_str().unwrap().ends_with('Z'));
    let expected = json!({
        "seq": 1, "operation": "addEvent", "soapAction": null, "traceparent": null, "eventIds": ["e-1"],
        "channel": "Wire", "responseRequired": true, "payload": first.payload,
        "hashKey": first.hash_key(), "hashOk": true, "validationErrors": [],
        "returnCode": "SUCCESS", "fault": null, "at": null,
    });
    assert_eq!(entry, expected);
    assert_eq!(received[1]["fault"], json!("reset"));
    assert_eq!(received[1]["returnCode"], json!(null));

    let page = call(address, "GET", "/_sim/received?after=1&limit=1", "").await.json();
    assert_eq!(page, json!([received[1]]));
    let arrivals = call(address, "GET", "/_sim/received/e-1", "").await.json();
    assert_eq!(arrivals, json!([received[0], received[2]]));
    let raw = call(address, "GET", "/_sim/received/e%2F2%20%C3%A9/raw", "").await;
    assert_eq!(raw.text(), second.envelope());
    assert_eq!(call(address, "GET", "/_sim/received/e-9", "").await.json(), json!([]));
    assert_eq!(call(address, "GET", "/_sim/received/e-9/raw", "").await.status, 404);

    assert_eq!(call(address, "DELETE", "/_sim/received", "").await.status, 204);
    let count = call(address, "GET", "/_sim/received/count", "").await.json();
    assert_eq!(count, json!({"received": 0, "events": 0}));
    simulator.stop().await;
}

#[tokio::test]
async fn a_behaviour_holds_until_it_is_deleted() {
    let rules = r#"{"rules":[{"times":1,"behaviour":{"code":"ERROR"}}]}"#;
    let scenario: Scenario = serde_json::from_str(rules).unwrap();
    let simulator = start(Settings { scenario, ..settings() }).await.unwrap();
    let address = simulator.address();
    let door = "/_sim/behaviour";
    assert_eq!(call(address, "GET", door, "").await.json(), json!(null));
    assert_eq!(call(address, "PUT", door, r#"{"cod":"ERROR"}"#).await.status, 400);
    assert_eq!(call(address, "PUT", door, r#"{"code":"MAINTENANCE"}"#).await.status, 200);
    assert_eq!(call(address, "GET", door, "").await.json()["code"], json!("MAINTENANCE"));
    assert!(post(address, "SIM-TIMEOUT").await.text().contains("MAINTENANCE"));
    assert_eq!(call(address, "DELETE", door, "").await.status, 204);
    assert!(post(address, "SIM-TIMEOUT").await.text().contains("TIMEOUT"));
    assert!(post(address, "C-1").await.text().contains("ERROR"));
    assert!(post(address, "C-1").await.text().contains("SUCCESS"));
    simulator.stop().await;
}

#[tokio::test]
async fn other_methods_and_paths_are_turned_away() {
    let simulator = simulator().await;
    let address = simulator.address();
    assert!(call(address, "GET", "/", "").await.text().contains("simulator"));
    assert_eq!(call(address, "GET", "/xceed", "").await.status, 405);
    assert_eq!(call(address, "POST", "/_sim/nothing", "").await.status, 404);
    simulator.stop().await;
}
