//! A caller waits 300 ms and no longer: the fallback answers although Xceed still thinks, the event gets there all the
//! same, and what Xceed says then is told as late.

use crate::harness::{Config, Gateway, Response, Simulator, Stopwatch, Tenant, customer_event, until, wire};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

/// How long the simulator thinks: far longer than any machine needs for 300 ms.
const SLOW: &str = "SIM-SLOW-4000";
const THINKS: Duration = Duration::from_millis(4000);

/// The deadline that is used unless another is configured.
const USUAL: &str = "policy.deadline_ms = 300";

fn start(policies: &[(&str, &str)]) -> (Simulator, Gateway) {
    let tenant = |(n, (name, policy)): (u32, &(&str, &str))| {
        Tenant::new(name, 210_100 + n).with(USUAL).with("xceed.attempt_timeout = \"20s\"").with(policy)
    };
    let tenants: Vec<_> = (0..).zip(policies).map(tenant).collect();
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    (xceed, gateway)
}

fn assert_fallback(response: &Response, decision: &str, score: &Value) {
    let told = response.json();
    assert_eq!(response.status, 200, "{told}");
    assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("deadline")), "{told}");
    assert_eq!((&told["decision"], &told["riskScore"]), (&json!(decision), score), "{told}");
    assert_eq!(
        (&told["reliable"], &told["returnCode"], &told["disposition"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
}

#[test]
fn the_fallback_answers_in_time_and_the_event_gets_there_all_the_same() {
    let (xceed, gateway) = start(&[("bank", "")]);
    let event = customer_event("e-1", &format!("{SLOW}-SCORE-95"));
    let watch = Stopwatch::start();
    let told = gateway.submit(&event);
    assert!(
        watch.elapsed() < THINKS,
        "answered after {:?}, when Xceed had thought to the end",
        watch.elapsed()
    );
    assert_fallback(&told, "ALLOW", &json!(50.0));
    assert_eq!(xceed.received_of("e-1").len(), 1, "it is there already");
    assert_eq!(gateway.look_up("e-1").json()["late"], Value::Null);

    let seen = gateway.caller().until_state("e-1", "SETTLED");
    assert_eq!(
        (&seen["attempts"], &seen["decision"], &seen["outcome"]),
        (&json!(1), &json!("ALLOW"), &json!("FALLBACK"))
    );
    let late = &seen["late"];
    assert!(late["at"].as_str().is_some_and(|at| at > seen["decidedAt"].as_str().unwrap_or("~")), "{seen}");
    let mut late = late.clone();
    late["at"].take();
    let expected = json!({
        "decision": "BLOCK", "riskScore": 95.0, "riskAction": null, "returnCode": "SUCCESS", "at": null
    });
    assert_eq!(late, expected);

    let again = gateway.submit(&event);
    assert!(again.is_replay() && again.body == told.body, "what was told never changes");
    assert_eq!(xceed.received_of("e-1").len(), 1, "and nothing is sent twice");
}

#[test]
fn each_fallback_policy_decides_in_its_own_way() {
    let (_xceed, gateway) = start(&[
        ("neutral", "policy.fallback = \"neutral\""),
        ("local", "policy.fallback = \"local\""),
        ("closed", "policy.fallback = \"closed\""),
    ]);
    let submit = |tenant: &str, id: &str, tier: &str, amount: u32| {
        let mut event = wire(id, &format!("{SLOW}~{id}"), amount);
        event["customer"]["tier"] = json!(tier);
        gateway.caller_of(tenant).submit(&event)
    };
    // Side by side, since each waits for its deadline.
    thread::scope(|scope| {
        let told =
            |tenant: &'static str, tier: &'static str, amount: u32, decision: &'static str, score: Value| {
                let id = format!("{tenant}-{tier}-{amount}");
                scope.spawn(move || assert_fallback(&submit(tenant, &id, tier, amount), decision, &score));
            };
        told("neutral", "new", 12_500, "ALLOW", json!(50.0));
        told("closed", "premium", 20, "REVIEW", Value::Null);
        // The tier's points and the amount's, against the threshold of the category.
        told("local", "new", 10_001, "REVIEW", json!(50.0));
        told("local", "new", 20, "REVIEW", json!(30.0));
        told("local", "premium", 10_001, "ALLOW", json!(40.0));
        told("local", "gold", 5_001, "ALLOW", json!(35.0));
        told("local", "premium", 5_000, "ALLOW", json!(20.0));
    });
}

#[test]
fn a_customer_with_many_events_weighs_more_in_the_local_policy() {
    let (_xceed, gateway) = start(&[("bank", "policy = { fallback = \"local\", deadline_ms = 5000 }")]);
    let customer = "SIM-MAINTENANCE";
    let local_scores = ["25.0", "25.0", "25.0", "40.0", "40.0", "40.0", "50.0"];
    for (n, score) in local_scores.into_iter().enumerate() {
        // Different event types, and acknowledgements: checks of one type have a limit of their own.
        let mut event = customer_event(&format!("e-{n}"), customer);
        event["eventType"] = json!(["Login", "Logout", "BalanceInquiry", "PasswordChange"][n % 4]);
        let told = gateway.submit(&event);
        assert_eq!(told.json()["riskScore"].to_string(), score, "after {n} others");
    }
}

#[test]
fn exceptions_go_by_event_type_and_amount() {
    let (_xceed, gateway) = start(&[(
        "bank",
        "policy.fallback_for = [
            { event_type = \"WireTransfer\", over = 100000, policy = \"closed\" },
            { event_type = \"Login\", policy = \"local\" },
            { over = 500000, policy = \"closed\" },
        ]",
    )]);
    let submit = |event_type: &str, amount: u32| {
        let id = format!("{event_type}-{amount}");
        let mut event = wire(&id, &format!("{SLOW}~{id}"), amount);
        event["eventType"] = json!(event_type);
        gateway.submit(&event)
    };
    thread::scope(|scope| {
        let told = |event_type: &'static str, amount: u32, decision: &'static str, score: Value| {
            scope.spawn(move || assert_fallback(&submit(event_type, amount), decision, &score));
        };
        told("WireTransfer", 100_001, "REVIEW", Value::Null);
        told("WireTransfer", 100_000, "ALLOW", json!(50.0));
        told("ACHTransfer", 100_001, "ALLOW", json!(50.0));
        told("ACHTransfer", 500_001, "REVIEW", Value::Null);
        told("Login", 20, "ALLOW", json!(25.0));
    });
}

#[test]
fn a_tenant_with_more_patience_hears_the_score() {
    let (_xceed, gateway) = start(&[("bank", "policy.deadline_ms = 5000")]);
    let told = gateway.submit(&customer_event("e-1", "SIM-SLOW-700-SCORE-70")).json();
    assert_eq!(
        (&told["outcome"], &told["basis"], &told["decision"]),
        (&json!("SCORED"), &json!("threshold"), &json!("REVIEW"))
    );
    assert!(told["latencyMs"].as_f64() >= Some(700.0), "{told}");
}

#[test]
fn an_event_that_is_under_way_can_be_looked_up_and_waited_for() {
    let (xceed, gateway) = start(&[("bank", "policy.deadline_ms = 5000")]);
    let caller = gateway.caller();
    thread::scope(|scope| {
        let told = scope.spawn(|| caller.submit(&customer_event("e-1", "SIM-SLOW-1200-ACTION-Deny")));
        until("the event's arrival", || (xceed.received_of("e-1").len() == 1).then_some(()));
        let seen = caller.look_up_until("e-1", |seen| seen["state"] == "SENDING");
        assert_eq!(
            (&seen["decision"], &seen["outcome"], &seen["late"]),
            (&json!("PENDING"), &json!("PENDING"), &Value::Null)
        );
        for member in ["riskScore", "riskAction", "returnCode", "disposition", "decidedAt", "latencyMs"] {
            assert_eq!(seen.get(member), Some(&Value::Null), "{member} is there, and null");
        }
        let decided = caller.call(&caller.request("GET", "/v1/events/e-1?wait=25")).json();
        assert_eq!((&decided["decision"], &decided["outcome"]), (&json!("BLOCK"), &json!("SCORED")));
        assert_eq!(told.join().expect("answered").json()["decision"], "BLOCK");
    });
    let waited = caller.call(&caller.request("GET", "/v1/events/e-1?wait=30")).json();
    assert_eq!(waited["state"], "SETTLED", "who asks for what is decided need not wait");
}

#[test]
fn an_acknowledgement_does_not_wait_for_xceed() {
    let (xceed, gateway) = start(&[("bank", "")]);
    let watch = Stopwatch::start();
    let told = gateway.submit_with("?mode=ack", &[], customer_event("e-1", SLOW).to_string());
    assert!(
        watch.elapsed() < THINKS,
        "answered after {:?}, when Xceed had thought to the end",
        watch.elapsed()
    );
    assert_eq!(told.status, 202);
    let told = told.json();
    assert_eq!((&told["outcome"], &told["basis"]), (&json!("ACKNOWLEDGED"), &json!("acknowledgement")));
    assert_eq!(
        (&told["decision"], &told["riskScore"], &told["reliable"]),
        (&Value::Null, &Value::Null, &json!(false))
    );
    let seen = gateway.caller().until_state("e-1", "SETTLED");
    assert_eq!(seen["late"], Value::Null, "no score was asked for");
    let received = xceed.received_of("e-1");
    assert_eq!((received.len(), &received[0]["responseRequired"]), (1, &json!(false)));
}
