//! Brings callbacks to those who are called, repeats what was not acknowledged, and remembers it all.
//!
//! What is said, and whether it is true, was decided before (`callbacks`).

use super::callbacks::{Call, Plan};
use super::soap;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// How often one callback is tried.
const TRIES_MAX: u64 = 20;
/// The pause after the first try; each further one is as much longer.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(2);
const ANSWER_MAX: Duration = Duration::from_secs(10);
const KEPT_MAX: usize = 100_000;

/// One try.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Called {
    seq: u64,
    event_id: String,
    callback_id: String,
    return_code: String,
    risk_score: Option<String>,
    risk_action: Option<String>,
    hash_key: String,
    /// Null where nothing was answered.
    status: Option<u16>,
    acknowledged: bool,
    at: String,
}

/// Calls back. Cheap to clone.
#[derive(Clone)]
pub(super) struct Caller {
    client: reqwest::Client,
    called: Arc<Mutex<Calls>>,
}

#[derive(Default)]
struct Calls {
    kept: VecDeque<Arc<Called>>,
    last_seq: u64,
}

impl Caller {
    pub(super) fn new() -> reqwest::Result<Self> {
        // The first one stays, wherever it came from.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_MAX)
            .build()?;
        Ok(Self { client, called: Arc::default() })
    }

    /// Those after this sequence number, in order.
    pub(super) fn after(&self, seq: u64, limit: usize) -> Vec<Arc<Called>> {
        self.calls().kept.iter().filter(|called| called.seq > seq).take(limit).cloned().collect()
    }

    pub(super) fn forget(&self) {
        self.calls().kept.clear();
    }

    /// Calls back as planned, one callback after the other.
    pub(super) async fn carry_out(self, plan: Plan) {
        for call in plan.calls {
            sleep(call.after).await;
            for tried in 1..=TRIES_MAX {
                if self.try_once(&plan.url, &call).await || !call.genuine {
                    break;
                }
                sleep((PAUSE * u32::try_from(tried).unwrap_or(u32::MAX)).min(PAUSE_MAX)).await;
            }
        }
    }

    /// Whether it was acknowledged.
    async fn try_once(&self, url: &str, call: &Call) -> bool {
        let at = jiff::Timestamp::now().to_string();
        let request = self.client.post(url).body(call.envelope());
        let request = request
            .header("Content-Type", "text/xml; charset=utf-8")
            .header("SOAPAction", "\"urn:xceed:api:1.0#eventResult\"");
        let answer = request.send().await.ok();
        let status = answer.as_ref().map(|answer| answer.status().as_u16());
        let body = match answer {
            Some(answer) => answer.text().await.unwrap_or_default(),
            None => String::new(),
        };
        let acknowledged = status == Some(200) && soap::is_acknowledgement(&body);
        self.note(call, status, acknowledged, at);
        acknowledged
    }

    fn note(&self, call: &Call, status: Option<u16>, acknowledged: bool, at: String) {
        let mut calls = self.calls();
        calls.last_seq += 1;
        let called = Called {
            seq: calls.last_seq,
            event_id: call.event_id.clone(),
            callback_id: call.callback_id.clone(),
            return_code: call.results.return_code.clone(),
            risk_score: call.results.risk_score.clone(),
            risk_action: call.results.risk_action.clone(),
            hash_key: call.hash_key.clone(),
            status,
            acknowledged,
            at,
        };
        calls.kept.push_back(Arc::new(called));
        if calls.kept.len() > KEPT_MAX {
            calls.kept.pop_front();
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
