//! `GET /openapi.json`: every call of the gateway, what it takes and all that it may answer, as OpenAPI 3.1. The document is
//! kept by hand beside this file; the tests hold it against the calls that are served, the domain's own words and the
//! problems that the doors know.

#[cfg(test)]
mod tests;

use super::fixed::Fixed;
use actix_web::{HttpRequest, HttpResponse};
use std::sync::LazyLock;

/// The document.
pub(super) const TEXT: &str = include_str!("openapi.json");

static DOCUMENT: LazyLock<Fixed> = LazyLock::new(|| Fixed::new(TEXT, "application/json"));

pub(super) async fn document(request: HttpRequest) -> HttpResponse {
    DOCUMENT.answer(&request)
}
