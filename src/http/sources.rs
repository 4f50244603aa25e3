//! The doors of the platforms, and `POST /v1/sources/{name}`: bodies of any shape. A person waits on the line, so whoever
//! sends a well-formed event with a good key always hears an answer, also when nothing can be recorded.

use super::auth::Role;
use super::body;
use super::doors::doors;
use super::events::{invalid, refuse};
use super::problem::Problem;
use super::request::place;
use super::timing::Timing;
use crate::application::gateway::Desk;
use crate::application::name_event::name_event;
use crate::application::ports::Mode;
use crate::application::submit_event::{self, Refusal, Reply, Submission};
use crate::application::tenants::Tenant;
use crate::domain::decision::Basis;
use crate::domain::event::{FieldFault, event_id};
use crate::domain::field::{Field, Fingerprint};
use crate::domain::going_back::Back;
use crate::sources::{CXONE_ASSESS, CXONE_DATA_ACTION, GENESYS_ASSESS, Name, Source};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How Genesys Cloud names a call, and who calls.
const CORRELATION: &str = "ININ-Correlation-Id";
const ORGANIZATION: &str = "ININ-Organization-Id";
/// So much of such a header is logged, in characters.
const LOGGED_MAX: usize = 128;
/// An answer may be so much later than the deadline, where the disk is slow; and where the store is thought to be well.
const MARGIN: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(1);
/// A caller who is told that the decision falls behind waits so long for that to be on disk.
const ACKNOWLEDGED_IN: Duration = Duration::from_secs(1);

pub(super) async fn cxone_data_action(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    answer(&request, payload, CXONE_DATA_ACTION).await
}

pub(super) async fn cxone_assess(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    answer(&request, payload, CXONE_ASSESS).await
}

pub(super) async fn genesys_assess(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    answer(&request, payload, GENESYS_ASSESS).await
}

pub(super) async fn own(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let name = request.match_info().get("name").unwrap_or_default().to_owned();
    answer(&request, payload, &name).await
}

async fn answer(request: &HttpRequest, payload: web::Payload, name: &str) -> HttpResponse {
    let received = Instant::now();
    let mut timing = Timing::since(received);
    let taken = take_in(request, payload, (name, received, &mut timing)).await;
    let mut answer = taken.unwrap_or_else(HttpResponse::from);
    timing.end();
    timing.tell(&mut answer);
    answer
}

async fn take_in(
    request: &HttpRequest,
    payload: web::Payload,
    (name, received, timing): (&str, Instant, &mut Timing),
) -> Result<HttpResponse, Problem> {
    let (desk, tenant) = place(request, &[Role::Caller])?;
    let source =
        doors(request).and_then(|doors| doors.sources.get(&tenant.name, name)).ok_or_else(unknown)?;
    let counted = desk.gateway.count_request(&tenant);
    let place = desk.gateway.places.enter(&tenant);
    let body = body::read_mislabelled(request, payload).await?;
    timing.received();
    let fields = body::parse_mislabelled(request, &body)?;
    let reading = source.read(&tenant.name, &fields);
    let (fingerprint, missing, target) = (reading.fingerprint, reading.missing.clone(), reading.back.clone());
    let deadline = source.deadline().unwrap_or(tenant.policy.deadline);
    let event = match &reading.name {
        Name::Given => reading.named(String::new()),
        Name::Derived(id) => {
            let id = id.clone();
            reading.named(id)
        }
        Name::Fleeting(base) => {
            let patience = deadline.min(ACKNOWLEDGED_IN);
            let id = name_event(&desk.gateway, &tenant.name, base, patience).await;
            reading.named(id)
        }
    };
    let back = tenant.back(target, &event);
    let call =
        Call { desk, tenant: &tenant, source: &source, event: &event, fingerprint, received, deadline, back };
    call.log(request);
    if !missing.is_empty() {
        return Err(call.refuse(missing));
    }
    let reply = if desk.gateway.ending.has_begun() {
        call.repeat_or(Basis::Draining).await?
    } else if counted.is_err() {
        call.repeat_or(Basis::Limit).await?
    } else if place.is_none() {
        call.repeat_or(Basis::Overload).await?
    } else {
        call.submit().await?
    };
    timing.attempt(reply.times);
    Ok(respond(&source, &reply))
}

/// A call whose body has become an event.
struct Call<'c> {
    desk: &'c Desk,
    tenant: &'c Arc<Tenant>,
    source: &'c Source,
    event: &'c Field<'c>,
    fingerprint: Fingerprint,
    received: Instant,
    deadline: Duration,
    back: Back,
}

impl Call<'_> {
    fn submission(&self) -> Submission<'_> {
        Submission {
            tenant: self.tenant,
            event: self.event,
            fingerprint: self.fingerprint,
            mode: if self.source.is_deferred() { Mode::Deferred } else { Mode::Sync },
            idempotency_key: None,
            received: self.received,
            deadline: self.deadline,
            back: self.back.clone(),
        }
    }

    async fn submit(&self) -> Result<Reply, Problem> {
        let mut submitted = pin!(submit_event::submit(self.desk, self.submission()));
        let within = if self.source.is_deferred() { ACKNOWLEDGED_IN } else { self.deadline };
        let over = self.received + within + MARGIN;
        let answered = match timeout_at(over, &mut submitted).await {
            Ok(answered) => answered,
            // The event may still be recorded; whoever asks again hears what was.
            Err(_) if !self.desk.gateway.store.is_well() => Err(Refusal::Store),
            Err(_) => timeout_at(over + PATIENCE, submitted).await.unwrap_or(Err(Refusal::Store)),
        };
        match answered {
            Ok(reply) => Ok(reply),
            Err(Refusal::Store) => self.unrecorded(Basis::Store),
            Err(Refusal::Invalid(faults)) => Err(self.located(faults)),
            Err(other) => Err(refuse(other, false)),
        }
    }

    /// Nothing new is taken in just now; but whoever asks again hears the first answer.
    async fn repeat_or(&self, basis: Basis) -> Result<Reply, Problem> {
        let submission = self.submission();
        let repeated = submit_event::repeat(self.desk, &submission);
        match timeout_at(self.received + self.deadline + MARGIN, repeated).await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) | Err(_) => self.unrecorded(basis),
        }
    }

    /// The answer to an event that is not recorded.
    fn unrecorded(&self, basis: Basis) -> Result<Reply, Problem> {
        submit_event::answer_unrecorded(self.desk, &self.submission(), basis).map_err(|refusal| match refusal
        {
            Refusal::Invalid(faults) => self.located(faults),
            other => refuse(other, false),
        })
    }

    /// What the source misses, and all else that is wrong.
    fn refuse(&self, missing: Vec<FieldFault>) -> Problem {
        let now = self.desk.gateway.clock.now();
        let others = self.desk.xceed.prepare(&self.tenant.name, self.event, now).err().unwrap_or_default();
        let others = others.into_iter().map(|fault| self.source.locate(fault));
        let others = others.filter(|fault| missing.iter().all(|known| known.field != fault.field));
        let others: Vec<_> = others.collect();
        invalid(missing.into_iter().chain(others).collect())
    }

    fn located(&self, faults: Vec<FieldFault>) -> Problem {
        invalid(faults.into_iter().map(|fault| self.source.locate(fault)).collect())
    }

    /// By what the platform knows the call, so that its people and ours speak of the same. Never believed.
    fn log(&self, request: &HttpRequest) {
        let logged = |name: &str| request.headers().get(name).map(|value| visible(value.as_bytes()));
        let configured = self.source.correlation_header().and_then(logged);
        let Some(correlation) = configured.or_else(|| logged(CORRELATION)) else { return };
        let id = event_id(self.event);
        tracing::info!(
            tenant = %self.tenant.name,
            source = self.source.name(),
            event_id = id.as_ref().map_or("", |id| id.as_str()),
            correlation,
            organization = logged(ORGANIZATION).unwrap_or_default(),
            "a platform calls"
        );
    }
}

/// What can be shown of a header.
fn visible(value: &[u8]) -> String {
    value
        .iter()
        .take(LOGGED_MAX)
        .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' })
        .collect()
}

fn respond(source: &Source, reply: &Reply) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "application/json"));
    if reply.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.body(source.answer(&reply.body))
}

fn unknown() -> Problem {
    let detail = "this tenant has no source of that name: [tenants.<tenant>.sources.<name>] makes one";
    Problem::new(StatusCode::NOT_FOUND, "unknown_source", "Unknown source", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::{Answer, Bench, Results};
    use crate::domain::event::{Facts, Members, Tier};
    use crate::domain::identifiers::CustomerId;
    use crate::domain::limits::Rule;
    use crate::domain::policy::{FallbackPolicy, Policy};
    use crate::domain::return_code::{Received, table};
    use crate::http::answer::words;
    use crate::sources::SourceSettings;
    use crate::sources::published::is_valid;
    use rust_decimal::Decimal;

    fn told(decision: crate::domain::decision::Decision) -> Vec<u8> {
        words(&Answer {
            event_id: "e-1".to_owned(),
            decision,
            defaulted: Vec::new(),
            decided_at: jiff::Timestamp::UNIX_EPOCH,
            latency: Duration::from_millis(3),
        })
    }

    fn source(more: &str) -> Source {
        let settings = SourceSettings {
            name: "own".to_owned(),
            file: "own.toml".to_owned(),
            text: format!("event_type = \"Login\"\n{more}\n[fields]\n"),
            samples: Vec::new(),
        };
        Source::compile(&settings, &Members::default()).expect("sound")
    }

    /// Every return code with and without a score and an action, and everything that is answered without one, under
    /// every fallback policy.
    #[test]
    fn the_flat_answer_of_every_decision_is_valid_against_the_published_schema() {
        let facts = Facts {
            event_type: "WireTransfer".to_owned(),
            customer: Some(CustomerId::new("C-1")),
            tier: Tier::New,
            amount: Some(Decimal::from(12_500)),
        };
        let codes: Vec<&str> = table().map(|row| row.code).chain(["ODD_WORD"]).collect();
        let sources = [source(""), source("high_risk_above = 70")];
        let mut count = 0;
        for fallback in FallbackPolicy::ALL {
            let policy = Policy { fallback, ..Policy::default() };
            let bench = Bench { policy: &policy, facts: &facts, velocity: 9 };
            let mut decisions = vec![
                bench.acknowledge(),
                bench.defer(),
                bench.await_callback(),
                bench.past_callback(),
                bench.past_deadline(Duration::from_millis(300)),
                bench.out_of_turn(),
                bench.while_held("HASH_KEY_FAIL"),
                bench.without_results("no answer"),
                bench.limited(Rule::default()),
            ];
            let unrecorded = [Basis::Limit, Basis::Overload, Basis::Draining, Basis::Store];
            decisions.extend(unrecorded.map(|basis| bench.unrecorded(basis)));
            let said = [(None, None), (Some(73), None), (None, Some("Hold")), (Some(100), Some("Odd"))];
            for (code, (score, action)) in codes.iter().flat_map(|code| said.map(|said| (code, said))) {
                decisions.push(bench.decide(&Results {
                    code: Received::parse(code),
                    risk_score: score.map(Decimal::from),
                    risk_action: action.map(str::to_owned),
                    reasons: vec!["a reason".to_owned()],
                    remarks: Vec::new(),
                    concerns: None,
                    faulty: Vec::new(),
                }));
            }
            for words in decisions.into_iter().map(told) {
                for source in &sources {
                    let flat = source.answer(&words);
                    assert!(flat.len() < 2048);
                    is_valid(&flat);
                    count += 1;
                }
            }
        }
        assert!(count > 600, "{count}");
    }

    #[test]
    fn a_full_answer_is_the_words_themselves() {
        let words = br#"{"eventId":"e-1","decision":null}"#;
        assert_eq!(source("answer = \"full\"").answer(words), words);
    }

    #[test]
    fn what_is_logged_of_a_header_is_visible_and_short() {
        assert_eq!(visible("a\u{1b}[31mé".as_bytes()), "a?[31m??");
        assert_eq!(visible("x".repeat(500).as_bytes()).len(), LOGGED_MAX);
    }
}
