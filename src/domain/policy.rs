//! A tenant's policy: actions, thresholds, and what decides where Xceed gives no usable score.

use super::event::{Facts, Tier};
use super::pass_through;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::time::Duration;

/// The score that the neutral fallback answers.
pub const NEUTRAL_SCORE: Decimal = Decimal::from_parts(50, 0, 0, false, 0);
/// An amount over this makes an event `high_value`; over half of it, the local fallback sees a middling one.
pub const HIGH_VALUE: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);
const MIDDLING_VALUE: Decimal = Decimal::from_parts(5_000, 0, 0, false, 0);
const SCORE_MAX: u32 = 100;

/// What the caller should do with the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words of the contract")]
pub enum Verdict {
    Allow,
    Challenge,
    Review,
    Block,
}

impl Verdict {
    /// All of them, from mild to strict.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Challenge, Self::Review, Self::Block];

    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Challenge => "CHALLENGE",
            Self::Review => "REVIEW",
            Self::Block => "BLOCK",
        }
    }
}

/// How a tenant turns scores into decisions. Scores are 0 to 100, amounts in the event's own currency.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long a sync caller waits at most.
    pub deadline: Duration,
    /// What decides without a usable score.
    pub fallback: FallbackPolicy,
    /// Exceptions to `fallback`; the first that fits an event stands.
    pub fallback_for: Vec<FallbackFor>,
    /// A score from here on is `BLOCK`.
    pub block_at: Decimal,
    /// Xceed's riskAction → verdict.
    pub actions: BTreeMap<String, Verdict>,
    /// A score from here on is `REVIEW`, by category.
    pub thresholds: Thresholds,
    /// When calls pass by Xceed; never where it is absent.
    pub pass_through: Option<pass_through::Rule>,
}

/// The score from which an event of each category is reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as the categories are")]
pub struct Thresholds {
    pub standard: Decimal,
    pub high_value: Decimal,
    pub new_customer: Decimal,
}

/// What an event is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Neither of the others.
    Standard,
    /// An amount over [`HIGH_VALUE`].
    HighValue,
    /// A customer of tier `new`, whatever the amount.
    NewCustomer,
}

impl Category {
    /// The category of an event.
    pub fn of(facts: &Facts) -> Self {
        match facts {
            Facts { tier: Tier::New, .. } => Self::NewCustomer,
            Facts { amount: Some(amount), .. } if *amount > HIGH_VALUE => Self::HighValue,
            _ => Self::Standard,
        }
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::HighValue => "high_value",
            Self::NewCustomer => "new_customer",
        }
    }
}

/// What decides where Xceed gives no usable score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FallbackPolicy {
    /// Score 50, `ALLOW`: fail open.
    Neutral,
    /// A score of our own from tier, amount and velocity, then the thresholds.
    Local,
    /// `REVIEW`, no score.
    Closed,
}

impl FallbackPolicy {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Neutral, Self::Local, Self::Closed];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Local => "local",
            Self::Closed => "closed",
        }
    }
}

/// Another fallback for some events.
#[derive(Clone, Debug, PartialEq)]
pub struct FallbackFor {
    /// Events of this type alone; of every type where it is absent.
    pub event_type: Option<String>,
    /// Events with an amount over this alone.
    pub over: Option<Decimal>,
    /// What decides them.
    pub policy: FallbackPolicy,
}

impl FallbackFor {
    fn fits(&self, facts: &Facts) -> bool {
        self.event_type.as_ref().is_none_or(|wanted| *wanted == facts.event_type)
            && self.over.is_none_or(|over| facts.amount.is_some_and(|amount| amount > over))
    }
}

impl Default for Policy {
    fn default() -> Self {
        let actions = [
            ("Allow", Verdict::Allow),
            ("StepUp", Verdict::Challenge),
            ("Hold", Verdict::Review),
            ("Deny", Verdict::Block),
        ];
        Self {
            deadline: Duration::from_millis(300),
            fallback: FallbackPolicy::Neutral,
            fallback_for: Vec::new(),
            block_at: Decimal::from(90),
            actions: actions.into_iter().map(|(word, verdict)| (word.to_owned(), verdict)).collect(),
            thresholds: Thresholds {
                standard: Decimal::from(65),
                high_value: Decimal::from(45),
                new_customer: Decimal::from(30),
            },
            pass_through: None,
        }
    }
}

impl Policy {
    /// The longest deadline that a tenant may set.
    pub const DEADLINE_MAX: Duration = Duration::from_secs(5);

    /// The score from which an event of this category is reviewed.
    pub fn threshold(&self, category: Category) -> Decimal {
        match category {
            Category::Standard => self.thresholds.standard,
            Category::HighValue => self.thresholds.high_value,
            Category::NewCustomer => self.thresholds.new_customer,
        }
    }

    /// The verdict on a score by the thresholds alone.
    pub fn by_thresholds(&self, score: Decimal, category: Category) -> Verdict {
        if score >= self.block_at {
            Verdict::Block
        } else if score >= self.threshold(category) {
            Verdict::Review
        } else {
            Verdict::Allow
        }
    }

    /// Which fallback decides this event.
    pub fn fallback_of(&self, facts: &Facts) -> FallbackPolicy {
        self.fallback_for.iter().find(|exception| exception.fits(facts)).map_or(self.fallback, |e| e.policy)
    }
}

/// The local fallback's score and how it came about, in words.
///
/// `velocity` is the number of the customer's other accepted events in the last 60 minutes.
pub fn local_score(facts: &Facts, velocity: u32) -> (Decimal, String) {
    let tier = match facts.tier {
        Tier::New => 20,
        Tier::Premium => 10,
        Tier::Other => 15,
    };
    let amount = match facts.amount {
        Some(amount) if amount > HIGH_VALUE => 30,
        Some(amount) if amount > MIDDLING_VALUE => 20,
        _ => 10,
    };
    let pace = match velocity {
        6.. => 25,
        3..=5 => 15,
        _ => 0,
    };
    let score = (tier + amount + pace).min(SCORE_MAX);
    (Decimal::from(score), format!("local score {score}: tier {tier}, amount {amount}, velocity {pace}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identifiers::CustomerId;

    fn facts(tier: Tier, amount: Option<i64>) -> Facts {
        Facts {
            event_type: "WireTransfer".into(),
            customer: Some(CustomerId::new("C-1")),
            tier,
            amount: amount.map(Decimal::from),
        }
    }

    #[test]
    fn a_new_customer_comes_before_a_high_value() {
        assert_eq!(Category::of(&facts(Tier::New, Some(20_000))), Category::NewCustomer);
        assert_eq!(Category::of(&facts(Tier::Other, Some(10_001))), Category::HighValue);
        assert_eq!(Category::of(&facts(Tier::Other, Some(10_000))), Category::Standard);
        assert_eq!(Category::of(&facts(Tier::Premium, None)), Category::Standard);
    }

    #[test]
    fn thresholds_include_their_own_score() {
        let policy = Policy::default();
        let verdict = |score: &str| policy.by_thresholds(score.parse().expect("a score"), Category::Standard);
        assert_eq!(verdict("64.9999"), Verdict::Allow);
        assert_eq!(verdict("65"), Verdict::Review);
        assert_eq!(verdict("89.999"), Verdict::Review);
        assert_eq!(verdict("90.0"), Verdict::Block);
    }

    #[test]
    fn the_local_score_adds_tier_amount_and_velocity() {
        let score = |tier, amount, velocity| local_score(&facts(tier, amount), velocity).0;
        assert_eq!(score(Tier::New, Some(10_001), 6), Decimal::from(75));
        assert_eq!(score(Tier::Premium, Some(10_000), 3), Decimal::from(45));
        assert_eq!(score(Tier::Other, Some(5_000), 2), Decimal::from(25));
        assert_eq!(score(Tier::Other, None, 0), Decimal::from(25));
    }

    #[test]
    fn the_first_exception_that_fits_decides() {
        let wire_over = |over: i64, policy| FallbackFor {
            event_type: Some("WireTransfer".into()),
            over: Some(Decimal::from(over)),
            policy,
        };
        let policy = Policy {
            fallback_for: vec![
                wire_over(100_000, FallbackPolicy::Closed),
                wire_over(10, FallbackPolicy::Local),
            ],
            ..Policy::default()
        };
        assert_eq!(policy.fallback_of(&facts(Tier::New, Some(100_001))), FallbackPolicy::Closed);
        assert_eq!(policy.fallback_of(&facts(Tier::New, Some(100_000))), FallbackPolicy::Local);
        assert_eq!(policy.fallback_of(&facts(Tier::New, None)), FallbackPolicy::Neutral);
    }
}
