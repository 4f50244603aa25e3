//! `GET /v1/decisions`: server-sent events.

use super::answer;
use super::auth::{Key, Role};
use super::doors::Doors;
use super::parked::unreadable;
use super::problem::Problem;
use super::request::{bad_query, place_of_key, query};
use crate::application::follow_decisions::{Heard, Refusal, follow as follow_decisions};
use crate::application::ports::{JournalEntry, Place};
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use arc_swap::ArcSwap;
use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc::Receiver;

/// A listener that lost its connection comes back after this time.
const COME_BACK: &[u8] = b"retry: 1000\n";

/// Follows decisions from now on, or behind the id of the last one that was heard.
pub(super) async fn follow(request: HttpRequest) -> HttpResponse {
    followed(&request).await.unwrap_or_else(HttpResponse::from)
}

async fn followed(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let (desk, tenant, key) = place_of_key(request, &Role::ALL)?;
    let heard = follow_decisions(&desk.gateway, &tenant.name, last_heard(request)?)
        .await
        .map_err(|refusal| refuse(&refusal))?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "text/event-stream"));
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    // Proxies that gather answers would hold decisions back.
    response.insert_header(("X-Accel-Buffering", "no"));
    let may_go_on = watch(request, key);
    Ok(response.body(Stream { heard, may_go_on: Box::new(may_go_on), has_begun: false }))
}

/// Whether the key is still good, which may change while somebody listens.
fn watch(request: &HttpRequest, key: Arc<Key>) -> impl Fn() -> bool + use<> {
    let doors = request.app_data::<Arc<ArcSwap<Doors>>>().cloned();
    move || doors.as_ref().is_some_and(|doors| doors.load().keys.have(&key))
}

/// What a browser sends by itself when it comes back; elsewhere a parameter may be easier.
fn last_heard(request: &HttpRequest) -> Result<Option<Place>, Problem> {
    let unread = || bad_query("Last-Event-ID must be the id of an event of this stream");
    // An empty one says nothing.
    let header = request.headers().get("Last-Event-ID").filter(|value| !value.is_empty());
    let given = match header {
        Some(value) => Some(Cow::Borrowed(value.to_str().map_err(|_| unread())?)),
        None => query(request, "lastEventId"),
    };
    given.filter(|id| !id.is_empty()).map(|id| Place::parse(&id).ok_or_else(unread)).transpose()
}

fn refuse(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::UnknownPlace => bad_query(
            "Last-Event-ID is ahead of what is recorded here: the store was replaced by an older one; listen without it",
        ),
        Refusal::TooMany => {
            let detail =
                "64 listen to this gateway already: one connection for each of your systems is enough";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_listeners", "Too many listen", detail)
                .with_header(header::RETRY_AFTER, "10")
        }
        Refusal::Unavailable => unreadable(),
    }
}

/// What is said, as it is said.
struct Stream {
    heard: Receiver<Heard>,
    may_go_on: Box<dyn Fn() -> bool>,
    has_begun: bool,
}

impl MessageBody for Stream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.heard.poll_recv(cx).map(|heard| {
            let heard = heard.filter(|_| (self.may_go_on)());
            let mut text = if self.has_begun { Vec::new() } else { COME_BACK.to_vec() };
            self.has_begun = true;
            put(&mut text, &heard?);
            Some(Ok(text.into()))
        })
    }
}

fn put(text: &mut Vec<u8>, heard: &Heard) {
    match heard {
        Heard::At(at) => text.extend(format!("id: {at}\n\n").bytes()),
        Heard::Silence(at) => text.extend(format!(": keep-alive\nid: {at}\n\n").bytes()),
        Heard::Fallen(entries) => entries.iter().for_each(|entry| put_entry(text, entry)),
    }
}

/// The words are JSON on one line.
fn put_entry(text: &mut Vec<u8>, entry: &JournalEntry) {
    text.extend(format!("id: {}\nevent: {}\ndata: ", entry.place, entry.kind.name()).bytes());
    match &entry.late {
        Some(late) => answer::put_late(text, &entry.event_id, late, &entry.words),
        None => text.extend(&entry.words),
    }
    text.extend(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::ports::Late;
    use crate::domain::going_back::Kind;
    use crate::domain::policy::Verdict;
    use jiff::Timestamp;

    #[test]
    fn a_decision_is_its_words_and_what_is_late_stands_before_them() {
        let entry = JournalEntry {
            place: Place(0, 17),
            kind: Kind::Decision,
            event_id: "e-1".to_owned(),
            words: br#"{"eventId":"e-1","decision":"ALLOW"}"#.to_vec(),
            late: None,
        };
        let late = Late {
            verdict: Verdict::Block,
            risk_score: Some(95.into()),
            risk_action: None,
            return_code: "SUCCESS".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        let late = JournalEntry { place: Place(7, 18), kind: Kind::Late, late: Some(late), ..entry.clone() };
        let mut text = Vec::new();
        put(&mut text, &Heard::At(Place(0, 16)));
        put(&mut text, &Heard::Fallen(vec![entry, late]));
        put(&mut text, &Heard::Silence(Place(7, 20)));
        let expected = "id: 0-16\n\n\
            id: 0-17\nevent: decision\ndata: {\"eventId\":\"e-1\",\"decision\":\"ALLOW\"}\n\n\
            id: 7-18\nevent: late\ndata: {\"eventId\":\"e-1\",\"late\":{\"decision\":\"BLOCK\",\"riskScore\":95.0,\
            \"riskAction\":null,\"returnCode\":\"SUCCESS\",\"at\":\"1970-01-01T00:00:00.000Z\"},\
            \"decision\":{\"eventId\":\"e-1\",\"decision\":\"ALLOW\"}}\n\n\
            : keep-alive\nid: 7-20\n\n";
        assert_eq!(String::from_utf8(text).expect("UTF-8"), expected);
    }
}
