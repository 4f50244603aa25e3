//! The configuration, good and bad.

use super::{Config, EXAMPLE};
use crate::store::audit::KeySettings;
use std::time::Duration;

mod platforms;

const LEAST: &str = r#"
[store]
url = "sqlite:data/gateway.db"
[schemas]
dir = "xsd"
[tenants.first-bank]
api_keys = [{ name = "desk", hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000", roles = ["caller"] }]
[tenants.first-bank.xceed]
url = "http://127.0.0.1:9/xceed"
platform_id = "3"
service_id = "210021"
schema = "1.0"
"#;

fn with_secret(extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let secret = ("XCEED_GATEWAY__TENANTS__FIRST_BANK__XCEED__SECRET_KEY", "311a5439c8bda8ef");
    std::iter::once(&secret)
        .chain(extra)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn errors(text: &str) -> String {
    Config::parse(text, with_secret(&[])).expect_err("broken").join("\n")
}

#[test]
fn a_file_with_the_least_keys_starts() {
    let config = Config::parse(LEAST, with_secret(&[])).expect("sound");
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.tenants[0].tenant.policy.deadline, Duration::from_millis(300));
    assert_eq!(config.tenants[0].link.channel, "Wire");
    assert!(config.documents.versions.contains_key("1.1"));
}

#[test]
fn the_environment_overrides_the_file() {
    let variables = with_secret(&[
        ("XCEED_GATEWAY__SERVER__BIND", "127.0.0.1:9999"),
        ("XCEED_GATEWAY__TENANTS__FIRST_BANK__XCEED__PLATFORM_ID", "32"),
        ("XCEED_GATEWAY__TENANTS__FIRST_BANK__POLICY__DEADLINE_MS", "450"),
        ("XCEED_GATEWAY__TENANTS__FIRST_BANK__XCEED__CHANNELS", "{ ACHTransfer = \"ACH\" }"),
        ("XCEED_GATEWAY_OTHER", "x"),
    ]);
    let config = Config::parse(LEAST, variables).expect("sound");
    assert_eq!(config.server.bind.port(), 9999);
    assert_eq!(config.tenants[0].link.platform_id, "32");
    assert_eq!(config.tenants[0].tenant.policy.deadline, Duration::from_millis(450));
    assert_eq!(config.tenants[0].link.channels["ACHTransfer"], "ACH");
}

#[test]
fn everything_wrong_is_told_at_once() {
    let errors = errors(
        r#"
[server]
bind = "here"
port = 80
[stor]
[schemas]
dir = "no-such-folder"
[tenants.b]
api_keys = [{ name = "desk", hash = "sha256:00", roles = ["boss"] }]
[tenants.b.xceed]
url = "http://xceed.example/"
platform_id = 3
service_id = "x"
secret_key = "311a5439c8bda8ef"
attempt_timeout = "soon"
[tenants.b.policy]
deadline_ms = 6000
fallback = "open"
block_at = 101
actions = { Deny = "STOP" }
fallback_for = [{ over = -1 }]
"#,
    );
    for part in [
        "server.bind: must be an address",
        "server.port: is unknown",
        "stor: is unknown; the nearest known key is store",
        "store.url: is missing",
        "schemas.dir: no-such-folder",
        "tenants.b.api_keys[0].hash: must be sha256:",
        "tenants.b.api_keys[0].roles: must list",
        "tenants.b.xceed.platform_id: must be text",
        "tenants.b.xceed.secret_key: comes from a file or the environment",
        "tenants.b.xceed.schema: is missing",
        "tenants.b.xceed.attempt_timeout: must be a time",
        "tenants.b.policy.deadline_ms: must be a whole number from 1 to 5000",
        "tenants.b.policy.fallback: must be \"neutral\"",
        "tenants.b.policy.block_at: must be a number from 0 to 100",
        "tenants.b.policy.actions: must map",
        "tenants.b.policy.fallback_for[0].over",
        "tenants.b.policy.fallback_for[0].policy: is missing",
    ] {
        assert!(errors.contains(part), "{part}\nis not in\n{errors}");
    }
    assert!(!errors.contains("311a5439c8bda8ef"), "a secret is shown");
}

#[test]
fn what_callers_rely_on_is_kept_for_as_long_as_they_may() {
    let kept = |lines: &str| {
        Config::parse(&LEAST.replace("[store]", &format!("[store]\n{lines}")), with_secret(&[]))
            .map(|config| (config.store.retention, config.store.idempotency))
    };
    let hours = Duration::from_hours;
    assert_eq!(kept(""), Ok((hours(720), hours(72))));
    assert_eq!(kept("retention = \"3d\""), Ok((hours(72), hours(72))));
    assert_eq!(kept("retention = \"1825d\"\nidempotency = \"100h\""), Ok((hours(43_800), hours(100))));
    for (lines, wrong) in [
        (
            "idempotency = \"71h\"",
            "store.idempotency: must be a time from \"3d\" to \"3650d\", such as \"3d\"",
        ),
        ("retention = \"71h\"", "store.retention: must be a time from \"3d\" to \"3650d\", such as \"30d\""),
        (
            "retention = \"90h\"\nidempotency = \"91h\"",
            "store.retention: must not be shorter than store.idempotency",
        ),
        ("retention = 30", "store.retention: must be text"),
    ] {
        let errors = kept(lines).expect_err("too short").join("\n");
        assert!(errors.contains(wrong), "{errors}");
    }
}

#[test]
fn what_is_no_toml_is_told_by_its_place_alone() {
    let errors = errors("[server]\nbind = \"here\nworkers = 1");
    assert!(errors.starts_with("the configuration is no TOML at line 2, column "), "{errors}");
    assert!(!errors.contains("here"), "{errors}");
}

#[test]
fn a_link_that_breaks_its_forms_is_told_by_key() {
    let errors =
        errors(&LEAST.replace("\"210021\"", "\"21 0021\"").replace("http://127.0.0.1:9", "http://a.example"));
    assert!(errors.contains("tenants.first-bank.xceed.service_id: must be 1 to 12 digits"), "{errors}");
    assert!(errors.contains("tenants.first-bank.xceed.url: must be an https address"), "{errors}");
}

#[test]
fn operators_of_the_console_are_read_and_half_of_a_tls_is_refused() {
    let hash = "0".repeat(64);
    let text = format!("{LEAST}\n[console]\noperators = [{{ name = \"ops\", hash = \"sha256:{hash}\" }},");
    let auditor = format!("{{ name = \"eye\", hash = \"sha256:{hash}\", role = \"auditor\" }}]");
    let config = Config::parse(&format!("{text} {auditor}"), with_secret(&[])).expect("sound");
    let may_act: Vec<bool> = config.server.operators.iter().map(|operator| operator.may_act).collect();
    assert_eq!(may_act, [true, false]);
    let wrong = errors(&format!(
        "{LEAST}\n[console]\noperators = [{{ name = \"x\", hash = \"1\", role = \"caller\" }}]"
    ));
    assert!(
        wrong.contains("console.operators") && wrong.contains("auditor") && wrong.contains("sha256:"),
        "{wrong}"
    );
    let half = errors(&format!("{LEAST}\n[server]\ntls = {{ cert = \"c\" }}"));
    assert!(half.contains("server.tls.key: is missing"), "{half}");
    let none = errors(&format!("{LEAST}\n[server]\ntls = {{ cert = \"no.pem\", key = \"no.key\" }}"));
    assert!(none.contains("server.tls.cert: the file that it names can't be read"), "{none}");
}

#[test]
fn limits_and_batches_are_as_published_unless_they_are_told() {
    let of = |text: &str| {
        let config = Config::parse(&format!("{LEAST}\n{text}"), with_secret(&[])).expect("sound");
        let tenant = &config.tenants[0].tenant;
        (tenant.checks.count, tenant.checks.window.as_secs(), tenant.requests_per_second, tenant.chunk)
    };
    assert_eq!(of(""), (3, 600, 500, 500));
    let told = "[tenants.first-bank.limits]\nchecks_per_customer = { count = 5, window = \"90s\" }\n\
                requests_per_second = 7\n[tenants.first-bank.batch]\nchunk = 20";
    assert_eq!(of(told), (5, 90, 7, 20));
    let wrong = errors(&format!(
        "{LEAST}\n[tenants.first-bank.limits]\nchecks_per_customer = {{ count = 0, window = \"2h\", per = 1 }}"
    ));
    for rule in ["count: must be a whole number from 1", "window: must be a time from", "per: is unknown"] {
        assert!(wrong.contains(&format!("limits.checks_per_customer.{rule}")), "{rule}: {wrong}");
    }
}

#[test]
fn the_commented_example_is_sound_and_shows_the_defaults() {
    let config = Config::parse(EXAMPLE, with_secret(&[])).expect("sound");
    assert!(config.warnings.is_empty());
    let least = Config::parse(LEAST, with_secret(&[])).expect("sound");
    assert_eq!(config.tenants[0].tenant.policy, least.tenants[0].tenant.policy);
    assert_eq!(config.tenants[0].link.attempt_timeout, least.tenants[0].link.attempt_timeout);
    assert_eq!(config.tenants[0].link.channel, least.tenants[0].link.channel);
    assert_eq!(config.server.bind, least.server.bind);
    assert_eq!(config.store, least.store);
}

#[test]
fn checkpoints_and_their_key_lie_beside_the_store_unless_they_are_given() {
    let of = |config: Config| match config.audit.signing_key {
        KeySettings::File(file) => {
            (config.audit.checkpoints.display().to_string(), file.display().to_string())
        }
        KeySettings::Held(_) => panic!("no key was given"),
    };
    let parse = |text: &str| Config::parse(text, with_secret(&[])).expect("sound");
    let usual = ("data/audit.checkpoints".to_owned(), "data/audit.key".to_owned());
    assert_eq!(of(parse(LEAST)), usual, "as is published");
    let elsewhere = LEAST.replace("sqlite:data/gateway.db", "sqlite:/srv/a/b.db");
    assert_eq!(of(parse(&elsewhere)), ("/srv/a/audit.checkpoints".to_owned(), "/srv/a/audit.key".to_owned()));
    let given = format!(
        "{LEAST}[audit]\ncheckpoints = \"/mnt/w/x\"\nsigning_key = {{ file = \"/run/secrets/k\" }}\n"
    );
    assert_eq!(of(parse(&given)), ("/mnt/w/x".to_owned(), "/run/secrets/k".to_owned()));
    let held = with_secret(&[("XCEED_GATEWAY__AUDIT__SIGNING_KEY", "00ff")]);
    let held = Config::parse(LEAST, held).expect("sound").audit.signing_key;
    assert!(matches!(held, KeySettings::Held(secret) if secret.expose() == "00ff"));
}

#[test]
fn the_fingerprint_of_a_configuration_differs_where_it_does_and_holds_no_secret() {
    let of = |text: &str, extra: &[(&str, &str)]| {
        Config::parse(text, with_secret(extra)).expect("sound").audit.configuration
    };
    let usual = of(LEAST, &[]);
    assert_eq!((usual.len(), usual == of(&format!("# A remark.\n{LEAST}"), &[])), (64, true));
    assert_ne!(usual, of(&LEAST.replace("desk", "door"), &[]));
    assert_ne!(usual, of(LEAST, &[("XCEED_GATEWAY__TENANTS__FIRST_BANK__POLICY__DEADLINE_MS", "450")]));
}
