//! *System*: what it is made of and runs with; no secrets.

use super::now::{Bar, codes, rough};
use super::{Page, html, signed_in};
use crate::application::tenants::Tenant;
use crate::domain::return_code::ReturnCode;
use crate::telemetry::{self, metrics};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use std::sync::atomic::Ordering::Relaxed;

struct Code {
    code: &'static str,
    disposition: String,
    alert: &'static str,
    count: u64,
}

struct Served {
    name: String,
    facts: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "system.html")]
struct System {
    page: Page,
    facts: Vec<(&'static str, String)>,
    tenants: Vec<Served>,
    codes: Vec<Code>,
}

pub(super) async fn show(request: HttpRequest) -> HttpResponse {
    let (desk, guest) = match signed_in(&request) {
        Ok(both) => both,
        Err(refused) => return *refused,
    };
    let gateway = &desk.gateway;
    let signed =
        metrics::SIGNED_AT.age().map_or_else(|| "not yet".to_owned(), |age| format!("{} ago", rough(age)));
    let refused = gateway.is_configuration_refused.load(Relaxed);
    let facts = vec![
        ("Version", telemetry::VERSION.to_owned()),
        (
            "Store",
            if gateway.store.is_shared() { "PostgreSQL, shared" } else { "SQLite, this gateway's own" }
                .to_owned(),
        ),
        (
            "Store records",
            if gateway.store.is_well() { "yes" } else { "no: the last commit failed" }.to_owned(),
        ),
        ("Audit trail signed", signed),
        (
            "Configuration",
            if refused { "a newer one was refused; see the log" } else { "current" }.to_owned(),
        ),
        ("Clock", if telemetry::is_apart() { "was set; time is nearing it" } else { "steady" }.to_owned()),
    ];
    let named = gateway.tenants.all();
    let tenants = named.iter().map(|tenant| served(tenant)).collect();
    let counted = codes();
    let count = |code: &str| counted.iter().find(|bar: &&Bar| bar.name == code).map_or(0, |bar| bar.count);
    let codes = ReturnCode::ALL.into_iter().map(|code| code.row()).map(|row| Code {
        code: row.code,
        disposition: row.disposition.name().to_owned(),
        alert: row.alert,
        count: count(row.code),
    });
    let page = Page::of(&guest, "System", "system");
    html(StatusCode::OK, &System { page, facts, tenants, codes: codes.collect() })
}

fn served(tenant: &Tenant) -> Served {
    let policy = &tenant.policy;
    let facts = vec![
        ("Deadline", rough(policy.deadline.as_secs_f64())),
        ("Sent again in doubt", if tenant.resend_in_doubt { "yes" } else { "no" }.to_owned()),
        (
            "Callback",
            tenant
                .callback
                .as_ref()
                .map_or("none", |callback| callback.id.as_deref().unwrap_or("minted"))
                .to_owned(),
        ),
        ("Requests a second", tenant.requests_per_second.to_string()),
        (
            "Decisions go back to",
            if tenant.targets.is_empty() { "nobody".to_owned() } else { tenant.targets.join(", ") },
        ),
    ];
    Served { name: tenant.name.to_string(), facts }
}
