//! The flat answer, which platforms can read: one object of scalars, every field always there and none of them null,
//! below 2 KB. A pure function of the words that were told, so that whoever asks again hears the same.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The answer is shorter than this, in bytes.
pub(super) const SIZE_MAX: usize = 2048;
/// The most characters of a reason, of a return code, and of any other word.
const REASON_MAX: usize = 600;
const CODE_MAX: usize = 64;
const WORD_MAX: usize = 128;
/// No score.
const NO_SCORE: &str = "-1.0";

/// What of the words matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Words<'w> {
    event_id: Option<String>,
    decision: Option<String>,
    outcome: Option<String>,
    basis: Option<String>,
    #[serde(borrow)]
    risk_score: Option<&'w RawValue>,
    return_code: Option<String>,
    reasons: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Flat<'w> {
    risk_score: &'w RawValue,
    is_high_risk: bool,
    decision: &'w str,
    action_reason: &'w str,
    outcome: &'w str,
    basis: &'w str,
    return_code: &'w str,
    event_id: &'w str,
}

/// The flat answer. `high_risk_above` is the score over which a source sees a high risk; where it says none, or there is
/// no score, the decision tells.
pub(super) fn flat(words: &[u8], high_risk_above: Option<Decimal>) -> Vec<u8> {
    let words: Words<'_> = serde_json::from_slice(words).unwrap_or_default();
    let word = |text: &Option<String>, max| shortened(text.as_deref().unwrap_or_default(), max);
    let basis = word(&words.basis, WORD_MAX);
    // A score that is only being collected must not be relied on.
    let score = words.risk_score.filter(|score| score.get() != "null" && basis != "data_collection");
    let decision = word(&words.decision, WORD_MAX);
    let strict = matches!(decision.as_str(), "CHALLENGE" | "REVIEW" | "BLOCK");
    let number = score.and_then(|score| score.get().parse::<Decimal>().ok());
    let is_high_risk = match (high_risk_above, number) {
        (Some(limit), Some(score)) => score > limit,
        _ => strict,
    };
    let none = no_score();
    let (outcome, event_id) = (word(&words.outcome, WORD_MAX), word(&words.event_id, WORD_MAX));
    let return_code = word(&words.return_code, CODE_MAX);
    let reasons = words.reasons.unwrap_or_default();
    let mut room = REASON_MAX;
    loop {
        let flat = Flat {
            risk_score: score.unwrap_or(&none),
            is_high_risk,
            decision: &decision,
            action_reason: &reason(&reasons, room),
            outcome: &outcome,
            basis: &basis,
            return_code: &return_code,
            event_id: &event_id,
        };
        let bytes = serde_json::to_vec(&flat).unwrap_or_default();
        // Characters may be long, or escaped.
        if bytes.len() < SIZE_MAX || room == 0 {
            return bytes;
        }
        room /= 2;
    }
}

fn no_score() -> Box<RawValue> {
    RawValue::from_string(NO_SCORE.to_owned()).unwrap_or_else(|_| RawValue::TRUE.to_owned())
}

/// What happened, in words: Xceed's own reasons, as far as there is room before ours, which is the last.
fn reason(reasons: &[String], room: usize) -> String {
    let Some((ours, theirs)) = reasons.split_last() else { return String::new() };
    let ours = shortened(ours, room);
    let left = room.saturating_sub(ours.chars().count() + 2);
    let theirs = shortened(&theirs.join("; "), left);
    if theirs.is_empty() { ours } else { format!("{theirs}; {ours}") }
}

/// At most so many characters.
fn shortened(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) if max == 0 => String::new(),
        Some(_) => text.chars().take(max - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(more: &Value) -> Vec<u8> {
        let mut document = json!({
            "eventId": "e-1", "decision": "REVIEW", "outcome": "SCORED", "basis": "action", "riskScore": 73.0,
            "riskAction": "Hold", "reliable": true, "returnCode": "SUCCESS", "disposition": "PROCESSED",
            "reasons": ["new device", "riskAction Hold means REVIEW"], "category": "standard", "threshold": 65.0,
            "defaulted": [], "decidedAt": "2026-11-22T08:00:00.000Z", "latencyMs": 41.7
        });
        for (name, value) in more.as_object().expect("an object") {
            document[name] = value.clone();
        }
        document.to_string().into_bytes()
    }

    fn seen(more: &Value, limit: Option<&str>) -> Value {
        let limit = limit.map(|limit| limit.parse().expect("a number"));
        serde_json::from_slice(&flat(&told(more), limit)).expect("JSON")
    }

    #[test]
    fn it_has_the_published_members_in_their_order() {
        let text = String::from_utf8(flat(&told(&json!({})), None)).expect("UTF-8");
        assert_eq!(
            text,
            r#"{"riskScore":73.0,"isHighRisk":true,"decision":"REVIEW","actionReason":"new device; riskAction Hold means REVIEW","outcome":"SCORED","basis":"action","returnCode":"SUCCESS","eventId":"e-1"}"#
        );
    }

    #[test]
    fn nothing_is_ever_null() {
        let none = json!({
            "decision": null, "riskScore": null, "returnCode": null, "basis": null, "reasons": [], "outcome": "ACKNOWLEDGED"
        });
        let expected = json!({
            "riskScore": -1.0, "isHighRisk": false, "decision": "", "actionReason": "", "outcome": "ACKNOWLEDGED",
            "basis": "", "returnCode": "", "eventId": "e-1"
        });
        assert_eq!(seen(&none, None), expected);
        let collecting = json!({ "basis": "data_collection", "decision": "ALLOW" });
        assert_eq!(seen(&collecting, None)["riskScore"], -1.0);
        assert_eq!(seen(&collecting, Some("10"))["isHighRisk"], false, "a score that is not relied on");
    }

    #[test]
    fn a_source_may_draw_the_line_itself_where_there_is_a_score() {
        for (score, limit, decision, is_high) in [
            (json!(73.0), "73", "REVIEW", false),
            (json!(73.0), "72.9", "ALLOW", true),
            (json!(100.0), "80", "ALLOW", true),
            (Value::Null, "72.9", "REVIEW", true),
            (Value::Null, "72.9", "ALLOW", false),
        ] {
            let more = json!({ "riskScore": score, "decision": decision });
            assert_eq!(seen(&more, Some(limit))["isHighRisk"], is_high, "{more} {limit}");
        }
    }

    #[test]
    fn long_reasons_are_cut_and_ours_stands() {
        let reasons = vec!["r".repeat(5000), "\u{1}".repeat(200), "ours".to_owned()];
        let text = flat(&told(&json!({ "reasons": reasons })), None);
        assert!(text.len() < SIZE_MAX);
        let told = seen(&json!({ "reasons": ["€".repeat(9000), "ours"] }), None);
        assert!(told["actionReason"].as_str().is_some_and(|reason| reason.ends_with("…; ours")), "{told}");
    }

    #[test]
    fn words_that_are_none_are_an_answer_too() {
        for words in ["", "{", "[]", "null", "{\"riskScore\":{}}"] {
            assert!(serde_json::from_slice::<Value>(&flat(words.as_bytes(), None)).is_ok(), "{words}");
        }
    }
}
