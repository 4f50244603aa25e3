//! What operators do with held queues: `GET /v1/held`, and resume.

use super::answer::time;
use super::parked::unreadable;
use super::problem::Problem;
use super::request::operator;
use crate::application::release::resume as end_hold;
use crate::domain::hold::Queue;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// `GET /v1/held`
pub(super) async fn list(request: HttpRequest) -> HttpResponse {
    let listed = operator(&request).map(|(desk, tenant, _)| {
        let held: Vec<_> = desk.gateway.holds.list(&tenant.name).into_iter().collect();
        let rows = held.iter().map(
            |hold| json!({ "queue": hold.queue.to_string(), "code": hold.code, "since": time(hold.since) }),
        );
        HttpResponse::Ok().json(json!({ "held": rows.collect::<Vec<_>>() }))
    });
    listed.unwrap_or_else(HttpResponse::from)
}

/// `POST /v1/held/{queue}/resume`
pub(super) async fn resume(request: HttpRequest) -> HttpResponse {
    let resumed = async {
        let (desk, tenant, by) = operator(&request)?;
        let queue = request.match_info().get("queue").and_then(Queue::parse).ok_or_else(not_held)?;
        let ended = end_hold(&desk.gateway, &tenant.name, &queue, by).await.map_err(|_| unreadable())?;
        if !ended {
            return Err(not_held());
        }
        Ok(HttpResponse::Accepted().json(json!({ "queue": queue.to_string(), "state": "RESUMED" })))
    };
    resumed.await.unwrap_or_else(HttpResponse::from)
}

fn not_held() -> Problem {
    let detail =
        "no queue of that name is held: GET /v1/held lists those that are (all, async, channel:<word>)";
    Problem::new(StatusCode::NOT_FOUND, "not_held", "Not held", detail)
}
