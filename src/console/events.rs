//! *Events*, and one event as a timeline.

use super::now::rough;
use super::payload::{Part, redacted};
use super::{Page, html, signed_in, words};
use crate::application::ports::{FoundEvent, Noted, Search, Story};
use crate::domain::identifiers::{EventId, TenantName};
use crate::http::answer::time;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Events on a page.
const PAGE: u32 = 50;
/// What is looked for, at most, in characters.
const ASKED_MAX: usize = 128;

/// An event in a table.
pub(super) struct Line {
    pub(super) tenant: String,
    pub(super) id: String,
    pub(super) link: String,
    pub(super) kind: String,
    pub(super) at: String,
    pub(super) decision: String,
    pub(super) outcome: String,
    pub(super) basis: String,
    pub(super) code: String,
    pub(super) score: String,
    pub(super) state: String,
    pub(super) mood: &'static str,
}

impl Line {
    pub(super) fn of(found: FoundEvent) -> Self {
        let said: Value =
            found.words.as_deref().and_then(|words| serde_json::from_slice(words).ok()).unwrap_or_default();
        let word = |name: &str| said[name].as_str().unwrap_or("–").to_owned();
        let decision = word("decision");
        let mood = mood(&decision);
        Self {
            link: format!("/console/events/{}/{}", found.tenant, found.event_id),
            tenant: found.tenant,
            id: found.event_id,
            kind: found.event_type,
            at: time(found.received_at),
            outcome: word("outcome"),
            basis: word("basis"),
            code: word("returnCode"),
            score: said["riskScore"].as_f64().map_or_else(|| "–".to_owned(), |score| score.to_string()),
            state: found.state,
            decision,
            mood,
        }
    }
}

fn mood(decision: &str) -> &'static str {
    match decision {
        "ALLOW" => "good",
        "BLOCK" => "bad",
        "CHALLENGE" | "REVIEW" => "warn",
        _ => "plain",
    }
}

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    page: Page,
    tenants: Vec<String>,
    asked: Asked,
    lines: Vec<Line>,
    next: String,
    wrong: &'static str,
}

/// What a person typed.
#[derive(Default)]
struct Asked {
    tenant: String,
    event: String,
    interaction: String,
    customer: String,
    code: String,
    outcome: String,
    until: String,
}

type Query = web::Query<BTreeMap<String, String>>;

pub(super) async fn list(request: HttpRequest, query: Query) -> HttpResponse {
    let (desk, guest) = match signed_in(&request) {
        Ok(both) => both,
        Err(refused) => return *refused,
    };
    let tenants = desk.gateway.tenants.names();
    let (search, asked, wrong) = read(&query, &tenants);
    let shelf = desk.gateway.store.search(search).await;
    let Ok(shelf) = shelf else {
        let said = "The store can't be read just now. Try again.";
        return words(StatusCode::SERVICE_UNAVAILABLE, &guest, "Events", said);
    };
    let next = shelf.next.map(|seq| further(&query, seq)).unwrap_or_default();
    let lines = shelf.rows.into_iter().map(Line::of).collect();
    html(
        StatusCode::OK,
        &Events { page: Page::of(&guest, "Events", "events"), tenants, asked, lines, next, wrong },
    )
}

fn read(query: &Query, tenants: &[String]) -> (Search, Asked, &'static str) {
    let text = |name: &str| {
        let given = query.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        given.map(|text| text.chars().take(ASKED_MAX).collect::<String>())
    };
    let word = |name: &str| {
        let is_word = |text: &String| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        text(name).map(|text| text.to_ascii_uppercase()).filter(is_word)
    };
    let tenant = text("tenant").filter(|tenant| tenants.contains(tenant));
    let until = text("until");
    let time = until.as_deref().map(|text| {
        let with_zone =
            if text.ends_with('Z') || text.contains('+') { text.to_owned() } else { format!("{text}Z") };
        with_zone.parse::<Timestamp>()
    });
    let wrong = match &time {
        Some(Err(_)) => "That is no time: 2026-12-31T23:59 is one, in UTC.",
        _ => "",
    };
    let search = Search {
        tenants: tenant.clone().map_or_else(|| tenants.to_vec(), |tenant| vec![tenant]),
        event_id: text("event"),
        interaction: text("interaction"),
        customer: text("customer"),
        code: word("code"),
        outcome: word("outcome"),
        below: query.get("below").and_then(|below| below.parse().ok()),
        until: time.and_then(Result::ok),
        limit: PAGE,
    };
    let own = |text: &Option<String>| text.clone().unwrap_or_default();
    let asked = Asked {
        tenant: own(&tenant),
        event: own(&search.event_id),
        interaction: own(&search.interaction),
        customer: own(&search.customer),
        code: own(&search.code),
        outcome: own(&search.outcome),
        until: own(&until),
    };
    (search, asked, wrong)
}

/// The same search, further back.
fn further(query: &Query, below: i64) -> String {
    let mut pairs: Vec<(&str, String)> =
        query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    pairs.retain(|(name, value)| *name != "below" && !value.is_empty());
    pairs.push(("below", below.to_string()));
    let coded = pairs.iter().map(|(name, value)| format!("{}={}", coded(name), coded(value)));
    format!("/console/events?{}", coded.collect::<Vec<_>>().join("&"))
}

fn coded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Something that happened.
struct Step {
    at: String,
    title: String,
    more: Vec<String>,
    mood: &'static str,
}

#[derive(Template)]
#[template(path = "event.html")]
struct OneEvent {
    page: Page,
    line: Line,
    reasons: Vec<String>,
    facts: Vec<(&'static str, String)>,
    steps: Vec<Step>,
    payload: Vec<Part>,
    trail: Vec<Entry>,
}

/// An entry of the audit trail.
struct Entry {
    at: String,
    kind: String,
    place: String,
    by: String,
}

impl Entry {
    fn of(noted: Noted) -> Self {
        let (gateway, n) = noted.place;
        let place = format!("{n} of {gateway}");
        Self { at: time(noted.at), kind: noted.kind, place, by: noted.by.unwrap_or_default() }
    }
}

pub(super) async fn one(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (desk, guest) = match signed_in(&request) {
        Ok(both) => both,
        Err(refused) => return *refused,
    };
    let (tenant, id) = path.into_inner();
    let missing =
        || words(StatusCode::NOT_FOUND, &guest, "Not found", "This tenant has no event of that id.");
    let Some(id) = EventId::parse(&id) else { return missing() };
    match desk.gateway.store.story(&TenantName::new(&tenant), &id).await {
        Ok(Some(story)) => html(StatusCode::OK, &tell(story, Page::of(&guest, "One event", "events"))),
        Ok(None) => missing(),
        Err(_) => {
            let said =
                "The store can't be read just now, or the key of its payloads is not there. Try again.";
            words(StatusCode::SERVICE_UNAVAILABLE, &guest, "One event", said)
        }
    }
}

fn tell(story: Story, page: Page) -> OneEvent {
    let said: Value =
        story.found.words.as_deref().and_then(|words| serde_json::from_slice(words).ok()).unwrap_or_default();
    let reasons =
        said["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let facts = vec![
        ("Tenant", story.found.tenant.clone()),
        ("Asked for", story.mode.clone()),
        ("Channel", story.channel.clone()),
        ("Schema set", story.schema.clone()),
        ("Batch", story.batch.clone().unwrap_or_else(|| "none".to_owned())),
        ("Delivery", story.found.state.clone()),
    ];
    let (steps, payload) = (steps(&story, &said), redacted(&story.payload));
    let trail = story.trail.into_iter().map(Entry::of).collect();
    OneEvent { reasons: reasons.collect(), facts, steps, payload, trail, page, line: Line::of(story.found) }
}

fn steps(story: &Story, said: &Value) -> Vec<Step> {
    let step = |at: Option<Timestamp>, title: String, more: Vec<String>, mood| {
        (at, Step { at: at.map(time).unwrap_or_default(), title, more, mood })
    };
    let filled = match story.defaulted.len() {
        0 => "nothing had to be filled".to_owned(),
        _ => format!("filled: {}", story.defaulted.join(", ")),
    };
    let received = story.found.received_at;
    let mut all = vec![step(
        Some(received),
        "Received, filled, valid by its schema set, and recorded".to_owned(),
        vec![filled],
        "plain",
    )];
    for (n, tried) in story.attempts.iter().enumerate() {
        let mut more = vec![format!("took {}", rough(tried.took.as_secs_f64()))];
        let scored =
            |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
        more.extend(scored("risk score", &tried.risk_score));
        more.extend(scored("risk action", &tried.risk_action));
        let mood = if tried.said == "SUCCESS" { "good" } else { "warn" };
        all.push(step(
            Some(tried.at),
            format!("Attempt {}: {} {}", n + 1, tried.ended, tried.said),
            more,
            mood,
        ));
    }
    let decided: Option<Timestamp> = said["decidedAt"].as_str().and_then(|text| text.parse().ok());
    let word = |name: &str| said[name].as_str().unwrap_or("–").to_owned();
    let basis = format!("{} by {}", word("outcome"), word("basis"));
    let took = said["latencyMs"].as_f64().map(|millis| format!("{} after it came", rough(millis / 1e3)));
    let decision = word("decision");
    let more = [basis].into_iter().chain(took).collect();
    all.push(step(decided, format!("Decision: {decision}"), more, mood(&decision)));
    if let Some(([code, score, action], at)) = &story.callback {
        all.push(step(Some(*at), format!("Callback: {code}"), vec![format!("{score} {action}")], "plain"));
    }
    if let Some(late) = &story.late {
        let more = vec![format!("{} {}", late.return_code, late.risk_action.clone().unwrap_or_default())];
        all.push(step(
            Some(late.at),
            format!("Late: {}", late.verdict.name()),
            more,
            mood(late.verdict.name()),
        ));
    }
    for (target, what, at, reason) in &story.pushes {
        let more =
            vec![reason.clone().map_or_else(|| "on its way".to_owned(), |why| format!("parked: {why}"))];
        all.push(step(Some(*at), format!("The {what} goes back to {target}"), more, "plain"));
    }
    // The decision's own time is in milliseconds.
    all.sort_by_key(|(at, _)| at.map(Timestamp::as_millisecond));
    all.into_iter().map(|(_, step)| step).collect()
}
