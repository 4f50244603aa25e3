//! The platforms that the simulator plays: what they are told to do, what was brought to them, and the tables of a tenant
//! whose decisions go back there.

use super::clock::until;
use super::config::Tenant;
use super::folder::Folder;
use super::http::Request;
use super::simulator::Simulator;
use serde_json::Value;

/// What everything is proved with that goes back; each secret stands nowhere else.
pub(crate) const CLIENT_SECRET: &str = "CANARY-client-secret";
pub(crate) const KEY_SECRET: &str = "CANARY-key-secret";
/// Standard Webhooks' own example, and another.
pub(crate) const HOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const OLD_HOOK_SECRET: &str = "CANARY-old-webhook-secret";

/// The files that secrets are read from.
pub(crate) struct Secrets(Folder);

impl Secrets {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        for (name, secret) in [
            ("client", CLIENT_SECRET),
            ("key", KEY_SECRET),
            ("hook", HOOK_SECRET),
            ("old-hook", OLD_HOOK_SECRET),
        ] {
            super::config::write_private(&folder.join(name), secret);
        }
        Self(folder)
    }

    /// A source of a secret, as the configuration has it.
    pub(crate) fn source(&self, name: &str) -> String {
        format!("{{ file = \"{}\" }}", self.0.join(name).display())
    }
}

/// A tenant whose decisions go back to the simulator's CXone, with this laid over.
pub(crate) fn with_cxone(tenant: Tenant, platform: &str, secrets: &Secrets, over: &str) -> Tenant {
    let secret = secrets.source("client");
    let usual = format!(
        "[cxone]\napi_url = \"{platform}\"\ntoken_url = \"{platform}/api/v2/oauth/token\"\n\
         client_id = \"gateway\"\nclient_secret = {secret}\n"
    );
    tenant.with(&usual).with(over)
}

/// A tenant whose decisions go back to the simulator's Genesys.
pub(crate) fn with_genesys(tenant: Tenant, platform: &str, secrets: &Secrets) -> Tenant {
    let secret = secrets.source("client");
    tenant.with(&format!(
        "[genesys]\napi_url = \"{platform}\"\ntoken_url = \"{platform}/oauth/token\"\n\
         client_id = \"gateway\"\nclient_secret = {secret}\n"
    ))
}

/// A tenant whose decisions a webhook hears, at the simulator or elsewhere.
pub(crate) fn with_webhook(tenant: Tenant, url: &str, secrets: &Secrets, over: &str) -> Tenant {
    let secret = secrets.source("hook");
    tenant.with(&format!("[[webhooks]]\nname = \"crm\"\nurl = \"{url}\"\nsecret = {secret}\n{over}"))
}

impl Simulator {
    /// The platforms do this from now on.
    pub(crate) fn platforms_behave(&self, told: &Value) {
        let response = self.call(&Request::new("PUT", "/_sim/platform").body(told.to_string()));
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// What was brought to the platforms, in order; refused requests too.
    pub(crate) fn brought(&self) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let target = format!("/_sim/platform?after={after}");
            let page = self.call(&Request::new("GET", &target)).json()["landed"].take();
            let page = page.as_array().expect("a list").clone();
            let Some(last) = page.last() else { return all };
            after = last["seq"].as_u64().expect("a number");
            all.extend(page);
        }
    }

    /// The same for one interaction, or for one webhook.
    pub(crate) fn brought_to(&self, id: &str) -> Vec<Value> {
        self.brought().into_iter().filter(|landing| landing["id"] == id).collect()
    }

    /// The same, once so many of it are there.
    pub(crate) fn brought_times(&self, id: &str, count: usize) -> Vec<Value> {
        let what = format!("{count} times something for {id}");
        until(&what, || Some(self.brought_to(id)).filter(|brought| brought.len() >= count))
    }

    /// Who asked for tokens, and how often.
    pub(crate) fn tokens(&self) -> Value {
        self.call(&Request::new("GET", "/_sim/platform?limit=0")).json()["tokens"].take()
    }

    /// What stands in an interaction.
    pub(crate) fn interaction(&self, id: &str) -> Option<Value> {
        let response = self.call(&Request::new("GET", &format!("/_sim/interactions/{id}")));
        (response.status == 200).then(|| response.json())
    }
}
