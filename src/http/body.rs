//! The body of a JSON call: media type, size, time, grammar.

use super::form::{self, Malformed};
use super::json::{self, Unreadable};
use super::problem::Problem;
use crate::domain::field::Field;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, web};
use std::time::Duration;
use tokio::time::timeout;

/// The largest body of one event, in bytes.
pub const SIZE_MAX: usize = 1024 * 1024;
/// A body that is passed over is not longer, in bytes, and there within this time.
const PASSED_OVER_MAX: usize = 64 * 1024;
const PASSED_OVER_IN: Duration = Duration::from_millis(20);
/// A body must have arrived within this time.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Reads the whole body of a call that sends JSON.
pub(super) async fn read(request: &HttpRequest, payload: web::Payload) -> Result<web::Bytes, Problem> {
    check_media_type(request, &[])?;
    whole(request, payload).await
}

/// Reads the whole body of a call from a platform, which may say that JSON is a form, or text.
pub(super) async fn read_mislabelled(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<web::Bytes, Problem> {
    check_media_type(request, &[form::MEDIA_TYPE, "text/plain"])?;
    whole(request, payload).await
}

async fn whole(request: &HttpRequest, payload: web::Payload) -> Result<web::Bytes, Problem> {
    arrived(request, payload, SIZE_MAX).await.map_err(|missing| match missing {
        Missing::TooLarge => too_large(),
        Missing::BrokenOff => broken_off(),
        Missing::TooSlow => {
            let detail = "the body did not arrive within 5 seconds";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "Too slow", detail).closing()
        }
    })
}

/// Why a body is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    TooLarge,
    BrokenOff,
    TooSlow,
}

/// Waits for a whole body, which is small enough and comes in time.
pub(super) async fn arrived(
    request: &HttpRequest,
    payload: web::Payload,
    size_max: usize,
) -> Result<web::Bytes, Missing> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > size_max as u64) {
        return Err(Missing::TooLarge);
    }
    match timeout(TIME_MAX, payload.to_bytes_limited(size_max)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(Missing::BrokenOff),
        Ok(Err(_)) => Err(Missing::TooLarge),
        Err(_) => Err(Missing::TooSlow),
    }
}

/// A call is refused whose body nobody wants. One that is small and there already is passed over, so that its connection goes
/// on; any other ends it.
pub(super) async fn refuse(payload: web::Payload, problem: Problem) -> Problem {
    match timeout(PASSED_OVER_IN, payload.to_bytes_limited(PASSED_OVER_MAX)).await {
        Ok(Ok(Ok(_))) => problem,
        _ => problem.closing(),
    }
}

/// The fields of a body.
pub(super) fn parse(body: &[u8]) -> Result<Field<'_>, Problem> {
    json::read(body).map_err(|unreadable| {
        let title = match unreadable {
            Unreadable::NotJson { .. } => "Not JSON",
            Unreadable::NotAnObject => "Not an object",
            Unreadable::DuplicateKey(_) => "A name twice",
            Unreadable::TooDeep => "Too deep",
        };
        bad(unreadable.name(), title, unreadable.to_string())
    })
}

/// The fields of a body that is JSON, or a form where it is said to be one and is no JSON.
pub(super) fn parse_mislabelled<'b>(request: &HttpRequest, body: &'b [u8]) -> Result<Field<'b>, Problem> {
    let label = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let label = label.unwrap_or_default().trim().to_ascii_lowercase();
    if !label.starts_with(form::MEDIA_TYPE) || !form::is_form(body) {
        return parse(body);
    }
    form::read(body).map_err(|malformed| {
        let (name, title) = match malformed {
            Malformed::NotText => ("not_form", "Not a form"),
            Malformed::DuplicateKey(_) => ("duplicate_key", "A name twice"),
            Malformed::TooMany => ("too_many_fields", "Too many fields"),
        };
        bad(name, title, malformed.to_string())
    })
}

fn bad(name: &'static str, title: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, name, title, detail)
}

pub(super) fn broken_off() -> Problem {
    bad("broken_off", "The body broke off", "the body ended before its announced end".to_owned()).closing()
}

fn too_large() -> Problem {
    let detail = format!("the body of one event is {SIZE_MAX} bytes at most");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large", detail).closing()
}

/// `application/json`, or a type that ends with `+json`, or one of those others, in UTF-8; a call without a type is taken
/// as JSON.
pub(super) fn check_media_type(request: &HttpRequest, others: &[&str]) -> Result<(), Problem> {
    let refuse = |detail: &'static str| {
        let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Another media type");
        Err(Problem::new(status, "unsupported_media_type", title, detail).closing())
    };
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return refuse("send the body without compression");
    }
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return Ok(()) };
    let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if media_type != "application/json"
        && !(media_type.starts_with("application/") && media_type.ends_with("+json"))
        && !others.contains(&media_type)
    {
        return refuse("send JSON: Content-Type: application/json");
    }
    let charset = parts.find_map(|parameter| parameter.strip_prefix("charset="));
    if charset.is_some_and(|charset| charset.trim_matches('"') != "utf-8") {
        return refuse("send JSON in UTF-8");
    }
    Ok(())
}
