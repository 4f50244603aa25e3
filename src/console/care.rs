//! *Parked and held*: what waits for a person, and what a person can do. Each act is confirmed on a page of its own, and goes
//! through the very use cases of `/v1/parked` and `/v1/held`, under the operator's name.

use super::sign_in::Form;
use super::{Page, html, is_foreign, signed_in, to, words};
use crate::application::gateway::Desk;
use crate::application::parked::{self, Refusal, Why};
use crate::application::release::resume;
use crate::domain::hold::Queue;
use crate::domain::identifiers::TenantName;
use crate::http::answer::time;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

/// Of each tenant, so many of a kind are listed.
const LISTED: u32 = 100;

/// Something that waits for a person.
struct Waits {
    tenant: String,
    /// `d-7`, `p-7`, or a queue.
    what: String,
    event: String,
    to: String,
    reason: String,
    at: String,
    attempts: u32,
}

#[derive(Template)]
#[template(path = "care.html")]
struct Care {
    page: Page,
    parked: Vec<Waits>,
    held: Vec<Waits>,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    page: Page,
    tenant: String,
    what: String,
    act: &'static str,
    question: String,
    warning: String,
}

pub(super) async fn list(request: HttpRequest) -> HttpResponse {
    let (desk, guest) = match signed_in(&request) {
        Ok(both) => both,
        Err(refused) => return *refused,
    };
    let (mut parked, mut held) = (Vec::new(), Vec::new());
    for name in desk.gateway.tenants.names() {
        let tenant = TenantName::new(&name);
        let events = desk.gateway.store.parked(&tenant, None, LISTED).await.unwrap_or_default();
        parked.extend(events.into_iter().map(|one| Waits {
            tenant: name.clone(),
            what: format!("d-{}", one.seq),
            event: one.event_id,
            to: "Xceed".to_owned(),
            reason: one.reason,
            at: time(one.at),
            attempts: one.attempts,
        }));
        let pushes = desk.gateway.store.parked_pushes(&tenant, None, LISTED).await.unwrap_or_default();
        parked.extend(pushes.into_iter().map(|one| Waits {
            tenant: name.clone(),
            what: format!("p-{}", one.id),
            event: one.event_id,
            to: one.target,
            reason: one.reason,
            at: time(one.at),
            attempts: one.attempts,
        }));
        held.extend(desk.gateway.holds.list(&tenant).into_iter().map(|hold| Waits {
            tenant: name.clone(),
            what: hold.queue.to_string(),
            event: String::new(),
            to: String::new(),
            reason: hold.code,
            at: time(hold.since),
            attempts: 0,
        }));
    }
    html(StatusCode::OK, &Care { page: Page::of(&guest, "Parked and held", "care"), parked, held })
}

/// What can be done.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Replay,
    Force,
    Discard,
    Resume,
}

impl Act {
    fn read(text: &str) -> Option<Self> {
        match text {
            "replay" => Some(Self::Replay),
            "force" => Some(Self::Force),
            "discard" => Some(Self::Discard),
            "resume" => Some(Self::Resume),
            _ => None,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Replay => ("Replay", "It is sent again, under the same event id."),
            Self::Force => (
                "Replay by force",
                "It is sent although that was refused: it may come out of order, or twice.",
            ),
            Self::Discard => ("Remove", "It is never sent. What its caller was told stays."),
            Self::Resume => ("Resume", "What was held, and what was parked for it, leaves in order."),
        }
    }
}

type Place = web::Path<(String, String, String)>;

pub(super) async fn confirm(request: HttpRequest, path: Place) -> HttpResponse {
    let guest = match signed_in(&request) {
        Ok((_, guest)) => guest,
        Err(refused) => return *refused,
    };
    let (tenant, what, act) = path.into_inner();
    let Some(read) = Act::read(&act) else {
        return words(StatusCode::NOT_FOUND, &guest, "Not found", "There is no such act.");
    };
    let (name, warning) = read.words();
    let act = match read {
        Act::Replay => "replay",
        Act::Force => "force",
        Act::Discard => "discard",
        Act::Resume => "resume",
    };
    let question = format!("{name}: {what} of {tenant}?");
    let page = Page::of(&guest, name, "care");
    html(StatusCode::OK, &Confirm { page, tenant, what, act, question, warning: warning.to_owned() })
}

pub(super) async fn act(request: HttpRequest, path: Place, form: Form) -> HttpResponse {
    let (desk, guest) = match signed_in(&request) {
        Ok(both) => both,
        Err(refused) => return *refused,
    };
    let made = form.is_ok_and(|form| guest.made(form.get("form").map_or("", String::as_str)));
    if !made || is_foreign(&request) {
        let said = "This form was not made for your session. Open the page again, and send it from there.";
        return words(StatusCode::FORBIDDEN, &guest, "Refused", said);
    }
    if !guest.may_act {
        return words(StatusCode::FORBIDDEN, &guest, "Refused", "An auditor sees, and changes nothing.");
    }
    let (tenant, what, act) = path.into_inner();
    let Some(act) = Act::read(&act) else {
        return words(StatusCode::NOT_FOUND, &guest, "Not found", "There is no such act.");
    };
    match carry_out(desk, &TenantName::new(&tenant), (&what, act), Some(guest.name.clone())).await {
        Ok(()) => to("/console/care"),
        Err((status, said)) => words(status, &guest, "Not done", &said),
    }
}

async fn carry_out(
    desk: &Desk,
    tenant: &TenantName,
    (what, act): (&str, Act),
    by: Option<String>,
) -> Result<(), (StatusCode, String)> {
    let missing =
        || (StatusCode::NOT_FOUND, "Nothing of that name waits. Somebody may have been quicker.".to_owned());
    let gateway = &desk.gateway;
    if gateway.tenants.get(tenant).is_none() {
        return Err(missing());
    }
    if act == Act::Resume {
        let queue = Queue::parse(what).ok_or_else(missing)?;
        let by = by.unwrap_or_default();
        let ended = resume(gateway, tenant, &queue, by).await.map_err(|_| unreadable())?;
        return if ended { Ok(()) } else { Err(missing()) };
    }
    let by = by.unwrap_or_default();
    let (kind, number) = what.split_once('-').ok_or_else(missing)?;
    let number: i64 = number.parse().map_err(|_| missing())?;
    let force = act == Act::Force;
    let done = match (kind, act) {
        ("d", Act::Discard) => parked::discard(gateway, tenant, number, by).await,
        ("p", Act::Discard) => parked::discard_push(gateway, tenant, number, by).await,
        ("d", _) => parked::replay(gateway, tenant, number, (force, by)).await,
        ("p", _) => parked::replay_push(gateway, tenant, number, (force, by)).await,
        _ => return Err(missing()),
    };
    done.map_err(|refusal| match refusal {
        Refusal::Unknown => missing(),
        Refusal::Store => unreadable(),
        Refusal::NeedsForce(why) => (StatusCode::CONFLICT, forced(&why)),
    })
}

fn unreadable() -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, "The store can't record just now. Try again.".to_owned())
}

fn forced(why: &Why) -> String {
    let why = match why {
        Why::Said(code) => format!("Xceed answered {code}, after which an event is not sent again."),
        Why::LateFollowed => {
            "A late score of this event has gone back, and this decision would take its place.".to_owned()
        }
        Why::Overtaken => {
            "A later event of the same customer is at Xceed, or may be: this one would come out of order."
                .to_owned()
        }
    };
    format!("{why} Replay by force insists.")
}
