//! `validate`: a payload or an event against a schema set.

use super::folder::{EVENT, Folder, has, root};
use serde_json::json;

fn payload(schema: &str) -> String {
    let arguments = ["translate", "-", "--output", "json", "--schema", schema];
    let told = Folder::new().run_with(&arguments, EVENT).json();
    told["payload"].as_str().expect("a payload").to_owned()
}

#[test]
fn a_payload_is_held_against_the_set_that_it_names() {
    let folder = Folder::new();
    for schema in ["1.0", "1.1"] {
        folder.write("payload.xml", payload(schema));
        has(&folder.run(&["validate", "payload.xml"]).done(), &["valid", "payload", schema]);
        let ended = folder.run(&["validate", "payload.xml", "--output", "json"]);
        assert_eq!(ended.json(), json!({ "valid": true, "kind": "payload", "schema": schema, "errors": [] }));
        assert_eq!(ended.code, Some(0));
    }
    let other = folder.run(&["validate", "payload.xml", "--schema", "1.0"]);
    has(&other.stdout, &["/Events/@version: fixed: must be 1.0"]);
    other.failed();
}

#[test]
fn every_violation_is_told_with_its_path_and_rule_and_without_its_value() {
    let one =
        payload("1.0").replace("12500.00", "much").replace("<CustomerId>Zoë &amp; Söhne</CustomerId>", "");
    let event = one.find("<Event>").unwrap()..one.find("</Events>").unwrap();
    let both = one.replace("</Events>", &format!("{}</Events>", one[event].replace(">Wire<", "><")));
    let folder = Folder::new();
    let ended = folder.run_with(&["validate", "-"], &both);
    assert_eq!(ended.code, Some(1));
    has(
        &ended.stdout,
        &[
            "/Events/Event[1]/CustomerId: required: ",
            "/Events/Event[1]/Transaction/Amount: type: must be a number",
            "/Events/Event[2]/Channel: ",
            "/Events/Event[2]/Transaction/Amount: type: ",
        ],
    );
    assert!(!ended.stdout.contains("much"), "{ended:?}");
    let told = folder.run_with(&["validate", "-", "--output", "json"], &both).json();
    assert_eq!(told["valid"], false);
    let errors = told["errors"].as_array().unwrap();
    assert_eq!(errors.len(), ended.stdout.lines().count());
    assert_eq!(errors[0]["path"], "/Events/Event[1]/CustomerId");
    assert_eq!(errors[0]["rule"], "required");
    assert!(errors[0]["message"].is_string());
}

#[test]
fn a_payload_that_names_no_set_that_is_here_is_told_the_cure() {
    let folder = Folder::new();
    for (text, part) in [("<Events/>", "required: is missing"), ("<Events version='9'/>", "of no schema set")]
    {
        let ended = folder.run_with(&["validate", "-"], text);
        has(&ended.stdout, &[part, "1.0, 1.1", "--schema"]);
        ended.failed();
    }
    has(&folder.run_with(&["validate", "-", "--schema", "9"], "<a/>").failed(), &["1.0, 1.1"]);
}

#[test]
fn what_is_no_xml_or_should_not_be_is_refused() {
    let folder = Folder::new();
    let broken = payload("1.0").replace("</Events>", "");
    let doctype = format!("<!DOCTYPE Events [<!ENTITY a 'b'>]>{}", payload("1.0"));
    for (text, rule) in
        [(broken.as_str(), "not_well_formed"), (&doctype, "doctype"), ("<", "not_well_formed")]
    {
        let ended = folder.run_with(&["validate", "-"], text);
        has(&ended.stdout, &[rule]);
        ended.failed();
    }
    let latin = folder.run_with(&["validate", "-"], b"<Events version='1.0'>\xeb</Events>");
    has(&latin.stdout, &["not_well_formed: is not UTF-8"]);
    latin.failed();
    has(&folder.run_with(&["validate", "-"], "hello").failed(), &["begins with <", "begins with {"]);
    has(&folder.run(&["validate", "no-such.xml"]).failed(), &["no-such.xml: can't be read"]);
}

#[test]
fn an_event_is_held_against_the_tenants_set() {
    let folder = Folder::with_tenant();
    folder.write("event.json", EVENT);
    has(&folder.run(&["validate", "event.json"]).done(), &["valid", "event"]);
    has(&folder.run(&["validate", "event.json", "--config", "gateway.toml"]).done(), &["valid"]);
    let faulty = EVENT.replace("USD", "dollars").replace("2026-11-22T08:00:00Z", "today");
    let ended = folder.run_with(&["validate", "-"], &faulty);
    has(
        &ended.stdout,
        &["transaction.currency (Currency): pattern: ", "occurredAt (EventTime): date_time: "],
    );
    ended.failed();
    let told = folder.run_with(&["validate", "-", "--output", "json"], &faulty).json();
    assert_eq!((&told["valid"], &told["kind"]), (&json!(false), &json!("event")));
    assert_eq!(told["errors"].as_array().unwrap().len(), 2);
    let large = format!("{{\"eventId\":\"{}\"}}", "a".repeat(1024 * 1024));
    let ended = folder.run_with(&["validate", "-"], large);
    has(&ended.stdout, &["too_large"]);
    ended.failed();
}

#[test]
fn other_sets_are_taken_from_a_folder_or_a_configuration() {
    let folder = Folder::with_tenant();
    let foreign = root().join("fixtures/foreign/xsd");
    let foreign = foreign.to_str().unwrap();
    folder.write("event.json", EVENT);
    has(&folder.run(&["validate", "event.json", "--schemas", foreign]).done(), &["2.7"]);
    folder.write("payload.xml", payload("1.1"));
    let ended = folder.run(&["validate", "payload.xml", "--schemas", foreign]);
    has(&ended.stdout, &["2.7"]);
    ended.failed();
    folder.run(&["validate", "payload.xml", "--config", "gateway.toml"]).done();
    has(
        &folder.run(&["validate", "payload.xml", "--schemas", "no-such"]).failed(),
        &["no-such", "can't be read"],
    );
    has(
        &folder.run(&["validate", "payload.xml", "--schemas", foreign, "--config", "gateway.toml"]).misused(),
        &["--schemas", "--config"],
    );
}
