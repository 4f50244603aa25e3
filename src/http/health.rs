//! `GET /healthz` and `GET /readyz`, for whoever starts and watches the process.

use crate::application::gateway::{Desk, Gateway};
use crate::telemetry;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What is unsafe and wanted all the same, for whoever watches.
#[derive(Clone)]
pub(super) struct ToldUnsafe(pub(super) Arc<[&'static str]>);

/// The process serves.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The process can take events in; or why it can't, in words that programs may rely on.
pub(super) async fn ready(request: HttpRequest) -> HttpResponse {
    let Some(desk) = request.app_data::<Desk>() else { return super::problem::not_found().await };
    let mut reasons = reasons(&desk.gateway);
    let ready = reasons.is_empty();
    // Events are taken in all the same and answered by the fallback; an operator is to decide whether they are sent.
    if desk.gateway.holds.is_store_in_doubt() {
        reasons.push("store_older");
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // Events are taken in while their queue is held, so that is no reason; it is there for whoever watches.
    let held = desk.gateway.holds.count();
    let refused = desk.gateway.is_configuration_refused.load(Relaxed);
    let configuration = if refused { "refused" } else { "current" };
    let (open, bypassed) = desk.gateway.breakers.counts();
    HttpResponse::build(status).json(json!({
        "ready": ready, "reasons": reasons, "heldQueues": held, "openBreakers": open, "bypassed": bypassed,
        "refused": desk.gateway.places.counts().2,
        "configuration": configuration, "unsafe": request.app_data::<ToldUnsafe>().map(|told| told.0.to_vec()).unwrap_or_default(),
        "clock": if telemetry::is_apart() { "apart" } else { "steady" }
    }))
}

/// Why it can take nothing in, in words that programs may rely on; none where it can.
pub fn reasons(gateway: &Gateway) -> Vec<&'static str> {
    let draining = gateway.ending.has_begun().then_some("draining");
    let store = (!gateway.store.is_well()).then_some("store");
    draining.into_iter().chain(store).collect()
}
