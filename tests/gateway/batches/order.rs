//! One customer's events leave in the order of recording, across batches and live calls.

use super::{counts, id, start};
use crate::harness::{Gateway, customer_event, until};
use serde_json::{Value, json};

/// Events of few customers, one behind the other.
fn of_few(numbers: std::ops::Range<usize>, customers: usize) -> Vec<Value> {
    numbers.map(|n| customer_event(&id(n), &format!("C-{}", n % customers))).collect()
}

fn is_in_order(arrived: &[String], customers: usize) -> bool {
    let number = |id: &String| id[2..].parse::<usize>().expect("a number");
    (0..customers).all(|customer| {
        let of_one: Vec<_> = arrived.iter().map(number).filter(|n| n % customers == customer).collect();
        of_one.windows(2).all(|pair| pair[0] < pair[1])
    })
}

#[test]
fn events_of_one_customer_leave_in_the_order_of_their_lines() {
    let (simulator, gateway) = start("batch.chunk = 30");
    let caller = gateway.caller();
    let posted: Vec<_> = (0..3).map(|n| caller.posted("", &of_few(n * 200..(n + 1) * 200, 7))).collect();
    for id in &posted {
        assert_eq!(counts(&caller.until_done(id))[3], 200);
    }
    assert!(is_in_order(&simulator.arrivals(), 7));
    let sizes: Vec<_> = simulator.chunks().iter().map(Vec::len).collect();
    assert!(sizes.contains(&30), "those of one customer leave together: {sizes:?}");
}

#[test]
fn a_live_call_waits_for_its_customers_batch_and_goes_before_all_others() {
    let (simulator, gateway) = start("policy.deadline_ms = 5000\nbatch.chunk = 20");
    let caller = gateway.caller();
    simulator.behave(&json!({ "delay_ms": 40 }));
    // 150 chunks, of which the customer's three events stand last.
    let mut events = of_few(0..3000, 3000);
    for n in [2997, 2998, 2999] {
        events[n] = customer_event(&id(n), "C-live");
    }
    let posted = caller.posted("", &events);
    let told = gateway.submit(&customer_event("live", "C-live")).json();
    assert_eq!(told["outcome"], "SCORED", "its turn comes in time: {told}");
    let arrived = simulator.arrivals();
    let place =
        |id: &str| arrived.iter().position(|other| other == id).unwrap_or_else(|| panic!("{id} arrived"));
    let places = [place(&id(2997)), place(&id(2998)), place(&id(2999)), place("live")];
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(caller.look_up_batch(&posted)["state"], "SENDING", "the others wait still");
    simulator.behave_as_usual();
    caller.until_done(&posted);
}

#[test]
fn live_events_between_and_errors_within_keep_the_order_of_each_customer() {
    let (simulator, mut gateway) = start("batch.chunk = 10\npolicy.deadline_ms = 50");
    let mut posted = Vec::new();
    simulator.behave(&json!({ "fault": "reset" }));
    for round in 0..6 {
        let from = round * 40;
        posted.push(gateway.caller().posted("", &of_few(from..from + 36, 4)));
        for event in of_few(from + 36..from + 40, 4) {
            gateway.submit(&event);
        }
        match round {
            1 => simulator.behave(&json!({ "code": "ERROR" })),
            3 => {
                simulator.behave_as_usual();
                // The breaker has opened, and a start begins with a closed one.
                gateway.restart();
            }
            _ => {}
        }
    }
    for id in &posted {
        assert_eq!(counts(&gateway.caller().until_done(id))[3], 36);
    }
    settled(&gateway, 239);
    assert!(is_in_order(&first_good(&simulator.received()), 4));
}

fn settled(gateway: &Gateway, n: usize) {
    until("the last event", || (gateway.look_up(&id(n)).json()["state"] == "SETTLED").then_some(()));
}

/// The events that Xceed took, in order.
fn first_good(received: &[Value]) -> Vec<String> {
    let good =
        received.iter().filter(|request| request["returnCode"] == "SUCCESS" && request["fault"].is_null());
    good.flat_map(crate::harness::ids).collect()
}
