//! The way to Xceed over SOAP: prepares events, and brings them there, one attempt at a time. One for each worker
//! thread, since a pooled connection lives on the thread that opened it and so do validators.

use super::attempt::classify;
use super::chunk::{fits, join};
use super::link::Link;
use super::operations::{Operation, Values};
use super::payload::{faults_of, fill};
use super::results::{HttpAnswer, judge_about};
use crate::application::ports::{Chunk, Local, Message, Prepared, Scoring, Sent};
use crate::domain::delivery::Attempt;
use crate::domain::event::{ContactEvent, FieldFault, Traces};
use crate::domain::field::Field;
use crate::domain::identifiers::TenantName;
use crate::domain::return_code::{Disposition, Received, ReturnCode};
use crate::secrets::Secret;
use crate::soap::tree::DOCUMENT_MAX;
use crate::telemetry::{metrics, traces};
use crate::tls::{ClientSettings, client};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::ready;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long an unused connection is kept: below the 5 s after which many servers close theirs, so that no request is
/// written into a connection that is being closed.
const IDLE_MAX: Duration = Duration::from_secs(4);
const IDLE_CONNECTIONS_MAX: usize = 1024;

/// All links of the gateway by tenant.
pub type Links = HashMap<TenantName, Arc<Link>>;

/// The links as they are just now; others may be put in their place at any time.
pub type LiveLinks = Arc<ArcSwap<Links>>;

/// Why no way to Xceed can be made of the settings; in words.
#[derive(Debug, thiserror::Error)]
#[error("the way to Xceed can't be made: {0}")]
pub struct Unreachable(String);

impl From<reqwest::Error> for Unreachable {
    fn from(error: reqwest::Error) -> Self {
        Self(error.to_string())
    }
}

/// Xceed over SOAP, for one worker thread.
pub struct SoapClient {
    links: LiveLinks,
    lines: RefCell<HashMap<TenantName, Rc<Line>>>,
}

impl SoapClient {
    /// A client with connections of its own.
    ///
    /// # Errors
    /// TLS can't be set up, or an address is none.
    pub fn new(links: LiveLinks) -> Result<Self, Unreachable> {
        let line = |(name, link): (&TenantName, &Arc<Link>)| -> Result<_, Unreachable> {
            Ok((name.clone(), Rc::new(Line::new(link)?)))
        };
        let lines = links.load().iter().map(line).collect::<Result<_, _>>()?;
        Ok(Self { links, lines: RefCell::new(lines) })
    }

    /// The tenant's line, made anew where its link is another one now; `None` where the tenant is not served any more.
    fn line(&self, tenant: &TenantName) -> Option<Rc<Line>> {
        let links = self.links.load();
        let link = links.get(tenant)?;
        let mut lines = self.lines.borrow_mut();
        if let Some(line) = lines.get(tenant).filter(|line| Arc::ptr_eq(&line.link, link)) {
            return Some(line.clone());
        }
        // Whoever put the links there has made such a line before.
        let line = Rc::new(Line::new(link).ok()?);
        lines.insert(tenant.clone(), line.clone());
        Some(line)
    }
}

fn http_client(link: &Link) -> Result<reqwest::Client, Unreachable> {
    let builder = reqwest::Client::builder();
    let builder = match &link.settings.tls {
        usual if *usual == ClientSettings::default() => builder,
        tls => builder.tls_backend_preconfigured(client(tls).map_err(Unreachable)?),
    };
    let client = builder
        .user_agent(concat!("xceed-gateway/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never()) // what is sent again is the delivery's business
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        // A little before the attempt's own end, so that a host that can't be reached counts as not sent.
        .connect_timeout(link.settings.attempt_timeout.mul_f64(0.9))
        .build()?;
    Ok(client)
}

impl Scoring for SoapClient {
    fn prepare(
        &self,
        tenant: &TenantName,
        event: &Field<'_>,
        received_at: Timestamp,
    ) -> Result<Prepared, Vec<FieldFault>> {
        let not_served = || vec![FieldFault::new("", "tenant", "this tenant is not served any more")];
        prepare(&self.line(tenant).ok_or_else(not_served)?.link, event, received_at)
    }

    fn send(&self, tenant: &TenantName, message: Message) -> Local<Sent> {
        let Some(line) = self.line(tenant) else { return Box::pin(ready(not_served())) };
        Box::pin(async move { line.send(&message).await })
    }

    fn send_chunk(&self, tenant: &TenantName, chunk: Chunk) -> Local<Sent> {
        let Some(line) = self.line(tenant) else { return Box::pin(ready(not_served())) };
        Box::pin(async move { line.send_chunk(&chunk).await })
    }

    fn fit_together(&self, one: &str, other: &str) -> bool {
        fits(one, other)
    }
}

fn not_served() -> Sent {
    Sent { attempt: Attempt::NotSent("the tenant is not served any more"), promoted_key: None }
}

/// Event → payload, valid against the link's schema set.
///
/// # Errors
/// Everything that is wrong with the event, at once.
pub fn prepare(link: &Link, event: &Field<'_>, received_at: Timestamp) -> Result<Prepared, Vec<FieldFault>> {
    let begun = Instant::now();
    let prepared = fill_and_validate(link, event, received_at);
    metrics::PREPARE_SECONDS.took(&[], begun.elapsed());
    prepared
}

fn fill_and_validate(
    link: &Link,
    event: &Field<'_>,
    received_at: Timestamp,
) -> Result<Prepared, Vec<FieldFault>> {
    let mapping = &link.version.mapping;
    let (contact_event, mut faults) = ContactEvent::read(event, mapping.members(), received_at);
    let channel = link.channel(&contact_event.facts.event_type);
    let payload = fill(mapping, &contact_event, channel, &mut faults);
    let begun = Instant::now();
    let violations = link.version.set.validate(payload.text());
    metrics::VALIDATE_SECONDS.took(&[], begun.elapsed());
    for fault in faults_of(mapping, event, &violations) {
        if faults.iter().all(|known| known.field != fault.field) {
            faults.push(fault);
        }
    }
    let Some(id) = contact_event.id.filter(|_| faults.is_empty()) else {
        return Err(with_elements(link, faults));
    };
    let (text, defaulted) = payload.into_parts();
    Ok(Prepared {
        message: Message {
            event_id: id,
            channel: channel.into(),
            payload: text.into(),
            response_required: true,
            callback_id: None,
        },
        facts: contact_event.facts,
        traces: Traces::read(event),
        schema: link.version.set.version().to_owned(),
        defaulted,
    })
}

fn with_elements(link: &Link, mut faults: Vec<FieldFault>) -> Vec<FieldFault> {
    for fault in faults.iter_mut().filter(|fault| fault.element.is_none()) {
        fault.element = link.version.mapping.element_of(&fault.field).map(str::to_owned);
    }
    faults
}

/// One tenant's line to Xceed.
struct Line {
    link: Arc<Link>,
    client: reqwest::Client,
    /// What all requests of an operation have in common: all but the body.
    one: reqwest::Request,
    one_async: reqwest::Request,
    many: reqwest::Request,
    many_async: reqwest::Request,
}

/// What one attempt brings, but for the key that it is signed with.
#[derive(Clone, Copy)]
struct Letter<'a> {
    operation: &'a Operation,
    draft: &'a reqwest::Request,
    values: Values<'a>,
    /// The one event that it is about; of many, whichever the answer names.
    about: Option<&'a str>,
}

impl Line {
    fn new(link: &Arc<Link>) -> Result<Self, Unreachable> {
        let client = http_client(link)?;
        let draft = |operation: &Operation| {
            let request = client.post(&link.settings.url).header("Content-Type", "text/xml; charset=utf-8");
            request.header("SOAPAction", &operation.soap_action).build()
        };
        let one = draft(&link.api.add_event)?;
        let one_async = draft(&link.api.add_async_event)?;
        let many = draft(&link.api.add_m_events)?;
        let many_async = draft(&link.api.add_m_async_events)?;
        Ok(Self { link: link.clone(), client, one, one_async, many, many_async })
    }

    async fn send(&self, message: &Message) -> Sent {
        let api = &self.link.api;
        let (operation, draft) = match message.callback_id {
            Some(_) => (&api.add_async_event, &self.one_async),
            None => (&api.add_event, &self.one),
        };
        let values = self.link.values(message, self.link.key());
        self.deliver(Letter { operation, draft, values, about: Some(message.event_id.as_str()) }).await
    }

    async fn send_chunk(&self, chunk: &Chunk) -> Sent {
        let api = &self.link.api;
        let (operation, draft) = match chunk.is_async {
            true => (&api.add_m_async_events, &self.many_async),
            false => (&api.add_m_events, &self.many),
        };
        let payloads: Vec<&str> = chunk.events.iter().map(|(_, payload)| &**payload).collect();
        let Some(payload) = join(&payloads) else {
            let attempt = Attempt::NotSent("the events are of schema sets that can't stand in one document");
            return Sent { attempt, promoted_key: None };
        };
        let num_events = payloads.len().to_string();
        let values = self.link.chunk_values(&chunk.channel, &payload, &num_events);
        self.deliver(Letter { operation, draft, values, about: None }).await
    }

    /// One attempt. Where Xceed refuses the hash and a next key is there, that is tried once; where it is taken, it is
    /// signed with from then on.
    async fn deliver(&self, letter: Letter<'_>) -> Sent {
        let deadline = Instant::now() + self.link.settings.attempt_timeout;
        let attempt = self.post(letter, self.link.key(), deadline).await;
        let next = self.link.next_key().filter(|_| is_hash_failure(&attempt));
        let Some(next) = next else { return Sent { attempt, promoted_key: None } };
        let second = self.post(letter, next, deadline).await;
        if !is_processed(&second) {
            return Sent { attempt, promoted_key: None };
        }
        self.link.promote();
        Sent { attempt: second, promoted_key: Some(next.fingerprint()) }
    }

    /// One request: one absolute deadline around everything from the pool to the last byte.
    async fn post(&self, letter: Letter<'_>, key: &Secret, deadline: Instant) -> Attempt {
        let Letter { operation, draft, values, about } = letter;
        let values = Values { secret_key: key.expose(), ..values };
        let mut request =
            draft.try_clone().expect("a request without a body has nothing that can't be cloned");
        if let Some(trace) = traces::current()
            && let Ok(traceparent) = trace.traceparent().parse()
        {
            request.headers_mut().insert("traceparent", traceparent);
        }
        *request.body_mut() = Some(operation.request(&values).into_text().into());
        let exchange = async {
            let mut response = self.client.execute(request).await.map_err(|error| classify(&error))?;
            let body = read(&mut response).await?;
            let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
            let answer = HttpAnswer {
                status: response.status().as_u16(),
                content_type: header("content-type"),
                content_encoding: header("content-encoding"),
                body: &body,
            };
            Ok(judge_about(answer, operation, &self.link.api.results, about))
        };
        match timeout_at(deadline, exchange).await {
            Ok(Ok(attempt) | Err(attempt)) => attempt,
            Err(_) => Attempt::InDoubt("Xceed did not answer within the attempt timeout"),
        }
    }
}

/// The whole body, or the end of the attempt: no more is read than is taken.
async fn read(response: &mut reqwest::Response) -> Result<Vec<u8>, Attempt> {
    let too_large = || Attempt::Refused("Xceed's answer is too large");
    let announced = response.content_length().unwrap_or(0);
    if announced > DOCUMENT_MAX as u64 {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        if body.len() + chunk.len() > DOCUMENT_MAX {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn is_hash_failure(attempt: &Attempt) -> bool {
    attempt.results().is_some_and(|results| results.code == Received::Known(ReturnCode::HashKeyFail))
}

fn is_processed(attempt: &Attempt) -> bool {
    use Disposition::{Processed, ProcessedLater, ProcessedWithWarning};
    let done = [Processed, ProcessedLater, ProcessedWithWarning];
    attempt.results().is_some_and(|results| done.contains(&results.code.row().disposition))
}
