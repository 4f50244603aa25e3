//! The simulator's risk score: a pure function of an event's type, outcome and amount.
//!
//! Not a model of fraud, and not the vendor's: it is there so that the same event always gets the
//! same score, and so that sample events reach each of the four actions.
//!
//! score = points of the event type + points of the outcome + points of the amount, at most 100:
//!
//! | what | points |
//! | --- | --- |
//! | `Logout` | 5 |
//! | `Login`, `BalanceInquiry` | 10 |
//! | `BillPay`, `CardPayment` | 15 |
//! | `ContactChange`, `ACHTransfer`, `DeviceRegister` | 30 |
//! | `LoginFailed`, `PasswordChange`, `MFAChallenge` | 35 |
//! | `PayeeAdd`, `WireTransfer` | 40 |
//! | `SystemDenied` | 45 |
//! | any other type | 20 |
//! | outcome `Failure` or `Denied` | 15 |
//! | amount over 100 000 / 10 000 / 5 000 / 1 000 | 50 / 30 / 20 / 10 |
//!
//! The action follows from the score: from 90 on `Deny`, from 70 `Hold`, from 50 `StepUp`, else
//! `Allow`.

use super::behaviour::Behaviour;
use super::messages::Results;
use super::payload::EventFacts;
use rust_decimal::Decimal;

#[derive(Debug, PartialEq)]
pub(super) struct Assessment {
    pub(super) score: u32,
    pub(super) reasons: Vec<String>,
}

impl Assessment {
    /// With one decimal, as Xceed's scores have.
    pub(super) fn score_text(&self) -> String {
        format!("{}.0", self.score)
    }

    pub(super) fn action(&self) -> &'static str {
        match self.score {
            90.. => "Deny",
            70.. => "Hold",
            50.. => "StepUp",
            _ => "Allow",
        }
    }
}

fn assess(event: &EventFacts) -> Assessment {
    let base = event_type_points(&event.event_type);
    let outcome = outcome_points(&event.outcome);
    let (amount, limit) = amount_points(event.amount.as_deref());
    let mut reasons = vec![format!("event type weighs {base}")];
    if amount > 0 {
        reasons.push(format!("amount over {limit} adds {amount}"));
    } else if outcome > 0 {
        reasons.push(format!("outcome adds {outcome}"));
    }
    Assessment { score: (base + outcome + amount).min(100), reasons }
}

/// Score, action and reasons: as told, else as assessed where the return code comes with a score.
pub(super) fn give(results: &mut Results, behaviour: &Behaviour, event: Option<&EventFacts>) {
    let score = behaviour.score.as_ref().map(|score| score.0.clone());
    let told = score.is_some() || behaviour.action.is_some();
    (results.risk_score, results.risk_action) = (score, behaviour.action.clone());
    if let (false, Some(event)) = (told, event) {
        let assessed = assess(event);
        let (has_score, has_action) = match results.return_code.as_str() {
            "SUCCESS" | "XSD_VERSION" | "DATA_COLLECTION" => (true, true),
            "NO_RISKACTION_CONFIGURED" => (true, false),
            _ => (false, false),
        };
        results.risk_score = has_score.then(|| assessed.score_text());
        results.risk_action = has_action.then(|| assessed.action().to_owned());
        results.reasons = if has_score { assessed.reasons } else { Vec::new() };
    }
    if let Some(reasons) = &behaviour.reasons {
        results.reasons.clone_from(reasons);
    }
}

fn event_type_points(event_type: &str) -> u32 {
    match event_type {
        "Logout" => 5,
        "Login" | "BalanceInquiry" => 10,
        "BillPay" | "CardPayment" => 15,
        "ContactChange" | "ACHTransfer" | "DeviceRegister" => 30,
        "LoginFailed" | "PasswordChange" | "MFAChallenge" => 35,
        "PayeeAdd" | "WireTransfer" => 40,
        "SystemDenied" => 45,
        _ => 20,
    }
}

fn outcome_points(outcome: &str) -> u32 {
    match outcome {
        "Failure" | "Denied" => 15,
        _ => 0,
    }
}

/// The points, and the limit that the amount is over.
fn amount_points(amount: Option<&str>) -> (u32, u32) {
    const STEPS: [(u32, u32); 4] = [(100_000, 50), (10_000, 30), (5_000, 20), (1_000, 10)];
    let amount: Decimal = amount.and_then(|text| text.parse().ok()).unwrap_or_default();
    let step = STEPS.into_iter().find(|(limit, _)| amount > Decimal::from(*limit));
    step.map_or((0, 0), |(limit, points)| (points, limit))
}

#[cfg(test)]
mod tests {
    use super::{Assessment, assess};
    use crate::simulator::payload::EventFacts;

    fn event(event_type: &str, outcome: &str, amount: &str) -> Assessment {
        assess(&EventFacts {
            event_type: event_type.to_owned(),
            outcome: outcome.to_owned(),
            amount: Some(amount.to_owned()),
            ..EventFacts::default()
        })
    }

    #[test]
    fn each_action_is_reached_by_a_plain_event() {
        let cases = [
            ("Login", "Success", "-1.00", 10, "Allow"),
            ("PayeeAdd", "Denied", "-1.00", 55, "StepUp"),
            ("WireTransfer", "Success", "12500.00", 70, "Hold"),
            ("WireTransfer", "Success", "100000.0001", 90, "Deny"),
            ("WireTransfer", "Failure", "250000", 100, "Deny"),
        ];
        for (event_type, outcome, amount, score, action) in cases {
            let assessed = event(event_type, outcome, amount);
            assert_eq!((assessed.score, assessed.action()), (score, action), "{event_type}");
            assert!((1..=2).contains(&assessed.reasons.len()));
        }
    }

    #[test]
    fn a_limit_itself_is_not_over_the_limit() {
        assert_eq!(event("WireTransfer", "Success", "10000.00").score, 60);
        assert_eq!(event("WireTransfer", "Success", "10000.01").score, 70);
    }

    #[test]
    fn an_amount_that_is_no_number_weighs_nothing() {
        assert_eq!(event("Login", "Success", "Unknown").score_text(), "10.0");
    }
}
