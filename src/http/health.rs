//! `GET /healthz` and `GET /readyz`, for whoever starts and watches the process.

use crate::application::gateway::Desk;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// The process serves.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The process can take events in.
pub(super) async fn ready(request: HttpRequest) -> HttpResponse {
    if request.app_data::<Desk>().is_some_and(|desk| desk.gateway.store.is_well()) {
        HttpResponse::Ok().json(json!({ "status": "ready", "reasons": [] }))
    } else {
        let reasons = ["the store can't record"];
        HttpResponse::ServiceUnavailable().json(json!({ "status": "not_ready", "reasons": reasons }))
    }
}
