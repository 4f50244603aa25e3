//! Access tokens: one is kept while it is good, renewed before it expires, and asked for by one at a time. What a token
//! endpoint answers is never shown.

use super::address::form;
use super::answer::Answer;
use super::discovery::Place;
use super::settings::GrantSettings;
use crate::domain::bringing_back::{Pause, Pushed};
use crate::domain::identifiers::TenantName;
use crate::secrets::Secret;
use crate::telemetry::metrics;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A token is renewed so long before it expires; one that lives less than twice as long, at half its life.
const RENEW_BEFORE: Duration = Duration::from_secs(120);
/// A token that says nothing of its life.
const LIFE: u64 = 600;
const LIFE_MAX: u64 = 30 * 24 * 60 * 60;
/// A token that could not be renewed, and is still good, is renewed again after this time.
const RENEW_AGAIN: Duration = Duration::from_secs(5);

/// The token of one client at one platform.
pub(super) struct Tokens {
    whose: (TenantName, &'static str),
    url: Place,
    grant: GrantSettings,
    timeout: Duration,
    client: Client,
    /// Whoever holds the lock asks for a token; others wait for what that comes to.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    good: Option<Good>,
    failed_at: Option<(Instant, &'static str)>,
}

struct Good {
    token: Arc<Secret>,
    renew_at: Instant,
    until: Instant,
}

impl Tokens {
    pub(super) fn new(
        whose: (TenantName, &'static str),
        (url, grant): (Place, GrantSettings),
        timeout: Duration,
        client: Client,
    ) -> Self {
        Self { whose, url, grant, timeout, client, kept: Mutex::default() }
    }

    /// A token that is good, as far as is known.
    pub(super) async fn get(&self) -> Result<Arc<Secret>, Pushed> {
        self.another(None).await
    }

    /// Another one in the place of one that was refused.
    pub(super) async fn renew(&self, refused: &Arc<Secret>) -> Result<Arc<Secret>, Pushed> {
        self.another(Some(refused)).await
    }

    async fn another(&self, refused: Option<&Arc<Secret>>) -> Result<Arc<Secret>, Pushed> {
        let asked_at = Instant::now();
        let mut kept = self.kept.lock().await;
        let now = Instant::now();
        if let Some(refused) = refused {
            kept.good = kept.good.take().filter(|good| !Arc::ptr_eq(&good.token, refused));
        }
        if let Some(good) = kept.good.as_ref().filter(|good| now < good.renew_at) {
            return Ok(good.token.clone());
        }
        // Somebody else has asked meanwhile, in vain.
        if let Some((_, why)) = kept.failed_at.filter(|(at, _)| *at >= asked_at) {
            return Err(put_off(why));
        }
        let url = match self.url.get().await {
            Ok(url) => url,
            Err(failed) => {
                kept.failed_at = Some((Instant::now(), failed.why()));
                return Err(failed);
            }
        };
        let asked = self.request(&url).await;
        let (tenant, platform) = &self.whose;
        let result = if asked.is_ok() { "granted" } else { "failed" };
        metrics::TOKENS.add(&[tenant.as_str(), platform, result], 1);
        match asked {
            Ok(good) => {
                kept.failed_at = None;
                Ok(kept.good.insert(good).token.clone())
            }
            Err(why) => {
                let now = Instant::now();
                kept.failed_at = Some((now, why));
                if let Some(good) = kept.good.as_mut().filter(|good| now < good.until) {
                    tracing::warn!(%tenant, platform, why, "the access token can't be renewed; it is still good");
                    good.renew_at = now + RENEW_AGAIN;
                    return Ok(good.token.clone());
                }
                tracing::error!(%tenant, platform, why, "no access token: decisions can't go back there");
                Err(put_off(why))
            }
        }
    }

    async fn request(&self, url: &str) -> Result<Good, &'static str> {
        let answer = Answer::to(self.draft(url), self.timeout).await.map_err(|failed| match failed {
            Pushed::Later { left: false, .. } => "the token endpoint can't be reached; check token_url",
            _ => "the token endpoint did not answer in time, or broke off",
        })?;
        read(&answer)
    }

    fn draft(&self, url: &str) -> RequestBuilder {
        let request = self.client.post(url).header("Accept", "application/json");
        let by_form = |request: RequestBuilder, id: &str, secret: &Secret, text: String| {
            let request = request.header("Authorization", basic(id, secret));
            request.header("Content-Type", "application/x-www-form-urlencoded").body(text)
        };
        match &self.grant {
            GrantSettings::ClientCredentials { id, secret, scope } => {
                let mut pairs = vec![("grant_type", "client_credentials")];
                pairs.extend(scope.iter().map(|scope| ("scope", scope.as_str())));
                by_form(request, id, secret, form(&pairs))
            }
            GrantSettings::Password { id, secret, key_id, key_secret } => {
                let (username, password) = (("username", key_id.as_str()), ("password", key_secret.expose()));
                by_form(request, id, secret, form(&[("grant_type", "password"), username, password]))
            }
            GrantSettings::AccessKey { id, secret } => {
                let body = json!({ "accessKeyId": id, "accessKeySecret": secret.expose() });
                request.header("Content-Type", "application/json").body(body.to_string())
            }
        }
    }
}

fn put_off(why: &'static str) -> Pushed {
    Pushed::Later { why, left: false, pause: Some(Pause::Growing) }
}

/// RFC 6749, 2.3.1: each part is encoded as in a form.
fn basic(id: &str, secret: &Secret) -> String {
    let text = format!("{}:{}", super::address::encode(id), super::address::encode(secret.expose()));
    format!("Basic {}", STANDARD.encode(text))
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    #[serde(default)]
    expires_in: Value,
}

fn read(answer: &Answer) -> Result<Good, &'static str> {
    match answer.status {
        200..=299 => {}
        300..=399 => return Err("the token endpoint leads elsewhere; set token_url to where it leads"),
        400..=403 => {
            return Err("the token endpoint refuses the client; check its id, its secret and the grant");
        }
        404 | 405 => return Err("there is no token endpoint at token_url; check it"),
        429 => return Err("the token endpoint takes no more just now"),
        _ => return Err("the token endpoint answers with an error"),
    }
    if answer.is_html {
        return Err("the token endpoint answers with a page instead of a token; check token_url");
    }
    let given: Given = serde_json::from_slice(&answer.body)
        .map_err(|_| "the token endpoint's answer holds no access_token; check token_url and the grant")?;
    let visible = !given.access_token.is_empty() && given.access_token.bytes().all(|b| b.is_ascii_graphic());
    if !visible {
        return Err("the token endpoint's answer holds no access_token that can be sent");
    }
    let text = given.expires_in.as_str().and_then(|text| text.parse().ok());
    let life = given.expires_in.as_u64().or(text).unwrap_or(LIFE).min(LIFE_MAX);
    let life = Duration::from_secs(life);
    let now = Instant::now();
    let renew_at = now + life - RENEW_BEFORE.min(life / 2);
    Ok(Good { token: Arc::new(Secret::new(given.access_token)), renew_at, until: now + life })
}

#[cfg(test)]
mod tests;
