//! `GET /v1/breaker`: whether a tenant's events go to Xceed just now, and if not, why.

use super::answer::time;
use super::auth::Role;
use super::request::place;
use crate::application::breakers::View;
use crate::domain::breaker::{OPEN_FOR, State};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

/// `GET /v1/breaker`
pub(super) async fn show(request: HttpRequest) -> HttpResponse {
    let shown = place(&request, &[Role::Operator, Role::Auditor]).map(|(desk, tenant)| {
        let view = desk.gateway.breakers.view(&tenant.name);
        let pass_through = tenant.policy.pass_through.is_some();
        HttpResponse::Ok().json(answer(&view, pass_through))
    });
    shown.unwrap_or_else(HttpResponse::from)
}

fn answer(view: &View, pass_through: bool) -> Value {
    let until = match view.state {
        State::Open { until } => Some(time(until)),
        State::Closed | State::HalfOpen => None,
    };
    let pass_through = match (pass_through, view.bypassed_since) {
        (false, _) => "NOT_CONFIGURED",
        (true, None) => "OFF",
        (true, Some(_)) => "BYPASSED",
    };
    json!({
        "state": view.state.name(),
        "since": view.since.map(time),
        "until": until,
        "reason": reason(view),
        "passThrough": pass_through,
        "bypassedSince": view.bypassed_since.map(time),
        "kept": view.kept,
    })
}

/// In words; none where everything leaves.
fn reason(view: &View) -> Option<String> {
    let (attempts, failed) = view.cause;
    let cause = format!("{failed} of {attempts} attempts failed");
    match (view.state, view.bypassed_since) {
        (State::Open { .. }, _) => {
            let seconds = OPEN_FOR.as_secs();
            Some(format!("{cause}: nothing leaves for {seconds} s, and callers hear the fallback"))
        }
        (State::HalfOpen, _) => Some(format!("{cause}: a few events find out whether Xceed is well again")),
        (State::Closed, Some(_)) => {
            Some("too many calls failed for too long: one in twenty still goes, to find out".to_owned())
        }
        (State::Closed, None) => None,
    }
}
