//! A gateway that is asked to end: what is under way is answered, what is new hears 503, nothing that was accepted is
//! lost, and it ends by itself, in time.

use crate::harness::{
    Callback, Caller, Config, Connection, Folder, Gateway, Response, Simulator, Stopwatch, Tenant,
    customer_event, event, until,
};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A gateway ends within this time of being asked, and with room for a busy machine.
const END_MAX: Duration = Duration::from_secs(12);

#[track_caller]
fn assert_draining(response: &Response) {
    assert_eq!(response.status, 503, "{}", response.text());
    assert_eq!(response.json()["type"], "urn:xceed-gateway:problem:draining");
    assert_eq!((response.header("retry-after"), response.header("connection")), (Some("1"), Some("close")));
}

fn ready(caller: &Caller) -> Response {
    caller.call(&caller.request("GET", "/readyz"))
}

#[test]
fn while_a_gateway_ends_what_is_new_is_refused_and_what_is_under_way_is_answered() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let caller = gateway.caller();
    let healthy = ready(&caller).json();
    assert_eq!((&healthy["ready"], &healthy["reasons"]), (&json!(true), &json!([])), "{healthy}");
    let mut kept = Connection::open(gateway.address()).expect("it listens");
    let told = kept.send(&caller.submission("", event("e-before").to_string())).expect("an answer");
    assert_eq!((told.status, told.header("connection")), (200, None));
    thread::scope(|scope| {
        let slow = |n: usize| customer_event(&format!("e-{n}"), &format!("SIM-SLOW-3500~{n}"));
        let under_way: Vec<_> = (0..8)
            .map(|n| {
                let caller = &caller;
                scope.spawn(move || caller.submit(&slow(n)))
            })
            .collect();
        until("their arrival", || (xceed.received().len() == 9).then_some(()));
        caller.look_up_until("e-0", |seen| seen["outcome"] == "PENDING");
        let waits = scope.spawn(|| caller.call(&caller.request("GET", "/v1/events/e-0?wait=20")));
        gateway.ask_to_end();
        let refused =
            until("a gateway that is not ready", || Some(ready(&caller)).filter(|seen| seen.status == 503));
        let refused = refused.json();
        assert_eq!(
            (&refused["ready"], &refused["reasons"]),
            (&json!(false), &json!(["draining"])),
            "{refused}"
        );
        assert_draining(&kept.send(&caller.submission("", event("e-kept").to_string())).expect("an answer"));
        for query in ["", "?mode=ack"] {
            assert_draining(&caller.submit_with(query, &[], event("e-new").to_string()));
        }
        let seen = caller.look_up("e-before");
        assert_eq!((seen.status, seen.header("connection")), (200, Some("close")), "it is still asked");
        assert_eq!(caller.look_up("e-new").status, 404);
        for answer in under_way {
            let answer = answer.join().expect("answered");
            assert_eq!(
                (answer.status, &answer.json()["outcome"]),
                (200, &json!("SCORED")),
                "{}",
                answer.text()
            );
        }
        assert_eq!(waits.join().expect("answered").json()["outcome"], "SCORED");
    });
    let ended = gateway.wait();
    assert!(ended.success(), "{}", gateway.log());
    assert_eq!(xceed.received().len(), 9, "what was refused was not sent");
    gateway.restart();
    assert_eq!(gateway.submit(&event("e-before")).body, told.body);
    assert!(!gateway.submit(&event("e-new")).is_replay(), "what was refused is new");
}

#[test]
fn a_gateway_that_ends_under_load_answers_every_call_and_loses_nothing() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let (ended, refused, cut_off) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let accepted: Vec<_> = thread::scope(|scope| {
        let callers: Vec<_> = (0..12)
            .map(|worker| {
                let (caller, ended, refused, cut_off) = (gateway.caller(), &ended, &refused, &cut_off);
                scope.spawn(move || {
                    let mut accepted = Vec::new();
                    let mut connection = Connection::open(caller.address).ok();
                    for n in 0.. {
                        let id = format!("e-{worker}-{n}");
                        let query = if n % 2 == 0 { "" } else { "?mode=ack" };
                        let Some(open) = &mut connection else { break };
                        let Ok(response) = open.send(&caller.submission(query, event(&id).to_string()))
                        else {
                            cut_off.lock().unwrap_or_else(PoisonError::into_inner).push(id);
                            break;
                        };
                        let is_last = response.header("connection") == Some("close");
                        match response.status {
                            200 | 202 => accepted.push((id, query, response)),
                            _ => {
                                assert_draining(&response);
                                refused.fetch_add(1, SeqCst);
                            }
                        }
                        if is_last {
                            connection = Connection::open(caller.address).ok();
                        }
                        if ended.load(SeqCst) {
                            break;
                        }
                    }
                    accepted
                })
            })
            .collect();
        until("some answers", || (xceed.received().len() > 100).then_some(()));
        let asked = Stopwatch::start();
        let status = gateway.terminate();
        assert!(status.success() && asked.elapsed() < END_MAX, "{status}: {}", gateway.log());
        ended.store(true, SeqCst);
        callers.into_iter().flat_map(|caller| caller.join().expect("no panic")).collect()
    });
    assert!(refused.load(SeqCst) > 0, "nobody was refused");
    gateway.restart();
    // A caller that goes on calling meets the very moment in which the door closes: nobody has read that call.
    for id in cut_off.into_inner().unwrap_or_else(PoisonError::into_inner) {
        assert_eq!(gateway.look_up(&id).status, 404, "{id} was taken in and not answered");
    }
    for (id, query, response) in &accepted {
        let again = gateway.submit_with(query, &[], event(id).to_string());
        assert_eq!((again.status, &again.body), (response.status, &response.body), "{id}");
        assert!(again.is_replay(), "{id} was forgotten");
    }
    for (id, ..) in &accepted {
        gateway.caller().until_state(id, "SETTLED");
        assert_eq!(
            xceed.received_of(id).len(),
            1,
            "{id} was under way when the end came, which waited for it"
        );
    }
}

#[test]
fn while_a_gateway_ends_callbacks_are_taken_and_who_waits_for_one_hears_how_it_stands() {
    let tenants = [Tenant::first_bank().with("xceed.callback_id = \"gw1\"")];
    // Its own callbacks go nowhere.
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let caller = gateway.caller();
    for id in ["e-called", "e-silent"] {
        assert_eq!(gateway.submit_with("?mode=async", &[], event(id).to_string()).status, 202);
        caller.until_state(id, "AWAITING_CALLBACK");
    }
    thread::scope(|scope| {
        let under_way = scope.spawn(|| caller.submit(&customer_event("e-slow", "SIM-SLOW-3000")));
        until("its arrival", || (xceed.received().len() == 3).then_some(()));
        let wait = |id: &str| caller.call(&caller.request("GET", &format!("/v1/events/{id}?wait=30")));
        let (called, silent) = (scope.spawn(move || wait("e-called")), scope.spawn(move || wait("e-silent")));
        gateway.interrupt();
        until("the signal to be heard", || (ready(&caller).status == 503).then_some(()));
        assert_eq!(gateway.call_back(&Callback::of("e-called").request()).status, 200);
        let called = called.join().expect("answered").json();
        assert_eq!(
            (&called["decision"], &called["state"]),
            (&json!("REVIEW"), &json!("SETTLED")),
            "{called}"
        );
        let silent = silent.join().expect("answered").json();
        assert_eq!((&silent["decision"], &silent["state"]), (&json!("PENDING"), &json!("AWAITING_CALLBACK")));
        assert_eq!(under_way.join().expect("answered").json()["outcome"], "SCORED");
    });
    assert!(gateway.wait().success(), "{}", gateway.log());
    gateway.restart();
    assert_eq!(gateway.look_up("e-called").json()["decision"], "REVIEW");
    assert_eq!(gateway.call_back(&Callback::of("e-silent").request()).status, 200, "it is still awaited");
    gateway.caller().until_state("e-silent", "SETTLED");
}

#[test]
fn an_attempt_that_ends_in_time_is_recorded_and_one_that_does_not_is_sent_again() {
    let slow = Tenant::first_bank().with("policy.deadline_ms = 100");
    let tenants = [slow, Tenant::new("patient", 210_100).with("xceed.attempt_timeout = \"20s\"")];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let in_time = gateway.submit(&customer_event("e-in-time", "SIM-SLOW-2000"));
    assert_eq!(in_time.json()["basis"], "deadline");
    let patient = gateway.caller_of("patient");
    let never = customer_event("e-never", "SIM-SLOW-15000");
    assert_eq!(patient.submit_with("?mode=ack", &[], never.to_string()).status, 202);
    until("their arrival", || (xceed.received().len() == 2).then_some(()));
    let asked = Stopwatch::start();
    assert!(gateway.terminate().success(), "{}", gateway.log());
    assert!(asked.elapsed() < END_MAX, "it took {:?}", asked.elapsed());
    gateway.restart();
    let seen = gateway.look_up("e-in-time").json();
    assert_eq!(
        (&seen["state"], &seen["late"]["returnCode"]),
        (&json!("SETTLED"), &json!("SUCCESS")),
        "{seen}"
    );
    assert_eq!(xceed.received_of("e-in-time").len(), 1);
    until("the other one's second attempt", || (xceed.received_of("e-never").len() == 2).then_some(()));
}

#[test]
fn a_second_signal_ends_the_gateway_at_once() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let caller = gateway.caller();
    let request = caller.submission("", customer_event("e-1", "SIM-SLOW-4500").to_string());
    thread::scope(|scope| {
        let cut_off = scope.spawn(|| caller.try_call(&request));
        until("its arrival", || (xceed.received().len() == 1).then_some(()));
        gateway.ask_to_end();
        until("the first signal to be heard", || (ready(&gateway.caller()).status == 503).then_some(()));
        gateway.ask_to_end();
        assert_eq!(gateway.wait().code(), Some(1), "{}", gateway.log());
        assert!(cut_off.join().expect("no panic").is_err());
    });
    gateway.restart();
    gateway.caller().until_state("e-1", "SETTLED");
}

#[test]
fn a_signal_during_the_start_ends_it() {
    let folder = Folder::new();
    let taken = rusqlite::Connection::open(folder.join("gateway.db")).expect("the folder can be written");
    // Whoever starts waits for the store's tables.
    taken.execute_batch("BEGIN EXCLUSIVE").expect("nobody else has it");
    let config = Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody");
    let (ended, log) = Gateway::end_during_the_start(&config, &folder);
    assert!(ended.success() && log.contains("stopped during the start"), "{ended}: {log}");
    taken.execute_batch("ROLLBACK").expect("it is ours");
    let gateway = Gateway::try_start(config, folder).expect("nothing was half done");
    assert_eq!(gateway.submit(&event("e-1")).status, 200);
}
