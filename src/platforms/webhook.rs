//! Webhooks: each decision of a tenant, signed by the Standard Webhooks rules, for whoever listens.

use super::answer::Answer;
use super::said::{LateDocument, raw, time};
use super::settings::WebhookSettings;
use crate::application::ports::Push;
use crate::domain::bringing_back::Pushed;
use crate::secrets::Secret;
use crate::telemetry;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use ring::hmac;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What a secret begins with that is written in base64.
const ENCODED: &str = "whsec_";

pub(super) struct Webhook {
    client: Client,
    url: String,
    keys: Vec<hmac::Key>,
    timeout: Duration,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: String,
    data: Box<RawValue>,
}

impl Webhook {
    pub(super) fn new(settings: &WebhookSettings, client: &Client) -> Self {
        let secrets = std::iter::once(&settings.secret).chain(&settings.secret_previous);
        let key = |secret: &Secret| Some(hmac::Key::new(hmac::HMAC_SHA256, &key(secret)?));
        Self {
            client: client.clone(),
            url: settings.url.clone(),
            keys: secrets.filter_map(key).collect(),
            timeout: settings.timeout,
        }
    }

    pub(super) async fn push(&self, push: &Push) -> Pushed {
        let (id, at, body) = (message_id(push), telemetry::now().as_second(), body(push));
        let request = self.client.post(&self.url).header("Content-Type", "application/json");
        let request = request.header("webhook-id", &id).header("webhook-timestamp", at);
        let request = request.header("webhook-signature", signatures(&self.keys, &id, at, &body));
        match Answer::to(request.body(body), self.timeout).await {
            // Only 410 says that nobody listens any more; another address may be meant.
            Ok(answer) if answer.status == 404 => Pushed::Refused("not_found"),
            Ok(answer) => answer.judge(),
            Err(failed) => failed,
        }
    }
}

/// The bytes that are signed with; `None` where the secret is not what it looks like.
pub(super) fn key(secret: &Secret) -> Option<Vec<u8>> {
    match secret.expose().strip_prefix(ENCODED) {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => Some(secret.expose().as_bytes().to_vec()),
    }
}

/// The same for each attempt, and for nothing else.
fn message_id(push: &Push) -> String {
    let (tenant, target, event) = (&push.tenant, &push.target, &push.event_id);
    let text = format!("{tenant}\n{target}\n{event}\n{}\n{}\n{}", push.kind.name(), push.at, push.id);
    let mut digits = hex::encode(Sha256::digest(text));
    digits.truncate(32);
    format!("msg_{digits}")
}

/// The decision's document as it was told; behind it what came late, where that goes back.
fn body(push: &Push) -> String {
    let mut data = String::from_utf8_lossy(&push.words).into_owned();
    if let Some(late) = &push.late
        && data.pop() == Some('}')
    {
        let late = serde_json::to_string(&LateDocument::of(late)).unwrap_or_default();
        data.push_str(&format!(",\"late\":{late}}}"));
    }
    let body = Body { r#type: push.kind.name(), timestamp: time(push.at), data: raw(data) };
    serde_json::to_string(&body).unwrap_or_default()
}

fn signatures(keys: &[hmac::Key], id: &str, at: i64, body: &str) -> String {
    let text = format!("{id}.{at}.{body}");
    let sign = |key| format!("v1,{}", STANDARD.encode(hmac::sign(key, text.as_bytes())));
    keys.iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::said::tests::{WORDS, late, push};
    use super::*;
    use serde_json::Value;

    fn keys(secrets: &[&str]) -> Vec<hmac::Key> {
        let bytes = |secret: &&str| key(&Secret::new((*secret).to_owned())).expect("a secret");
        secrets.iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, &bytes(secret))).collect()
    }

    /// The first is the example of the Standard Webhooks specification; the others were made with Python's `hmac`.
    #[test]
    fn signatures_are_those_of_other_tools() {
        let (id, at, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        let encoded = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signatures(&keys(&[encoded]), id, at, body), one);
        let raw = "a secret in plain text, ü";
        let other = "v1,4qwBfMiiTEnaVeuvTe5HqU4RGPGYqk24n/tyk4DsX/0=";
        assert_eq!(signatures(&keys(&[raw]), id, at, body), other);
        assert_eq!(signatures(&keys(&[raw, encoded]), id, at, body), format!("{other} {one}"));
    }

    #[test]
    fn the_body_holds_the_document_as_it_was_told() {
        let text = body(&push("webhook:crm", WORDS, None));
        let head = r#"{"type":"decision","timestamp":"2026-11-22T08:00:00.123Z","data":"#;
        assert_eq!(text, format!("{head}{WORDS}}}"));
        let text = body(&push("webhook:crm", WORDS, Some(late())));
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&value["type"], &value["data"]["decision"]), (&"late".into(), &"REVIEW".into()));
        assert_eq!(value["data"]["late"]["decision"], "BLOCK");
        assert!(text.contains("73.50") && text.contains(r#""riskScore":95.0"#), "{text}");
    }

    #[test]
    fn an_id_is_one_messages_own() {
        let one = push("webhook:crm", WORDS, None);
        let again = Push { attempts: 3, fence: 9, ..one.clone() };
        assert_eq!(message_id(&one), message_id(&again));
        let other = Push { target: "webhook:other".to_owned(), ..one.clone() };
        assert_ne!(message_id(&one), message_id(&other));
        assert_eq!(message_id(&one).len(), 36);
    }
}
