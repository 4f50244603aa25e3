//! A tenant's own source: `fixtures/sources/my-ivr.toml`, as a user writes it, at `POST /v1/sources/my-ivr`.

use crate::harness::{Config, Folder, Gateway, Simulator, Tenant, flat, repository, until};
use serde_json::{Value, json};
use std::fs;

const IVR: &str = "/v1/sources/my-ivr";

fn with_source(tenant: Tenant, name: &str, file: &str) -> Tenant {
    let file = repository(file).display().to_string();
    tenant.with(&format!("sources.{name}.file = {}", toml::Value::String(file)))
}

fn start() -> (Simulator, Gateway) {
    let first = with_source(Tenant::first_bank(), "my-ivr", "fixtures/sources/my-ivr.toml");
    let first = with_source(first, "whole", "fixtures/sources/whole.toml");
    let tenants = [first, Tenant::new("second-bank", 210_022)];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    (xceed, gateway)
}

fn call(customer: &str, time: &str) -> Value {
    json!({
        "menu": "wire", "sent_at": time, "call": { "id": "call-1", "from": "+15550100" },
        "caller": { "number": customer, "since_days": 400 },
        "steps": [{ "name": "amount", "value": "250.00" }]
    })
}

#[test]
fn a_body_of_ones_own_is_answered_flat_and_reaches_xceed_as_the_source_says() {
    let (xceed, gateway) = start();
    let caller = gateway.caller();
    let post = |body: &Value| caller.post(IVR, &[("X-Call-Id", "call-77")], body.to_string());
    let first = post(&call("SIM-SCORE-70", "2026-11-22T08:00:00Z"));
    let told = flat(&first);
    // REVIEW from 65 on; but this source sees a high risk only over 70.
    assert_eq!(
        (&told["decision"], &told["isHighRisk"], &told["riskScore"]),
        (&json!("REVIEW"), &json!(false), &json!(70.0))
    );
    let id = told["eventId"].as_str().expect("an id");
    assert!(id.starts_with("my-ivr:"), "{id}");
    let received = until("its arrival", || xceed.received_of(id).first().cloned());
    assert_eq!((&received["validationErrors"], &received["hashOk"]), (&json!([]), &json!(true)));
    let again = post(&call("SIM-SCORE-70", "2026-11-22T08:00:07Z"));
    assert!(again.is_replay() && again.body == first.body);
    until("the header that the source names", || gateway.log().contains("call-77").then_some(()));
    let refused = post(&json!({ "menu": "wire", "steps": [{ "name": "amount", "value": "much" }] }));
    assert_eq!(refused.status, 422);
    let errors = refused.json()["errors"].clone();
    let fields: Vec<_> =
        errors.as_array().expect("a list").iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, [json!("caller.number"), json!("$.steps[?@.name == 'amount'].value")], "{errors}");
}

#[test]
fn a_source_may_answer_with_the_whole_decision_and_take_the_callers_own_id() {
    let (_xceed, gateway) = start();
    let caller = gateway.caller();
    let post = |body: &Value| caller.post("/v1/sources/whole", &[], body.to_string());
    let first = post(&json!({ "id": "e-1", "who": "SIM-SCORE-40" }));
    assert_eq!(first.status, 200);
    let told = first.json();
    assert_eq!(
        (&told["eventId"], &told["riskScore"], &told["riskAction"]),
        (&json!("e-1"), &json!(40.0), &Value::Null)
    );
    assert_eq!(told["category"], "standard");
    assert!(post(&json!({ "id": "e-1", "who": "SIM-SCORE-40" })).is_replay());
    let other = post(&json!({ "id": "e-1", "who": "C-2" }));
    assert_eq!((other.status, &other.json()["type"]), (422, &json!("urn:xceed-gateway:problem:other_body")));
    let unusable = post(&json!({ "id": "e 1" }));
    assert_eq!((unusable.status, &unusable.json()["errors"][0]["field"]), (422, &json!("id")));
    assert_eq!(gateway.look_up("e-1").json()["riskScore"], 40.0);
}

#[test]
fn a_source_is_its_tenants_own() {
    let (xceed, gateway) = start();
    let response =
        gateway.caller_of("second-bank").post(IVR, &[], call("C-1", "2026-11-22T08:00:00Z").to_string());
    assert_eq!(
        (response.status, &response.json()["type"]),
        (404, &json!("urn:xceed-gateway:problem:unknown_source"))
    );
    assert_eq!(xceed.events(), 0);
    // What ships is everybody's, under its name too.
    let body = json!({ "contactId": "c-1", "customerId": "C-1" }).to_string();
    for target in ["/v1/sources/cxone-assess", "/v1/cxone/assess"] {
        flat(&gateway.caller_of("second-bank").post(target, &[], body.clone()));
    }
    assert_eq!(xceed.events(), 1, "and the same event by either address");
}

#[test]
fn a_source_that_changes_is_used_at_once_and_one_that_fails_its_own_samples_is_not() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let folder = Folder::new();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("it can be written");
    let source = |limit: u32, path: &str| {
        let text = "event_type = \"Login\"\nhigh_risk_above = LIMIT\n[fields]\ncustomer.id = \"PATH\"\n";
        text.replace("LIMIT", &limit.to_string()).replace("PATH", path)
    };
    write("own.toml", &source(90, "$.who"));
    fs::create_dir(folder.join("own.samples")).expect("it can be made");
    write("own.samples/one.json", "{ \"who\": \"C-1\" }");
    write("own.samples/one.event.json", "{ \"eventType\": \"Login\", \"customer\": { \"id\": \"C-1\" } }");
    let tenant = Tenant::first_bank();
    let file = toml::Value::String(folder.join("own.toml").display().to_string());
    let config = Config::new([tenant.with(&format!("sources.own.file = {file}"))], &xceed.url());
    let gateway = Gateway::start(config);
    let is_high_risk = |n: u32| {
        let body = json!({ "who": format!("SIM-SCORE-80~{n}") }).to_string();
        flat(&gateway.caller().post("/v1/sources/own", &[], body))["isHighRisk"].clone()
    };
    assert_eq!(is_high_risk(1), json!(false));
    write("own.toml", &source(70, "$.who"));
    gateway.signal("HUP");
    until("the new source in use", || gateway.log().contains("is in use").then_some(()));
    assert_eq!(is_high_risk(2), json!(true));
    write("own.toml", &source(95, "$.whom"));
    gateway.signal("HUP");
    until("a refusal", || gateway.log().contains("one.json: becomes another event").then_some(()));
    assert_eq!(is_high_risk(4), json!(true), "the one before goes on");
}

#[test]
fn a_gateway_whose_source_is_wrong_does_not_start_and_says_where() {
    let tenant = with_source(Tenant::first_bank(), "broken", "fixtures/sources/broken.toml");
    let config = Config::new([tenant], "http://127.0.0.1:9/nobody");
    let log = Gateway::try_start(config, Folder::new()).expect_err("refused");
    assert!(log.contains("broken.toml:3: fields.custmer.id: is unknown"), "{log}");
}
