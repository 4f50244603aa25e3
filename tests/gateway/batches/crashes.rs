//! `kill -9` at any moment of a batch: nothing that was accepted is lost, and nothing is sent twice but what was under way.

use super::{counts, events, id};
use crate::harness::{Config, Connection, Gateway, Simulator, Tenant, lines, until};
use serde_json::json;
use std::collections::HashMap;
use std::thread;
use std::time::Duration;

const COUNT: usize = 2000;

fn start() -> (Simulator, Gateway) {
    let tenants = [Tenant::first_bank().with("batch.chunk = 50")];
    let simulator = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &simulator.url()));
    (simulator, gateway)
}

fn times(simulator: &Simulator) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for id in simulator.arrivals() {
        *times.entry(id).or_default() += 1;
    }
    times
}

#[test]
fn a_gateway_that_is_killed_while_it_takes_a_batch_in_sends_what_it_has_and_knows_it_again() {
    let (simulator, mut gateway) = start();
    let body = lines(&events(0..COUNT));
    let mut kills = 0;
    for life in [60, 150, 300] {
        let (caller, request) = (gateway.caller(), gateway.caller().batch("", body.clone()));
        let answered = thread::scope(|scope| {
            let answer = scope.spawn(|| caller.try_call(&request));
            thread::sleep(Duration::from_millis(life));
            gateway.kill();
            answer.join().expect("no panic").is_ok()
        });
        kills += usize::from(!answered);
        gateway.restart();
    }
    assert!(kills > 0, "a kill fell into an intake");
    let caller = gateway.caller();
    let posted = caller.post_batch("", body).json();
    let batch = caller.until_done(posted["batchId"].as_str().expect("an id"));
    let [accepted, duplicates, failed, ..] = counts(&batch);
    assert_eq!((accepted + duplicates, failed), (COUNT as u64, 0), "{batch}");
    assert_eq!(
        simulator
            .once_it_has(COUNT as u64)
            .iter()
            .filter(|request| request["returnCode"] != "SUCCESS")
            .count(),
        0
    );
    for n in [0, COUNT / 2, COUNT - 1] {
        caller.until_state(&id(n), "SETTLED");
    }
    // Four chunks of 50 at most are under way at each kill.
    let twice: usize = times(&simulator).values().map(|times| times - 1).sum();
    assert!(twice <= 3 * 4 * 50, "{twice} were sent again");
}

#[test]
fn a_gateway_that_is_killed_while_a_batch_leaves_goes_on_with_it() {
    let (simulator, mut gateway) = start();
    simulator.behave(&json!({ "delay_ms": 60 }));
    let posted = gateway.caller().posted("", &events(0..COUNT));
    for wanted in [200, 900] {
        until("some of it", || (simulator.events() >= wanted).then_some(()));
        gateway.kill();
        gateway.restart();
    }
    simulator.behave_as_usual();
    let batch = gateway.caller().until_done(&posted);
    assert_eq!(counts(&batch), [COUNT as u64, 0, 0, COUNT as u64, 0, 0], "{batch}");
    let times = times(&simulator);
    assert_eq!(times.len(), COUNT, "nothing is lost");
    let twice: usize = times.values().map(|times| times - 1).sum();
    assert!(twice <= 2 * 4 * 50, "{twice} were sent again");
    let sizes: Vec<_> = simulator.chunks().iter().map(Vec::len).collect();
    assert!(sizes.len() < COUNT / 50 * 2, "what is found in the store leaves in chunks too: {sizes:?}");
}

#[test]
fn a_gateway_that_is_asked_to_end_finishes_what_is_under_way_and_the_next_start_goes_on() {
    let (simulator, mut gateway) = start();
    simulator.behave(&json!({ "delay_ms": 100 }));
    let posted = gateway.caller().posted("", &events(0..COUNT));
    until("some of it", || (simulator.events() >= 100).then_some(()));
    assert!(gateway.terminate().success());
    simulator.behave_as_usual();
    gateway.restart();
    assert_eq!(counts(&gateway.caller().until_done(&posted))[3], COUNT as u64);
    assert_eq!(simulator.arrivals().len(), COUNT, "nothing is sent twice");
}

#[test]
fn a_gateway_that_is_asked_to_end_refuses_the_rest_of_a_batch_and_keeps_what_it_has() {
    let (simulator, mut gateway) = start();
    let body = lines(&events(0..COUNT));
    let caller = gateway.caller();
    let head = caller
        .request("POST", "/v1/batches")
        .bytes_with(&format!("Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n", body.len()));
    let mut connection = Connection::open(caller.address).expect("it listens");
    connection.write_bytes(&head).expect("written");
    let (first, rest) = body.as_bytes().split_at(body.len() / 2);
    connection.write_bytes(first).expect("written");
    caller.look_up_until(&id(100), |seen| seen["eventId"] == id(100).as_str());
    gateway.ask_to_end();
    until("the end", || gateway.log().contains("ending").then_some(()));
    let answer = connection.send_bytes(rest).expect("an answer");
    assert_eq!((answer.status, &answer.json()["type"]), (503, &json!("urn:xceed-gateway:problem:draining")));
    assert!(gateway.wait().success());
    gateway.restart();
    let posted = gateway.caller().post_batch("", body).json();
    let batch = gateway.caller().until_done(posted["batchId"].as_str().expect("an id"));
    let [accepted, duplicates, ..] = counts(&batch);
    assert!(duplicates > 100 && accepted + duplicates == COUNT as u64, "{batch}");
    simulator.once_it_has(COUNT as u64);
    assert_eq!(simulator.arrivals().len(), COUNT, "each once");
}
