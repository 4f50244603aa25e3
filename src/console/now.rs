//! *Now*: whether the gateway is well, and decisions as they fall.

use super::events::Line;
use super::{Page, html, signed_in, to};
use crate::application::gateway::Gateway;
use crate::application::ports::{Backlog, Search};
use crate::http::health;
use crate::telemetry::metrics;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use std::collections::BTreeMap;

/// Decisions that are shown.
pub(super) const SHOWN: u32 = 25;

/// Something that is well or not, in a word.
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) more: String,
    /// `good`, `warn`, `bad`.
    pub(super) mood: &'static str,
}

/// One bar of a plot.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) count: u64,
    /// Of 100.
    pub(super) width: u64,
    pub(super) mood: &'static str,
}

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    page: Page,
    tiles: Vec<Tile>,
    outcomes: Vec<Bar>,
    codes: Vec<Bar>,
    times: Vec<(&'static str, [String; 3])>,
    lines: Vec<Line>,
}

pub(super) async fn home(request: HttpRequest) -> HttpResponse {
    match signed_in(&request) {
        Ok(_) => to("/console/now"),
        Err(refused) => *refused,
    }
}

pub(super) async fn show(request: HttpRequest) -> HttpResponse {
    let (desk, guest) = match signed_in(&request) {
        Ok(both) => both,
        Err(refused) => return *refused,
    };
    let gateway = &desk.gateway;
    let backlog = gateway.store.backlog().await.unwrap_or_default();
    let now = Now {
        page: Page::of(&guest, "Now", "now"),
        tiles: tiles(gateway, &backlog),
        outcomes: outcomes(),
        codes: codes(),
        times: times(),
        lines: latest(gateway).await,
    };
    html(StatusCode::OK, &now)
}

/// The newest events of all tenants.
pub(super) async fn latest(gateway: &Gateway) -> Vec<Line> {
    let search = Search { tenants: gateway.tenants.names(), limit: SHOWN, ..Search::default() };
    let shelf = gateway.store.search(search).await.unwrap_or_default();
    shelf.rows.into_iter().map(Line::of).collect()
}

fn tiles(gateway: &Gateway, backlog: &[Backlog]) -> Vec<Tile> {
    let reasons = health::reasons(gateway);
    let is_ready = reasons.is_empty();
    let breakers = gateway.breakers.views();
    let shut: Vec<_> = breakers
        .iter()
        .filter(|(_, view)| view.state.name() != "CLOSED" || view.bypassed_since.is_some())
        .map(|(tenant, view)| format!("{tenant}: {}", view.state.name()))
        .collect();
    let held: Vec<_> = gateway
        .holds
        .all()
        .iter()
        .map(|hold| format!("{}: {} ({})", hold.tenant, hold.queue, hold.code))
        .collect();
    let state = |name: &str| backlog.iter().find(|state| state.state == name);
    let count = |name: &str| state(name).map_or(0, |state| state.count);
    let age =
        state("QUEUED").and_then(|state| state.since).map(|since| gateway.clock.now().duration_since(since));
    let (limit, under_way, refused) = gateway.places.counts();
    let tile = |name, value: String, more: String, mood| Tile { name, value, more, mood };
    let mood = |is_good: bool, otherwise: &'static str| if is_good { "good" } else { otherwise };
    vec![
        tile(
            "Ready",
            if is_ready { "yes" } else { "no" }.to_owned(),
            reasons.join(", "),
            mood(is_ready, "bad"),
        ),
        tile(
            "Breaker",
            if shut.is_empty() { "closed".to_owned() } else { format!("{} not closed", shut.len()) },
            shut.join(", "),
            mood(shut.is_empty(), "bad"),
        ),
        tile("Held queues", held.len().to_string(), held.join(", "), mood(held.is_empty(), "bad")),
        tile(
            "Waiting",
            (count("QUEUED") + count("SENDING")).to_string(),
            age.map(|age| format!("the oldest for {}", rough(age.as_secs_f64()))).unwrap_or_default(),
            mood(age.is_none_or(|age| age.as_secs() < 60), "warn"),
        ),
        tile("Awaiting callbacks", count("AWAITING_CALLBACK").to_string(), String::new(), "good"),
        tile("Parked", count("PARKED").to_string(), String::new(), mood(count("PARKED") == 0, "warn")),
        tile(
            "Calls under way",
            under_way.to_string(),
            format!("of {limit}; {refused} found no place"),
            mood(refused == 0, "warn"),
        ),
    ]
}

/// A time that a person takes in at a glance.
pub(super) fn rough(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 0.001 => format!("{:.0} µs", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.0} h", seconds / 3600.0),
    }
}

fn outcomes() -> Vec<Bar> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (labels, count) in metrics::DECISIONS.all() {
        // Tenant, decision, outcome, basis.
        *sums.entry(format!("{} {}", labels[1], labels[2])).or_default() += count;
    }
    bars(sums, |name| match name.split(' ').next() {
        Some("ALLOW") => "good",
        Some("BLOCK") => "bad",
        Some("CHALLENGE" | "REVIEW") => "warn",
        _ => "plain",
    })
}

/// Return codes, and ends without one.
pub(super) fn codes() -> Vec<Bar> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (labels, count) in metrics::ATTEMPTS.all() {
        let name = if &*labels[2] == "none" { labels[1].to_string() } else { labels[2].to_string() };
        *sums.entry(name).or_default() += count;
    }
    bars(sums, |name| if name == "SUCCESS" { "good" } else { "warn" })
}

fn bars(sums: BTreeMap<String, u64>, mood: fn(&str) -> &'static str) -> Vec<Bar> {
    let most = sums.values().copied().max().unwrap_or(1).max(1);
    let mut bars: Vec<Bar> = sums
        .into_iter()
        .map(|(name, count)| Bar { mood: mood(&name), width: (count * 100).div_ceil(most), name, count })
        .collect();
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.count));
    bars
}

/// Half, 95 and 99 of a hundred.
fn times() -> Vec<(&'static str, [String; 3])> {
    let of = |histogram: &metrics::Histogram| {
        [0.5, 0.95, 0.99].map(|share| {
            histogram.quantile(share).map_or_else(|| "–".to_owned(), |at| format!("≤ {}", rough(at)))
        })
    };
    vec![
        ("Calls", of(&metrics::REQUEST_SECONDS)),
        ("Attempts at Xceed", of(&metrics::ATTEMPT_SECONDS)),
        ("Commits", of(&metrics::COMMIT_SECONDS)),
    ]
}
