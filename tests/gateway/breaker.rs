//! The breaker and pass-through: while Xceed fails too often nothing more leaves, every caller is answered at once by the
//! fallback, what was taken in is kept, and all of it leaves in order once Xceed is well. That a minute ends it, a proof
//! shows (`tests/proof/breaker.rs`): here a start does, which begins with a closed one.

use crate::harness::{
    Caller, Config, Gateway, Response, Simulator, Tenant, customer_event, event, flat, own_address, until,
};
use serde_json::{Value, json};

fn start(tenants: &[Tenant]) -> (Simulator, Gateway) {
    let address = own_address();
    let xceed = Simulator::start_calling_back(tenants, address);
    let config = Config::new(tenants.to_vec(), &xceed.url());
    (xceed, Gateway::start(config.with(&format!("server.bind = \"{address}\""))))
}

fn of(gateway: &Gateway, role: &str, tenant: &str) -> Caller {
    Caller { key: format!("{role}-of-{tenant}"), ..gateway.caller() }
}

fn get(caller: &Caller, target: &str) -> Value {
    let answer = caller.call(&caller.request("GET", target));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn breaker(gateway: &Gateway) -> Value {
    get(&of(gateway, "operator", "first-bank"), "/v1/breaker")
}

#[track_caller]
fn assert_told(told: &Response, outcome: &str, basis: &str) {
    let seen = told.json();
    let shown = ["outcome", "basis", "decision"].map(|member| seen[member].as_str().unwrap_or("null"));
    assert_eq!((told.status, shown), (200, [outcome, basis, "ALLOW"]), "{seen}");
}

/// Ten events that fail open the breaker.
fn open(gateway: &Gateway, xceed: &Simulator, fault: &Value) {
    xceed.behave(fault);
    for n in 0..10 {
        let told = gateway.submit(&event(&format!("failed-{n}")));
        assert_eq!(told.json()["outcome"], "FALLBACK", "{}", told.text());
    }
    // The end of the last attempt may still be on its way.
    until("an open breaker", || (breaker(gateway)["state"] == "OPEN").then_some(()));
}

fn arrived(xceed: &Simulator, prefix: &str) -> Vec<String> {
    let ids = xceed.received().into_iter().filter_map(|seen| Some(seen["eventIds"][0].as_str()?.to_owned()));
    ids.filter(|id| id.starts_with(prefix)).collect()
}

#[test]
fn ten_failures_open_it_and_from_then_on_nothing_leaves_and_everybody_is_answered() {
    let (xceed, mut gateway) = start(&[Tenant::first_bank()]);
    let closed = breaker(&gateway);
    assert_eq!(
        closed,
        json!({ "state": "CLOSED", "since": null, "until": null, "reason": null,
                "passThrough": "NOT_CONFIGURED", "bypassedSince": null, "kept": 0 })
    );
    open(&gateway, &xceed, &json!({ "fault": "reset" }));
    let before = xceed.received().len();
    for n in 0..30 {
        assert_told(&gateway.submit(&customer_event(&format!("kept-{n:02}"), "C-1")), "FALLBACK", "breaker");
    }
    let seen = gateway.look_up("kept-00").json();
    assert_eq!((&seen["state"], &seen["attempts"]), (&json!("QUEUED"), &json!(0)), "{seen}");
    let why = breaker(&gateway);
    assert_eq!(why["state"], "OPEN");
    assert!(why["reason"].as_str().is_some_and(|why| why.starts_with("10 of 10 attempts failed")), "{why}");
    assert!(why["since"].is_string() && why["until"].is_string(), "{why}");
    let ready = get(&gateway.caller(), "/readyz");
    assert_eq!((&ready["ready"], &ready["openBreakers"]), (&json!(true), &json!(1)), "{ready}");
    assert_eq!(arrived(&xceed, "kept-"), Vec::<String>::new(), "nothing leaves");
    assert_eq!(xceed.received().len(), before, "nor is anything sent again");

    xceed.behave_as_usual();
    gateway.restart();
    for n in 0..30 {
        gateway.caller().until_state(&format!("kept-{n:02}"), "SETTLED");
    }
    let wanted: Vec<_> = (0..30).map(|n| format!("kept-{n:02}")).collect();
    assert_eq!(arrived(&xceed, "kept-"), wanted, "each once, in the order of recording");
    let late = gateway.caller().look_up_until("kept-00", |seen| !seen["late"].is_null());
    assert_eq!(
        (&late["basis"], &late["late"]["returnCode"]),
        (&json!("breaker"), &json!("SUCCESS")),
        "{late}"
    );
}

#[test]
fn answers_that_say_that_xceed_itself_fails_open_it_and_refusals_do_not() {
    for (code, opens) in [("ERROR", true), ("TIMEOUT", true), ("INVALID_MSG", false), ("MAINTENANCE", false)]
    {
        let (xceed, gateway) = start(&[Tenant::first_bank()]);
        xceed.behave(&json!({ "code": code }));
        for n in 0..12 {
            gateway.submit(&event(&format!("e-{n}")));
        }
        let state = until("the end of the last attempt", || {
            let state = breaker(&gateway)["state"].as_str()?.to_owned();
            (!opens || state == "OPEN").then_some(state)
        });
        assert_eq!(state == "OPEN", opens, "{code}");
    }
}

#[test]
fn one_tenants_breaker_is_not_anothers_and_callers_do_not_see_it() {
    let tenants = [Tenant::first_bank(), Tenant::new("second-bank", 210_099)];
    let (xceed, gateway) = start(&tenants);
    open(&gateway, &xceed, &json!({ "fault": "soap_fault" }));
    xceed.behave_as_usual();
    let told = gateway.caller_of("second-bank").submit(&event("e-1"));
    assert_eq!(told.json()["outcome"], "SCORED", "{}", told.text());
    assert_eq!(get(&of(&gateway, "auditor", "second-bank"), "/v1/breaker")["state"], "CLOSED");
    let caller = gateway.caller();
    assert_eq!(caller.call(&caller.request("GET", "/v1/breaker")).status, 403);
    assert_told(&gateway.submit(&event("e-2")), "FALLBACK", "breaker");
}

#[test]
fn whoever_waits_for_no_score_hears_what_is_usual_and_a_data_action_gets_its_decision_at_once() {
    let tenant = Tenant::first_bank().with("xceed.callback_id = \"gw1\"");
    let (xceed, mut gateway) = start(&[tenant]);
    open(&gateway, &xceed, &json!({ "fault": "drop" }));
    let told = |query: &str, id: &str| {
        let told = gateway.submit_with(query, &[], event(id).to_string());
        (told.status, told.json()["basis"].as_str().unwrap_or("null").to_owned())
    };
    assert_eq!(told("?mode=ack", "ack"), (202, "acknowledgement".to_owned()));
    assert_eq!(told("?mode=async", "async"), (202, "callback_awaited".to_owned()));
    let body = json!({
        "eventType": "WireTransfer",
        "data": { "interactionId": "i-1", "transactionId": "T-1", "amount": 1.00, "customerId": "C-9" }
    });
    let json = [("Content-Type", "application/json")];
    let pending = gateway.caller().post("/v1/cxone/data-action", &json, body.to_string());
    let action = flat(&pending)["eventId"].as_str().expect("an id").to_owned();
    let decided = gateway.caller().look_up_until(&action, |seen| seen["decision"] != "PENDING");
    assert_eq!(
        (&decided["outcome"], &decided["basis"]),
        (&json!("FALLBACK"), &json!("breaker")),
        "{decided}"
    );
    let lines: String = (0..20).map(|n| format!("{}\n", event(&format!("batch-{n:02}")))).collect();
    let batch = gateway.caller().post("/v1/batches", &[("Content-Type", "application/x-ndjson")], lines);
    assert_eq!(batch.status, 202, "{}", batch.text());
    until("a batch that is kept", || breaker(&gateway)["kept"].as_u64().filter(|kept| *kept >= 23));
    for id in ["ack", "async", &action, "batch-00"] {
        assert_eq!(gateway.look_up(id).json()["state"], "QUEUED", "{id}");
        assert_eq!(xceed.received_of(id).len(), 0, "{id}");
    }
    xceed.behave_as_usual();
    gateway.restart();
    for id in ["ack", "async", &action, "batch-00", "batch-19"] {
        gateway.caller().until_state(id, "SETTLED");
    }
    assert_eq!(gateway.look_up("async").json()["outcome"], "SCORED");
}

#[test]
fn what_must_not_be_sent_twice_is_kept_and_not_in_doubt() {
    let tenant = Tenant::first_bank().with("xceed.resend_in_doubt = false");
    let (xceed, mut gateway) = start(&[tenant]);
    open(&gateway, &xceed, &json!({ "code": "ERROR" }));
    assert_told(&gateway.submit(&event("kept")), "FALLBACK", "breaker");
    xceed.behave_as_usual();
    gateway.restart();
    gateway.caller().until_state("kept", "SETTLED");
    assert_eq!(xceed.received_of("kept").len(), 1);
}

#[test]
fn calls_pass_by_where_too_many_fail_for_too_long_and_go_again_once_probes_are_good() {
    let tenant = Tenant::first_bank().with("policy.pass_through = { over = 0.05, for = \"10s\" }");
    let (xceed, gateway) = start(&[tenant]);
    assert_eq!(breaker(&gateway)["passThrough"], "OFF");
    // A tenth of all calls fails: too few for the breaker, too many for a slot of ten seconds.
    let mut n = 0;
    let mut submit = |fails: bool| {
        n += 1;
        if fails {
            xceed.behave(&json!({ "code": "ERROR" }));
        }
        let told = gateway.submit(&event(&format!("e-{n}")));
        if fails {
            xceed.behave_as_usual();
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
        (n, told.json()["outcome"].as_str().unwrap_or("null").to_owned())
    };
    let first = until("calls that pass by", || {
        let answers: Vec<_> = (0..50).map(|call| submit(call % 10 == 0)).collect();
        answers.into_iter().find(|(_, outcome)| outcome == "BYPASSED")
    });
    let seen = breaker(&gateway);
    assert_eq!((&seen["state"], &seen["passThrough"]), (&json!("CLOSED"), &json!("BYPASSED")), "{seen}");
    assert!(seen["bypassedSince"].is_string(), "{seen}");
    assert_eq!(get(&gateway.caller(), "/readyz")["bypassed"], 1);
    let answers: Vec<_> = (0..200).map(|_| submit(false).1).collect();
    let gone = answers.iter().filter(|outcome| *outcome == "SCORED").count();
    assert_eq!(gone, 10, "one in twenty: {answers:?}");
    until("calls that go again", || {
        let answers: Vec<_> = (0..200).map(|_| submit(false).1).collect();
        answers.iter().all(|outcome| outcome == "SCORED").then_some(())
    });
    gateway.caller().until_state(&format!("e-{}", first.0), "SETTLED");
}
