//! `translate`: an event becomes a payload and an envelope, to look at.

use super::folder::{EVENT, Ended, Folder, SECRET, configuration, digits, has, root, tenant};
use serde_json::{Value, json};
use std::path::Path;

const EXAMPLE_KEY: &str = "311a5439c8bda8ef";

const FAULTY: &str = r#"{"eventId":"e-1","eventType":"WireTransfer","custmer":{"id":"secret name"},
 "transaction":{"amount":"12","currency":"dollars"}}"#;

fn translated(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.json()
}

/// The hash is that of another tool over what is to be signed.
fn is_signed(told: &Value, before: &str) {
    let payload = told["payload"].as_str().expect("a payload");
    assert_eq!(told["hash"], digits("sha1sum", &format!("{before}{payload}")));
    has(told["envelope"].as_str().expect("an envelope"), &[told["hash"].as_str().expect("a hash")]);
}

#[test]
fn without_a_configuration_an_example_tenant_is_used_and_it_says_so() {
    let folder = Folder::new();
    folder.write("event.json", EVENT);
    let told = translated(&folder.run(&["translate", "event.json", "--output", "json"]));
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["channel", "defaulted", "envelope", "hash", "payload", "schema", "soapAction"]);
    is_signed(&told, &format!("3210021Wire{EXAMPLE_KEY}"));
    assert_eq!(told["soapAction"], "urn:xceed:api:1.0#addEvent");
    assert_eq!((&told["channel"], &told["schema"]), (&json!("Wire"), &json!("1.0")));
    assert!(told["defaulted"].as_array().unwrap().contains(&json!("SessionId")));

    let text = folder.run(&["translate", "event.json"]).done();
    has(
        &text,
        &[
            "built-in example (platform 3, service 210021, channel Wire",
            "--config",
            "pretty-printed for reading",
            "\n    <CustomerId>Zoë &amp; Söhne</CustomerId>\n",
            "SessionId",
            told["hash"].as_str().unwrap(),
            "SOAPAction: \"urn:xceed:api:1.0#addEvent\"",
        ],
    );
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.contains(&told["payload"].as_str().unwrap()),
        "the signed text stands on a line of its own"
    );
    assert!(lines.contains(&told["envelope"].as_str().unwrap()));
}

#[test]
fn an_event_comes_from_standard_input_too() {
    let ended = Folder::new().run_with(&["translate", "-", "--output", "json", "--schema", "1.1"], EVENT);
    let told = translated(&ended);
    assert_eq!(told["schema"], "1.1");
    has(told["payload"].as_str().unwrap(), &["version=\"1.1\"", "Zoë &amp; Söhne"]);
}

#[test]
fn a_tenants_own_channel_and_secret_key_are_signed_with() {
    let folder = Folder::with_tenant();
    let link = "channels = { WireTransfer = \"ACH\" }";
    folder.write("gateway.toml", configuration(&root().join("xsd"), link));
    let ended = folder.run_with(&["translate", "-", "--config", "gateway.toml", "--output", "json"], EVENT);
    let told = translated(&ended);
    is_signed(&told, &format!("3210021ACH{SECRET}"));
    assert_eq!(told["channel"], "ACH");
    has(
        &folder.run_with(&["translate", "-", "--config", "gateway.toml"], EVENT).done(),
        &["tenant first-bank"],
    );
}

#[test]
fn one_of_several_tenants_must_be_named() {
    let folder = Folder::with_tenant();
    let second = tenant("second-bank", "").replace("\"3\"", "\"4\"");
    folder.write("gateway.toml", configuration(&root().join("xsd"), "") + &second);
    let run = |more: &[&str]| {
        let arguments = ["translate", "-", "--config", "gateway.toml", "--output", "json"];
        folder.run_with(&[&arguments, more].concat(), EVENT)
    };
    has(&run(&[]).failed(), &["first-bank, second-bank", "--tenant"]);
    has(&run(&["--tenant", "third-bank"]).failed(), &["--tenant", "first-bank, second-bank"]);
    is_signed(&translated(&run(&["--tenant", "second-bank"])), &format!("4210021Wire{SECRET}"));
    has(&folder.run(&["translate", "-", "--tenant", "first-bank"]).misused(), &["--config"]);
}

#[test]
fn foreign_sets_are_looked_at_the_same_way() {
    let folder = Folder::with_tenant();
    let text = configuration(&root().join(Path::new("fixtures/foreign/xsd")), "");
    folder.write("gateway.toml", text.replace("schema = \"1.0\"", "schema = \"2.7\""));
    let ended = folder.run_with(&["translate", "-", "--config", "gateway.toml", "--output", "json"], EVENT);
    let told = translated(&ended);
    let payload = told["payload"].as_str().unwrap();
    let hash = digits("sha1sum", &format!("{SECRET}{payload}Wire2100213")).to_uppercase();
    assert_eq!(told["hash"], hash);
    has(told["envelope"].as_str().unwrap(), &["<![CDATA[", &hash]);
    folder.write("payload.xml", payload);
    let signed = folder.run(&["sign", "--config", "gateway.toml", "--payload", "payload.xml"]).done();
    assert_eq!(signed.trim_end(), hash);
}

#[test]
fn every_fault_of_an_event_is_told_on_a_line_without_its_value() {
    let folder = Folder::new();
    let complaint = folder.run_with(&["translate", "-"], FAULTY).failed();
    let lines: Vec<&str> = complaint.lines().collect();
    for start in [
        "custmer: unknown: ",
        "transaction.amount (Amount): type: ",
        "transaction.currency (Currency): pattern: ",
        "error: this event can't be sent",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}\nis not in\n{complaint}");
    }
    assert!(!complaint.contains("dollars") && !complaint.contains("secret name"), "{complaint}");

    let ended = folder.run_with(&["translate", "-", "--output", "json"], FAULTY);
    assert_eq!(ended.code, Some(1));
    let told = ended.json();
    let errors = told["errors"].as_array().unwrap();
    assert_eq!(errors.len(), lines.len() - 1);
    for error in errors {
        let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["element", "field", "message", "rule"]);
    }
}

#[test]
fn what_is_no_event_at_all_is_told_with_what_to_do() {
    let folder = Folder::new();
    has(
        &folder.run(&["translate", "no-such.json"]).failed(),
        &["no-such.json: can't be read", "standard input"],
    );
    has(&folder.run(&["translate", "."]).failed(), &[".: can't be read"]);
    has(&folder.run_with(&["translate", "-"], "{\"a\":1,\n}").failed(), &["not_json", "line 2, column 1"]);
    has(&folder.run_with(&["translate", "-"], format!("\u{feff}{EVENT}")).failed(), &["byte order mark"]);
    has(&folder.run_with(&["translate", "-"], "[]").failed(), &["not_an_object"]);
    has(
        &folder.run_with(&["translate", "-"], "{\"a\":1,\"a\":1}").failed(),
        &["duplicate_key: a stands twice"],
    );
    has(
        &folder.run_with(&["translate", "-"], " ".repeat(1024 * 1024 + 1)).failed(),
        &["larger than 1048576"],
    );
    has(&folder.run_with(&["translate", "-", "--schema", "9"], EVENT).failed(), &["1.0, 1.1", "--schema"]);
    has(&folder.run(&["translate"]).misused(), &["<FILE>"]);
}
