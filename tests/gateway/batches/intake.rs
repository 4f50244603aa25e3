//! What is taken in of a batch, and what is said of the rest.

use super::{counts, events, id, start};
use crate::harness::{Connection, Gateway, event, lines};
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::Duration;

/// Line, event id and the problem's name of each failure.
fn failures(batch: &Value) -> Vec<(u64, Option<String>, String)> {
    let each = |failure: &Value| {
        let kind = failure["type"].as_str().expect("a type");
        let kind = kind.strip_prefix("urn:xceed-gateway:problem:").expect("a problem of ours").to_owned();
        assert!(!failure["detail"].as_str().expect("words").is_empty());
        (failure["line"].as_u64().expect("a line"), failure["eventId"].as_str().map(str::to_owned), kind)
    };
    batch["failures"].as_array().expect("an array").iter().map(each).collect()
}

fn look_up(gateway: &Gateway, answer: &crate::harness::Response) -> Value {
    assert_eq!(answer.status, 202, "{}", answer.text());
    gateway.caller().until_done(answer.json()["batchId"].as_str().expect("an id"))
}

#[test]
fn a_line_that_can_not_be_taken_is_told_by_its_number_and_keeps_no_other_out() {
    let (simulator, gateway) = start("");
    let mut body: Vec<String> = events(1..9).iter().map(Value::to_string).collect();
    body[2].clear();
    body[3] = "  ".to_owned();
    body[6] = "{\"eventId\": nonsense}".to_owned();
    body[7] = json!({ "eventId": "e-0008", "eventType": 5, "custmer": {} }).to_string();
    let answer = gateway.caller().post_batch("", body.join("\n"));
    let batch = look_up(&gateway, &answer);
    assert_eq!(counts(&batch), [4, 0, 2, 4, 0, 0], "{batch}");
    assert_eq!((&batch["lines"], &batch["failuresOmitted"]), (&json!(6), &json!(0)));
    let wrong = |line, id: Option<&str>, kind: &str| (line, id.map(str::to_owned), kind.to_owned());
    assert_eq!(
        failures(&batch),
        [wrong(7, None, "not_json"), wrong(8, Some("e-0008"), "invalid_event")],
        "{batch}"
    );
    let detail = batch["failures"][1]["detail"].as_str().expect("words");
    assert!(detail.contains("eventType") && detail.contains("custmer"), "every fault: {detail}");
    assert!(!batch.to_string().contains("nonsense"), "no value");
    assert_eq!(simulator.events(), 4);
}

#[test]
fn a_batch_without_a_good_line_is_refused_with_what_is_wrong() {
    let (simulator, gateway) = start("");
    let refused =
        gateway.caller().post_batch("", "\n[1]\n{\"eventId\":\"e 1\",\"eventType\":\"Login\"}\nx\n");
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let told = refused.json();
    assert_eq!(told["type"], "urn:xceed-gateway:problem:no_good_line");
    let kinds: Vec<_> = failures(&told).into_iter().map(|(line, _, kind)| (line, kind)).collect();
    let kind = |line, kind: &str| (line, kind.to_owned());
    assert_eq!(kinds, [kind(2, "not_an_object"), kind(3, "invalid_event"), kind(4, "not_json")]);
    let caller = gateway.caller();
    for nothing in ["", "\n\n", "[]"] {
        let refused = caller.call(&caller.request("POST", "/v1/batches").body(nothing));
        assert_eq!((refused.status, failures(&refused.json()).len()), (422, 0), "{nothing:?}");
    }
    assert_eq!(simulator.events(), 0);
}

#[test]
fn an_event_that_is_known_is_a_duplicate_and_its_id_with_another_body_a_failure() {
    let (simulator, gateway) = start("");
    gateway.submit(&event("e-0001"));
    let mut other = event("e-0001");
    other["outcome"] = json!("Failure");
    let mut twice = event("e-0002");
    twice["outcome"] = json!("Denied");
    let body = [event("e-0001"), other, event("e-0002"), event("e-0002"), twice, event("e-0003")];
    let answer = gateway.caller().post_batch("", lines(&body));
    let batch = look_up(&gateway, &answer);
    assert_eq!(counts(&batch), [2, 2, 2, 2, 0, 0], "{batch}");
    let wrong = |line, id: &str| (line, Some(id.to_owned()), "other_body".to_owned());
    assert_eq!(failures(&batch), [wrong(2, "e-0001"), wrong(5, "e-0002")]);
    assert_eq!(simulator.arrivals().len(), 3, "nothing is sent twice");
    let again = gateway.caller().post_batch("", lines(&events(1..4)));
    let batch = look_up(&gateway, &again);
    assert_eq!(counts(&batch), [0, 3, 0, 0, 0, 0], "what is known is good: {batch}");
    let told = gateway.submit(&event("e-0003"));
    assert_eq!((told.status, told.json()["outcome"].clone()), (202, json!("ACKNOWLEDGED")));
    assert!(told.is_replay());
    assert_eq!(gateway.look_up("e-0003").json()["state"], "SETTLED");
}

#[test]
fn an_array_is_a_batch_too_whatever_its_layout() {
    let (_simulator, gateway) = start("");
    let caller = gateway.caller();
    let array = format!("[{:#},\n {},\n{{\"a\":}},{:#}]", event("e-1"), json!(7), event("e-2"));
    let request = caller.request("POST", "/v1/batches").header("Content-Type", "application/json");
    let batch = look_up(&gateway, &caller.call(&request.body(array).chunked()));
    assert_eq!(counts(&batch), [2, 0, 2, 2, 0, 0], "{batch}");
    let kinds: Vec<_> = failures(&batch).into_iter().map(|(line, _, kind)| (line, kind)).collect();
    assert_eq!(kinds, [(2, "not_an_object".to_owned()), (3, "not_json".to_owned())]);
    let request = caller.request("POST", "/v1/batches").header("Content-Type", "application/json");
    let batch = look_up(&gateway, &caller.call(&request.body(format!("[{},{{", event("e-3")))));
    assert_eq!((counts(&batch), failures(&batch)[0].0), ([1, 0, 1, 1, 0, 0], 2), "{batch}");
}

#[test]
fn what_is_no_batch_is_refused_as_elsewhere() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    let body = || lines(&events(1..3));
    let plain = crate::harness::Request::new("POST", "/v1/batches").body(body());
    assert_eq!(caller.call(&plain).status, 401);
    let operator = crate::harness::Caller { key: "operator-of-first-bank".into(), ..caller };
    assert_eq!(operator.post_batch("", body()).status, 403);
    assert_eq!(caller.post_batch("?mode=sync", body()).status, 400);
    assert_eq!(caller.call(&caller.request("GET", "/v1/batches/nobody")).status, 404);
    assert_eq!(caller.call(&caller.request("DELETE", "/v1/batches/nobody")).status, 405);
    let text = caller.request("POST", "/v1/batches").header("Content-Type", "text/csv").body(body());
    assert_eq!(caller.call(&text).status, 415);
    let head = caller.request("POST", "/v1/batches").bytes_with("Content-Length: 67108865\r\n\r\n");
    let mut connection = Connection::open(caller.address).expect("it listens");
    assert_eq!(connection.send_bytes(&head).expect("an answer").status, 413);
    assert_eq!(simulator.events(), 0);
}

#[test]
fn a_line_that_is_too_long_is_left_out() {
    let (_simulator, gateway) = start("");
    let long = format!("{{\"eventId\":\"{}\"}}", "x".repeat(1024 * 1024));
    let body = format!("{}\n{long}\n{}", event("e-1"), event("e-2"));
    let batch = look_up(&gateway, &gateway.caller().post_batch("", body));
    assert_eq!(failures(&batch), [(2, None, "too_large".to_owned())]);
    assert_eq!(counts(&batch), [2, 0, 1, 2, 0, 0], "{batch}");
}

#[test]
fn a_body_may_come_slowly_as_long_as_it_comes() {
    let (_simulator, gateway) = start("");
    let caller = gateway.caller();
    let body = lines(&events(0..40));
    let head = caller
        .request("POST", "/v1/batches")
        .bytes_with(&format!("Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n", body.len()));
    let mut connection = Connection::open(caller.address).expect("it listens");
    connection.write_bytes(&head).expect("written");
    // Longer than a single event's body may take.
    for part in body.as_bytes().chunks(body.len() / 4 + 1) {
        sleep(Duration::from_millis(1600));
        connection.write_bytes(part).expect("written");
    }
    let batch = look_up(&gateway, &connection.response().expect("an answer"));
    assert_eq!(counts(&batch)[0], 40);
}

#[test]
fn what_was_taken_in_before_a_body_broke_off_is_sent_and_known_when_it_comes_again() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    let body = lines(&events(0..60));
    let head = caller.request("POST", "/v1/batches").bytes_with(&format!(
        "Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
        body.len() + 9
    ));
    let mut connection = Connection::open(caller.address).expect("it listens");
    connection.write_bytes(&head).expect("written");
    connection.write_bytes(body.as_bytes()).expect("written");
    caller.look_up_until(&id(59), |seen| seen["eventId"] == id(59).as_str());
    drop(connection);
    simulator.once_it_has(60);
    let batch = look_up(&gateway, &caller.post_batch("", body));
    assert_eq!(counts(&batch), [0, 60, 0, 0, 0, 0], "{batch}");
    assert_eq!(simulator.arrivals().len(), 60);
}
