//! Token endpoints: the client-credentials grant, the password grant and the access key, and who holds a token that is
//! good. Whoever asks is believed, as long as the request has the form that its grant has.

use super::Platforms;
use super::told::Token;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, Form, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const EXPIRES_IN: u64 = 3600;
/// Tokens that are remembered; the oldest is forgotten first.
const TOKENS_MAX: usize = 10_000;

/// Where the platforms hand out tokens.
const FORM_PATHS: [&str; 3] = ["/auth/token", "/api/v2/oauth/token", "/oauth/token"];
const ACCESS_KEY_PATH: &str = "/authentication/v1/token/access-key";

#[derive(Default)]
pub(super) struct Tokens(Mutex<Issued>);

#[derive(Default)]
struct Issued {
    good: VecDeque<(String, Instant)>,
    asked: Asked,
    number: u64,
}

/// Who asked.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    /// How often.
    requests: u64,
    /// How many at this moment.
    now: u64,
    /// How many at the same time at most.
    concurrent_max: u64,
    /// Tokens that were given.
    given: u64,
    /// By which grant the last one asked.
    last_grant: Option<&'static str>,
    /// For which client, or with which access key.
    last_client: Option<String>,
    /// For what, where that was said.
    last_scope: Option<String>,
}

impl Tokens {
    pub(super) fn asked(&self) -> Asked {
        self.issued().asked.clone()
    }

    pub(super) fn forget(&self) {
        let mut issued = self.issued();
        issued.asked = Asked { now: issued.asked.now, ..Asked::default() };
    }

    /// No token is good any more.
    pub(super) fn revoke(&self) {
        self.issued().good.clear();
    }

    /// Whether a request carries a token that is good.
    pub(super) fn admit(&self, request: &HttpRequest) -> bool {
        let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = value.and_then(|value| value.strip_prefix("Bearer ")) else { return false };
        let now = Instant::now();
        self.issued().good.iter().any(|(good, until)| good == token && *until > now)
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, expires_in: u64) -> String {
        let mut issued = self.issued();
        issued.number += 1;
        issued.asked.given += 1;
        let token = format!("simulated-token-{}", issued.number);
        issued.good.push_back((token.clone(), Instant::now() + Duration::from_secs(expires_in)));
        if issued.good.len() > TOKENS_MAX {
            issued.good.pop_front();
        }
        token
    }
}

/// Counts a request for as long as it is here.
struct Here<'t>(&'t Tokens);

impl<'t> Here<'t> {
    fn enter(tokens: &'t Tokens) -> Self {
        let mut issued = tokens.issued();
        let asked = &mut issued.asked;
        asked.requests += 1;
        asked.now += 1;
        asked.concurrent_max = asked.concurrent_max.max(asked.now);
        Self(tokens)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.issued().asked.now -= 1;
    }
}

pub(super) fn routes(config: &mut ServiceConfig) {
    for path in FORM_PATHS {
        config.route(path, web::post().to(by_form));
    }
    config.route(ACCESS_KEY_PATH, web::post().to(by_access_key));
}

/// What a request asks for, in the form of its grant.
struct Request {
    grant: &'static str,
    client: String,
    scope: Option<String>,
}

async fn by_form(request: HttpRequest, body: Bytes, platforms: Data<Platforms>) -> HttpResponse {
    let read = read_form(&request, &body).await;
    answer(&platforms, read).await
}

async fn by_access_key(body: Bytes, platforms: Data<Platforms>) -> HttpResponse {
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let read = text("accessKeyId").filter(|_| text("accessKeySecret").is_some());
    let read = read.map(|client| Request { grant: "access_key", client, scope: None });
    answer(&platforms, read.ok_or("accessKeyId and accessKeySecret are missing")).await
}

async fn read_form(request: &HttpRequest, body: &Bytes) -> Result<Request, &'static str> {
    let mut payload = actix_web::dev::Payload::from(body.clone());
    let form = Form::<BTreeMap<String, String>>::from_request(request, &mut payload).await;
    let form = form.map_err(|_| "the body is no form")?.into_inner();
    let client = basic(request).ok_or("the client does not say who it is by Basic authentication")?;
    let has = |name: &str| form.get(name).is_some_and(|text| !text.is_empty());
    let grant = match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => "client_credentials",
        Some("password") if has("username") && has("password") => "password",
        _ => return Err("the grant type is another, or something is missing"),
    };
    Ok(Request { grant, client, scope: form.get("scope").cloned() })
}

/// The client's id, where an id and a secret are given.
fn basic(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let text = String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    (!id.is_empty() && !secret.is_empty()).then(|| id.to_owned())
}

async fn answer(platforms: &Platforms, read: Result<Request, &'static str>) -> HttpResponse {
    let tokens = &platforms.tokens;
    let _here = Here::enter(tokens);
    let told: Token = platforms.known().told.token.clone();
    sleep(Duration::from_millis(told.delay_ms).min(super::DELAY_MAX)).await;
    if told.html {
        return HttpResponse::Ok().content_type("text/html").body("<html><body>Sign in</body></html>");
    }
    if let Some(status) = told.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        return HttpResponse::build(status).json(json!({ "error": "told to answer so" }));
    }
    let request = match read {
        Ok(request) => request,
        Err(why) => {
            let error = json!({ "error": "invalid_request", "error_description": why });
            return HttpResponse::BadRequest().json(error);
        }
    };
    let expires_in = told.expires_in.unwrap_or(EXPIRES_IN);
    let token = tokens.give(expires_in);
    {
        let asked = &mut tokens.issued().asked;
        asked.last_grant = Some(request.grant);
        asked.last_client = Some(request.client);
        asked.last_scope = request.scope;
    }
    HttpResponse::Ok()
        .json(json!({ "access_token": token, "token_type": "bearer", "expires_in": expires_in }))
}
