//! What of a decision goes back: the few values that a platform can use, never null, as in the flat answer.

use crate::application::ports::{Late, Push};
use crate::domain::going_back::Kind;
use crate::domain::policy::Verdict;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// There is no score, or none that may be used.
const NO_SCORE: &str = "-1.0";
/// Whose scores must not be used yet.
const DATA_COLLECTION: &str = "data_collection";

/// What goes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) decision: String,
    /// A JSON number, digit for digit.
    pub(super) score: String,
    /// `HIGH` or `LOW`.
    pub(super) flag: &'static str,
    pub(super) outcome: String,
    pub(super) basis: String,
    pub(super) return_code: String,
    /// When it was decided.
    pub(super) at: String,
    pub(super) is_late: bool,
}

/// The decision, as it was told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    decision: Option<String>,
    outcome: String,
    basis: Option<String>,
    #[serde(borrow)]
    risk_score: Option<&'a RawValue>,
    return_code: Option<String>,
    decided_at: Option<String>,
}

impl Said {
    /// Reads it; `None` where the words hold no decision.
    pub(super) fn of(push: &Push) -> Option<Self> {
        let told: Told<'_> = serde_json::from_slice(&push.words).ok()?;
        let at = told.decided_at.unwrap_or_else(|| time(push.at));
        match (push.kind, &push.late) {
            (Kind::Decision, _) => {
                let (decision, basis) = (told.decision?, told.basis.unwrap_or_default());
                let score = told.risk_score.map(RawValue::get).filter(|score| *score != "null");
                let score = score.filter(|_| basis != DATA_COLLECTION).unwrap_or(NO_SCORE).to_owned();
                let flag = flag(&decision, &score, push.high_risk_above);
                let outcome = told.outcome;
                let return_code = told.return_code.unwrap_or_default();
                Some(Self { decision, score, flag, outcome, basis, return_code, at, is_late: false })
            }
            (Kind::Late, Some(late)) => Some(Self::late(late, push.high_risk_above)),
            (Kind::Late, None) => None,
        }
    }

    fn late(late: &Late, limit: Option<Decimal>) -> Self {
        let decision = late.verdict.name().to_owned();
        let score = late.risk_score.map_or_else(|| NO_SCORE.to_owned(), number);
        Self {
            flag: flag(&decision, &score, limit),
            score,
            decision,
            // Only a score comes late.
            outcome: "SCORED".to_owned(),
            basis: "late".to_owned(),
            return_code: late.return_code.clone(),
            at: time(late.at),
            is_late: true,
        }
    }
}

/// By the score, where the source says over which it sees a high risk; else by the decision.
fn flag(decision: &str, score: &str, limit: Option<Decimal>) -> &'static str {
    let score = score.parse::<Decimal>().ok().filter(|_| score != NO_SCORE);
    let is_high = match (limit, score) {
        (Some(limit), Some(score)) => score > limit,
        _ => decision != Verdict::Allow.name(),
    };
    if is_high { "HIGH" } else { "LOW" }
}

/// What came late, as callers read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LateDocument<'a> {
    decision: &'a str,
    risk_score: Option<Box<RawValue>>,
    risk_action: Option<&'a str>,
    return_code: &'a str,
    at: String,
}

impl<'a> LateDocument<'a> {
    pub(super) fn of(late: &'a Late) -> Self {
        Self {
            decision: late.verdict.name(),
            risk_score: late.risk_score.map(|score| raw(number(score))),
            risk_action: late.risk_action.as_deref(),
            return_code: &late.return_code,
            at: time(late.at),
        }
    }
}

/// A text that is JSON already.
pub(super) fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A time as callers read it.
pub(super) fn time(at: jiff::Timestamp) -> String {
    format!("{at:.3}")
}

/// Digit for digit, with one decimal at least.
fn number(score: Decimal) -> String {
    let mut text = score.normalize().to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::identifiers::{EventId, TenantName};

    /// A decision by fallback, as it was told.
    pub(in crate::platforms) const WORDS: &str = r#"{"eventId":"e-1","decision":"REVIEW","outcome":"SCORED","basis":"action","riskScore":73.50,"riskAction":"Hold","reliable":true,"returnCode":"SUCCESS","decidedAt":"2026-11-22T08:00:00.123Z"}"#;

    /// A decision on its way back.
    pub(in crate::platforms) fn push(target: &str, words: &str, late: Option<Late>) -> Push {
        Push {
            id: 7,
            fence: 1,
            tenant: TenantName::new("bank"),
            event_id: EventId::parse("e-1").expect("an id"),
            target: target.to_owned(),
            interaction: Some("i/1".to_owned()),
            participant: None,
            high_risk_above: None,
            kind: if late.is_some() { Kind::Late } else { Kind::Decision },
            words: words.as_bytes().to_vec(),
            late,
            at: "2026-11-22T08:00:00.123456Z".parse().expect("a time"),
            attempts: 0,
        }
    }

    /// A score that came late.
    pub(in crate::platforms) fn late() -> Late {
        Late {
            verdict: Verdict::Block,
            risk_score: Some(Decimal::from(95)),
            risk_action: Some("Deny".to_owned()),
            return_code: "SUCCESS".to_owned(),
            at: "2026-11-22T08:00:09Z".parse().expect("a time"),
        }
    }

    #[test]
    fn a_decision_goes_back_as_it_was_told_and_what_came_late_for_itself() {
        let said = Said::of(&push("cxone", WORDS, None)).expect("a decision");
        let seen = [&said.decision, &said.score, said.flag, &said.outcome, &said.basis, &said.at];
        assert_eq!(seen, ["REVIEW", "73.50", "HIGH", "SCORED", "action", "2026-11-22T08:00:00.123Z"]);
        let said = Said::of(&push("cxone", WORDS, Some(late()))).expect("a decision");
        let seen = [&said.decision, &said.score, said.flag, &said.outcome, &said.basis, &said.at];
        assert_eq!(seen, ["BLOCK", "95.0", "HIGH", "SCORED", "late", "2026-11-22T08:00:09.000Z"]);
    }

    #[test]
    fn a_source_may_say_from_where_on_a_risk_is_high() {
        let flag = |limit: u32, words: &str, late| {
            let push = Push { high_risk_above: Some(limit.into()), ..push("cxone", words, late) };
            Said::of(&push).expect("a decision").flag
        };
        assert_eq!([flag(73, WORDS, None), flag(74, WORDS, None)], ["HIGH", "LOW"]);
        assert_eq!([flag(94, WORDS, Some(late())), flag(95, WORDS, Some(late()))], ["HIGH", "LOW"]);
        let none = WORDS.replace("73.50", "null");
        assert_eq!(flag(10, &none, None), "HIGH", "the decision tells");
    }

    #[test]
    fn nothing_is_null_and_a_score_that_must_not_be_used_is_none() {
        let none = r#"{"decision":"ALLOW","outcome":"FALLBACK","basis":"deadline","riskScore":null,"returnCode":null,"decidedAt":null}"#;
        let said = Said::of(&push("cxone", none, None)).expect("a decision");
        assert_eq!((said.score.as_str(), said.flag, said.return_code.as_str()), ("-1.0", "LOW", ""));
        let collected = WORDS.replace("\"action\"", "\"data_collection\"");
        let said = Said::of(&push("cxone", &collected, None)).expect("a decision");
        assert_eq!(said.score, "-1.0");
        assert_eq!(Said::of(&push("cxone", "{}", None)), None);
    }
}
