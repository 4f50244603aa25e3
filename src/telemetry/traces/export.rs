//! Spans on their way to a collector: OTLP over HTTP, in JSON. What can't be brought there is dropped and counted, and no
//! call waits for it.

use super::{Attribute, Span};
use serde_json::{Value, json};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout_at};

/// Spans that wait to be brought, at most.
const WAITING_MAX: usize = 4096;
/// Spans in one request.
const TOGETHER: usize = 512;
/// How long a span waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often at most the log says that spans were dropped.
const SAID_AGAIN: Duration = Duration::from_secs(60);

/// Where spans go, and of how many calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The collector's address for traces.
    pub url: String,
    /// The share of calls whose caller has not decided, from 0 to 1.
    pub share: f64,
}

struct Exporter {
    share: f64,
    waiting: Sender<Span>,
    dropped: AtomicU64,
}

static EXPORTER: OnceLock<Exporter> = OnceLock::new();

/// From now on calls are traced. A second call changes nothing.
///
/// # Errors
/// No HTTP client or no thread can be made; in words.
pub fn begin(settings: &Settings) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("traces can't be exported: {error}");
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(|error| failed(&error))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    let (waiting, spans) = channel(WAITING_MAX);
    if EXPORTER.set(Exporter { share: settings.share, waiting, dropped: AtomicU64::new(0) }).is_err() {
        return Ok(());
    }
    let url = settings.url.clone();
    thread::Builder::new()
        .name("traces".to_owned())
        .spawn(move || runtime.block_on(bring(client, url, spans)))
        .map_err(|error| failed(&error))?;
    Ok(())
}

/// The share of calls that are sampled; `None` where traces are off.
pub(super) fn share() -> Option<f64> {
    EXPORTER.get().map(|exporter| exporter.share)
}

pub(super) fn hand_over(span: Span) {
    let Some(exporter) = EXPORTER.get() else { return };
    if exporter.waiting.try_send(span).is_err() {
        drop_some(1);
    }
}

fn drop_some(count: usize) {
    if let Some(exporter) = EXPORTER.get() {
        exporter.dropped.fetch_add(count as u64, Relaxed);
    }
}

async fn bring(client: reqwest::Client, url: String, mut spans: Receiver<Span>) {
    let mut said = None::<Instant>;
    while let Some(first) = spans.recv().await {
        let mut together = vec![first];
        let until = Instant::now() + GATHER;
        while together.len() < TOGETHER {
            let Ok(Some(span)) = timeout_at(until, spans.recv()).await else { break };
            together.push(span);
        }
        let body = document(&together).to_string();
        let answer = client.post(&url).header("Content-Type", "application/json").body(body).send().await;
        let taken = answer.is_ok_and(|answer| answer.status().is_success());
        if !taken {
            drop_some(together.len());
        }
        let dropped = EXPORTER.get().map_or(0, |exporter| exporter.dropped.load(Relaxed));
        if dropped > 0 && said.is_none_or(|said| said.elapsed() >= SAID_AGAIN) {
            said = Some(Instant::now());
            if let Some(exporter) = EXPORTER.get() {
                exporter.dropped.fetch_sub(dropped, Relaxed);
            }
            tracing::warn!(spans = dropped, "spans were dropped: the traces' collector does not take them");
        }
    }
}

/// `ExportTraceServiceRequest` in OTLP's JSON encoding.
fn document(spans: &[Span]) -> Value {
    let attribute = |(name, value): &Attribute| json!({ "key": name, "value": { "stringValue": value } });
    let span = |span: &Span| {
        let mut told = json!({
            "traceId": format!("{:032x}", span.trace.id),
            "spanId": format!("{:016x}", span.trace.span),
            "name": span.name,
            "kind": span.kind as u8,
            "startTimeUnixNano": span.begun.to_string(),
            "endTimeUnixNano": (span.begun + span.took.as_nanos() as i128).to_string(),
            "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(),
            "status": if span.failed { json!({ "code": 2 }) } else { json!({}) },
        });
        if let Some(parent) = span.trace.parent {
            told["parentSpanId"] = format!("{parent:016x}").into();
        }
        told
    };
    let service =
        [("service.name", "xceed-gateway".into()), ("service.version", crate::telemetry::VERSION.into())];
    json!({ "resourceSpans": [{
        "resource": { "attributes": service.iter().map(attribute).collect::<Vec<_>>() },
        "scopeSpans": [{
            "scope": { "name": "xceed-gateway" },
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }] })
}
