//! What one customer and one tenant may ask for: so many checks of one customer and event type in a while, whichever gateway
//! they come to, and so many requests a second.

use crate::harness::{
    Config, Database, Gateway, Response, Simulator, Stopwatch, Tenant, customer_event, event, own_address,
    until, wire,
};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

const THREE: &str = "limits.checks_per_customer = { count = 3, window = \"10m\" }";

fn start(laid_over: &str) -> (Gateway, Simulator) {
    let tenants = [Tenant::first_bank().with(laid_over)];
    let xceed = Simulator::start(&tenants);
    (Gateway::start(Config::new(tenants, &xceed.url())), xceed)
}

fn outcome(told: &Response) -> String {
    told.json()["outcome"].as_str().unwrap_or_else(|| panic!("{}", told.text())).to_owned()
}

#[track_caller]
fn assert_limited(told: &Value) {
    let seen = (&told["outcome"], &told["decision"], &told["basis"], &told["reliable"]);
    assert_eq!(seen, (&json!("LIMITED"), &json!("REVIEW"), &json!("limit"), &json!(false)), "{told}");
    assert!(told["riskScore"].is_null() && told["returnCode"].is_null(), "{told}");
}

#[test]
fn the_fourth_check_of_a_customer_in_ten_minutes_is_a_persons_and_xceed_takes_note() {
    let (mut gateway, xceed) = start(THREE);
    for n in 1..=3 {
        assert_eq!(outcome(&gateway.submit(&customer_event(&format!("e-{n}"), "C-1"))), "SCORED");
        // The same again is no check.
        assert!(gateway.submit(&customer_event(&format!("e-{n}"), "C-1")).is_replay());
    }
    let told = gateway.submit(&customer_event("e-4", "C-1"));
    assert_eq!(told.status, 200);
    assert_limited(&told.json());
    let again = gateway.submit(&customer_event("e-4", "C-1"));
    assert_eq!((again.is_replay(), again.text()), (true, told.text()));
    gateway.caller().until_state("e-4", "SETTLED");
    let received = xceed.received_of("e-4");
    assert_eq!((received.len(), &received[0]["responseRequired"]), (1, &json!(false)));
    assert_eq!(gateway.look_up("e-4").json()["late"], Value::Null);

    assert_eq!(outcome(&gateway.submit(&wire("e-wire", "C-1", 10))), "SCORED", "another type");
    assert_eq!(outcome(&gateway.submit(&customer_event("e-other", "C-2"))), "SCORED", "another customer");
    gateway.kill();
    gateway.restart();
    assert_limited(&gateway.submit(&customer_event("e-5", "C-1")).json());
    assert_eq!(outcome(&gateway.submit(&wire("e-wire-2", "C-1", 10))), "SCORED");
    assert!(gateway.submit(&customer_event("e-4", "C-1")).is_replay());
}

#[test]
fn acknowledgements_and_events_of_nobody_are_no_checks() {
    let (gateway, _xceed) = start(THREE);
    for n in 0..5 {
        let told =
            gateway.submit_with("?mode=ack", &[], customer_event(&format!("e-ack-{n}"), "C-1").to_string());
        assert_eq!(outcome(&told), "ACKNOWLEDGED");
        let mut of_nobody = event(&format!("e-nobody-{n}"));
        of_nobody.as_object_mut().expect("an object").remove("customer");
        assert_eq!(outcome(&gateway.submit(&of_nobody)), "SCORED");
    }
    for n in 0..3 {
        assert_eq!(outcome(&gateway.submit(&customer_event(&format!("e-{n}"), "C-1"))), "SCORED");
    }
    for n in 3..6 {
        assert_limited(&gateway.submit(&customer_event(&format!("e-{n}"), "C-1")).json());
    }
}

#[test]
fn what_is_limited_does_not_count_and_a_window_ends() {
    let (gateway, _xceed) = start("limits.checks_per_customer = { count = 1, window = \"2s\" }");
    let begun = Stopwatch::start();
    assert_eq!(outcome(&gateway.submit(&customer_event("e-first", "C-1"))), "SCORED");
    let mut n = 0;
    until("the end of the window", || {
        n += 1;
        let told = gateway.submit(&customer_event(&format!("e-{n}"), "C-1"));
        let outcome = outcome(&told);
        assert!(outcome == "LIMITED" || outcome == "SCORED", "{outcome}");
        (outcome == "SCORED").then_some(())
    });
    assert!(n > 1 && begun.elapsed() >= Duration::from_secs(2), "after {n} tries");
}

#[test]
fn an_asynchronous_check_too_many_is_decided_at_once() {
    let (tenants, address) =
        ([Tenant::first_bank().with("xceed.callback_id = \"gw1\"").with(THREE)], own_address());
    let xceed = Simulator::start_calling_back(&tenants, address);
    let bind = format!("server.bind = \"{address}\"");
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()).with(&bind));
    let submit = |id: &str| gateway.submit_with("?mode=async", &[], customer_event(id, "C-1").to_string());
    for n in 1..=3 {
        assert_eq!(
            (submit(&format!("e-{n}")).status, outcome(&submit(&format!("e-{n}")))),
            (202, "PENDING".to_owned())
        );
    }
    let told = submit("e-4");
    assert_eq!(told.status, 202);
    assert_limited(&told.json());
    let seen = gateway.caller().until_state("e-4", "SETTLED");
    assert_limited(&seen);
    assert_eq!(
        outcome(&gateway.submit(&customer_event("e-sync", "C-1"))),
        "LIMITED",
        "all modes are counted together"
    );
    let received = xceed.received_of("e-4");
    assert_eq!(received.len(), 1);
    assert_eq!(xceed.called_for("e-4"), [] as [Value; 0], "nothing is called back");
}

#[test]
fn a_tenant_that_sends_too_many_requests_hears_when_to_come_back() {
    let (gateway, _xceed) = start("limits.requests_per_second = 5");
    let answers: Vec<Response> = (0..40).map(|n| gateway.submit(&event(&format!("e-{n}")))).collect();
    let refused: Vec<&Response> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 429));
    assert!(!refused.is_empty() && answers[0].status == 200);
    assert_eq!(refused[0].header("retry-after"), Some("1"));
    assert_eq!(refused[0].json()["type"], "urn:xceed-gateway:problem:too_many_requests");
    assert_eq!(gateway.look_up("e-0").status, 200, "who asks is not counted");
    until("a request that is let through", || {
        (gateway.submit(&event("e-later")).status == 200).then_some(())
    });
}

#[test]
fn of_checks_at_two_gateways_at_once_exactly_three_are_let_through() {
    let Some(database) = Database::new() else { return };
    let (tenant, address) =
        (Tenant::first_bank().with("xceed.callback_id = \"gw1\"").with(THREE), own_address());
    let xceed = Simulator::start_calling_back(std::slice::from_ref(&tenant), address);
    let config = |bind: String| {
        let laid_over = format!("store.url = \"{}\"\nserver.bind = \"{bind}\"", database.url());
        Config::new([tenant.clone()], &xceed.url()).with(&laid_over)
    };
    let (a, b) =
        (Gateway::start(config(address.to_string())), Gateway::start(config("127.0.0.1:0".to_owned())));
    for (customer, query) in [("C-sync", ""), ("C-async", "?mode=async")] {
        let answers: Vec<Response> = thread::scope(|scope| {
            let submit = |n: usize| {
                let caller = if n.is_multiple_of(2) { a.caller() } else { b.caller() };
                let event = customer_event(&format!("{customer}-{n}"), customer).to_string();
                scope.spawn(move || caller.submit_with(query, &[], event))
            };
            let calls: Vec<_> = (0..12).map(submit).collect();
            calls.into_iter().map(|call| call.join().expect("answered")).collect()
        });
        let limited: Vec<Value> =
            answers.iter().filter(|told| outcome(told) == "LIMITED").map(Response::json).collect();
        assert_eq!(limited.len(), 9, "{:?}", answers.iter().map(outcome).collect::<Vec<_>>());
        for told in limited {
            assert_limited(&told);
            let id = told["eventId"].as_str().expect("an id");
            assert_limited(&a.caller().until_state(id, "SETTLED"));
            let received = xceed.received_of(id);
            assert_eq!(received.len(), 1, "{id}");
            assert_ne!(received[0]["responseRequired"], json!(true));
        }
    }
    let again = b.submit(&customer_event("C-sync-0", "C-sync"));
    assert!(again.is_replay());
}
