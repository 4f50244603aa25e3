//! Gateways that share one store: twins share one send and one answer, a customer's order holds across them, a callback
//! may come to any, and what one leaves behind the others take over.

use crate::harness::{
    Callback, Caller, Config, Database, Folder, Gateway, Response, Simulator, Stopwatch, Tenant,
    customer_event, event, flat, until, verified,
};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

/// Two gateways on one database, and their Xceed. Gateways end before the database is dropped.
struct Pair {
    a: Gateway,
    b: Gateway,
    xceed: Simulator,
    database: Database,
}

impl Pair {
    /// `None` where this machine has no PostgreSQL.
    fn start(laid_over: &str) -> Option<Self> {
        let database = Database::new()?;
        let tenant = || Tenant::first_bank().with(laid_over);
        let xceed = Simulator::start(&[tenant()]);
        let start = || Gateway::start(config(tenant(), &xceed, &database));
        let (a, b) = (start(), start());
        Some(Self { a, b, xceed, database })
    }

    fn arrived(&self, event_id: &str) {
        until("its arrival", || (!self.xceed.received_of(event_id).is_empty()).then_some(()));
    }

    /// The events in the order in which each arrived for the first time.
    fn first_arrivals(&self) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for request in self.xceed.received() {
            let id = request["eventIds"][0].as_str().expect("an id").to_owned();
            if !seen.contains(&id) {
                seen.push(id);
            }
        }
        seen
    }
}

fn config(tenant: Tenant, xceed: &Simulator, database: &Database) -> Config {
    Config::new([tenant], &xceed.url()).with(&format!("store.url = \"{}\"", database.url()))
}

fn wait_for(caller: &Caller, event_id: &str) -> Value {
    let seen = caller.call(&caller.request("GET", &format!("/v1/events/{event_id}?wait=30")));
    assert_eq!(seen.status, 200, "{}", seen.text());
    seen.json()
}

#[track_caller]
fn assert_same(one: &Response, other: &Response) {
    assert_eq!((one.status, one.text()), (other.status, other.text()));
}

#[test]
fn twins_on_two_gateways_share_one_send_and_one_answer() {
    let Some(pair) = Pair::start("") else { return };
    let slow = customer_event("e-1", "SIM-SLOW-900-ACTION-Hold");
    let (first, twin) = thread::scope(|scope| {
        let first = scope.spawn(|| pair.a.submit(&slow));
        pair.arrived("e-1");
        let keyed = pair.b.submit_with("", &[("Idempotency-Key", "k-1")], slow.to_string());
        assert_eq!((keyed.status, keyed.header("retry-after")), (409, Some("1")), "{}", keyed.text());
        let twin = pair.b.submit(&slow);
        (first.join().expect("answered"), twin)
    });
    assert_eq!((first.status, &first.json()["decision"]), (200, &json!("REVIEW")));
    assert_same(&twin, &first);
    assert!(twin.is_replay() && !first.is_replay());
    assert_eq!(pair.xceed.received_of("e-1").len(), 1);
    let other = pair.b.submit(&customer_event("e-1", "C-other"));
    assert_eq!(other.status, 422, "another body under its name: {}", other.text());
}

#[test]
fn many_twins_at_once_are_one_event() {
    let Some(pair) = Pair::start("") else { return };
    for n in 0..20 {
        let event = event(&format!("e-{n}"));
        let answers: Vec<Response> = thread::scope(|scope| {
            let submit = |gateway: &Gateway| {
                let (caller, event) = (gateway.caller(), &event);
                scope.spawn(move || caller.submit(event))
            };
            let calls = [&pair.a, &pair.b, &pair.a, &pair.b].map(submit);
            calls.into_iter().map(|call| call.join().expect("answered")).collect()
        });
        for answer in &answers {
            assert_same(answer, &answers[0]);
        }
        assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1);
        assert_eq!(pair.xceed.received_of(&format!("e-{n}")).len(), 1);
    }
}

#[test]
fn a_customers_events_leave_in_order_whichever_gateway_takes_them_in() {
    let Some(pair) = Pair::start("") else { return };
    pair.xceed.behave(&json!({ "delay_ms": 60 }));
    let ids: Vec<String> = (0..30).map(|n| format!("e-{n:02}")).collect();
    for (n, id) in ids.iter().enumerate() {
        let gateway = if n % 2 == 0 { &pair.a } else { &pair.b };
        let told = gateway.submit_with("?mode=ack", &[], customer_event(id, "C-1").to_string());
        assert_eq!(told.status, 202, "{}", told.text());
    }
    pair.a.caller().until_state("e-29", "SETTLED");
    assert_eq!(pair.first_arrivals(), ids);
}

#[test]
fn a_call_waits_for_its_customers_event_on_the_other_gateway() {
    let Some(pair) = Pair::start("") else { return };
    let slow = |id: &str| customer_event(id, "SIM-SLOW-700");
    thread::scope(|scope| {
        let first = scope.spawn(|| pair.a.submit(&slow("e-1")).json());
        pair.arrived("e-1");
        let second = pair.b.submit(&slow("e-2")).json();
        assert_eq!(second["outcome"], "SCORED", "its turn comes in time: {second}");
        assert_eq!(first.join().expect("answered")["outcome"], "SCORED");
    });
    assert_eq!(pair.first_arrivals(), ["e-1", "e-2"]);
}

#[test]
fn what_waited_for_another_gateway_has_not_begun_and_is_sent_once_although_nothing_may_be_sent_twice() {
    let Some(pair) = Pair::start("xceed.resend_in_doubt = false\npolicy.deadline_ms = 300") else { return };
    let slow = |id: &str| customer_event(id, "SIM-SLOW-1500");
    thread::scope(|scope| {
        let first = scope.spawn(|| pair.a.submit(&slow("e-1")).json());
        pair.arrived("e-1");
        let second = pair.b.submit(&slow("e-2")).json();
        assert_eq!(second["basis"], "order", "its turn does not come in time: {second}");
        assert_eq!(first.join().expect("answered")["basis"], "deadline");
    });
    pair.b.caller().until_state("e-2", "SETTLED");
    assert_eq!(pair.first_arrivals(), ["e-1", "e-2"]);
    assert_eq!(pair.xceed.received_of("e-2").len(), 1);
}

#[test]
fn a_new_event_makes_its_customers_backing_off_predecessor_due_at_once_across_gateways() {
    let Some(pair) = Pair::start("") else { return };
    pair.xceed.behave(&json!({ "code": "ERROR" }));
    pair.a.submit(&customer_event("e-1", "C-1"));
    // Some attempts later it waits for many seconds.
    pair.a.caller().look_up_until("e-1", |seen| seen["attempts"].as_u64() >= Some(4));
    pair.xceed.behave_as_usual();
    let told = pair.b.submit(&customer_event("e-2", "C-1")).json();
    assert_eq!(told["outcome"], "SCORED", "{told}");
    let seen = pair.a.look_up("e-1").json();
    assert_eq!(
        (&seen["state"], &seen["late"]["returnCode"]),
        (&json!("SETTLED"), &json!("SUCCESS")),
        "{seen}"
    );
}

#[test]
fn a_callback_that_comes_to_one_gateway_is_heard_at_both() {
    let Some(pair) = Pair::start("xceed.callback_id = \"gw1\"") else { return };
    let event = customer_event("e-1", "SIM-CALLBACK-NEVER");
    assert_eq!(pair.a.submit_with("?mode=async", &[], event.to_string()).status, 202);
    pair.a.caller().until_state("e-1", "AWAITING_CALLBACK");
    thread::scope(|scope| {
        let waiting = [&pair.a, &pair.b].map(|gateway| {
            let caller = gateway.caller();
            scope.spawn(move || wait_for(&caller, "e-1"))
        });
        let acknowledged = pair.b.call_back(&Callback::of("e-1").request());
        assert_eq!(acknowledged.status, 200, "{}", acknowledged.text());
        for waiting in waiting {
            let seen = waiting.join().expect("heard");
            assert_eq!((&seen["decision"], &seen["state"]), (&json!("REVIEW"), &json!("SETTLED")), "{seen}");
        }
    });
    let again = pair.a.call_back(&Callback::of("e-1").request());
    assert_eq!(again.status, 200, "the same once more is acknowledged anywhere: {}", again.text());
}

#[test]
fn what_a_killed_gateway_leaves_behind_the_other_sends() {
    let Some(mut pair) = Pair::start("policy.deadline_ms = 300") else { return };
    pair.xceed.behave(&json!({ "fault": "reset" }));
    let ids: Vec<_> = (0..6).map(|n| format!("e-{n}")).collect();
    let told: Vec<_> = ids.iter().map(|id| pair.a.submit(&customer_event(id, "C-1")).body).collect();
    pair.a.kill();
    pair.xceed.behave_as_usual();
    for (id, told) in ids.iter().zip(&told) {
        let seen = pair.b.caller().until_state(id, "SETTLED");
        assert_eq!(seen["late"]["returnCode"], "SUCCESS", "{seen}");
        assert_eq!(pair.b.submit(&customer_event(id, "C-1")).body, *told, "its words stand");
    }
    let scored = pair.xceed.received().into_iter().filter(|request| request["returnCode"] == "SUCCESS");
    let scored: Vec<_> =
        scored.map(|request| request["eventIds"][0].as_str().expect("an id").to_owned()).collect();
    assert_eq!(scored, ids, "in the order of recording");
}

#[test]
fn a_gateway_that_ends_in_order_leaves_what_waits_to_the_other_at_once() {
    let Some(mut pair) = Pair::start("policy.deadline_ms = 300") else { return };
    pair.xceed.behave(&json!({ "fault": "reset" }));
    assert_eq!(pair.a.submit(&event("e-1")).json()["outcome"], "FALLBACK");
    pair.a.caller().until_state("e-1", "QUEUED");
    assert!(pair.a.terminate().success(), "{}", pair.a.log());
    pair.xceed.behave_as_usual();
    let left = Stopwatch::start();
    pair.b.caller().until_state("e-1", "SETTLED");
    assert!(left.elapsed() < Duration::from_secs(5), "it took {:?}", left.elapsed());
}

/// How another program is started whose clock is so far off; `None` where there is no libfaketime.
fn with_a_clock_off_by(offset: &str) -> Option<[String; 4]> {
    let folders = ["/usr/lib", "/usr/lib64"].map(std::fs::read_dir).into_iter().flatten().flatten().flatten();
    let library =
        folders.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|file| file.exists())?;
    let preload = format!("LD_PRELOAD={}", library.display());
    Some(["env".into(), preload, format!("FAKETIME={offset}"), "FAKETIME_DONT_FAKE_MONOTONIC=1".into()])
}

#[test]
fn clocks_that_are_minutes_apart_take_nothing_away_and_hold_nothing_up() {
    for offset in ["+5m", "-5m"] {
        let Some(words) = with_a_clock_off_by(offset) else {
            eprintln!("SKIPPED: this machine has no libfaketime");
            return;
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some(mut pair) = Pair::start("policy.deadline_ms = 300\nxceed.attempt_timeout = \"5s\"") else {
            return;
        };
        pair.b.restart_under(&words).expect("it starts");
        // What one is sending the other leaves alone, although it would be long overdue by its clock.
        assert_eq!(pair.a.submit(&customer_event("e-1", "SIM-SLOW-3500")).json()["basis"], "deadline");
        pair.arrived("e-1");
        pair.xceed.behave(&json!({ "fault": "reset" }));
        assert_eq!(pair.a.submit(&customer_event("e-2", "C-2")).json()["outcome"], "FALLBACK");
        let of_b = pair.b.submit(&customer_event("e-3", "C-3")).json();
        assert_eq!(of_b["outcome"], "FALLBACK", "{of_b}");
        pair.a.caller().until_state("e-1", "SETTLED");
        assert_eq!(pair.xceed.received_of("e-1").len(), 1, "{offset}: it was taken away");
        // What a dead gateway leaves behind is not held up until its time comes by another's clock.
        pair.a.kill();
        pair.xceed.behave_as_usual();
        for id in ["e-2", "e-3"] {
            pair.b.caller().until_state(id, "SETTLED");
        }
        // And the other way about.
        pair.xceed.behave(&json!({ "fault": "reset" }));
        assert_eq!(pair.b.submit(&customer_event("e-4", "C-4")).json()["outcome"], "FALLBACK");
        pair.a.restart();
        pair.b.kill();
        pair.xceed.behave_as_usual();
        pair.a.caller().until_state("e-4", "SETTLED");
    }
}

#[test]
fn each_gateway_has_a_trail_of_its_own_and_one_key_runs_once() {
    let Some(mut pair) = Pair::start("") else { return };
    for n in 0..4 {
        let gateway = if n % 2 == 0 { &pair.a } else { &pair.b };
        assert_eq!(gateway.submit(&event(&format!("e-{n}"))).status, 200);
    }
    let folder = Folder::new();
    std::fs::copy(pair.a.file("audit.key"), folder.join("audit.key")).expect("it is there");
    let refused = Gateway::try_start(config(Tenant::first_bank(), &pair.xceed, &pair.database), folder);
    let refused = refused.expect_err("its key is in use");
    assert!(refused.contains("audit key of its own"), "{refused}");
    assert!(pair.a.terminate().success() && pair.b.terminate().success());
    for gateway in [&pair.a, &pair.b] {
        let report = verified(&gateway.folder());
        assert_eq!(report["ok"], true, "{report}");
    }
    let kinds =
        "SELECT count(DISTINCT gateway) || ' ' || count(*) FILTER (WHERE body LIKE '%\"kind\":\"accepted\"%')
                 FROM audit";
    assert_eq!(pair.database.ask(kinds), "2 4");
}

#[test]
fn a_gateway_that_was_stopped_comes_too_late_and_changes_nothing() {
    let Some(pair) = Pair::start("xceed.attempt_timeout = \"1s\"") else { return };
    let slow = customer_event("e-1", "SIM-SLOW-500-ACTION-Deny");
    let caller = pair.a.caller();
    let late = thread::spawn({
        let slow = slow.clone();
        move || caller.submit(&slow)
    });
    pair.arrived("e-1");
    pair.a.signal("STOP");
    let seen = pair.b.caller().until_state("e-1", "SETTLED");
    assert_eq!((&seen["decision"], &seen["attempts"]), (&json!("BLOCK"), &json!(1)), "{seen}");
    let told = pair.b.submit(&slow);
    pair.a.signal("CONT");
    let late = late.join().expect("answered");
    assert_same(&late, &told);
    pair.a.caller().look_up_until("e-1", |seen| seen["attempts"] == 2);
    assert_eq!(pair.database.ask("SELECT count(*) FROM told"), "1");
    assert_same(&pair.a.submit(&slow), &told);
}

#[test]
fn a_hold_is_everyones_and_so_is_its_end() {
    let Some(mut pair) = Pair::start("") else { return };
    let wrong = Tenant::first_bank().secret("ffffffffffffffff");
    pair.a.restart_with(config(wrong, &pair.xceed, &pair.database));
    for n in 0..3 {
        pair.a.submit(&event(&format!("e-{n}")));
    }
    let mut n = 2;
    let mut basis_at_b = || {
        n += 1;
        pair.b.submit(&event(&format!("e-{n}"))).json()["basis"].clone()
    };
    until("a hold that the other hears of", || (basis_at_b() == "held").then_some(()));
    let operator = Caller { key: "operator-of-first-bank".to_owned(), ..pair.b.caller() };
    let resumed = operator.call(&operator.request("POST", "/v1/held/all/resume"));
    assert!((200..300).contains(&resumed.status), "{}", resumed.text());
    // It knows the right secret, and sends what the other has parked.
    for n in 0..3 {
        let seen = pair.b.caller().until_state(&format!("e-{n}"), "SETTLED");
        assert_eq!((&seen["basis"], &seen["attempts"]), (&json!("return_code"), &json!(2)), "{seen}");
    }
}

#[test]
fn a_key_that_one_gateway_has_proved_is_known_to_the_next_that_starts() {
    let Some(database) = Database::new() else { return };
    let next = "0123456789abcdef0123456789abcdef";
    let xceed = Simulator::start(&[Tenant::first_bank().secret(next)]);
    let start = || Gateway::start(config(Tenant::first_bank().next_secret(next), &xceed, &database));
    let hashes = |id: &str| -> Vec<Value> {
        xceed.received_of(id).iter().map(|request| request["hashOk"].clone()).collect()
    };
    let a = start();
    assert_eq!(a.submit(&event("e-1")).json()["outcome"], "SCORED");
    let b = start();
    assert_eq!(b.submit(&event("e-2")).json()["outcome"], "SCORED");
    assert_eq!((hashes("e-1"), hashes("e-2")), (vec![json!(false), json!(true)], vec![json!(true)]));
}

#[test]
fn velocity_counts_what_other_gateways_have_taken_in() {
    let Some(pair) = Pair::start("policy.fallback = \"local\"") else { return };
    for n in 0..4 {
        let event = customer_event(&format!("b-{n}"), "SIM-MAINTENANCE");
        assert_eq!(pair.a.submit_with("?mode=ack", &[], event.to_string()).status, 202);
    }
    let told = pair.b.submit(&customer_event("e-1", "SIM-MAINTENANCE")).json();
    assert_eq!((&told["returnCode"], &told["riskScore"]), (&json!("MAINTENANCE"), &json!(40.0)), "{told}");
}

#[test]
fn a_platform_that_repeats_its_call_at_another_gateway_hears_the_same_and_it_is_one_event() {
    let Some(pair) = Pair::start("") else { return };
    let nameless = json!({ "customer_id": "SIM-SLOW-400-SCORE-70", "transaction_amount": 12.5 }).to_string();
    let action = json!({ "data": { "interactionId": "i-1", "customerId": "C-1" } }).to_string();
    for (door, body) in [("/v1/genesys/assess", &nameless), ("/v1/cxone/data-action", &action)] {
        let gateways = [&pair.a, &pair.b];
        let answers: Vec<Response> = thread::scope(|scope| {
            let call = |n: usize| move || gateways[n % 2].caller().post(door, &[], body.clone());
            let calls: Vec<_> = (0..40).map(|n| scope.spawn(call(n))).collect();
            calls.into_iter().map(|call| call.join().expect("answered")).collect()
        });
        let told = flat(&answers[0]);
        answers.iter().for_each(|answer| assert_same(&answers[0], answer));
        pair.arrived(told["eventId"].as_str().expect("an id"));
    }
    assert_eq!(pair.xceed.events(), 2);
}

#[test]
fn what_a_killed_gateway_left_of_a_batch_the_other_sends_in_order() {
    let Some(mut pair) = Pair::start("batch.chunk = 50") else { return };
    pair.xceed.behave(&json!({ "delay_ms": 100 }));
    let id = |n: usize| format!("e-{n:04}");
    let events: Vec<_> = (0..800).map(|n| customer_event(&id(n), &format!("C-{}", n % 200))).collect();
    let posted = pair.a.caller().posted("", &events);
    until("some of it", || (pair.xceed.events() >= 100).then_some(()));
    pair.a.kill();
    // Of a customer whose events the dead gateway has.
    let told = pair.b.submit_with("?mode=ack", &[], customer_event("live", "C-7").to_string());
    assert_eq!(told.status, 202, "{}", told.text());
    pair.xceed.behave_as_usual();
    let batch = pair.b.caller().until_done(&posted);
    assert_eq!((&batch["settled"], &batch["parked"]), (&json!(800), &json!(0)), "{batch}");
    wait_for(&pair.b.caller(), "live");
    until("the live one", || pair.xceed.arrivals().contains(&"live".to_owned()).then_some(()));
    let arrived = pair.xceed.arrivals();
    let first = |id: &String| arrived.iter().position(|other| other == id).expect("it arrived");
    for customer in 0..200 {
        let places: Vec<_> = (0..4).map(|n| first(&id(customer + 200 * n))).collect();
        assert!(places.is_sorted(), "C-{customer}: {places:?}");
    }
    assert!(first(&"live".to_owned()) > first(&id(607)), "its customer's events went before it");
    let sizes: Vec<_> = pair.xceed.chunks().iter().map(Vec::len).collect();
    assert!(sizes.len() < 100, "what was left leaves in chunks too: {sizes:?}");
}

#[test]
fn one_batch_at_two_gateways_is_taken_in_once() {
    let Some(pair) = Pair::start("batch.chunk = 50") else { return };
    let events: Vec<_> = (0..600).map(|n| event(&format!("e-{n:04}"))).collect();
    let (one, other) = thread::scope(|scope| {
        let [one, other] = [pair.a.caller(), pair.b.caller()].map(|caller| {
            let events = &events;
            scope.spawn(move || caller.until_done(&caller.posted("", events)))
        });
        (one.join().expect("taken in"), other.join().expect("taken in"))
    });
    let sum = |name: &str| one[name].as_u64().unwrap_or_default() + other[name].as_u64().unwrap_or_default();
    assert_eq!((sum("accepted"), sum("duplicates"), sum("failed")), (600, 600, 0), "{one} {other}");
    assert_eq!(pair.xceed.arrivals().len(), 600, "and sent once");
}
