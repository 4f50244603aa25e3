//! The platforms of a tenant as they are configured, and what is wrong with that.

use crate::secrets::Secret;
use crate::tls::is_safe;
use std::time::Duration;

/// The names by which events say where they are from.
pub(super) const CXONE: &str = "cxone";
pub(super) const GENESYS: &str = "genesys";

const ADDRESS: &str = "must be an https address; plain http is for loopback addresses alone";
const PATH: &str = "must begin with / and hold {id} where the interaction's id goes";

/// Where a tenant's decisions can go back to.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// CXone.
    pub cxone: Option<CxoneSettings>,
    /// Genesys Cloud.
    pub genesys: Option<GenesysSettings>,
    /// Whoever listens.
    pub webhooks: Vec<WebhookSettings>,
}

/// Who says where CXone's API and its token endpoint are.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Where it is.
    pub url: String,
    /// CXone's own id of the tenant.
    pub tenant_id: String,
}

/// How a token is asked for.
#[derive(Clone, Debug)]
pub enum GrantSettings {
    /// OAuth 2.
    ClientCredentials {
        /// The client.
        id: String,
        /// What proves it.
        secret: Secret,
        /// What for.
        scope: Option<String>,
    },
    /// An access key, by JSON.
    AccessKey {
        /// Its id.
        id: String,
        /// What proves it.
        secret: Secret,
    },
    /// A client with an access key in the place of name and password.
    Password {
        /// The client.
        id: String,
        /// What proves it.
        secret: Secret,
        /// The access key's id.
        key_id: String,
        /// What proves that.
        key_secret: Secret,
    },
}

/// How a decision is brought into CXone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaySettings {
    /// As attributes of the interaction.
    Patch,
    /// As a signal to the live contact.
    Signal,
}

impl WaySettings {
    /// All there are, with their words.
    pub const ALL: [(&str, Self); 2] = [("patch", Self::Patch), ("signal", Self::Signal)];

    /// The usual path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Patch => "/api/v2/interactions/{id}",
            Self::Signal => "/inContactAPI/services/{version}/interactions/{id}/signal",
        }
    }
}

/// CXone.
#[derive(Clone, Debug)]
pub struct CxoneSettings {
    /// Who says where the rest is.
    pub issuer: Option<IssuerSettings>,
    /// Its API, unless the issuer says where that is.
    pub api_url: Option<String>,
    /// Its token endpoint, unless the issuer says where that is.
    pub token_url: Option<String>,
    /// How decisions are brought.
    pub way: WaySettings,
    /// Where, behind `api_url`.
    pub path: String,
    /// The version of its API, where the path names it.
    pub version: String,
    /// How a token is asked for.
    pub grant: GrantSettings,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Genesys Cloud.
#[derive(Clone, Debug)]
pub struct GenesysSettings {
    /// Its API.
    pub api_url: String,
    /// Where a participant's attributes are set, behind `api_url`.
    pub path: String,
    /// Where a conversation is looked up.
    pub conversation_path: String,
    /// Its token endpoint.
    pub token_url: String,
    /// How a token is asked for.
    pub grant: GrantSettings,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Somebody who listens.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// By which it is known.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// What it verifies with.
    pub secret: Secret,
    /// What it may still verify with, while that is changed.
    pub secret_previous: Option<Secret>,
    /// How long one request may take.
    pub timeout: Duration,
}

/// A key and what is wrong with it.
type Fault = (&'static str, &'static str);

impl Settings {
    /// The names of all targets.
    pub fn targets(&self) -> Vec<String> {
        let platforms = [self.cxone.as_ref().map(|_| CXONE), self.genesys.as_ref().map(|_| GENESYS)];
        let platforms = platforms.into_iter().flatten().map(str::to_owned);
        platforms.chain(self.webhooks.iter().map(WebhookSettings::target)).collect()
    }
}

impl CxoneSettings {
    /// All that is wrong.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let issuer = self.issuer.as_ref().map(|issuer| &issuer.url);
        let addresses =
            [("issuer", issuer), ("api_url", self.api_url.as_ref()), ("token_url", self.token_url.as_ref())];
        let unsafe_ones = addresses.into_iter().filter(|(_, url)| url.is_some_and(|url| !is_safe(url)));
        faults.extend(unsafe_ones.map(|(key, _)| (key, ADDRESS)));
        faults.extend((!is_path(&self.path, &["{id}"])).then_some(("path", PATH)));
        faults
    }
}

impl GenesysSettings {
    /// All that is wrong.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        faults.extend((!is_safe(&self.api_url)).then_some(("api_url", ADDRESS)));
        faults.extend((!is_safe(&self.token_url)).then_some(("token_url", ADDRESS)));
        let rule = "must begin with / and hold {id} and {participant} where their ids go";
        faults.extend((!is_path(&self.path, &["{id}", "{participant}"])).then_some(("path", rule)));
        faults.extend((!is_path(&self.conversation_path, &["{id}"])).then_some(("conversation_path", PATH)));
        faults
    }
}

impl WebhookSettings {
    /// The name of the target.
    pub fn target(&self) -> String {
        format!("webhook:{}", self.name)
    }

    /// All that is wrong.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        faults.extend((!is_safe(&self.url)).then_some(("url", ADDRESS)));
        let rule = "must be whsec_ and 24 to 64 bytes in base64, or a text of 8 bytes at least";
        let is_secret = |secret: &Secret| match super::webhook::key(secret) {
            Some(key) if secret.expose().starts_with("whsec_") => (24..=64).contains(&key.len()),
            Some(key) => key.len() >= 8,
            None => false,
        };
        faults.extend((!is_secret(&self.secret)).then_some(("secret", rule)));
        let previous = self.secret_previous.as_ref();
        faults.extend(previous.is_some_and(|secret| !is_secret(secret)).then_some(("secret_previous", rule)));
        let is_name = |name: &str| {
            (1..=32).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let rule = "must be 1 to 32 of a-z, 0-9 and -";
        faults.extend((!is_name(&self.name)).then_some(("name", rule)));
        faults
    }
}

fn is_path(path: &str, places: &[&str]) -> bool {
    path.starts_with('/') && places.iter().all(|place| path.contains(place)) && !path.contains(['#', ' '])
}
