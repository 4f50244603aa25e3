//! A decision as callers read it.

use crate::application::ports::{Late, View};
use crate::domain::decision::{Answer, Outcome};
use crate::domain::identifiers::EventId;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

/// No decision yet.
const PENDING: &str = "PENDING";

/// Every field is always there, null where it has no value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    event_id: &'a str,
    decision: Option<&'a str>,
    outcome: &'a str,
    basis: Option<&'a str>,
    risk_score: Option<Box<RawValue>>,
    risk_action: Option<&'a str>,
    reliable: bool,
    return_code: Option<&'a str>,
    disposition: Option<&'a str>,
    reasons: &'a [String],
    category: Option<&'a str>,
    threshold: Option<Box<RawValue>>,
    defaulted: &'a [String],
    decided_at: Option<String>,
    latency_ms: Option<f64>,
}

/// The answer's words, which are recorded and repeated byte for byte.
pub fn words(answer: &Answer) -> Vec<u8> {
    let decision = &answer.decision;
    let document = Document {
        event_id: &answer.event_id,
        decision: match decision.outcome {
            Outcome::Pending => Some(PENDING),
            _ => decision.verdict.map(|verdict| verdict.name()),
        },
        outcome: decision.outcome.name(),
        basis: Some(decision.basis.name()),
        risk_score: decision.risk_score.map(number),
        risk_action: decision.risk_action.as_deref(),
        reliable: decision.reliable,
        return_code: decision.return_code.as_deref(),
        disposition: decision.disposition.map(|disposition| disposition.name()),
        reasons: &decision.reasons,
        category: decision.measure.map(|(category, _)| category.name()),
        threshold: decision.measure.map(|(_, threshold)| number(threshold)),
        defaulted: &answer.defaulted,
        decided_at: Some(time(answer.decided_at)),
        latency_ms: Some(millis(answer.latency.as_secs_f64() * 1e3)),
    };
    serde_json::to_vec(&document).unwrap_or_default()
}

/// What became of an event: the answer as it was told, with the delivery's state behind it.
pub(super) fn view(id: &EventId, view: &View) -> Vec<u8> {
    let told = view.decided.as_ref().or(view.told.as_ref());
    let mut told = told.cloned().unwrap_or_else(|| undecided(id, &view.defaulted));
    let behind = Behind {
        state: &view.state,
        attempts: view.attempts,
        late: view.late.as_ref().map(LateDocument::of),
    };
    let behind = serde_json::to_vec(&behind).unwrap_or_default();
    told.pop(); // the closing brace makes room for the members that follow
    told.push(b',');
    told.extend_from_slice(behind.get(1..).unwrap_or(b"}"));
    told
}

/// What Xceed said after a decision, and that decision in its words.
pub(super) fn put_late(text: &mut Vec<u8>, event_id: &str, late: &Late, words: &[u8]) {
    let late = serde_json::to_vec(&LateDocument::of(late)).unwrap_or_default();
    let event_id = serde_json::to_vec(event_id).unwrap_or_default();
    for piece in [b"{\"eventId\":", &*event_id, b",\"late\":", &late, b",\"decision\":", words, b"}"] {
        text.extend_from_slice(piece);
    }
}

#[derive(Serialize)]
struct Behind<'a> {
    state: &'a str,
    attempts: u32,
    late: Option<LateDocument<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LateDocument<'a> {
    decision: &'a str,
    risk_score: Option<Box<RawValue>>,
    risk_action: Option<&'a str>,
    return_code: &'a str,
    at: String,
}

impl<'a> LateDocument<'a> {
    fn of(late: &'a Late) -> Self {
        Self {
            decision: late.verdict.name(),
            risk_score: late.risk_score.map(number),
            risk_action: late.risk_action.as_deref(),
            return_code: &late.return_code,
            at: time(late.at),
        }
    }
}

fn undecided(id: &EventId, defaulted: &[String]) -> Vec<u8> {
    let document = Document {
        event_id: id.as_str(),
        decision: Some(PENDING),
        outcome: PENDING,
        basis: None,
        risk_score: None,
        risk_action: None,
        reliable: false,
        return_code: None,
        disposition: None,
        reasons: &[],
        category: None,
        threshold: None,
        defaulted,
        decided_at: None,
        latency_ms: None,
    };
    serde_json::to_vec(&document).unwrap_or_default()
}

/// A decimal as a JSON number, digit for digit, with one decimal at least.
fn number(value: Decimal) -> Box<RawValue> {
    let mut text = value.normalize().to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A time as callers read it.
pub fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// To a tenth of a millisecond.
fn millis(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::ports::Mode;

    #[test]
    fn numbers_keep_their_digits() {
        for (text, shown) in [
            ("73", "73.0"),
            ("73.50", "73.5"),
            ("64.99999999999999999999", "64.99999999999999999999"),
            ("0", "0.0"),
        ] {
            assert_eq!(number(text.parse().expect("a number")).get(), shown);
        }
    }

    #[test]
    fn what_was_told_stays_byte_for_byte_in_the_view() {
        let told = br#"{"eventId":"e-1","decision":"ALLOW"}"#.to_vec();
        let seen = View {
            told: Some(told),
            decided: None,
            mode: Mode::Sync,
            defaulted: vec![],
            state: "SETTLED".into(),
            attempts: 1,
            late: None,
        };
        let id = EventId::parse("e-1").expect("an id");
        let text = String::from_utf8(view(&id, &seen)).expect("UTF-8");
        assert_eq!(
            text,
            r#"{"eventId":"e-1","decision":"ALLOW","state":"SETTLED","attempts":1,"late":null}"#
        );
    }
}
