//! What operators do with parked deliveries: `GET /v1/parked`, replay, discard.

use super::answer::time;
use super::problem::Problem;
use super::request::{bad_query, operator, query};
use crate::application::parked::{self, PAGE_MAX, Refusal, Why};
use crate::application::ports::{Parked, Seq};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    delivery_id: String,
    event_id: &'a str,
    event_type: &'a str,
    reason: &'a str,
    parked_at: String,
    received_at: String,
    attempts: u32,
}

#[derive(Serialize)]
struct Page<'a> {
    parked: Vec<Row<'a>>,
    next: Option<String>,
}

/// `GET /v1/parked?limit=…&before=…`, the newest first; `next` is the `before` of the next page.
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
        .map(|id| read_id(id).ok_or_else(|| bad_query("before must be a deliveryId")));
    let parked = desk.gateway.store.parked(&tenant.name, before.transpose()?, limit).await;
    let parked = parked.map_err(|_| unreadable())?;
    let full = parked.len() == limit as usize;
    let next = parked.last().filter(|_| full).map(|last| id_of(last.seq));
    Ok(HttpResponse::Ok().json(Page { parked: parked.iter().map(row).collect(), next }))
}

fn row(parked: &Parked) -> Row<'_> {
    Row {
        delivery_id: id_of(parked.seq),
        event_id: &parked.event_id,
        event_type: &parked.event_type,
        reason: &parked.reason,
        parked_at: time(parked.at),
        received_at: time(parked.received_at),
        attempts: parked.attempts,
    }
}

/// `POST /v1/parked/{deliveryId}/replay?force=true`
pub(super) async fn replay(request: HttpRequest) -> HttpResponse {
    let replayed = async {
        let (desk, tenant, by) = operator(&request)?;
        let force = match query(&request, "force") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(bad_query("force must be true or false")),
        };
        let seq = delivery(&request)?;
        parked::replay(&desk.gateway, &tenant.name, seq, (force, by)).await.map_err(refuse)?;
        Ok(HttpResponse::Accepted().json(serde_json::json!({ "deliveryId": id_of(seq), "state": "QUEUED" })))
    };
    replayed.await.unwrap_or_else(HttpResponse::from)
}

/// `DELETE /v1/parked/{deliveryId}`
pub(super) async fn discard(request: HttpRequest) -> HttpResponse {
    let discarded = async {
        let (desk, tenant, by) = operator(&request)?;
        let seq = delivery(&request)?;
        parked::discard(&desk.gateway, &tenant.name, seq, by).await.map_err(refuse)?;
        Ok::<_, Problem>(
            HttpResponse::Ok().json(serde_json::json!({ "deliveryId": id_of(seq), "state": "DISCARDED" })),
        )
    };
    discarded.await.unwrap_or_else(HttpResponse::from)
}

fn delivery(request: &HttpRequest) -> Result<Seq, Problem> {
    request.match_info().get("deliveryId").and_then(read_id).ok_or_else(unknown)
}

fn id_of(seq: Seq) -> String {
    format!("d-{seq}")
}

fn read_id(text: &str) -> Option<Seq> {
    text.strip_prefix("d-")?.parse().ok().filter(|seq| *seq > 0)
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
