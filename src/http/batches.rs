//! `POST /v1/batches` and `GET /v1/batches/{batchId}`.

use super::answer::time;
use super::auth::Role;
use super::body;
use super::events::{is_open, store_unavailable, too_many};
use super::json::{self, Unreadable};
use super::pieces::{Piece, Pieces, Wrong};
use super::problem::Problem;
use super::request::{bad_query, place, query};
use crate::application::gateway::Desk;
use crate::application::ports::{BatchView, Mode};
use crate::application::submit_batch::{Halt, Intake, Told};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The largest body of a batch, in bytes.
const SIZE_MAX: usize = 64 * 1024 * 1024;
/// Within this time so much of the body must have come, whatever the whole takes.
const PROGRESS_TIME: Duration = Duration::from_secs(5);
const PROGRESS_BYTES: usize = 1024;

/// Takes a batch in.
pub(super) async fn submit(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let received = Instant::now();
    take_in(&request, payload, received).await.unwrap_or_else(HttpResponse::from)
}

async fn take_in(
    request: &HttpRequest,
    payload: web::Payload,
    received: Instant,
) -> Result<HttpResponse, Problem> {
    let (desk, tenant) = place(request, &[Role::Caller])?;
    let mode = match query(request, "mode").as_deref() {
        None | Some("ack") => Mode::Batch,
        Some("async") => Mode::AsyncBatch,
        Some(_) => return Err(bad_query("mode must be ack or async: a batch brings no scores")),
    };
    is_open(desk)?;
    desk.gateway.count_request(&tenant).map_err(too_many)?;
    let lines = media_type(request)?;
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > SIZE_MAX as u64) {
        return Err(too_large());
    }
    let intake = Intake::begin(desk, tenant, mode, received).ok_or_else(|| backlog().closing())?;
    let reading = Reading { desk: desk.clone(), intake, pieces: Pieces::new(lines), came: 0 };
    // The intake belongs to the batch and not to the caller's connection: what is recorded is sent, whoever hangs up.
    match tokio::task::spawn_local(reading.run(payload)).await {
        Ok(answered) => answered,
        Err(_) => Err(store_unavailable()),
    }
}

/// A body while it comes.
struct Reading {
    desk: Desk,
    intake: Intake,
    pieces: Pieces,
    came: usize,
}

impl Reading {
    async fn run(mut self, mut payload: web::Payload) -> Result<HttpResponse, Problem> {
        let read = self.read(&mut payload).await;
        if let Err(problem) = read {
            let good = self.intake.good();
            self.intake.break_off().await;
            let more = format!("; {good} lines before are taken in, and known when they come again");
            return Err(problem.adding(&more));
        }
        match self.intake.end().await {
            Ok((Some(id), _)) => Ok(accepted(&id)),
            Ok((None, told)) => Ok(no_good_line(&told)),
            Err(halt) => Err(halted(&halt)),
        }
    }

    async fn read(&mut self, payload: &mut web::Payload) -> Result<(), Problem> {
        let mut into = Vec::new();
        let mut patience = Patience::default();
        while let Some(bytes) = patience.next(payload).await? {
            self.came += bytes.len();
            if self.came > SIZE_MAX {
                return Err(too_large());
            }
            self.pieces.push(&bytes, &mut into);
            self.take(&mut into).await?;
        }
        std::mem::replace(&mut self.pieces, Pieces::new(true)).end(&mut into);
        self.take(&mut into).await
    }

    async fn take(&mut self, pieces: &mut Vec<Piece>) -> Result<(), Problem> {
        for Piece { number, body } in pieces.drain(..) {
            is_open(&self.desk).map_err(Problem::closing)?;
            let body = match body {
                Ok(body) => body,
                Err(wrong) => {
                    let (problem, detail) = wrong_piece(wrong);
                    self.intake.fail(number, problem, &detail);
                    continue;
                }
            };
            match json::read(&body) {
                Ok(event) => {
                    self.intake.take(number, &event).await.map_err(|halt| halted(&halt).closing())?;
                }
                Err(unreadable) => self.intake.fail(number, unreadable.name(), &unreadable_line(&unreadable)),
            }
        }
        Ok(())
    }
}

/// A caller may take long over a body, but not over each part of it. What the gateway itself takes does not count.
#[derive(Default)]
struct Patience {
    waited: Duration,
    came: usize,
}

impl Patience {
    async fn next(&mut self, payload: &mut web::Payload) -> Result<Option<web::Bytes>, Problem> {
        let begun = Instant::now();
        let next = timeout_at(begun + PROGRESS_TIME.saturating_sub(self.waited), payload.next()).await;
        self.waited += begun.elapsed();
        match next {
            Ok(None) => Ok(None),
            Ok(Some(Ok(bytes))) => {
                self.came += bytes.len();
                if self.came >= PROGRESS_BYTES {
                    *self = Self::default();
                }
                Ok(Some(bytes))
            }
            Ok(Some(Err(_))) => Err(body::broken_off()),
            Err(_) => {
                let detail = "the body of a batch must bring 1024 bytes each 5 seconds";
                Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "Too slow", detail).closing())
            }
        }
    }
}

/// Whether the body is lines whatever it begins with.
fn media_type(request: &HttpRequest) -> Result<bool, Problem> {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type =
        value.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let lines =
        ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];
    body::check_media_type(request, &lines)?;
    Ok(lines.contains(&media_type.as_str()))
}

fn wrong_piece(wrong: Wrong) -> (&'static str, String) {
    match wrong {
        Wrong::TooLarge => ("too_large", format!("an event is {} bytes at most", body::SIZE_MAX)),
        Wrong::NoArray => {
            let detail = "the JSON array ends here without its ], or something follows it: what comes behind is not read";
            ("not_json", detail.to_owned())
        }
    }
}

fn unreadable_line(unreadable: &Unreadable) -> String {
    match unreadable {
        Unreadable::NotJson { line: 1, column } => {
            format!("this line is no JSON in UTF-8: look at its column {column}")
        }
        Unreadable::NotJson { line, column } => {
            format!("this element is no JSON in UTF-8: look at its line {line}, column {column}")
        }
        Unreadable::NotAnObject => "each event must be a JSON object: {…}".to_owned(),
        Unreadable::DuplicateKey(_) | Unreadable::TooDeep => unreadable.to_string(),
    }
}

fn accepted(id: &str) -> HttpResponse {
    HttpResponse::Accepted().json(serde_json::json!({ "batchId": id }))
}

fn no_good_line(told: &Told) -> HttpResponse {
    let detail = match told.lines {
        0 => "the batch has no line: send events as NDJSON, one in each line, or as a JSON array",
        _ => "none of the batch's lines can be taken as it is: see failures",
    };
    let omitted = told.failed - told.failures.len() as u64;
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_good_line", "No good line", detail)
        .with_member("lines", told.lines)
        .with_member("failed", told.failed)
        .with_member("failures", serde_json::to_value(&told.failures).unwrap_or_default())
        .with_member("failuresOmitted", omitted)
        .into()
}

fn halted(halt: &Halt) -> Problem {
    match halt {
        Halt::Store => store_unavailable(),
        Halt::Backlog => backlog(),
    }
}

fn backlog() -> Problem {
    let detail = "too many batches are taken in, or wait to be sent, just now: send this one again later";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overload", "Too much to do", detail)
        .with_header(header::RETRY_AFTER, "5")
}

fn too_large() -> Problem {
    let detail = format!("the body of a batch is {SIZE_MAX} bytes at most: send several");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large", detail).closing()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    batch_id: &'a str,
    state: &'static str,
    mode: &'static str,
    received_at: String,
    lines: u64,
    accepted: u64,
    duplicates: u64,
    failed: u64,
    settled: u64,
    queued: u64,
    parked: u64,
    discarded: u64,
    failures: &'a RawValue,
    failures_omitted: u64,
}

/// What became of a batch.
pub(super) async fn look_up(request: HttpRequest) -> HttpResponse {
    looked_up(&request).await.unwrap_or_else(HttpResponse::from)
}

async fn looked_up(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let (desk, tenant) = place(request, &Role::ALL)?;
    let id = request.match_info().get("batchId").unwrap_or_default();
    let view = desk.gateway.store.batch_view(&tenant.name, id).await.map_err(|_| store_unavailable())?;
    let view = view.ok_or_else(|| {
        let detail = "this tenant has no batch of that id";
        Problem::new(StatusCode::NOT_FOUND, "unknown_batch", "Unknown batch", detail)
    })?;
    Ok(document(&view))
}

fn document(view: &BatchView) -> HttpResponse {
    let BatchView { batch, queued, parked, discarded } = view;
    let (queued, parked, discarded) = (*queued, *parked, *discarded);
    let kept: Vec<&RawValue> = serde_json::from_str(&batch.failures).unwrap_or_default();
    let state = match queued {
        0 => "DONE",
        all if all == batch.accepted => "RECEIVED",
        _ => "SENDING",
    };
    HttpResponse::Ok().json(Document {
        batch_id: &batch.id,
        state,
        mode: if batch.mode == Mode::AsyncBatch { "async" } else { "ack" },
        received_at: time(batch.received_at),
        lines: batch.lines,
        accepted: batch.accepted,
        duplicates: batch.duplicates,
        failed: batch.failed,
        settled: batch.accepted.saturating_sub(queued + parked + discarded),
        queued,
        parked,
        discarded,
        failures: serde_json::from_str(&batch.failures).unwrap_or(RawValue::NULL),
        failures_omitted: batch.failed.saturating_sub(kept.len() as u64),
    })
}
