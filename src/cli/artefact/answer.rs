//! The members of the flat answer, as a platform reads them; and what stands for each where none came.

use crate::domain::policy::FallbackPolicy;
use serde::Serialize;

/// A member of the flat answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Output {
    pub(super) name: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) meaning: &'static str,
}

pub(super) const OUTPUTS: [Output; 8] = [
    output("riskScore", "number", "0 to 100; -1 where there is no score"),
    output("isHighRisk", "boolean", "whether somebody should look"),
    output("decision", "string", "ALLOW, CHALLENGE, REVIEW or BLOCK; PENDING while it is awaited"),
    output("actionReason", "string", "what happened, in words"),
    output("outcome", "string", "SCORED, FALLBACK, LIMITED, BYPASSED or PENDING"),
    output("basis", "string", "why: threshold, action, deadline, transport and others"),
    output("returnCode", "string", "Xceed's return code, or nothing"),
    output("eventId", "string", "what the event is known by"),
];

const fn output(name: &'static str, kind: &'static str, meaning: &'static str) -> Output {
    Output { name, kind, meaning }
}

/// What stands for a member that did not come, as JSON: what the tenant's fallback says.
pub(super) fn default_of(name: &str, fallback: FallbackPolicy) -> &'static str {
    let is_closed = fallback == FallbackPolicy::Closed;
    match name {
        "riskScore" if is_closed => "-1.0",
        "riskScore" => "50.0",
        "isHighRisk" if is_closed => "true",
        "isHighRisk" => "false",
        "decision" if is_closed => "\"REVIEW\"",
        "decision" => "\"ALLOW\"",
        "actionReason" => "\"the gateway's answer lacks this\"",
        "outcome" => "\"FALLBACK\"",
        "basis" => "\"transport\"",
        _ => "\"\"",
    }
}
