//! What Prometheus reads: it tells what happened to the unit, names nobody, and follows the format's own rules.

use crate::harness::{Config, Gateway, Request, Simulator, Tenant, customer_event, event, until};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// All samples, by name and labels as they stand there.
fn scrape(gateway: &Gateway) -> BTreeMap<String, f64> {
    let caller = gateway.caller();
    // Nobody's key is needed.
    let answer = caller.call(&Request::new("GET", "/metrics"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    samples(&answer.text())
}

fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    lines.map(sample).collect()
}

fn sum(samples: &BTreeMap<String, f64>, name: &str, parts: &[&str]) -> f64 {
    let is =
        |key: &&String| key.split('{').next() == Some(name) && parts.iter().all(|part| key.contains(part));
    samples.keys().filter(is).map(|key| samples[key]).sum()
}

#[test]
fn what_is_counted_is_what_happened() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    for n in 0..5 {
        assert_eq!(gateway.submit(&event(&format!("e-{n}"))).status, 200);
    }
    // Twins and what is refused are calls, and no events.
    assert_eq!(gateway.submit(&event("e-0")).status, 200);
    assert_eq!(gateway.submit(&json!({ "eventId": "bad" })).status, 422);
    assert_eq!(gateway.submit_with("?mode=ack", &[], event("a-0").to_string()).status, 202);
    assert_eq!(gateway.submit(&customer_event("p-0", "SIM-XML_VALIDATION_FAIL")).status, 200);
    gateway.caller().until_state("a-0", "SETTLED");
    gateway.caller().until_state("p-0", "PARKED");
    let seen = until("all of it", || {
        let seen = scrape(&gateway);
        (sum(&seen, "xceed_gateway_xceed_attempts_total", &[]) >= 7.0).then_some(seen)
    });
    let all = |name: &str, parts: &[&str]| sum(&seen, name, parts);
    assert_eq!(all("xceed_gateway_events_accepted_total", &["first-bank", "\"sync\""]), 6.0);
    assert_eq!(all("xceed_gateway_events_accepted_total", &["\"ack\""]), 1.0);
    assert_eq!(all("xceed_gateway_decisions_total", &["SCORED"]), 5.0);
    assert_eq!(all("xceed_gateway_decisions_total", &["FALLBACK", "return_code"]), 1.0);
    assert_eq!(all("xceed_gateway_xceed_attempts_total", &["\"SUCCESS\""]), 6.0);
    assert_eq!(all("xceed_gateway_xceed_attempts_total", &["\"XML_VALIDATION_FAIL\""]), 1.0);
    assert_eq!(all("xceed_gateway_xceed_attempts_total", &[]) as usize, xceed.received().len());
    assert_eq!(all("xceed_gateway_xceed_attempt_duration_seconds_count", &[]), 7.0);
    assert_eq!(all("xceed_gateway_parked_total", &[]), 1.0);
    assert_eq!(all("xceed_gateway_deliveries", &["PARKED"]), 1.0);
    let door = ["POST", "\"/v1/events\""];
    assert_eq!(all("xceed_gateway_http_requests_total", &[door[0], door[1], "\"200\""]), 7.0);
    assert_eq!(all("xceed_gateway_http_requests_total", &[door[0], door[1], "\"422\""]), 1.0);
    assert_eq!(all("xceed_gateway_http_request_duration_seconds_count", &door), 9.0);
    assert_eq!(all("xceed_gateway_breaker_state", &["first-bank", "CLOSED"]), 1.0);
    assert_eq!((all("xceed_gateway_ready", &[]), all("xceed_gateway_store_well", &[])), (1.0, 1.0));
    assert!(all("process_resident_memory_bytes", &[]) > 1e6 && all("process_open_fds", &[]) > 5.0);
    assert!(all("xceed_gateway_audit_checkpoint_age_seconds", &[]) < 30.0);
}

#[test]
fn it_follows_the_format_and_names_nobody() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    gateway.submit(&customer_event("canary-event", "canary-customer"));
    // Addresses that are none and odd methods make no series of their own.
    let caller = gateway.caller();
    for n in 0..20 {
        caller.call(&caller.request("GET", &format!("/canary-{n}")));
        caller.call(&caller.request("GET", &format!("/v1/events/canary-{n}")));
    }
    let text = gateway.caller().call(&Request::new("GET", "/metrics")).text();
    assert!(!text.contains("canary"), "{text}");
    let mut typed = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            assert!(typed.insert(name.to_owned()), "{name} stands there twice");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().expect("a name");
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_typed = typed.contains(name) || base.is_some_and(|base| typed.contains(base));
            assert!(is_typed, "{name} has no type");
        }
    }
    assert_eq!(
        samples(&text).len(),
        text.lines().filter(|line| !line.starts_with('#')).count(),
        "no sample twice"
    );
}

#[test]
fn it_is_where_whoever_watches_is() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config = Config::new([Tenant::first_bank()], &xceed.url());
    let gateway = Gateway::start(config.with("server.admin_bind = \"127.0.0.1:0\""));
    let caller = gateway.caller();
    assert_eq!(caller.call(&Request::new("GET", "/metrics")).status, 404);
}

#[test]
fn the_parts_of_an_answers_time_add_up_to_it() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    let answer = gateway.submit(&customer_event("e-1", "SIM-SLOW-200"));
    let timing = answer.header("server-timing").expect("its time").to_owned();
    let told_parts = parts(&timing);
    let names: Vec<&str> = told_parts.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["receive", "prepare", "xceed", "settle"]);
    assert!(told_parts[2].1 >= 200.0, "Xceed took its time: {timing}");
    let told = answer.json()["latencyMs"].as_f64().expect("a latency");
    let sum: f64 = told_parts.iter().map(|(_, millis)| millis).sum();
    // The answer says it a moment before it leaves: when it is put into words, before it is on disk.
    assert!(sum >= told && sum < told + 1000.0, "{timing}, and {told}");
    for (event, status) in [(customer_event("e-1", "SIM-SLOW-200"), 200), (json!({}), 422)] {
        let answer = gateway.submit(&event);
        let names = parts(answer.header("server-timing").expect("its time"));
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        assert_eq!((answer.status, names), (status, vec!["receive", "decide"]), "nothing of it was sent");
    }
}

/// Each part and its milliseconds.
fn parts(timing: &str) -> Vec<(&str, f64)> {
    let parts = timing.split(", ").map(|part| part.split_once(";dur=").expect("a duration"));
    parts.map(|(name, millis)| (name, millis.parse().expect("a number"))).collect()
}
