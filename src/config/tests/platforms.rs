//! Where decisions go back to, as it is configured.

use super::*;
use crate::platforms::{GrantSettings, Settings, WaySettings};

const SECRETS: [(&str, &str); 3] = [
    ("XCEED_GATEWAY__TENANTS__FIRST_BANK__CXONE__CLIENT_SECRET", "cxone-canary"),
    ("XCEED_GATEWAY__TENANTS__FIRST_BANK__CXONE__ACCESS_KEY_SECRET", "key-canary"),
    ("XCEED_GATEWAY__TENANTS__FIRST_BANK__GENESYS__CLIENT_SECRET", "genesys-canary"),
];

fn parse(text: &str, secrets: &[(&str, &str)]) -> Result<(Settings, Vec<String>), String> {
    let config = Config::parse(&format!("{LEAST}{text}"), with_secret(secrets));
    let config = config.map_err(|errors| errors.join("\n"))?;
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let tenant = config.tenants.into_iter().next().expect("a tenant");
    Ok((tenant.platforms, tenant.tenant.targets))
}

#[test]
fn all_of_it_has_defaults_but_addresses_and_secrets() {
    let text = r#"
[tenants.first-bank.cxone]
api_url = "https://api.example"
token_url = "http://127.0.0.1:1/token"
client_id = "me"
[tenants.first-bank.genesys]
api_url = "https://api.example/"
token_url = "https://login.example/oauth/token"
client_id = "me"
[[tenants.first-bank.webhooks]]
url = "http://localhost:1/hook"
secret = { env = "PATH" }
[[tenants.first-bank.webhooks]]
name = "crm"
url = "https://crm.example/hook"
secret = { env = "PATH" }
secret_previous = { env = "PATH" }
"#;
    let (settings, targets) = parse(text, &[SECRETS[0], SECRETS[2]]).expect("sound");
    assert_eq!(targets, ["cxone", "genesys", "webhook:0", "webhook:crm"]);
    let cxone = settings.cxone.as_ref().expect("it is configured");
    assert_eq!((cxone.way, cxone.path.as_str()), (WaySettings::Patch, "/api/v2/interactions/{id}"));
    let GrantSettings::ClientCredentials { scope, .. } = &cxone.grant else { panic!("{cxone:?}") };
    assert_eq!(scope.as_deref(), Some("interactions:read interactions:write"));
    let genesys = settings.genesys.as_ref().expect("it is configured");
    assert!(matches!(&genesys.grant, GrantSettings::ClientCredentials { scope: None, .. }));
    assert!(!format!("{settings:?}").contains("canary"), "a secret is shown");
    assert_eq!(parse("", &[]).expect("sound").1, Vec::<String>::new());
}

#[test]
fn each_grant_needs_what_it_needs() {
    let grant = |grant: &str, rest: &str, secrets: &[(&str, &str)]| {
        let text = format!(
            "[tenants.first-bank.cxone]\npush = \"signal\"\napi_url = \"https://a.example\"\n\
             token_url = \"https://a.example\"\ngrant = \"{grant}\"\n{rest}"
        );
        parse(&text, secrets).map(|(settings, _)| settings.cxone.expect("it is configured").grant)
    };
    let both = "client_id = \"me\"\naccess_key_id = \"k\"";
    assert!(matches!(grant("password", both, &SECRETS[..2]), Ok(GrantSettings::Password { .. })));
    assert!(
        matches!(grant("access_key", both, &SECRETS[..2]), Ok(GrantSettings::AccessKey { id, .. }) if id == "k")
    );
    let one = grant("access_key", "client_id = \"me\"", &SECRETS[..1]);
    assert!(matches!(one, Ok(GrantSettings::AccessKey { id, .. }) if id == "me"));
    let place = "tenants.first-bank.cxone";
    for (word, rest, wrong) in [
        ("client_credentials", "", "client_id: is missing: this grant needs it"),
        ("client_credentials", "client_id = \"me\"", "client_secret: is missing: this grant needs it"),
        ("password", "client_id = \"me\"", "access_key_secret: is missing: this grant needs it"),
        ("access_key", "", "access_key_id: is missing: this grant needs it"),
        ("implicit", "", "grant: must be \"client_credentials\""),
    ] {
        let errors = grant(word, rest, &[]).expect_err(wrong);
        assert!(errors.contains(&format!("{place}.{wrong}")), "{errors}");
    }
}

#[test]
fn an_issuer_stands_for_both_addresses_where_it_knows_the_tenant() {
    let with = |rest: &str| {
        let text = format!(
            "[tenants.first-bank.cxone]\nissuer = \"https://cxone.example\"\nclient_id = \"me\"\n{rest}"
        );
        parse(&text, &SECRETS[..1]).map(|(settings, _)| settings.cxone.expect("it is configured"))
    };
    let cxone = with("tenant_id = \"11eb\"").expect("sound");
    assert_eq!((cxone.api_url, cxone.token_url), (None, None));
    let cxone = with("tenant_id = \"11eb\"\napi_url = \"https://api.example\"").expect("sound");
    assert_eq!(cxone.api_url.as_deref(), Some("https://api.example"));
    let errors = with("").expect_err("it can't be asked");
    assert!(errors.contains("cxone.tenant_id: is missing: CXone's id of the tenant"), "{errors}");
}

#[test]
fn what_is_wrong_is_told_by_key_with_a_cure() {
    let errors = parse(
        r#"
[tenants.first-bank.cxone]
push = "mail"
api_url = "http://api.example"
token_url = "https://login.example"
client_id = "me"
path = "/x"
[tenants.first-bank.genesys]
api_url = "http://api.example"
token_url = "ftp://login.example"
client_id = "me"
client_secrets = "x"
path = "/api/{id}"
[[tenants.first-bank.webhooks]]
url = "http://crm.example"
secret = "whsec_canary"
[[tenants.first-bank.webhooks]]
name = "A b"
url = "https://crm.example"
secret = { file = "src/config/tests/short.secret" }
"#,
        &SECRETS,
    )
    .expect_err("all of it is wrong");
    for part in [
        "cxone.push: must be \"patch\" or \"signal\"",
        "genesys.api_url: must be an https address",
        "genesys.token_url: must be an https address",
        "genesys.path: must begin with / and hold {id} and {participant}",
        "genesys.client_secrets: is unknown; the nearest known key is client_secret",
        "webhooks[0].secret: comes from a file or the environment",
        "webhooks[1].secret: the file that it names can't be read",
    ] {
        assert!(errors.contains(&format!("tenants.first-bank.{part}")), "{part}\nis not in\n{errors}");
    }
    assert!(!errors.contains("canary"), "a secret is shown");
}
