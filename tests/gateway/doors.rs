//! The doors of the platforms: what CXone and Genesys send is answered, always, with few scalars that they can read; and
//! whatever they repeat by themselves is one event.

use crate::harness::{
    Caller, Config, Connection, Gateway, Response, Simulator, Stopwatch, Tenant, customer_event, event, flat,
    until,
};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::thread;
use std::time::Duration;

const DATA_ACTION: &str = "/v1/cxone/data-action";
const CXONE: &str = "/v1/cxone/assess";
const GENESYS: &str = "/v1/genesys/assess";
const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn start(policy: &str) -> (Simulator, Gateway) {
    let tenants = [Tenant::first_bank().with(policy)];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    (xceed, gateway)
}

fn post(caller: &Caller, door: &str, body: &Value) -> Response {
    caller.post(door, &[JSON], body.to_string())
}

/// What a Studio script asks about a contact.
fn contact(id: &str, customer: &str) -> Value {
    json!({
        "contactId": id, "customerId": customer, "transactionId": "T-1", "amount": 12500.00, "currency": "USD",
        "eventType": "WireTransfer"
    })
}

#[test]
fn the_body_of_the_cxone_tutorial_is_pending_at_once_and_can_be_looked_up() {
    let (xceed, gateway) = start("");
    let body = json!({
        "eventType": "WireTransfer",
        "data": {
            "interactionId": "123456789", "transactionId": "T-1", "amount": 12500.00, "customerId": "SIM-SLOW-1500-SCORE-80",
            "attributes": { "channel": "voice", "vip": true }
        }
    });
    let watch = Stopwatch::start();
    let told = flat(&post(&gateway.caller(), DATA_ACTION, &body));
    assert!(watch.elapsed() < Duration::from_millis(1500), "told only once Xceed had answered");
    assert_eq!(
        (&told["decision"], &told["outcome"], &told["basis"]),
        (&json!("PENDING"), &json!("PENDING"), &json!("acknowledgement"))
    );
    assert_eq!((&told["riskScore"], &told["isHighRisk"]), (&json!(-1.0), &json!(false)));
    let id = told["eventId"].as_str().expect("an id");
    assert!(id.starts_with("cxone-data-action:"), "{id}");
    until("its arrival", || (xceed.received_of(id).len() == 1).then_some(()));
    assert_eq!(gateway.look_up(id).status, 200);
    let without = json!({ "eventType": "WireTransfer", "data": { "interactionId": " ", "amount": 1 } });
    let refused = post(&gateway.caller(), DATA_ACTION, &without);
    assert_eq!(refused.status, 422);
    let error = &refused.json()["errors"][0];
    assert_eq!((&error["field"], &error["rule"]), (&json!("data.interactionId"), &json!("required")));
}

#[test]
fn the_body_of_the_genesys_guide_is_answered_with_few_scalars() {
    let (xceed, gateway) = start("");
    let body = json!({
        "customer_id": "SIM-SCORE-73", "transaction_amount": 250.10, "currency_code": "USD",
        "device_fingerprint": "fp-1", "timestamp": "2026-11-22T08:00:00.000Z"
    });
    let told = flat(&post(&gateway.caller(), GENESYS, &body));
    assert_eq!(
        (&told["riskScore"], &told["isHighRisk"], &told["decision"]),
        (&json!(73.0), &json!(true), &json!("REVIEW"))
    );
    assert_eq!(
        (&told["outcome"], &told["basis"], &told["returnCode"]),
        (&json!("SCORED"), &json!("threshold"), &json!("SUCCESS"))
    );
    assert!(
        told["actionReason"].as_str().is_some_and(|reason| reason.contains("the threshold of standard")),
        "{told}"
    );
    let seen = gateway.look_up(told["eventId"].as_str().expect("an id")).json();
    assert_eq!((&seen["riskScore"], &seen["state"]), (&json!(73.0), &json!("SETTLED")));
    assert_eq!(xceed.events(), 1);
}

#[test]
fn what_the_platform_left_open_is_missing_and_not_data() {
    let (_xceed, gateway) = start("");
    let caller = gateway.caller();
    let unfilled = json!({
        "customer_id": "${input.customer_id}", "transaction_amount": "$!{input.transaction_amount}",
        "currency_code": "$esc.jsonString(${input.currency_code})", "device_fingerprint": "", "timestamp": "${now()}"
    });
    let told = flat(&post(&caller, GENESYS, &unfilled));
    assert_eq!(told["outcome"], "SCORED");
    let seen = gateway.look_up(told["eventId"].as_str().expect("an id")).json();
    let defaulted = seen["defaulted"].as_array().expect("a list");
    for element in ["CustomerId", "EventTime"] {
        assert!(defaulted.contains(&json!(element)), "{element}: {seen}");
    }
    // A clock without a zone tells nothing.
    let zoneless = json!({ "customer_id": "C-9", "timestamp": "2026-11-22T08:00:00" });
    let told = flat(&post(&caller, GENESYS, &zoneless));
    let seen = gateway.look_up(told["eventId"].as_str().expect("an id")).json();
    assert!(seen["defaulted"].as_array().expect("a list").contains(&json!("EventTime")), "{seen}");
}

#[test]
fn json_may_be_called_a_form_or_nothing_at_all_and_a_form_is_read_too() {
    let (xceed, gateway) = start("");
    let caller = gateway.caller();
    let body = contact("c-1", "C-1").to_string();
    let first = caller.post(CXONE, &[JSON], body.clone());
    let told = flat(&first);
    for headers in [
        vec![FORM],
        vec![("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
        vec![("Content-Type", "text/plain")],
        vec![("Content-Type", "application/vnd.cxone+json")],
        vec![],
    ] {
        let again = caller.post(CXONE, &headers, format!("\n {body}"));
        assert!(again.is_replay() && again.body == first.body, "{headers:?}");
    }
    assert_eq!(xceed.events(), 1);
    let form = "contactId=c-1&customerId=C%2D1&transactionId=T-1&amount=12500.00&currency=USD&eventType=WireTransfer&note=a+b%26c";
    let of_form = flat(&caller.post(CXONE, &[FORM], form));
    assert_ne!(of_form["eventId"], told["eventId"], "another body");
    let payload = until("its arrival", || xceed.received_of(of_form["eventId"].as_str()?).first().cloned());
    assert_eq!(payload["validationErrors"], json!([]));
    let action = flat(&caller.post(DATA_ACTION, &[FORM], "interactionId=c-2&amount=12.5&customerId=C-2"));
    assert_eq!(action["decision"], "PENDING");
}

#[test]
fn what_is_wrong_with_a_call_is_told_as_everywhere() {
    let (xceed, gateway) = start("");
    let caller = gateway.caller();
    let refused = |door: &str, headers: &[(&str, &str)], body: &str, status: u16, kind: &str| {
        let response = caller.post(door, headers, body);
        assert_eq!(response.status, status, "{body}: {}", response.text());
        assert_eq!(response.json()["type"], format!("urn:xceed-gateway:problem:{kind}"), "{body}");
    };
    for door in [DATA_ACTION, CXONE, GENESYS] {
        refused(door, &[JSON], "{", 400, "not_json");
        refused(door, &[FORM], "{\"a\":", 400, "not_json");
        refused(door, &[FORM], "", 400, "not_json");
        refused(door, &[FORM], "a=%zz", 400, "not_form");
        refused(door, &[FORM], "a=1&a=2", 400, "duplicate_key");
        refused(door, &[JSON], "[]", 400, "not_an_object");
        refused(door, &[JSON], "{\"a\":1,\"a\":2}", 400, "duplicate_key");
        refused(door, &[("Content-Type", "application/xml")], "<a/>", 415, "unsupported_media_type");
        refused(door, &[("Content-Type", "text/plain; charset=latin1")], "{}", 415, "unsupported_media_type");
    }
    refused("/v1/sources/no-such", &[JSON], "{}", 404, "unknown_source");
    refused("/v1/sources/My_IVR", &[JSON], "{}", 404, "unknown_source");
    let nested = caller.post(CXONE, &[JSON], r#"{"contactId":{"a":1},"customerId":["C"],"amount":"12,50"}"#);
    assert_eq!(nested.status, 422);
    let errors = nested.json()["errors"].as_array().expect("a list").clone();
    let fields: HashSet<_> = errors.iter().filter_map(|error| error["field"].as_str()).collect();
    assert_eq!(fields, HashSet::from(["contactId", "customerId", "amount"]), "{errors:?}");
    assert!(!nested.text().contains("12,50"));
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert_eq!(caller.post(CXONE, &[JSON], large).status, 413);
    let stranger = Caller { key: "nobody".to_owned(), ..caller.clone() };
    assert_eq!(post(&stranger, CXONE, &contact("c", "C")).status, 401);
    let auditor = Caller { key: "auditor-of-first-bank".to_owned(), ..caller.clone() };
    assert_eq!(post(&auditor, CXONE, &contact("c", "C")).status, 403);
    let wrong_verb = caller.call(&caller.request("GET", CXONE));
    assert_eq!((wrong_verb.status, wrong_verb.header("allow")), (405, Some("POST")));
    assert_eq!(xceed.events(), 0);
}

/// Whatever Xceed does, the answer is 200, flat and valid.
#[test]
fn under_every_fault_of_xceed_the_answer_is_flat_and_valid() {
    let (xceed, gateway) = start("policy.deadline_ms = 400");
    let faults = [
        "reset",
        "reset_midway",
        "drop",
        "garbage",
        "html",
        "empty",
        "soap_fault",
        "soap_fault_200",
        "huge",
        "wrong_id",
        "truncated",
        "doctype",
    ];
    let codes = [
        "SUCCESS",
        "XML_VALIDATION_FAIL",
        "XSD_VERSION",
        "ERROR",
        "REQUEST_ERROR",
        "TIMEOUT",
        "INVALID_MSG",
        "MSG_SKIPPED",
        "MSG_OOO",
        "WRONG_NUM_EVENTS",
        "MAINTENANCE",
        "DATA_COLLECTION",
        "NO_RISKACTION_CONFIGURED",
        "ACCESS_TOKEN_EXPIRED",
        "TOKEN_SIGNATURE_VERIFICATION_FAIL",
        "PUBLICKEYS_UNAVAILABLE",
        "A_WORD_OF_ITS_OWN",
        // After these the queue is held.
        "NOT_SUPPORTED",
        "BAD_SERVICE_ID",
        "HASH_KEY_FAIL",
        "MISSING_XML_VERSION",
        "UNSUPPORTED_XML_VERSION",
        "INVALID_CALLBACK",
        "INVALID_CHANNEL",
        "AUDIENCE_VERIFICATION_FAIL",
        "TENANT_UNAVAILABLE",
    ];
    let mut behaviours: Vec<Value> = faults.iter().map(|fault| json!({ "fault": fault })).collect();
    behaviours.push(json!({ "delay_ms": 1500 }));
    behaviours.push(json!({ "score": "high" }));
    behaviours.push(json!({ "action": "Odd" }));
    behaviours.push(json!({ "score": 64.99999999999999, "reasons": vec!["r".repeat(900); 30] }));
    for code in codes {
        behaviours.push(json!({ "code": code }));
        behaviours.push(json!({ "code": code, "action": "Hold" }));
    }
    let (mut bases, caller) = (HashSet::new(), gateway.caller());
    for (n, behaviour) in behaviours.iter().enumerate() {
        // So many that are well between keep the breaker closed.
        xceed.behave_as_usual();
        for good in 0..8 {
            caller.submit(&event(&format!("good-{n}-{good}")));
        }
        xceed.behave(behaviour);
        let customer = format!("C-{n}");
        let bodies = [
            (CXONE, contact(&format!("c-{n}"), &customer)),
            (
                GENESYS,
                json!({ "customer_id": format!("G-{n}"), "conversation_id": n.to_string(), "transaction_amount": "12.5" }),
            ),
            (DATA_ACTION, json!({ "eventType": "Login", "data": { "interactionId": n.to_string() } })),
        ];
        // Side by side, since some wait for the deadline.
        let told: Vec<Response> = thread::scope(|scope| {
            let calls: Vec<_> =
                bodies.iter().map(|(door, body)| scope.spawn(|| post(&caller, door, body))).collect();
            calls.into_iter().map(|call| call.join().expect("answered")).collect()
        });
        for response in told {
            bases.insert(flat(&response)["basis"].as_str().expect("a basis").to_owned());
        }
    }
    for basis in [
        "action",
        "threshold",
        "deadline",
        "transport",
        "return_code",
        "maintenance",
        "data_collection",
        "held",
        "acknowledgement",
    ] {
        assert!(bases.contains(basis), "{basis} was never met: {bases:?}");
    }
}

/// What a thousand equal calls at once hear.
fn a_thousand_hear(policy: &str, customer: &str) -> Value {
    let (xceed, gateway) = start(policy);
    let body = contact("c-1", customer).to_string();
    let request =
        gateway.caller().request("POST", CXONE).header("Content-Type", "application/json").body(body);
    let mut connections: Vec<_> =
        (0..1000).map(|_| Connection::open(gateway.address()).expect("it listens")).collect();
    for connection in &mut connections {
        connection.write(&request).expect("it reads");
    }
    let answers: Vec<Response> =
        connections.iter_mut().map(|connection| connection.response().expect("an answer")).collect();
    let first = flat(&answers[0]);
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    assert_eq!(answers.iter().filter(|answer| !answer.is_replay()).count(), 1);
    let id = first["eventId"].as_str().expect("an id");
    gateway.caller().until_state(id, "SETTLED");
    assert_eq!((xceed.events(), xceed.received_of(id).len()), (1, 1));
    first
}

#[test]
fn a_thousand_equal_calls_at_once_are_one_event_and_get_equal_answers() {
    let told = a_thousand_hear("", "SIM-SLOW-700-SCORE-73");
    assert_eq!(told["riskScore"], 73.0, "{told}");
}

#[test]
fn a_thousand_equal_calls_get_equal_answers_where_the_fallback_decides_too() {
    let told = a_thousand_hear("policy.deadline_ms = 300", "SIM-SLOW-1500-SCORE-73");
    assert_eq!((&told["basis"], &told["riskScore"]), (&json!("deadline"), &json!(50.0)), "{told}");
}

#[test]
fn a_body_without_interaction_and_transaction_is_one_event_for_a_while_also_after_a_start() {
    let (xceed, mut gateway) = start("");
    let body = |time: &str| json!({ "customer_id": "C-1", "transaction_amount": 10.50, "timestamp": time });
    let first = post(&gateway.caller(), GENESYS, &body("2026-11-22T08:00:00Z"));
    let id = flat(&first)["eventId"].clone();
    for second in 1..4 {
        let again = post(&gateway.caller(), GENESYS, &body(&format!("2026-11-22T08:00:0{second}Z")));
        assert!(again.is_replay() && again.body == first.body, "the clock is not part of it");
    }
    gateway.kill();
    gateway.restart();
    let again = post(&gateway.caller(), GENESYS, &body("2026-11-22T08:00:09Z"));
    assert!(again.is_replay() && again.body == first.body, "{}", again.text());
    let other =
        json!({ "customer_id": "C-1", "transaction_amount": 11, "timestamp": "2026-11-22T08:00:00Z" });
    assert_ne!(flat(&post(&gateway.caller(), GENESYS, &other))["eventId"], id);
    assert_eq!(xceed.events(), 2);
}

#[test]
fn a_tenant_that_calls_too_often_hears_the_fallback_and_nothing_is_recorded() {
    let (xceed, gateway) = start("limits.requests_per_second = 2");
    let caller = gateway.caller();
    let mut over = Value::Null;
    for n in 0..40 {
        let told = flat(&post(&caller, CXONE, &contact(&format!("c-{n}"), &format!("C-{n}"))));
        if told["basis"] == "limit" {
            over = told;
            break;
        }
    }
    assert_eq!(
        (&over["outcome"], &over["decision"], &over["riskScore"]),
        (&json!("FALLBACK"), &json!("ALLOW"), &json!(50.0)),
        "{over}"
    );
    let id = over["eventId"].as_str().expect("an id").to_owned();
    let unknown = until("room for a look", || Some(gateway.look_up(&id)).filter(|seen| seen.status == 404));
    assert_eq!(unknown.json()["type"], "urn:xceed-gateway:problem:unknown_event");
    assert_eq!(xceed.received_of(&id).len(), 0);
    until("a line for whoever looks after the gateway", || {
        gateway.log().contains("not recorded").then_some(())
    });
}

#[test]
fn calls_that_are_repeated_hear_the_first_answer_also_over_the_rate() {
    let (xceed, gateway) = start("limits.requests_per_second = 20");
    let caller = gateway.caller();
    let body = contact("c-1", "SIM-SLOW-700-SCORE-73");
    let answers: Vec<Response> = thread::scope(|scope| {
        let calls: Vec<_> = (0..100).map(|_| scope.spawn(|| post(&caller, CXONE, &body))).collect();
        calls.into_iter().map(|call| call.join().expect("answered")).collect()
    });
    assert_eq!(flat(&answers[0])["riskScore"], 73.0);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert_eq!(xceed.events(), 1);
}

#[test]
fn a_customer_who_is_checked_too_often_is_reviewed_whichever_door_the_checks_came_through() {
    let (_xceed, gateway) = start("limits.checks_per_customer = { count = 3, window = \"10m\" }");
    let caller = gateway.caller();
    for n in 0..2 {
        assert_eq!(flat(&post(&caller, CXONE, &contact(&format!("c-{n}"), "C-1")))["outcome"], "SCORED");
    }
    let genesys = json!({ "customer_id": "C-1", "conversation_id": "g-1", "event_type": "WireTransfer" });
    assert_eq!(flat(&post(&caller, GENESYS, &genesys))["outcome"], "SCORED");
    let told = flat(&post(&caller, CXONE, &contact("c-9", "C-1")));
    assert_eq!(
        (&told["outcome"], &told["basis"], &told["decision"], &told["isHighRisk"]),
        (&json!("LIMITED"), &json!("limit"), &json!("REVIEW"), &json!(true))
    );
}

#[test]
fn while_a_gateway_ends_a_platform_hears_the_fallback() {
    let (xceed, mut gateway) = start("");
    let caller = gateway.caller();
    let mut kept = Connection::open(gateway.address()).expect("it listens");
    let request = |id: &str| {
        let body = contact(id, "C-1").to_string();
        caller.request("POST", CXONE).header("Content-Type", "application/json").body(body)
    };
    let first = kept.send(&request("c-1")).expect("an answer");
    flat(&first);
    thread::scope(|scope| {
        let slow = scope.spawn(|| caller.submit(&customer_event("e-slow", "SIM-SLOW-3000")));
        until("its arrival", || (xceed.received_of("e-slow").len() == 1).then_some(()));
        gateway.ask_to_end();
        let ready = || caller.call(&caller.request("GET", "/readyz"));
        until("a gateway that ends", || (ready().status == 503).then_some(()));
        let response = kept.send(&request("c-2")).expect("an answer");
        let told = flat(&response);
        assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("draining")));
        assert_eq!(response.header("connection"), Some("close"));
        let known = post(&caller, CXONE, &contact("c-1", "C-1"));
        assert!(known.is_replay() && known.body == first.body, "what is known is answered as before");
        slow.join().expect("answered");
    });
    assert!(gateway.wait().success());
    assert_eq!(xceed.events(), 2, "what was not recorded was not sent");
}

#[test]
fn a_store_that_can_not_record_is_no_error_to_a_platform() {
    let (_xceed, gateway) = start("policy.deadline_ms = 300");
    let caller = gateway.caller();
    flat(&post(&caller, CXONE, &contact("c-0", "C-0")));
    if !gateway.file("gateway.db").exists() {
        return; // the store is elsewhere
    }
    let other = rusqlite::Connection::open(gateway.file("gateway.db")).expect("a store");
    other.execute_batch("BEGIN EXCLUSIVE").expect("the gateway writes only now and then");
    let bodies = [
        (CXONE, contact("c-1", "C-1")),
        (GENESYS, json!({ "customer_id": "C-2" })),
        (DATA_ACTION, json!({ "data": { "interactionId": "i-1" } })),
    ];
    for (door, body) in &bodies {
        let watch = Stopwatch::start();
        let told = flat(&post(&caller, door, body));
        assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("store")), "{door}");
        assert!(watch.elapsed() < Duration::from_secs(4), "{door}: {:?}", watch.elapsed());
    }
    other.execute_batch("ROLLBACK").expect("it is ours");
    until("a line of it", || gateway.log().contains("not recorded").then_some(()));
    let told = until("a store that records again", || {
        Some(flat(&post(&caller, CXONE, &contact("c-2", "C-9")))).filter(|told| told["basis"] != "store")
    });
    assert_eq!(gateway.look_up(told["eventId"].as_str().expect("an id")).status, 200);
}

#[test]
fn the_platforms_own_name_of_a_call_is_logged_and_nothing_else_of_it() {
    let (_xceed, gateway) = start("");
    let long = format!("corr-{}", "x".repeat(300));
    let headers = [
        JSON,
        ("ININ-Correlation-Id", long.as_str()),
        ("ININ-Organization-Id", "org-7"),
        ("ININ-User-Id", "user-secret"),
    ];
    let body = json!({ "customer_id": "C-private", "conversation_id": "g-1" });
    let response = gateway.caller().post(GENESYS, &headers, body.to_string());
    assert!(!response.text().contains("corr-"));
    let id = flat(&response)["eventId"].as_str().expect("an id").to_owned();
    let log = until("its line", || Some(gateway.log()).filter(|log| log.contains("corr-xxx")));
    let line =
        log.lines().find(|line| line.contains("corr-xxx")).unwrap_or_else(|| panic!("not logged: {log}"));
    assert!(line.contains(&id) && line.contains("org-7") && !line.contains(&"x".repeat(200)), "{line}");
    assert!(!log.contains("C-private") && !log.contains("user-secret"), "{log}");
}
