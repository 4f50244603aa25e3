//! `POST /v1/events` and `GET /v1/events/{eventId}`.

use super::auth::Role;
use super::problem::Problem;
use super::request::{bad_query, place, query};
use super::timing::Timing;
use super::{answer, body};
use crate::application::gateway::Desk;
use crate::application::look_up::WAIT_MAX;
use crate::application::ports::Mode;
use crate::application::submit_event::{Refusal, Reply, Submission};
use crate::application::{look_up as looking_up, submit_event};
use crate::domain::event::FieldFault;
use crate::domain::identifiers::EventId;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use std::time::Duration;
use tokio::time::Instant;

/// The longest idempotency key, in characters.
const KEY_MAX: usize = 255;

/// Scores one event now, or takes it in.
pub(super) async fn submit(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let received = Instant::now();
    let mut timing = Timing::since(received);
    let mut answer =
        take_in(&request, payload, (received, &mut timing)).await.unwrap_or_else(HttpResponse::from);
    timing.end();
    timing.tell(&mut answer);
    answer
}

async fn take_in(
    request: &HttpRequest,
    payload: web::Payload,
    (received, timing): (Instant, &mut Timing),
) -> Result<HttpResponse, Problem> {
    let (desk, tenant) = place(request, &[Role::Caller])?;
    let mode = mode(request)?;
    let idempotency_key = idempotency_key(request)?;
    is_open(desk)?;
    let counted = desk.gateway.count_request(&tenant).map_err(too_many);
    let place = counted.and_then(|()| desk.gateway.places.enter(&tenant).ok_or_else(overloaded));
    // Kept until it is answered.
    let _place = match place {
        Ok(place) => place,
        Err(problem) => return Err(body::refuse(payload, problem).await),
    };
    let body = body::read(request, payload).await?;
    timing.received();
    // The end may have begun while the body came.
    is_open(desk)?;
    let event = body::parse(&body)?;
    let back = tenant.back(None, &event);
    let deadline = tenant.policy.deadline;
    let fingerprint = event.fingerprint();
    let call = Submission {
        tenant: &tenant,
        event: &event,
        fingerprint,
        mode,
        idempotency_key,
        received,
        deadline,
        back,
    };
    let reply = submit_event::submit(desk, call).await;
    if let Ok(Reply { times, .. }) = &reply {
        timing.attempt(*times);
    }
    reply.map(respond).map_err(|refusal| refuse(refusal, idempotency_key.is_some()))
}

fn respond(reply: Reply) -> HttpResponse {
    let decides = reply.mode.is_told_the_decision();
    let status = if decides { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, "application/json"));
    if reply.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.body(web::Bytes::from_owner(reply.body))
}

/// There is no place just now. Said before anything of the body is read.
pub(super) fn overloaded() -> Problem {
    let detail = "more calls are under way than can be served in time: nothing is promised, send it again under the same id";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overload", "Too much to do", detail)
        .with_header(header::RETRY_AFTER, "1")
}

pub(super) fn refuse(refusal: Refusal, by_key: bool) -> Problem {
    match refusal {
        Refusal::Invalid(faults) => invalid(faults),
        Refusal::OtherBody => {
            let detail = if by_key {
                "this Idempotency-Key or eventId stands for another body already: a new event needs new ones"
            } else {
                "this eventId stands for another body already: a new event needs a new id"
            };
            let title = "The name of another event";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "other_body", title, detail)
        }
        Refusal::InFlight => {
            let detail = "the same call is under way: ask again in a second and hear its answer";
            Problem::new(StatusCode::CONFLICT, "in_flight", "Under way", detail)
                .with_header(header::RETRY_AFTER, "1")
        }
        Refusal::NoCallback => {
            let detail = "mode=async needs a callback_id, which this tenant has not: use sync or ack";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_callback", "No callback", detail)
        }
        Refusal::Store => store_unavailable(),
    }
}

pub(super) fn invalid(faults: Vec<FieldFault>) -> Problem {
    let count = faults.len();
    let detail = format!("{count} of the event's fields can't be taken as they are: see errors");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_event", "Not a valid event", detail)
        .with_errors(faults)
}

/// Nothing new is taken in once the gateway ends.
pub(super) fn is_open(desk: &Desk) -> Result<(), Problem> {
    if !desk.gateway.ending.has_begun() {
        return Ok(());
    }
    let detail =
        "this gateway is ending, so nothing is promised: send it again under the same id, here or elsewhere";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "Ending", detail);
    Err(problem.with_header(header::RETRY_AFTER, "1").closing())
}

pub(super) fn too_many(wait: Duration) -> Problem {
    let detail = "this tenant sends more requests a second than agreed (limits.requests_per_second): send it again later";
    let seconds = wait.as_secs() + 1;
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests", detail)
        .with_header(header::RETRY_AFTER, seconds.to_string())
}

pub(super) fn store_unavailable() -> Problem {
    let detail = "the gateway can't record just now, so nothing is promised: send it again under the same id";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "Can't record", detail)
        .with_header(header::RETRY_AFTER, "1")
}

/// What became of an event.
pub(super) async fn look_up(request: HttpRequest) -> HttpResponse {
    looked_up(&request).await.unwrap_or_else(HttpResponse::from)
}

async fn looked_up(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let (desk, tenant) = place(request, &Role::ALL)?;
    let wait = wait(request)?;
    let unknown = || {
        let detail = "this tenant has no event of that id";
        Problem::new(StatusCode::NOT_FOUND, "unknown_event", "Unknown event", detail)
    };
    let id = request.match_info().get("eventId").and_then(EventId::parse).ok_or_else(unknown)?;
    let view = looking_up::look_up(desk, &tenant.name, &id, wait).await.map_err(|_| store_unavailable())?;
    let view = view.ok_or_else(unknown)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(answer::view(&id, &view)))
}

fn mode(request: &HttpRequest) -> Result<Mode, Problem> {
    match query(request, "mode").as_deref() {
        None | Some("sync") => Ok(Mode::Sync),
        Some("ack") => Ok(Mode::Ack),
        Some("async") => Ok(Mode::Async),
        Some(_) => Err(bad_query("mode must be sync, ack or async")),
    }
}

fn wait(request: &HttpRequest) -> Result<Duration, Problem> {
    let Some(text) = query(request, "wait") else { return Ok(Duration::ZERO) };
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let seconds = seconds.ok_or_else(|| bad_query("wait must be a number of seconds, 30 at most"))?;
    Ok(Duration::from_secs_f64(seconds.min(WAIT_MAX.as_secs_f64())))
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let Some(value) = request.headers().get("Idempotency-Key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > KEY_MAX {
        let detail = "Idempotency-Key must be 1 to 255 visible ASCII characters";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_key", "A wrong Idempotency-Key", detail));
    }
    Ok(Some(key))
}
