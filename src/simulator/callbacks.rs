//! What is called back for an event, and in which order: decided at once, without a network.
//!
//! How it gets there is `caller`. The words and the signature are those of the reference model; what
//! the gateway makes of them shares no code with this.

use super::behaviour::{Behaviour, Calling};
use super::messages::{EventResult, Results};
use super::payload::EventFacts;
use super::signature::SignedResult;
use super::soap::{self, Request};
use super::{Tenant, scoring};
use std::time::Duration;

const USUALLY_AFTER: Duration = Duration::from_millis(50);
const AFTER_MAX: Duration = Duration::from_hours(1);
/// Between two callbacks of one event.
const BETWEEN: Duration = Duration::from_millis(50);
/// Acknowledgements of an event whose score is still to come.
const PROCESSED: [&str; 6] =
    ["SUCCESS", "XSD_VERSION", "DATA_COLLECTION", "NO_RISKACTION_CONFIGURED", "MAINTENANCE", "TIMEOUT"];

/// Where callbacks go to.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    /// Registered by callback id.
    pub(super) registered: Vec<(String, String)>,
    /// What stands before any other id.
    pub(super) base: Option<String>,
}

impl Addresses {
    pub(super) fn of(&self, callback_id: &str) -> Option<String> {
        let registered = self.registered.iter().find(|(id, _)| id == callback_id);
        let at_base = || Some(format!("{}/{callback_id}", self.base.as_ref()?.trim_end_matches('/')));
        registered.map(|(_, url)| url.clone()).or_else(at_base)
    }
}

/// All that is called back for one event, one after the other.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) url: String,
    /// The first must have come before the event is acknowledged.
    pub(super) first: bool,
    pub(super) calls: Vec<Call>,
}

/// One callback.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// How long to wait before.
    pub(super) after: Duration,
    /// Whether it is what Xceed has to say, so that it is repeated until it is acknowledged.
    pub(super) genuine: bool,
    pub(super) event_id: String,
    pub(super) callback_id: String,
    pub(super) results: Results,
    pub(super) hash_key: String,
}

impl Call {
    pub(super) fn envelope(&self) -> String {
        soap::callback(EventResult {
            callback_id: self.callback_id.clone(),
            event_id: self.event_id.clone(),
            results: self.results.clone(),
            hash_key: self.hash_key.clone(),
        })
    }
}

/// What is called back for a request that was answered with this return code; nothing unless its score comes by
/// callback.
pub(super) fn plan(
    request: &Request,
    tenant: &Tenant,
    event: &EventFacts,
    acknowledged: &str,
    behaviour: &Behaviour,
) -> Vec<Call> {
    let (Some(callback_id), Some(event_id)) = (&request.callback_id, &event.id) else { return Vec::new() };
    if !PROCESSED.contains(&acknowledged) || behaviour.callback == Calling::Never {
        return Vec::new();
    }
    // The key that it came with: both sides have it, also while a key is being changed.
    let signed_with = |key: &&String| request.signed().hash_key(key) == request.hash_key;
    let Some(key) = tenant.secret_keys.iter().find(signed_with) else { return Vec::new() };
    let call = |after: Duration, results: Results| {
        let results = soap::writable_results(results);
        let signed = SignedResult {
            platform_id: &request.platform_id,
            service_id: &request.service_id,
            channel: &request.channel,
            event_id,
            return_code: &results.return_code,
            risk_score: results.risk_score.as_deref().unwrap_or_default(),
            risk_action: results.risk_action.as_deref().unwrap_or_default(),
            callback_id,
        };
        let hash_key = signed.hash_key(key);
        let (event_id, callback_id) = (event_id.clone(), callback_id.clone());
        Call { after, genuine: true, event_id, callback_id, results, hash_key }
    };
    let after = behaviour.callback_after_ms.map_or(USUALLY_AFTER, Duration::from_millis).min(AFTER_MAX);
    let results = results(event, acknowledged, behaviour);
    let one = call(after, results.clone());
    match behaviour.callback {
        Calling::Never => Vec::new(),
        Calling::Once => vec![one],
        Calling::First => vec![Call { after: Duration::ZERO, ..one }],
        Calling::Twice => vec![one, call(BETWEEN, results)],
        Calling::Conflict => vec![one, call(BETWEEN, contrary(results))],
        Calling::Forged => {
            let forged = Call { genuine: false, hash_key: wrong(&one.hash_key), ..one };
            vec![forged, call(BETWEEN, results)]
        }
    }
}

fn results(event: &EventFacts, acknowledged: &str, behaviour: &Behaviour) -> Results {
    let usual = match acknowledged {
        // What waited is processed by now.
        "MAINTENANCE" | "TIMEOUT" => "SUCCESS",
        code => code,
    };
    let mut results = Results {
        return_code: behaviour.callback_code.as_deref().unwrap_or(usual).to_owned(),
        event_id: event.id.clone(),
        ..Results::default()
    };
    scoring::give(&mut results, behaviour, Some(event));
    results
}

/// The opposite of what was said.
fn contrary(results: Results) -> Results {
    let denies = results.risk_action.as_deref() == Some("Deny");
    let (score, action) = if denies { ("1.0", "Allow") } else { ("99.0", "Deny") };
    let (risk_score, risk_action) = (Some(score.to_owned()), Some(action.to_owned()));
    Results { return_code: "SUCCESS".to_owned(), risk_score, risk_action, ..results }
}

/// A hash of the right form that is another.
fn wrong(hash_key: &str) -> String {
    hash_key.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}
