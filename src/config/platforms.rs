//! Where a tenant's decisions go back to: `cxone`, `genesys`, `webhooks`.

use super::section::{Problems, Section};
use crate::platforms::{
    CxoneSettings, GenesysSettings, GrantSettings, IssuerSettings, Settings, WaySettings, WebhookSettings,
};
use std::time::Duration;

/// What [C] asks for.
const CXONE_SCOPE: &str = "interactions:read interactions:write";
const CXONE_VERSION: &str = "v30.0";
const GENESYS_PATH: &str = "/api/v2/conversations/{id}/participants/{participant}/attributes";
const GENESYS_CONVERSATION_PATH: &str = "/api/v2/conversations/{id}";
const TIMEOUT: Duration = Duration::from_secs(5);
const TOKEN_URL: &str = "where access tokens are asked for, such as \"https://…\"";
const GRANTS: &str = "must be \"client_credentials\", \"access_key\" or \"password\"";

pub(super) fn read(section: &mut Section, problems: &mut Problems) -> Settings {
    let cxone = section.has("cxone");
    let mut table = section.section("cxone");
    let cxone = if cxone { read_cxone(&mut table, problems) } else { None };
    table.finish(problems);
    let genesys = section.has("genesys");
    let mut table = section.section("genesys");
    let genesys = if genesys { read_genesys(&mut table, problems) } else { None };
    table.finish(problems);
    Settings { cxone, genesys, webhooks: read_webhooks(section, problems) }
}

fn read_cxone(section: &mut Section, problems: &mut Problems) -> Option<CxoneSettings> {
    let word = section.text_or("push", "patch", problems);
    let way = section.check("push", problems, "must be \"patch\" or \"signal\"", || {
        WaySettings::ALL.into_iter().find_map(|(name, way)| (name == word).then_some(way))
    });
    let (issuer, api_url, token_url) = read_places(section, problems)?;
    let path = section.text_or("path", way.map_or("", WaySettings::path), problems);
    let version = section.text_or("version", CXONE_VERSION, problems);
    let grant = read_grant(section, Some(CXONE_SCOPE), problems);
    let timeout = read_timeout(section, problems);
    let settings =
        CxoneSettings { issuer, api_url, token_url, way: way?, path, version, grant: grant?, timeout };
    note(section, settings.faults(), problems);
    Some(settings)
}

/// The issuer, the API and the token endpoint.
type Places = (Option<IssuerSettings>, Option<String>, Option<String>);

/// Where CXone is: said, or to be asked of an issuer.
fn read_places(section: &mut Section, problems: &mut Problems) -> Option<Places> {
    let issuer = section.optional_text("issuer", problems);
    let tenant_id = section.optional_text("tenant_id", problems);
    let Some(url) = issuer else {
        let api_url = section.text("api_url", "the address of CXone's API, such as \"https://…\"", problems);
        let token_url = section.text("token_url", TOKEN_URL, problems);
        return Some((None, api_url, token_url));
    };
    let (api_url, token_url) =
        (section.optional_text("api_url", problems), section.optional_text("token_url", problems));
    let rule = "is missing: CXone's id of the tenant, which the issuer wants to know";
    let tenant_id = section.check("tenant_id", problems, rule, || tenant_id)?;
    Some((Some(IssuerSettings { url, tenant_id }), api_url, token_url))
}

fn read_genesys(section: &mut Section, problems: &mut Problems) -> Option<GenesysSettings> {
    let cure = "the address of Genesys Cloud's API in your region, such as \"https://api.mypurecloud.com\"";
    let api_url = section.text("api_url", cure, problems);
    let path = section.text_or("path", GENESYS_PATH, problems);
    let conversation_path = section.text_or("conversation_path", GENESYS_CONVERSATION_PATH, problems);
    let token_url = section.text("token_url", TOKEN_URL, problems);
    let grant = read_grant(section, None, problems);
    let timeout = read_timeout(section, problems);
    let settings = GenesysSettings {
        api_url: api_url?,
        path,
        conversation_path,
        token_url: token_url?,
        grant: grant?,
        timeout,
    };
    note(section, settings.faults(), problems);
    Some(settings)
}

fn read_grant(
    section: &mut Section,
    usual_scope: Option<&str>,
    problems: &mut Problems,
) -> Option<GrantSettings> {
    let word = section.text_or("grant", "client_credentials", problems);
    let scope = section.optional_text("scope", problems).or_else(|| usual_scope.map(str::to_owned));
    let scope = scope.filter(|scope| !scope.is_empty());
    let id = section.optional_text("client_id", problems);
    let secret = section.secret("client_secret", problems);
    let key_id = section.optional_text("access_key_id", problems);
    let key_secret = section.secret("access_key_secret", problems);
    match word.as_str() {
        "client_credentials" => {
            let client =
                need(section, [("client_id", id.is_some()), ("client_secret", secret.is_some())], problems);
            client.then_some(GrantSettings::ClientCredentials { id: id?, secret: secret?, scope })
        }
        "password" => {
            let client =
                need(section, [("client_id", id.is_some()), ("client_secret", secret.is_some())], problems);
            let there = [("access_key_id", key_id.is_some()), ("access_key_secret", key_secret.is_some())];
            let both = need(section, there, problems) && client;
            both.then_some(GrantSettings::Password {
                id: id?,
                secret: secret?,
                key_id: key_id?,
                key_secret: key_secret?,
            })
        }
        // A client's own id and secret stand for the key's where that has none.
        "access_key" => {
            let (id, secret) = (key_id.or(id), key_secret.or(secret));
            let there = [("access_key_id", id.is_some()), ("access_key_secret", secret.is_some())];
            need(section, there, problems).then_some(GrantSettings::AccessKey { id: id?, secret: secret? })
        }
        _ => section.check("grant", problems, GRANTS, || None),
    }
}

/// Notes what a grant needs and is not there. What is there and can't be read was noted before.
fn need(section: &Section, keys: [(&str, bool); 2], problems: &mut Problems) -> bool {
    for (key, _) in keys.iter().filter(|(key, there)| !there && !section.has(key)) {
        section.check(key, problems, "is missing: this grant needs it", || None::<()>);
    }
    keys.iter().all(|(_, there)| *there)
}

fn read_webhooks(section: &mut Section, problems: &mut Problems) -> Vec<WebhookSettings> {
    let mut webhooks: Vec<WebhookSettings> = Vec::new();
    for (n, mut entry) in section.list("webhooks", problems).into_iter().enumerate() {
        let name = entry.text_or("name", &n.to_string(), problems);
        let url = entry.text("url", "where decisions are sent, such as \"https://…\"", problems);
        let secret = entry.required_secret("secret", problems);
        let secret_previous = entry.secret("secret_previous", problems);
        let timeout = read_timeout(&mut entry, problems);
        if let (Some(url), Some(secret)) = (url, secret) {
            let webhook = WebhookSettings { name, url, secret, secret_previous, timeout };
            note(&entry, webhook.faults(), problems);
            let is_new = webhooks.iter().all(|other| other.name != webhook.name);
            entry.check("name", problems, "is the name of another webhook already", || is_new.then_some(()));
            webhooks.push(webhook);
        }
        entry.finish(problems);
    }
    webhooks
}

fn read_timeout(section: &mut Section, problems: &mut Problems) -> Duration {
    let range = Duration::from_millis(100)..=Duration::from_secs(10);
    section.duration_or("timeout", TIMEOUT, range, problems)
}

fn note(section: &Section, faults: Vec<(&'static str, &'static str)>, problems: &mut Problems) {
    for (key, rule) in faults {
        section.check(key, problems, rule, || None::<()>);
    }
}
