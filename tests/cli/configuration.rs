//! `check` and `key`: what a configuration hears.

use super::folder::{Folder, SECRET, VARIABLE, configuration, digits, has, root, tenant};
use serde_json::json;

const WRONG: &str = r#"
[server]
bind = "here"
[stor]
[schemas]
dir = "no-such-folder"
[tenants.b]
api_keys = []
[tenants.b.xceed]
url = "http://xceed.example/"
platform_id = "3"
service_id = "21 0021"
secret_key = { env = "NO_SUCH_VARIABLE" }
schema = "1.0"
[tenants.b.policy]
deadline_ms = 6000
"#;

/// Each of them, with what is wrong.
const FAULTS: [&str; 8] = [
    "server.bind: must be an address",
    "stor: is unknown; the nearest known key is store",
    "store.url: is missing",
    "schemas.dir: no-such-folder",
    "tenants.b.api_keys: there is none; `xceed-gateway key`",
    "tenants.b.xceed.secret_key: the environment variable NO_SUCH_VARIABLE",
    "tenants.b.policy.deadline_ms: must be a whole number from 1 to 5000",
    "operations.toml: can't be read",
];

#[test]
fn a_sound_configuration_is_told_to_be_so() {
    let folder = Folder::with_tenant();
    has(&folder.run(&["check"]).done(), &["ok", "first-bank", "1.0, 1.1"]);
    let ended = folder.run(&["check", "--config", "gateway.toml", "--output", "json"]);
    assert_eq!(ended.json(), json!({ "ok": true, "errors": [], "warnings": [] }));
    assert_eq!(ended.code, Some(0));
}

#[test]
fn the_configuration_that_ships_is_sound() {
    let mut folder = Folder::new();
    folder.copy("deploy", "deploy");
    folder.copy("xsd", "xsd");
    folder.set("FIRST_BANK_XCEED_KEY", SECRET);
    folder.run(&["check", "--config", "deploy/gateway.toml"]).done();
}

#[test]
fn everything_wrong_is_told_at_once_in_text_and_in_json() {
    let folder = Folder::new();
    folder.write("gateway.toml", WRONG);
    let complaint = folder.run(&["check"]).failed();
    has(&complaint, &FAULTS);
    let lines: Vec<&str> = complaint.lines().collect();
    assert!(lines.iter().all(|line| line.starts_with("error: ")), "{complaint}");

    let ended = folder.run(&["check", "--output", "json"]);
    let told = ended.json();
    let errors: Vec<&str> = told["errors"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
    assert_eq!(errors, lines.iter().map(|line| &line["error: ".len()..]).collect::<Vec<_>>());
    assert_eq!(told["ok"], false);
    assert_eq!(ended.failed(), "");
}

#[test]
fn what_is_wrong_with_each_set_is_told_at_once() {
    let folder = Folder::with_tenant();
    broken_sets(&folder);
    has(&folder.run(&["check"]).failed(), &BROKEN);
    let told = folder.run(&["check", "--output", "json"]).json();
    assert!(told["errors"].as_array().unwrap().len() >= BROKEN.len(), "{told}");
}

/// What [`broken_sets`] breaks.
pub(crate) const BROKEN: [&str; 3] =
    ["xsd/1.0/events.xsd: names the schema location", "1.1/mapping.toml", "api/operations.toml"];

/// Breaks each set in its own way.
pub(crate) fn broken_sets(folder: &Folder) {
    folder.copy("xsd", "xsd");
    folder.write("gateway.toml", configuration(&folder.path("xsd"), ""));
    std::fs::remove_file(folder.path("xsd/1.0/types.xsd")).expect("it was copied");
    folder.write("xsd/1.1/mapping.toml", "[nonsense]\n");
    folder.write("xsd/api/operations.toml", "namespace = 1\n");
}

#[test]
fn what_can_not_be_read_is_told_with_what_to_do() {
    let folder = Folder::new();
    for command in ["check", "serve", "simulate"] {
        let complaint = folder.run(&[command, "--config", "no-such.toml"]).failed();
        has(&complaint, &["error: no-such.toml: can't be read", "--config"]);
    }
    folder.write("gateway.toml", "[server\n");
    has(&folder.run(&["check"]).failed(), &["line 1"]);
}

#[test]
fn a_schema_set_that_a_tenant_names_must_be_there() {
    let folder = Folder::with_tenant();
    let text = configuration(&root().join("xsd"), "").replace("schema = \"1.0\"", "schema = \"9\"");
    folder.write("gateway.toml", text);
    has(&folder.run(&["check"]).failed(), &["tenants.first-bank.xceed.schema", "1.0, 1.1"]);
}

#[test]
fn two_tenants_that_could_be_taken_for_each_other_stop_the_start() {
    let folder = Folder::with_tenant();
    let second = tenant("second-bank", "").replace("\"3\"", "\"32\"").replace("210021", "10021");
    folder.write("gateway.toml", configuration(&root().join("xsd"), "") + &second);
    for command in ["check", "serve"] {
        has(&folder.run(&[command]).failed(), &["first-bank and second-bank"]);
    }
}

#[test]
fn the_environment_overrides_the_file() {
    let mut folder = Folder::with_tenant();
    folder.set("XCEED_GATEWAY__SERVER__BIND", "nowhere");
    has(&folder.run(&["check"]).failed(), &["server.bind"]);
    folder.set("XCEED_GATEWAY__SERVER__BIND", "127.0.0.1:0");
    folder.set(VARIABLE, "too short");
    has(&folder.run(&["check"]).failed(), &["tenants.first-bank.xceed.secret_key"]);
}

#[test]
fn a_key_is_printed_with_its_hash_and_with_a_line_that_a_configuration_takes() {
    let folder = Folder::with_tenant();
    let text = folder.run(&["key", "--name", "the \"desk\""]).done();
    let after =
        |label: &str| text.lines().find_map(|line| line.strip_prefix(label)).unwrap().trim().to_owned();
    let (key, line) = (after("key:"), after("line:"));
    has(&line, &[&format!("sha256:{}", digits("sha256sum", &key))]);
    let zeros = format!(
        "{{ name = \"desk\", hash = \"sha256:{}\", roles = [\"caller\"] }}",
        digits("sha256sum", "first-bank")
    );
    let text = configuration(&root().join("xsd"), "");
    assert!(text.contains(&zeros));
    folder.write("gateway.toml", text.replace(&zeros, &line));
    folder.run(&["check"]).done();

    let told = folder.run(&["key", "--output", "json"]).json();
    let other = told["key"].as_str().unwrap();
    assert_ne!(key, other);
    assert_eq!(told["hash"], format!("sha256:{}", digits("sha256sum", other)));
    assert_eq!(told["name"], "desk");
}
