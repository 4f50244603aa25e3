//! What was answered with 2xx is never lost, not by `kill -9` at any moment, and gets there; what was recorded is sent
//! as it was recorded. What a store itself can do wrong is told elsewhere (`stores.rs`).

use crate::harness::{Caller, Config, Gateway, Response, Simulator, Tenant, customer_event, event, until};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// An answer that a caller was given.
struct Given {
    event_id: String,
    query: &'static str,
    response: Response,
}

/// Callers that submit one event after the other until they are told to stop, or nobody answers.
struct Load<'a> {
    caller: Caller,
    round: usize,
    stopped: &'a AtomicBool,
    given: &'a Mutex<Vec<Given>>,
}

impl Load<'_> {
    fn run(&self, worker: usize) {
        for n in 0.. {
            let event_id = format!("e-{}-{worker}-{n}", self.round);
            let query = if n % 2 == 0 { "" } else { "?mode=ack" };
            let request = self.caller.submission(query, event(&event_id).to_string());
            let Ok(response) = self.caller.try_call(&request) else { return };
            assert!([200, 202].contains(&response.status), "{}", response.text());
            self.given.lock().unwrap_or_else(PoisonError::into_inner).push(Given {
                event_id,
                query,
                response,
            });
            if self.stopped.load(SeqCst) {
                return;
            }
        }
    }
}

#[test]
fn what_was_answered_is_found_again_after_every_crash_and_gets_there() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let mut all = Vec::new();
    for (round, life) in [70, 330, 190, 510].into_iter().enumerate() {
        let (stopped, given) = (AtomicBool::new(false), Mutex::default());
        thread::scope(|scope| {
            for worker in 0..6 {
                let load = Load { caller: gateway.caller(), round, stopped: &stopped, given: &given };
                scope.spawn(move || load.run(worker));
            }
            until("the first answer", || {
                (!given.lock().unwrap_or_else(PoisonError::into_inner).is_empty()).then_some(())
            });
            thread::sleep(Duration::from_millis(life));
            gateway.kill();
            stopped.store(true, SeqCst);
        });
        // And once more while it starts.
        gateway.start_and_kill_after(Duration::from_millis(life / 7));
        gateway.restart();
        let given = given.into_inner().unwrap_or_else(PoisonError::into_inner);
        for Given { event_id, query, response } in &given {
            let again = gateway.submit_with(query, &[], event(event_id).to_string());
            assert_eq!((again.status, again.text()), (response.status, response.text()), "{event_id}");
            assert!(again.is_replay(), "{event_id} was forgotten");
            let seen = gateway.look_up(event_id).text();
            assert!(seen.starts_with(response.text().trim_end_matches('}')), "{event_id}: {seen}");
        }
        all.extend(given.into_iter().map(|given| given.event_id));
    }
    for event_id in &all {
        gateway.caller().until_state(event_id, "SETTLED");
        assert!(!xceed.received_of(event_id).is_empty(), "{event_id} never arrived");
    }
}

#[test]
fn an_event_that_was_recorded_but_not_sent_leaves_after_the_crash() {
    let tenants = [Tenant::first_bank().with("policy.deadline_ms = 300")];
    let xceed = Simulator::start(&tenants);
    xceed.behave(&json!({ "fault": "reset" }));
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let ids: Vec<_> = (0..20).map(|n| format!("e-{n}")).collect();
    let told: Vec<_> = ids.iter().map(|id| gateway.submit(&event(id)).body).collect();
    gateway.kill();
    xceed.behave_as_usual();
    gateway.restart();
    for (id, told) in ids.iter().zip(told) {
        let seen = gateway.caller().until_state(id, "SETTLED");
        assert_eq!(
            (&seen["outcome"], &seen["late"]["returnCode"]),
            (&json!("FALLBACK"), &json!("SUCCESS")),
            "{seen}"
        );
        assert_eq!(gateway.submit(&event(id)).body, told);
    }
}

#[test]
fn an_event_whose_caller_heard_nothing_is_decided_after_the_crash() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let slow = customer_event("e-1", "SIM-SLOW-1500-ACTION-Deny");
    let caller = gateway.caller();
    thread::scope(|scope| {
        let unanswered = scope.spawn(|| caller.try_call(&caller.submission("", slow.to_string())));
        until("its arrival", || (xceed.received_of("e-1").len() == 1).then_some(()));
        // It is on disk once it can be looked up.
        caller.look_up_until("e-1", |seen| seen["outcome"] == "PENDING");
        gateway.kill();
        assert!(unanswered.join().expect("no panic").is_err());
    });
    gateway.restart();
    let told = gateway.submit(&slow).json();
    assert_eq!((&told["outcome"], &told["decision"]), (&json!("SCORED"), &json!("BLOCK")));
    assert!(xceed.received_of("e-1").len() >= 2, "it was in doubt, and sent again under the same id");
}

/// Events that are under way at the crash: their callers heard nothing, they are recorded, and Xceed has them.
fn crash_with(
    count: usize,
    xceed: &Simulator,
    gateway: &mut Gateway,
    event: impl Fn(usize) -> Value,
) -> Vec<Value> {
    let events: Vec<_> = (0..count).map(event).collect();
    let caller = gateway.caller();
    thread::scope(|scope| {
        for event in &events {
            let (caller, request) = (&caller, caller.submission("", event.to_string()));
            scope.spawn(move || caller.try_call(&request));
        }
        for id in events.iter().map(id) {
            caller.look_up_until(id, |seen| seen["outcome"] == "PENDING");
            until("its arrival", || (xceed.received_of(id).len() == 1).then_some(()));
        }
        gateway.kill();
    });
    gateway.restart();
    events
}

fn id(event: &Value) -> &str {
    event["eventId"].as_str().expect("it has one")
}

#[test]
fn who_waits_for_an_event_that_waits_for_its_turn_hears_the_decision() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let slow = |n: usize| customer_event(&format!("e-{n}"), &format!("SIM-SLOW-900~{n}"));
    let events = crash_with(24, &xceed, &mut gateway, slow);
    let caller = gateway.caller();
    for id in events.iter().map(id).rev() {
        let seen = caller.call(&caller.request("GET", &format!("/v1/events/{id}?wait=30"))).json();
        assert_eq!((&seen["outcome"], &seen["decision"]), (&json!("SCORED"), &json!("ALLOW")), "{seen}");
    }
}

#[test]
fn what_was_recorded_is_sent_again_word_for_word_whoever_asks_for_it() {
    let tenants = [Tenant::first_bank().with("policy.fallback = \"local\"")];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    // Four events of other types before, so that the local policy knows the customer.
    for (n, event_type) in ["Logout", "BalanceInquiry", "PasswordChange", "ContactChange"].iter().enumerate()
    {
        for customer in 0..12 {
            let mut event =
                customer_event(&format!("b-{n}-{customer}"), &format!("SIM-MAINTENANCE-SLOW-900~{customer}"));
            event["eventType"] = json!(event_type);
            assert_eq!(gateway.submit_with("?mode=ack", &[], event.to_string()).status, 202);
        }
    }
    for n in 0..4 {
        (0..12)
            .for_each(|customer| drop(gateway.caller().until_state(&format!("b-{n}-{customer}"), "SETTLED")));
    }
    // Without a time of its own, an event has that of its receipt: which must not be another one the second time.
    let timeless = |n: usize| {
        let mut event = customer_event(&format!("e-{n}"), &format!("SIM-MAINTENANCE-SLOW-900~{n}"));
        event["occurredAt"].take();
        event
    };
    let events = crash_with(12, &xceed, &mut gateway, timeless);
    // More than the relay takes at a time: some are sent by it, some by the callers who ask again.
    thread::scope(|scope| {
        for event in &events {
            let caller = gateway.caller();
            scope.spawn(move || {
                let told = caller.submit(event).json();
                assert_eq!(
                    (&told["returnCode"], &told["riskScore"]),
                    (&json!("MAINTENANCE"), &json!(40.0)),
                    "{told}"
                );
            });
        }
    });
    for id in events.iter().map(id) {
        let received = xceed.received_of(id);
        assert!(received.len() >= 2 && received[0]["payload"].is_string());
        assert!(
            received.iter().all(|one| one["payload"] == received[0]["payload"]),
            "{id} changed on its way"
        );
    }
}

#[test]
fn a_strict_tenant_has_an_event_in_doubt_looked_at_instead_of_sent_twice() {
    let tenants = [Tenant::first_bank().with("xceed.resend_in_doubt = false")];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let events = [("e-sync", ""), ("e-ack", "?mode=ack")];
    let event = |id: &str| customer_event(id, &format!("SIM-SLOW-5000~{id}")).to_string();
    let caller = gateway.caller();
    thread::scope(|scope| {
        for (id, query) in events {
            let request = caller.submission(query, event(id));
            let caller = &caller;
            scope.spawn(move || caller.try_call(&request));
            until("its arrival", || (xceed.received_of(id).len() == 1).then_some(()));
        }
        gateway.kill();
    });
    gateway.restart();
    for (id, query) in events {
        let seen = gateway.caller().until_state(id, "PARKED");
        let outcome = if id == "e-ack" { "ACKNOWLEDGED" } else { "FALLBACK" };
        let again = gateway.submit_with(query, &[], event(id));
        assert_eq!(
            (&seen["outcome"], &again.json()["outcome"]),
            (&json!(outcome), &json!(outcome)),
            "{seen}"
        );
        assert_eq!(xceed.received_of(id).len(), 1, "{id} is sent once");
    }
    let told = gateway.look_up("e-sync").json();
    assert_eq!((&told["basis"], &told["disposition"]), (&json!("transport"), &json!("UNKNOWN")));
}

#[test]
fn a_gateway_that_is_asked_to_end_answers_what_is_under_way() {
    let tenants = [Tenant::first_bank(), Tenant::new("hasty", 210_100).with("policy.deadline_ms = 300")];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let (patient, hasty) = (gateway.caller(), gateway.caller_of("hasty"));
    // Its caller has the fallback's answer, and its attempt is under way when the end comes.
    let told = hasty.submit(&customer_event("e-late", "SIM-SLOW-3000"));
    assert_eq!(told.json()["basis"], "deadline");
    let answers: Vec<Response> = thread::scope(|scope| {
        let submit =
            |n: usize| patient.submit(&customer_event(&format!("e-{n}"), &format!("SIM-SLOW-1200~{n}")));
        let callers: Vec<_> = (0..8).map(|n| scope.spawn(move || submit(n))).collect();
        until("their arrival", || (xceed.received().len() == 9).then_some(()));
        gateway.ask_to_end();
        callers.into_iter().map(|caller| caller.join().expect("answered")).collect()
    });
    for answer in &answers {
        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &json!("SCORED")), "{}", answer.text());
    }
    assert!(gateway.wait().success(), "{}", gateway.log());
    xceed.behave_as_usual();
    gateway.restart();
    let seen = gateway.caller_of("hasty").until_state("e-late", "SETTLED");
    assert_eq!((&seen["basis"], &seen["late"]["returnCode"]), (&json!("deadline"), &json!("SUCCESS")));
    assert_eq!(gateway.submit(&customer_event("e-0", "SIM-SLOW-1200~0")).body, answers[0].body);
}
