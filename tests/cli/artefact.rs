//! `artefact`: what the platforms import is made of the sources themselves, and the examples that are committed are what
//! the program writes today. `UPDATE_FIXTURES=1` rewrites them, and the diff is the review.

use super::folder::{Folder, configuration, has, root};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// The committed examples: the folder, which is the platform, and the sources.
const EXAMPLES: [(&str, &[&str]); 2] = [
    ("genesys", &["genesys-assess", "cxone-data-action"]),
    ("cxone", &["cxone-assess", "cxone-data-action"]),
];

fn written(platform: &str, source: &str) -> String {
    Folder::new().run(&["artefact", platform, source]).done()
}

#[test]
fn the_committed_examples_are_current_and_break_no_rule() {
    let mut names: Vec<PathBuf> = Vec::new();
    for (platform, sources) in EXAMPLES {
        for source in sources {
            let file = root().join(format!("deploy/{platform}/{source}.json"));
            let text = written(platform, source);
            if std::env::var_os("UPDATE_FIXTURES").is_some_and(|value| value == "1") {
                fs::write(&file, &text).expect("the example can be written");
            }
            let committed = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(committed, text, "{} is old (UPDATE_FIXTURES=1 rewrites it)", file.display());
            let file = file.display().to_string();
            assert_eq!(Folder::new().run(&["artefact", "lint", &file]).done(), "ok\n");
            names.push(file.into());
        }
        let there = fs::read_dir(root().join("deploy").join(platform)).expect("it is there");
        let surplus = there.flatten().map(|entry| entry.path()).find(|path| !names.contains(path));
        assert_eq!(surplus, None, "no test knows it");
    }
}

#[test]
fn a_genesys_action_is_flat_escaped_and_has_a_default_for_each_member() {
    let action: Value = serde_json::from_str(&written("genesys", "genesys-assess")).expect("JSON");
    let request = &action["config"]["request"];
    assert_eq!(request["requestType"], "POST");
    assert_eq!(request["requestUrlTemplate"], "https://gateway.example/v1/genesys/assess");
    has(
        request["requestTemplate"].as_str().expect("text"),
        &[
            r#""customer_id":"$esc.jsonString(${input.customer_id})""#,
            r#""transaction_amount":"$esc.jsonString(${input.transaction_amount})""#,
            r#""participant_id":"$esc.jsonString(${input.participant_id})""#,
        ],
    );
    // 300 ms, rounded up, and the margin.
    assert_eq!(action["config"]["timeoutSeconds"], 3);
    let response = &action["config"]["response"];
    let names: Vec<_> = response["translationMap"].as_object().expect("a map").keys().collect();
    let defaults: Vec<_> = response["translationMapDefaults"].as_object().expect("a map").keys().collect();
    assert_eq!((names.len(), &names), (8, &defaults));
    assert_eq!(response["translationMapDefaults"]["decision"], "\"ALLOW\"");
    let inputs = action["contract"]["input"]["inputSchema"]["properties"].as_object().expect("inputs");
    assert!(inputs.values().all(|input| input["type"] == "string"), "{inputs:?}");
    assert!(action["name"].as_str().is_some_and(|name| name.starts_with("Xceed genesys-assess ")));
    assert_eq!(action["integrationType"], "custom-rest-actions");
    let encoded = Folder::new().run(&["artefact", "genesys", "genesys-assess", "--esc", "jsonEncode"]).done();
    has(&encoded, &["$esc.jsonEncode(${input.customer_id})"]);
    assert!(!encoded.contains("jsonString"));
}

#[test]
fn what_is_not_filled_in_leaves_a_body_that_the_gateway_reads() {
    let action: Value = serde_json::from_str(&written("genesys", "cxone-data-action")).expect("JSON");
    let template = action["config"]["request"]["requestTemplate"].as_str().expect("text");
    let body: Value = serde_json::from_str(template).expect("JSON also where nothing is filled in");
    assert_eq!(body["data"]["interactionId"], "$esc.jsonString(${input.data_interactionId})");
    assert_eq!(action["contract"]["input"]["inputSchema"]["required"], json!(["data_interactionId"]));
    let complaint = Folder::new().run(&["artefact", "genesys", "cxone-data-action"]);
    has(&complaint.stderr, &["left out: attributes ($.data.attributes): an object can't be filled in flat"]);
}

#[test]
fn a_studio_action_overrides_the_form_and_stands_on_one_line() {
    let url = "https://gateway.bank.example/";
    let text = Folder::new().run(&["artefact", "cxone", "cxone-assess", "--url", url]).done();
    let action: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(action["url"], "https://gateway.bank.example/v1/cxone/assess");
    assert_eq!((&action["verb"], &action["timeoutSeconds"]), (&json!("POST"), &json!(3)));
    let headers: Value = serde_json::from_str(action["headers"].as_str().expect("text")).expect("JSON");
    assert_eq!(headers["Content-Type"], "application/json");
    has(action["body"].as_str().expect("text"), &[r#""contactId":"{contactId}""#, r#""amount":"{amount}""#]);
    assert!(
        action["snippet"]
            .as_array()
            .is_some_and(|lines| lines.contains(&json!("xceed.amount = \"{amount}\"")))
    );
    assert_eq!(action["onFailure"]["decision"], "ALLOW");
}

#[test]
fn a_tenants_own_source_address_and_fallback_are_in_its_artefact() {
    let folder = Folder::with_tenant();
    let own = r#"
event_type = "Login"
deadline = "4s"
[fields]
"customer.id" = "$.caller.id"
"transaction.amount" = "$.amount"
"session.id" = "$['1st session']"
"session.ipAddress" = "$.calls[0].ip"
"session.deviceId" = "$.orgId"
"customer.tier" = "$.caller"
"#;
    folder.write("own.toml", own);
    let more = "[tenants.first-bank.policy]\nfallback = \"closed\"\n[tenants.first-bank.sources.own]\nfile = \"own.toml\"\n";
    let text = configuration(&root().join("xsd"), "") + "\n" + more;
    folder.write(
        "gateway.toml",
        text.replace("[server]", "[server]\npublic_url = \"https://gw.bank.example\""),
    );
    let ended = folder.run(&["artefact", "genesys", "own", "--config", "gateway.toml"]);
    has(
        &ended.stderr,
        &["session.ipAddress ($.calls[0].ip)", "customer.tier ($.caller): its place in the body is taken"],
    );
    let action = ended.json();
    let request = &action["config"]["request"];
    assert_eq!(request["requestUrlTemplate"], "https://gw.bank.example/v1/sources/own");
    assert_eq!(
        request["requestTemplate"],
        r#"{"caller":{"id":"$esc.jsonString(${input.caller_id})"},"amount":${input.amount},"1st session":"$esc.jsonString(${input.in_1st_session})","orgId":"$esc.jsonString(${input.in_orgId})"}"#
    );
    let schema = &action["contract"]["input"]["inputSchema"];
    assert_eq!(
        (&schema["required"], &schema["properties"]["amount"]["type"]),
        (&json!(["amount"]), &json!("number"))
    );
    assert_eq!(action["config"]["timeoutSeconds"], 6);
    assert_eq!(action["config"]["response"]["translationMapDefaults"]["decision"], "\"REVIEW\"");
    folder.write("action.json", action.to_string());
    assert_eq!(folder.run(&["artefact", "lint", "action.json"]).done(), "ok\n");
}

#[test]
fn what_can_not_be_written_is_told_with_the_cure() {
    let folder = Folder::with_tenant();
    has(
        &folder.run(&["artefact", "genesys", "no-such"]).failed(),
        &["no source no-such", "cxone-data-action, cxone-assess, genesys-assess", "--config"],
    );
    has(
        &folder.run(&["artefact", "genesys", "genesys-assess", "--url", "gateway"]).failed(),
        &["--url", "https://"],
    );
    folder.write("full.toml", "event_type = \"Login\"\nanswer = \"full\"\n[fields]\n");
    let more = "\n[tenants.first-bank.sources.full]\nfile = \"full.toml\"\n";
    folder.write("gateway.toml", configuration(&root().join("xsd"), "") + more);
    let complaint = folder.run(&["artefact", "cxone", "full", "--config", "gateway.toml"]).failed();
    has(&complaint, &["full", "answer = \"flat\""]);
}

#[test]
fn the_linter_tells_all_that_breaks_a_rule() {
    let folder = Folder::new();
    let broken = r#"{"name":"x","integrationType":"custom-rest-actions","config":{"request":{"requestTypes":"POST"},"response":null}}"#;
    let complaint = folder.run_with(&["artefact", "lint", "-"], broken).failed();
    has(
        &complaint,
        &[
            "error: config.request.requestTypes: is called requestType",
            "error: config.response: is null",
            "error: config.timeoutSeconds: must be",
            "error: contract.input.inputSchema",
        ],
    );
    let told = folder.run_with(&["artefact", "lint", "-", "--output", "json"], broken);
    assert_eq!((told.code, &told.json()["ok"]), (Some(1), &json!(false)));
    has(&folder.run_with(&["artefact", "lint", "-"], "{").failed(), &["is no JSON: look at line 1"]);
}
