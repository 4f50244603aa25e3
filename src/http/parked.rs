//! What operators do with parked deliveries: `GET /v1/parked`, replay, discard. A delivery brings an event to Xceed
//! (`d-7`), or a decision back (`p-7`).

use super::answer::time;
use super::problem::Problem;
use super::request::{bad_query, operator, query};
use crate::application::parked::{self, PAGE_MAX, Refusal, Why};
use crate::application::ports::{Parked, ParkedPush, PushId, Seq};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// The name of Xceed among those that something is brought to.
const XCEED: &str = "xceed";

/// The name of a parked delivery.
#[derive(Clone, Copy)]
enum Id {
    Event(Seq),
    Push(PushId),
}

impl Id {
    fn read(text: &str) -> Option<Self> {
        let (kind, number) = text.split_once('-')?;
        let number = number.parse().ok().filter(|number| *number > 0)?;
        match kind {
            "d" => Some(Self::Event(number)),
            "p" => Some(Self::Push(number)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(seq) => write!(f, "d-{seq}"),
            Self::Push(id) => write!(f, "p-{id}"),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    delivery_id: String,
    event_id: String,
    /// `xceed`, or where a decision goes back to.
    to: String,
    /// `event`, `decision`, `late`.
    what: &'static str,
    event_type: Option<String>,
    reason: String,
    parked_at: String,
    received_at: Option<String>,
    attempts: u32,
}

#[derive(Serialize)]
struct Page {
    parked: Vec<Row>,
    next: Option<String>,
}

/// `GET /v1/parked?limit=…&before=…`: events, the newest first, and behind them decisions that go back, the newest first.
/// `next` is the `before` of the next page.
pub(super) async fn list(request: HttpRequest) -> HttpResponse {
    listed(&request).await.unwrap_or_else(HttpResponse::from)
}

async fn listed(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let (desk, tenant, _) = operator(request)?;
    let limit = match query(request, "limit") {
        None => PAGE_MAX,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| bad_query("limit must be a number from 1 to 100"))?,
    };
    let before = query(request, "before")
        .map(|id| Id::read(&id).ok_or_else(|| bad_query("before must be a deliveryId")));
    let (store, tenant) = (&desk.gateway.store, &tenant.name);
    let (events_below, pushes_below) = match before.transpose()? {
        None => (Some(None), None),
        Some(Id::Event(seq)) => (Some(Some(seq)), None),
        Some(Id::Push(id)) => (None, Some(id)),
    };
    let mut rows: Vec<Row> = Vec::new();
    if let Some(below) = events_below {
        let events = store.parked(tenant, below, limit).await.map_err(|_| unreadable())?;
        rows.extend(events.into_iter().map(event_row));
    }
    let left = limit - u32::try_from(rows.len()).unwrap_or(limit);
    if left > 0 {
        let pushes = store.parked_pushes(tenant, pushes_below, left).await.map_err(|_| unreadable())?;
        rows.extend(pushes.into_iter().map(push_row));
    }
    let next = rows.last().filter(|_| rows.len() == limit as usize).map(|last| last.delivery_id.clone());
    Ok(HttpResponse::Ok().json(Page { parked: rows, next }))
}

fn event_row(parked: Parked) -> Row {
    Row {
        delivery_id: Id::Event(parked.seq).to_string(),
        event_id: parked.event_id,
        to: XCEED.to_owned(),
        what: "event",
        event_type: Some(parked.event_type),
        reason: parked.reason,
        parked_at: time(parked.at),
        received_at: Some(time(parked.received_at)),
        attempts: parked.attempts,
    }
}

fn push_row(parked: ParkedPush) -> Row {
    Row {
        delivery_id: Id::Push(parked.id).to_string(),
        event_id: parked.event_id,
        to: parked.target,
        what: parked.kind.name(),
        event_type: None,
        reason: parked.reason,
        parked_at: time(parked.at),
        received_at: None,
        attempts: parked.attempts,
    }
}

/// `POST /v1/parked/{deliveryId}/replay?force=true`
pub(super) async fn replay(request: HttpRequest) -> HttpResponse {
    let replayed = async {
        let (desk, tenant, by) = operator(&request)?;
        let force = match query(&request, "force").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(bad_query("force must be true or false")),
        };
        let id = delivery(&request)?;
        let replayed = match id {
            Id::Event(seq) => parked::replay(&desk.gateway, &tenant.name, seq, (force, by)).await,
            Id::Push(id) => parked::replay_push(&desk.gateway, &tenant.name, id, (force, by)).await,
        };
        replayed.map_err(refuse)?;
        let answer = serde_json::json!({ "deliveryId": id.to_string(), "state": "QUEUED" });
        Ok(HttpResponse::Accepted().json(answer))
    };
    replayed.await.unwrap_or_else(HttpResponse::from)
}

/// `DELETE /v1/parked/{deliveryId}`
pub(super) async fn discard(request: HttpRequest) -> HttpResponse {
    let discarded = async {
        let (desk, tenant, by) = operator(&request)?;
        let id = delivery(&request)?;
        let discarded = match id {
            Id::Event(seq) => parked::discard(&desk.gateway, &tenant.name, seq, by).await,
            Id::Push(id) => parked::discard_push(&desk.gateway, &tenant.name, id, by).await,
        };
        discarded.map_err(refuse)?;
        let answer = serde_json::json!({ "deliveryId": id.to_string(), "state": "DISCARDED" });
        Ok::<_, Problem>(HttpResponse::Ok().json(answer))
    };
    discarded.await.unwrap_or_else(HttpResponse::from)
}

fn delivery(request: &HttpRequest) -> Result<Id, Problem> {
    request.match_info().get("deliveryId").and_then(Id::read).ok_or_else(unknown)
}

fn refuse(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => unknown(),
        Refusal::NeedsForce(why) => {
            let detail = match why {
                Why::Said(code) => {
                    format!(
                        "Xceed answered {code}, after which an event is not sent again; ?force=true insists"
                    )
                }
                Why::LateFollowed => {
                    "a late score of this event has gone back, or is on its way, and this decision would take its \
                     place in the interaction; ?force=true insists"
                        .to_owned()
                }
                Why::Overtaken => {
                    "a later event of the same customer is at Xceed, or may be, so this one would come out \
                                   of order; ?force=true insists"
                        .to_owned()
                }
            };
            Problem::new(StatusCode::CONFLICT, "needs_force", "Only by force", detail)
        }
        Refusal::Store => unreadable(),
    }
}

fn unknown() -> Problem {
    let detail = "this tenant has no parked delivery of that id";
    Problem::new(StatusCode::NOT_FOUND, "unknown_delivery", "Unknown delivery", detail)
}

pub(super) fn unreadable() -> Problem {
    let detail = "the store can't be reached just now: ask again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "Can't record", detail)
        .with_header(header::RETRY_AFTER, "1")
}
