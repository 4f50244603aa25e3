//! From what Xceed said to what the caller should do. Total: every answer, known or not, and every way to get none,
//! has a decision.

use super::event::Facts;
use super::limits::Rule;
use super::policy::{Category, FallbackPolicy, NEUTRAL_SCORE, Policy, Verdict, local_score};
use super::return_code::{DecidedBy, Disposition, Received, TRANSPORT_FAILURE};
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::time::Duration;

/// How the decision came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By Xceed's score or action.
    Scored,
    /// No score was asked for.
    Acknowledged,
    /// Xceed's callback is awaited.
    Pending,
    /// No usable score: the fallback policy decided.
    Fallback,
    /// Too many checks on one customer.
    Limited,
    /// Calls pass by Xceed for a while: the fallback policy decided.
    Bypassed,
}

impl Outcome {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scored => "SCORED",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Pending => "PENDING",
            Self::Fallback => "FALLBACK",
            Self::Limited => "LIMITED",
            Self::Bypassed => "BYPASSED",
        }
    }
}

/// Why the decision is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Xceed's riskAction.
    Action,
    /// Xceed's riskScore against the thresholds.
    Threshold,
    /// Xceed was not in time.
    Deadline,
    /// No answer, or none that can be read.
    Transport,
    /// The return code brings no score.
    ReturnCode,
    /// Xceed is in maintenance.
    Maintenance,
    /// Xceed's scores must not be used yet.
    DataCollection,
    /// No decision was asked for.
    Acknowledgement,
    /// The decision comes with Xceed's callback.
    CallbackAwaited,
    /// The callback did not come in time.
    CallbackTimeout,
    /// An older event of the same customer was not sent in time.
    Order,
    /// The queue is held, because its cause is not one event's.
    Held,
    /// Too many attempts failed, so for a while nothing leaves, or little.
    Breaker,
    /// Too many checks on one customer, or too many requests of one tenant.
    Limit,
    /// The gateway has more to do than it can.
    Overload,
    /// The gateway ends.
    Draining,
    /// The store can't record.
    Store,
}

impl Basis {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Threshold => "threshold",
            Self::Deadline => "deadline",
            Self::Transport => "transport",
            Self::ReturnCode => "return_code",
            Self::Maintenance => "maintenance",
            Self::DataCollection => "data_collection",
            Self::Acknowledgement => "acknowledgement",
            Self::CallbackAwaited => "callback_awaited",
            Self::CallbackTimeout => "callback_timeout",
            Self::Order => "order",
            Self::Held => "held",
            Self::Breaker => "breaker",
            Self::Limit => "limit",
            Self::Overload => "overload",
            Self::Draining => "draining",
            Self::Store => "store",
        }
    }
}

/// Xceed's answer to one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// The return code.
    pub code: Received,
    /// 0 to 100.
    pub risk_score: Option<Decimal>,
    /// A token such as `Hold`.
    pub risk_action: Option<String>,
    /// Why, in Xceed's words.
    pub reasons: Vec<String>,
    /// What a person should know, in Xceed's words: message and validation errors.
    pub remarks: Vec<String>,
    /// Of many events the first that an error concerns.
    pub concerns: Option<String>,
    /// The event of each validation error; empty where it names none.
    pub faulty: Vec<String>,
}

/// A decision and all that explains it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to do; `None` where no decision was asked for.
    pub verdict: Option<Verdict>,
    /// How it came about.
    pub outcome: Outcome,
    /// Why.
    pub basis: Basis,
    /// Xceed's score, else the fallback's; 0 to 100.
    pub risk_score: Option<Decimal>,
    /// Xceed's action.
    pub risk_action: Option<String>,
    /// Whether Xceed's own score stands behind it.
    pub reliable: bool,
    /// The return code's word, where one came.
    pub return_code: Option<String>,
    /// What Xceed did with the event, where it said so.
    pub disposition: Option<Disposition>,
    /// Xceed's reasons, then one sentence of ours.
    pub reasons: Vec<String>,
    /// What the event was measured by, and the score from which that is reviewed.
    pub measure: Option<(Category, Decimal)>,
}

/// A decision as the caller was told it, with what the caller hears beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The caller's event id.
    pub event_id: String,
    /// The decision.
    pub decision: Decision,
    /// Elements that the filling rules filled.
    pub defaulted: Vec<String>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// From receipt to decision.
    pub latency: Duration,
}

/// What an event is judged with.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// The tenant's policy.
    pub policy: &'a Policy,
    /// The event's facts.
    pub facts: &'a Facts,
    /// The customer's other accepted events in the last 60 minutes.
    pub velocity: u32,
}

impl Bench<'_> {
    /// The decision on Xceed's answer.
    pub fn decide(&self, results: &Results) -> Decision {
        let row = results.code.row();
        let decision = match row.decided_by {
            DecidedBy::Score => self.by_action(results),
            DecidedBy::Thresholds => self.by_score(results),
            DecidedBy::Fallback => None,
            DecidedBy::Maintenance => Some(self.fall_back(Basis::Maintenance, "Xceed is in maintenance")),
            DecidedBy::DataCollection => Some(self.data_collection(results)),
        };
        let word = results.code.word();
        let mut decision =
            decision.unwrap_or_else(|| self.fall_back(Basis::ReturnCode, &no_score(results, word)));
        // Also where it decided nothing: a score that is not relied on is shown for what it is.
        decision.risk_score = results.risk_score.or(decision.risk_score);
        decision.risk_action = results.risk_action.clone();
        decision.return_code = Some(word.to_owned());
        decision.disposition = Some(row.disposition);
        decision.reasons = results.reasons.iter().cloned().chain(decision.reasons).collect();
        decision
    }

    /// The decision where no Results came: the network, a proxy, a Fault, a malformed answer.
    pub fn without_results(&self, why: &str) -> Decision {
        let mut decision = self.fall_back(Basis::Transport, why);
        decision.disposition = Some(TRANSPORT_FAILURE.disposition);
        decision
    }

    /// The decision where Xceed is not in time.
    pub fn past_deadline(&self, waited: Duration) -> Decision {
        let waited = waited.as_millis();
        self.fall_back(Basis::Deadline, &format!("Xceed did not answer within {waited} ms"))
    }

    /// The decision where Xceed's callback did not come in time.
    pub fn past_callback(&self) -> Decision {
        self.fall_back(Basis::CallbackTimeout, "Xceed's callback did not come in time")
    }

    /// The decision where an older event of the same customer was not sent in time.
    pub fn out_of_turn(&self) -> Decision {
        self.fall_back(Basis::Order, "an older event of this customer was still to be sent")
    }

    /// The decision while the queue is held for a code.
    pub fn while_held(&self, code: &str) -> Decision {
        self.fall_back(Basis::Held, &format!("events wait since {code}, and are sent once that is mended"))
    }

    /// The decision while too many attempts fail for anything to leave.
    pub fn while_open(&self) -> Decision {
        let why =
            "too many events did not get through to Xceed: this one is recorded, and sent once it is well";
        self.fall_back(Basis::Breaker, why)
    }

    /// The decision while calls pass by Xceed, because too many of them fail.
    pub fn passed_by(&self) -> Decision {
        let why =
            "too many calls to Xceed fail: this one passes by it, is recorded, and sent once it is well";
        Decision { outcome: Outcome::Bypassed, ..self.fall_back(Basis::Breaker, why) }
    }

    /// The decision where its customer was checked too often: a person looks at it.
    pub fn limited(&self, rule: Rule) -> Decision {
        let (count, minutes) = (rule.count, rule.window.as_secs().div_ceil(60));
        let reason = format!(
            "more than {count} checks of this customer for the same kind of event within {minutes} min"
        );
        Decision { outcome: Outcome::Limited, ..self.draft(Basis::Limit, Verdict::Review, None, reason) }
    }

    /// The decision on an event that is not recorded, which only a platform is told.
    pub fn unrecorded(&self, basis: Basis) -> Decision {
        let why = match basis {
            Basis::Limit => "more requests a second than agreed, so this one was not recorded",
            Basis::Draining => "this gateway is ending, so the event was not recorded",
            Basis::Store => "the gateway can't record just now, so the event was not recorded",
            _ => "the gateway has too much to do, so the event was not recorded",
        };
        self.fall_back(basis, why)
    }

    /// What a caller hears whose decision is brought back later.
    pub fn defer(&self) -> Decision {
        let reason = "the event is recorded; the decision follows and is brought into the interaction";
        undecided(Outcome::Pending, Basis::Acknowledgement, reason)
    }

    /// What a caller hears that asked for no score.
    pub fn acknowledge(&self) -> Decision {
        let reason = "the event is recorded and is sent to Xceed; no score was asked for";
        undecided(Outcome::Acknowledged, Basis::Acknowledgement, reason)
    }

    /// What a caller hears whose score comes by callback.
    pub fn await_callback(&self) -> Decision {
        let reason = "the event is recorded and is sent to Xceed; the decision comes with Xceed's callback";
        undecided(Outcome::Pending, Basis::CallbackAwaited, reason)
    }

    /// By Xceed's action where the tenant maps it, else by its score.
    fn by_action(&self, results: &Results) -> Option<Decision> {
        let mapped = results.risk_action.as_deref().and_then(|a| self.policy.actions.get_key_value(a));
        match mapped {
            Some((action, verdict)) => {
                let reason = format!("riskAction {action} means {}", verdict.name());
                Some(self.scored(Basis::Action, *verdict, results.risk_score, reason))
            }
            None => self.by_score(results),
        }
    }

    fn by_score(&self, results: &Results) -> Option<Decision> {
        let score = results.risk_score?;
        let category = Category::of(self.facts);
        let verdict = self.policy.by_thresholds(score, category);
        let (name, threshold) = (category.name(), self.policy.threshold(category));
        let reason = match verdict {
            Verdict::Block => {
                format!("riskScore {score} reaches {}, from where events are blocked", self.policy.block_at)
            }
            Verdict::Review => format!("riskScore {score} reaches {threshold}, the threshold of {name}"),
            Verdict::Allow | Verdict::Challenge => {
                format!("riskScore {score} is below {threshold}, the threshold of {name}")
            }
        };
        Some(self.scored(Basis::Threshold, verdict, Some(score), reason))
    }

    fn scored(&self, basis: Basis, verdict: Verdict, score: Option<Decimal>, reason: String) -> Decision {
        Decision {
            outcome: Outcome::Scored,
            reliable: score.is_some(),
            ..self.draft(basis, verdict, score, reason)
        }
    }

    fn data_collection(&self, results: &Results) -> Decision {
        let reason = "Xceed still collects data: its score must not be relied on".to_owned();
        self.draft(Basis::DataCollection, Verdict::Allow, results.risk_score, reason)
    }

    fn fall_back(&self, basis: Basis, why: &str) -> Decision {
        let policy = self.policy.fallback_of(self.facts);
        let (verdict, score, how) = match policy {
            FallbackPolicy::Neutral => {
                (Verdict::Allow, Some(NEUTRAL_SCORE), "a neutral score, and the call goes on".to_owned())
            }
            FallbackPolicy::Local => {
                let (score, how) = local_score(self.facts, self.velocity);
                (self.policy.by_thresholds(score, Category::of(self.facts)), Some(score), how)
            }
            FallbackPolicy::Closed => (Verdict::Review, None, "a person looks at it".to_owned()),
        };
        let reason = format!("{why}; fallback policy {}: {how}", policy.name());
        self.draft(basis, verdict, score, reason)
    }

    /// A decision of the fallback; others differ from it where they say so.
    fn draft(&self, basis: Basis, verdict: Verdict, score: Option<Decimal>, reason: String) -> Decision {
        let category = Category::of(self.facts);
        Decision {
            verdict: Some(verdict),
            outcome: Outcome::Fallback,
            basis,
            risk_score: score,
            risk_action: None,
            reliable: false,
            return_code: None,
            disposition: None,
            reasons: vec![reason],
            measure: Some((category, self.policy.threshold(category))),
        }
    }
}

fn undecided(outcome: Outcome, basis: Basis, reason: &str) -> Decision {
    Decision {
        verdict: None,
        outcome,
        basis,
        risk_score: None,
        risk_action: None,
        reliable: false,
        return_code: None,
        disposition: None,
        reasons: vec![reason.to_owned()],
        measure: None,
    }
}

fn no_score(results: &Results, word: &str) -> String {
    match results.code.row().decided_by {
        DecidedBy::Score | DecidedBy::Thresholds => {
            format!("Xceed answered {word} with neither an action that is mapped nor a score")
        }
        _ => format!("Xceed answered {word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Tier;
    use crate::domain::return_code::{ReturnCode, table};

    fn facts() -> Facts {
        Facts { event_type: "Login".into(), customer: None, tier: Tier::New, amount: None }
    }

    fn results(code: &str, score: Option<&str>, action: Option<&str>) -> Results {
        Results {
            code: Received::parse(code),
            risk_score: score.map(|s| s.parse().expect("a score")),
            risk_action: action.map(str::to_owned),
            reasons: vec![],
            remarks: vec![],
            concerns: None,
            faulty: vec![],
        }
    }

    fn decide(policy: &Policy, results: &Results) -> Decision {
        Bench { policy, facts: &facts(), velocity: 0 }.decide(results)
    }

    #[test]
    fn the_action_comes_before_the_score() {
        let policy = Policy::default();
        let told = decide(&policy, &results("SUCCESS", Some("99"), Some("Allow")));
        assert_eq!((told.verdict, told.basis), (Some(Verdict::Allow), Basis::Action));
        let told = decide(&policy, &results("SUCCESS", Some("30.0"), Some("Shrug")));
        assert_eq!((told.verdict, told.basis), (Some(Verdict::Review), Basis::Threshold));
        let told = decide(&policy, &results("NO_RISKACTION_CONFIGURED", Some("29.9"), Some("Deny")));
        assert_eq!((told.verdict, told.basis), (Some(Verdict::Allow), Basis::Threshold));
    }

    #[test]
    fn an_action_without_a_score_is_a_decision_without_a_score_to_rely_on() {
        let told = decide(&Policy::default(), &results("SUCCESS", None, Some("Deny")));
        assert_eq!((told.verdict, told.outcome), (Some(Verdict::Block), Outcome::Scored));
        assert_eq!((told.risk_score, told.reliable), (None, false));
    }

    #[test]
    fn success_with_nothing_to_go_by_falls_back() {
        let told = decide(&Policy::default(), &results("SUCCESS", None, Some("Shrug")));
        assert_eq!((told.outcome, told.basis, told.reliable), (Outcome::Fallback, Basis::ReturnCode, false));
        assert_eq!(told.risk_score, Some(NEUTRAL_SCORE));
    }

    #[test]
    fn a_score_that_decides_nothing_is_shown_and_not_relied_on() {
        let told = decide(&Policy::default(), &results("MSG_SKIPPED", Some("99"), Some("Deny")));
        assert_eq!((told.verdict, told.outcome), (Some(Verdict::Allow), Outcome::Fallback));
        assert_eq!((told.risk_score, told.reliable), (Some(Decimal::from(99)), false));
    }

    #[test]
    fn data_collection_allows_under_every_policy() {
        for fallback in FallbackPolicy::ALL {
            let policy = Policy { fallback, ..Policy::default() };
            let told = decide(&policy, &results("DATA_COLLECTION", Some("99"), Some("Deny")));
            assert_eq!((told.verdict, told.outcome), (Some(Verdict::Allow), Outcome::Fallback));
            assert_eq!((told.risk_score, told.reliable), (Some(Decimal::from(99)), false));
        }
    }

    #[test]
    fn every_code_of_the_table_has_a_decision_and_only_scores_are_relied_on() {
        for row in table() {
            let told = decide(&Policy::default(), &results(row.code, Some("10"), Some("Allow")));
            assert!(told.verdict.is_some() && !told.reasons.is_empty(), "{}", row.code);
            let relied = matches!(row.decided_by, DecidedBy::Score | DecidedBy::Thresholds);
            assert_eq!(told.reliable, relied, "{}", row.code);
        }
    }

    #[test]
    fn maintenance_has_its_own_basis_and_the_rest_of_the_fallback_codes_share_one() {
        for code in ReturnCode::ALL {
            let row = code.row();
            let told = decide(&Policy::default(), &results(row.code, None, None));
            let expected = match row.decided_by {
                DecidedBy::Maintenance => Basis::Maintenance,
                DecidedBy::DataCollection => Basis::DataCollection,
                _ => Basis::ReturnCode,
            };
            assert_eq!(told.basis, expected, "{}", row.code);
        }
    }
}
