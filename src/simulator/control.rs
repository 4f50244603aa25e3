//! The simulator's own doors: `/_sim/behaviour`, `/_sim/received`, `/_sim/callbacks`, and a page that says what it is.
//!
//! Nothing here exists at the vendor's; SOAP goes to every other path.

use super::behaviour::Behaviour;
use super::xceed::Xceed;
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use actix_web::{HttpResponse, Responder};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

const PAGE: &str = "\
This is a simulator of the NICE Actimize Xceed Enterprise API: SOAP 1.1 on every path but these.
It stands in for Xceed in tests and demonstrations, and is not made by its vendor.

GET    /_sim/received             what arrived, in order (?after=SEQ&limit=N)
GET    /_sim/received/count       how many requests, and how many distinct events
GET    /_sim/received/ID          all arrivals of one event
GET    /_sim/received/ID/raw      the SOAP request of its last arrival
DELETE /_sim/received             forget them (?through=SEQ: those up to there, which stay counted)
GET    /_sim/callbacks            what was called back, in order (?after=SEQ&limit=N)
DELETE /_sim/callbacks            forget it
PUT    /_sim/behaviour            do this with every request, e.g.
                                  {\"code\":\"TIMEOUT\"} or {\"score\":73.5,\"action\":\"Hold\",\"delay_ms\":1500}
                                  or {\"fault\":\"reset\"}; members: code score action delay_ms fault reasons
                                  callback (once never twice conflict first forged)
                                  callback_after_ms callback_code
GET    /_sim/behaviour            what is put
DELETE /_sim/behaviour            do as usual again; the rules of the rule file count from zero

It also plays the platforms that decisions go back to: token endpoints at /auth/token, /api/v2/oauth/token,
/oauth/token and /authentication/v1/token/access-key, CXone's and Genesys' attributes, CXone's signal, and
POST /webhook/NAME. An interaction id such as SIM-503 or SIM-429~7 is answered with that status.

GET    /_sim/interactions/ID      what stands in an interaction: attributes, participants, signals
GET    /_sim/platform             what was brought, in order (?after=SEQ&limit=N), and who asked for tokens
PUT    /_sim/platform             do this, e.g. {\"api\":{\"statuses\":[401,503],\"retry_after\":\"2\"}}; members:
                                  token (status html delay_ms expires_in revoke), api and webhook (statuses status
                                  retry_after delay_ms), webhook_secrets (by name, a list)
DELETE /_sim/platform             forget what was brought, and do as usual again

Triggers: an event whose CustomerId is
SIM-<code>                        gets this return code: SIM-HASH_KEY_FAIL, SIM-TIMEOUT, any word
SIM-SCORE-73.5  SIM-ACTION-Deny   gets this score without an action, this action without a score
SIM-SCORE-73.5-ACTION-Hold        gets both
SIM-SLOW-1500                     is answered after so many milliseconds
SIM-RESET  SIM-RESET-MIDWAY       finds its connection reset: before the answer, in the middle of it
SIM-DROP                          is not answered
SIM-GARBAGE  SIM-HTML  SIM-EMPTY  SIM-TRUNCATED  SIM-DOCTYPE  SIM-HUGE
SIM-FAULT  SIM-FAULT-200          gets a SOAP Fault, with status 500 or 200
SIM-WRONG-ID                      gets an answer that names another event
SIM-CALLBACK-NEVER  -TWICE        an addAsyncEvent is never called back, or two times
SIM-CALLBACK-CONFLICT  -FORGED    the second callback says something else, the first has a wrong hash
SIM-CALLBACK-FIRST                is called back before it is acknowledged
SIM-CALLBACK-AFTER-1500           is called back so many milliseconds later
SIM-CALLBACK-CODE-MSG_OOO         is called back with this return code
They combine (SIM-SLOW-1500-SCORE-80); what follows a ~ is a label (SIM-TIMEOUT~17).
";

/// How much of a listing is made ready at a time.
const CHUNK: usize = 64 * 1024;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(async || PAGE))
        .route("/_sim/behaviour", web::get().to(show_behaviour))
        .route("/_sim/behaviour", web::put().to(put_behaviour))
        .route("/_sim/behaviour", web::delete().to(reset_behaviour))
        .route("/_sim/callbacks", web::get().to(callbacks))
        .route("/_sim/callbacks", web::delete().to(forget_callbacks))
        .route("/_sim/received", web::get().to(received))
        .route("/_sim/received", web::delete().to(forget))
        .route("/_sim/received/count", web::get().to(count))
        .route("/_sim/received/{event_id}", web::get().to(arrivals))
        .route("/_sim/received/{event_id}/raw", web::get().to(raw));
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

#[derive(Deserialize)]
struct Forgotten {
    through: Option<u64>,
}

async fn show_behaviour(xceed: Data<Xceed>) -> impl Responder {
    HttpResponse::Ok().json(xceed.director().told())
}

async fn put_behaviour(xceed: Data<Xceed>, body: Bytes) -> impl Responder {
    match serde_json::from_slice::<Behaviour>(&body) {
        Ok(behaviour) => {
            let answer = HttpResponse::Ok().json(&behaviour);
            xceed.director().tell(behaviour);
            answer
        }
        Err(error) => HttpResponse::BadRequest().body(format!("not a behaviour: {error}\n")),
    }
}

async fn reset_behaviour(xceed: Data<Xceed>) -> impl Responder {
    xceed.director().reset();
    HttpResponse::NoContent()
}

async fn received(xceed: Data<Xceed>, page: Query<Page>) -> impl Responder {
    listing(xceed.ledger().after(page.after, page.limit.unwrap_or(usize::MAX)))
}

async fn callbacks(xceed: Data<Xceed>, page: Query<Page>) -> impl Responder {
    listing(xceed.caller().after(page.after, page.limit.unwrap_or(usize::MAX)))
}

async fn forget_callbacks(xceed: Data<Xceed>) -> impl Responder {
    xceed.caller().forget();
    HttpResponse::NoContent()
}

async fn forget(xceed: Data<Xceed>, what: Query<Forgotten>) -> impl Responder {
    match what.through {
        Some(seq) => xceed.ledger().forget(seq),
        None => xceed.ledger().clear(),
    }
    HttpResponse::NoContent()
}

async fn count(xceed: Data<Xceed>) -> impl Responder {
    HttpResponse::Ok().json(xceed.ledger().count())
}

async fn arrivals(xceed: Data<Xceed>, event_id: Path<String>) -> impl Responder {
    listing(xceed.ledger().of_event(&event_id))
}

async fn raw(xceed: Data<Xceed>, event_id: Path<String>) -> impl Responder {
    match xceed.ledger().raw(&event_id) {
        Some(body) => HttpResponse::Ok().content_type("text/xml; charset=utf-8").body(body),
        None => HttpResponse::NotFound().body("no raw request of this event is kept\n"),
    }
}

fn listing<T: Serialize + Unpin + 'static>(entries: Vec<Arc<T>>) -> HttpResponse {
    let listing = Listing { entries: entries.into_iter(), state: ListingState::Start };
    HttpResponse::Ok().content_type("application/json").body(listing)
}

/// A JSON array, written while it is sent: the whole ledger is far too much for one piece.
struct Listing<T> {
    entries: std::vec::IntoIter<Arc<T>>,
    state: ListingState,
}

enum ListingState {
    Start,
    Within,
    End,
}

impl<T: Serialize + Unpin> MessageBody for Listing<T> {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            let separator = match self.state {
                ListingState::Start => b'[',
                ListingState::Within => b',',
                ListingState::End => break,
            };
            let Some(entry) = self.entries.next() else {
                chunk.extend_from_slice(if separator == b'[' { b"[]" } else { b"]" });
                self.state = ListingState::End;
                break;
            };
            chunk.push(separator);
            serde_json::to_writer(&mut chunk, &*entry).expect("an entry is plain data");
            self.state = ListingState::Within;
        }
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Bytes::from(chunk))))
    }
}
