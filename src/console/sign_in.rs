//! Signing in, by an operator's key, and out.

use super::sessions::{Refused, Sessions};
use super::{COOKIE, Page, html, is_foreign, to, token};
use crate::application::gateway::Desk;
use crate::http::doors::doors;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, SET_COOKIE};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use askama::Template;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Whoever has a wrong key waits so long.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    page: Page,
    wrong: &'static str,
}

/// A form as it was sent.
pub(super) type Form = Result<web::Form<BTreeMap<String, String>>, Error>;

/// The page that asks for a key.
pub(super) fn ask(status: StatusCode, wrong: &'static str) -> HttpResponse {
    html(status, &SignIn { page: Page::nobodys("Sign in"), wrong })
}

pub(super) async fn show() -> HttpResponse {
    ask(StatusCode::OK, "")
}

pub(super) async fn sign_in(request: HttpRequest, form: Form) -> HttpResponse {
    let (sessions, desk) = (request.app_data::<Arc<Sessions>>(), request.app_data::<Desk>());
    let (Some(sessions), Some(desk), Some(doors)) = (sessions, desk, doors(&request)) else {
        return ask(StatusCode::UNAUTHORIZED, "");
    };
    let Ok(form) = form else { return ask(StatusCode::BAD_REQUEST, "That was no key.") };
    if is_foreign(&request) {
        return ask(StatusCode::FORBIDDEN, "That form was not this gateway's.");
    }
    let key = form.get("key").map(|key| key.trim()).unwrap_or_default();
    let signed = sessions.sign_in(&doors.operators, key, desk.gateway.clock.now());
    let is_safe = doors.is_safe;
    drop(doors);
    match signed {
        Ok(token) => {
            tracing::info!("signed in to the console");
            let mut answer = to("/console/now");
            set_cookie(&mut answer, &token, if is_safe { "; Secure" } else { "" });
            answer
        }
        Err(Refused::Wrong) => {
            tracing::warn!("a key for the console was wrong");
            tokio::time::sleep(PAUSE).await;
            ask(StatusCode::UNAUTHORIZED, "This key is not known here.")
        }
        Err(Refused::TooMany) => {
            ask(StatusCode::TOO_MANY_REQUESTS, "Too many keys were wrong. Try again in a minute.")
        }
    }
}

pub(super) async fn sign_out(request: HttpRequest, form: Form) -> HttpResponse {
    let made = super::guest(&request, true).zip(form.ok());
    let is_own = made.is_some_and(|(guest, form)| guest.made(form.get("form").map_or("", String::as_str)));
    if let (true, Some(sessions), Some(token)) =
        (is_own, request.app_data::<Arc<Sessions>>(), token(&request))
    {
        sessions.sign_out(&token);
    }
    let mut answer = to("/console/sign-in");
    if is_own {
        set_cookie(&mut answer, "", "; Max-Age=0");
    }
    answer
}

/// Scripts don't see it, other sites don't send it, and other pages don't get it.
fn set_cookie(answer: &mut HttpResponse, token: &str, more: &str) {
    let cookie = format!("{COOKIE}={token}; Path=/console; HttpOnly; SameSite=Strict{more}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().insert(SET_COOKIE, value);
    }
}
