//! Who hears of a decision beside the caller: the interaction that its event came from, and whoever listens. Decided when
//! the event is recorded, and kept with it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The decision, as it falls.
    Decision,
    /// What Xceed says after it.
    Late,
}

impl Kind {
    /// Its word in the store and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Late => "late",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Decision, Self::Late].into_iter().find(|kind| kind.name() == word)
    }
}

/// When a target hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Of the decision, and of what Xceed says after it.
    Always,
    /// Of what Xceed says after it alone: the caller has the decision.
    Late,
}

/// One who hears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `cxone`, `genesys`, `webhook:<name>`.
    pub name: String,
    /// When.
    pub when: When,
    /// Whose attributes are set in the interaction, where the source said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// The score over which the source sees a high risk, where it says one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "decimal")]
    pub high_risk_above: Option<Decimal>,
}

impl Target {
    /// One who hears then.
    pub fn new(name: &str, when: When) -> Self {
        Self { name: name.to_owned(), when, participant: None, high_risk_above: None }
    }

    /// Whether it hears of that.
    pub fn takes(&self, kind: Kind) -> bool {
        self.when == When::Always || kind == Kind::Late
    }
}

/// All who hear of an event's decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Back(pub Vec<Target>);

impl Back {
    /// As it is kept; `None` where nobody hears.
    pub fn text(&self) -> Option<String> {
        // A list of words has nothing that JSON can't hold.
        (!self.0.is_empty()).then(|| serde_json::to_string(&self.0).unwrap_or_default())
    }

    /// Reads what [`Self::text`] wrote.
    pub fn read(text: Option<&str>) -> Self {
        Self(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// The score over which a target sees a high risk.
    pub fn high_risk_above(&self, target: &str) -> Option<Decimal> {
        self.0.iter().find(|known| known.name == target).and_then(|known| known.high_risk_above)
    }

    /// Those who hear of that.
    pub fn takers(&self, kind: Kind) -> impl Iterator<Item = &Target> {
        self.0.iter().filter(move |target| target.takes(kind))
    }
}

/// A decimal keeps its digits as a text.
mod decimal {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
        number.map(|number| number.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.and_then(|text| text.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_nobody_is_nothing() {
        let genesys = Target {
            participant: Some("p-1".to_owned()),
            high_risk_above: Some(Decimal::new(705, 1)),
            ..Target::new("genesys", When::Late)
        };
        let back = Back(vec![genesys, Target::new("webhook:crm", When::Always)]);
        assert_eq!(Back::read(back.text().as_deref()), back);
        assert_eq!(back.high_risk_above("genesys"), Some(Decimal::new(705, 1)));
        assert_eq!(back.high_risk_above("webhook:crm"), None);
        assert_eq!(Back::default().text(), None);
        assert_eq!(Back::read(None), Back::default());
        let takers = |kind| back.takers(kind).map(|target| target.name.as_str()).collect::<Vec<_>>();
        assert_eq!(takers(Kind::Decision), ["webhook:crm"]);
        assert_eq!(takers(Kind::Late), ["genesys", "webhook:crm"]);
    }
}
