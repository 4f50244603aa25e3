//! `GET /v1/return-codes`: the table, one object for each row.

use super::auth::{Role, authorize};
use crate::domain::return_code::table;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

#[derive(Serialize)]
struct Row {
    code: &'static str,
    scope: &'static str,
    disposition: &'static str,
    basis: &'static str,
    next: &'static str,
    alert: &'static str,
    meaning: &'static str,
    action: &'static str,
}

pub(super) async fn list(request: HttpRequest) -> HttpResponse {
    if let Err(problem) = authorize(&request, &Role::ALL) {
        return problem.into();
    }
    let row = |row: &'static crate::domain::return_code::Row| Row {
        code: row.code,
        scope: row.scope,
        disposition: row.disposition.name(),
        basis: row.basis(),
        next: row.next(),
        alert: row.alert,
        meaning: row.meaning,
        action: row.action,
    };
    HttpResponse::Ok().json(table().map(row).collect::<Vec<_>>())
}
