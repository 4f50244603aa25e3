//! The journal of decisions, page by page.

use super::Late;
use crate::domain::going_back::Kind;

/// A place in the journal of decisions, in the words of the store that gave it out; [`Place::parse`] takes them back from a
/// listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub i64, pub i64);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl Place {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, second) = text.split_once('-')?;
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 0);
        Some(Self(number(first)?, number(second)?))
    }
}

/// Decisions and late scores of a tenant.
#[derive(Clone, Debug)]
pub struct JournalPage {
    /// In the order in which they fell.
    pub entries: Vec<JournalEntry>,
    /// How far was looked: the next page begins behind.
    pub upto: Place,
}

/// A decision, or what Xceed said after it.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    /// Where it stands.
    pub place: Place,
    /// Which of the two.
    pub kind: Kind,
    /// The event.
    pub event_id: String,
    /// The decision as it was told, byte for byte.
    pub words: Vec<u8>,
    /// What Xceed said after it.
    pub late: Option<Late>,
}
