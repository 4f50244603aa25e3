//! Sources: how a body of any shape becomes an event, and how the decision looks to whoever sent it. A source is a file
//! of configuration; the doors of the platforms are sources that ship.
//!
//! [`Source::compile`] reads the file, [`Source::read`] makes the event of a body, [`Source::answer`] the answer of the
//! words that were told. All three are pure.

mod answer;
mod compile;
mod feed;
mod identity;
mod path;
mod read;
mod settings;
mod sheet;
mod table;

pub use feed::{As, Feed};
pub use path::Path;
pub use read::{Name, Reading};
pub use settings::{CXONE_ASSESS, CXONE_DATA_ACTION, GENESYS_ASSESS, SampleSettings, SourceSettings};
pub use table::Sources;

use crate::domain::event::Members;
use crate::domain::going_back::When;
use rust_decimal::Decimal;
use std::time::Duration;

/// A source, ready to be used.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    event_type: Feed,
    members: Vec<Member>,
    require: Vec<String>,
    volatile: Vec<Path>,
    form: Form,
    deadline: Option<Duration>,
    deferred: bool,
    high_risk_above: Option<Decimal>,
    correlation_header: Option<String>,
    push: Option<Push>,
}

/// How the answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Few scalars, none of them null.
    Flat,
    /// The whole decision document.
    Full,
}

/// A member of the event and where it comes from.
#[derive(Clone, Debug)]
struct Member {
    path: String,
    feed: Feed,
    line: usize,
}

/// Where decisions go back to.
#[derive(Clone, Debug)]
struct Push {
    to: String,
    when: When,
    participant: Feed,
}

impl Source {
    /// Compiles a source for a tenant whose events may have these members.
    ///
    /// # Errors
    /// All that is wrong with the file, each with its line and key, and what to write instead.
    pub fn compile(settings: &SourceSettings, members: &Members) -> Result<Self, Vec<String>> {
        compile::compile(settings, members)
    }

    fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            event_type: Feed::default(),
            members: Vec::new(),
            require: Vec::new(),
            volatile: Vec::new(),
            form: Form::Flat,
            deadline: None,
            deferred: false,
            high_risk_above: None,
            correlation_header: None,
            push: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the answer looks.
    pub fn form(&self) -> Form {
        self.form
    }

    /// By when a decision falls, where that is not the tenant's business.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Whether the caller hears at once that the decision falls behind.
    pub fn is_deferred(&self) -> bool {
        self.deferred
    }

    /// The header by which the platform knows the call.
    pub fn correlation_header(&self) -> Option<&str> {
        self.correlation_header.as_deref()
    }

    /// What feeds the event, the type first: the member, where from, and the line of the file.
    pub fn feeds(&self) -> impl Iterator<Item = (&str, &Feed)> {
        let members = self.members.iter().map(|member| (member.path.as_str(), &member.feed));
        std::iter::once(("eventType", &self.event_type)).chain(members)
    }

    /// Where it is said whose attributes a decision sets, once it is brought back.
    pub fn participant(&self) -> Option<&Feed> {
        self.push.as_ref().map(|push| &push.participant)
    }

    /// Members without which there is no event.
    pub fn required(&self) -> &[String] {
        &self.require
    }
}

#[cfg(test)]
pub(crate) mod published;
#[cfg(test)]
mod tests;
