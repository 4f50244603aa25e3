//! A call that is under way: counted, and traced where that is asked for.

use crate::telemetry::metrics as known;
use crate::telemetry::traces::{Open, Trace};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use std::borrow::Cow;
use tokio::time::Instant;

/// Whose traces somebody wants: callers' and Xceed's calls, not those of whoever watches.
const TRACED: [&str; 2] = ["/v1/", "/xceed/"];

/// A call that is under way.
pub(super) struct Call {
    method: &'static str,
    begun: Instant,
    traced: Option<Open>,
}

impl Call {
    pub(super) fn of(request: &ServiceRequest) -> Self {
        let method = match request.method().as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "DELETE" => "DELETE",
            _ => "other",
        };
        let is_traced = TRACED.iter().any(|door| request.path().starts_with(door));
        let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
        let traced = is_traced.then(|| Open::call(traceparent)).flatten();
        Self { method, begun: Instant::now(), traced }
    }

    /// What its steps belong to.
    pub(super) fn trace(&self) -> Option<Trace> {
        self.traced.as_ref().map(|open| open.trace)
    }

    /// Its answer's head leaves. An address that is none is nobody's door.
    pub(super) fn answered(self, answer: &ServiceResponse) {
        let pattern = answer.request().match_pattern();
        let (door, status) = (pattern.as_deref().unwrap_or("none"), answer.status());
        known::REQUESTS.add(&[self.method, door, status.as_str()], 1);
        known::REQUEST_SECONDS.took(&[self.method, door], self.begun.elapsed());
        let Some(open) = self.traced else { return };
        let told = vec![
            ("http.request.method", Cow::Borrowed(self.method)),
            ("http.route", door.to_owned().into()),
            ("http.response.status_code", status.as_str().to_owned().into()),
        ];
        open.named(format!("{} {door}", self.method)).close(told, status.is_server_error());
    }
}
