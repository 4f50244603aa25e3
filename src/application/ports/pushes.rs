//! The words for decisions that go back: what goes, how an attempt ended, and what is kept for a person.

use super::{Late, Local};
use crate::domain::bringing_back::Pushed;
use crate::domain::delivery::State;
use crate::domain::going_back::Kind;
use crate::domain::identifiers::{EventId, TenantName};
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::time::Duration;

/// The platforms that decisions go back to, as the thread sees them that brings them there.
pub trait Pushing {
    /// One attempt to bring a decision back.
    fn push(&self, push: Push) -> Local<Pushed>;
}

/// A decision on its way back, by number.
pub type PushId = i64;

/// A decision that goes back to where its event came from, or to whoever listens.
#[derive(Clone, Debug)]
pub struct Push {
    /// Its number.
    pub id: PushId,
    /// Under which claim this gateway has it.
    pub fence: i64,
    /// Whose event it is.
    pub tenant: TenantName,
    /// The event.
    pub event_id: EventId,
    /// Where to: `cxone`, `genesys`, `webhook:<name>`.
    pub target: String,
    /// The interaction that it is about.
    pub interaction: Option<String>,
    /// Whose attributes are set in it, where the source said so.
    pub participant: Option<String>,
    /// The score over which its source sees a high risk, where that says one.
    pub high_risk_above: Option<Decimal>,
    /// What goes back.
    pub kind: Kind,
    /// The decision as it was told, byte for byte.
    pub words: Vec<u8>,
    /// What Xceed said after that, where that is what goes back.
    pub late: Option<Late>,
    /// When it fell.
    pub at: Timestamp,
    /// Attempts that left this machine before.
    pub attempts: u32,
}

/// The end of an attempt to bring a decision back.
#[derive(Clone, Debug)]
pub struct PushEnd {
    /// Its number.
    pub id: PushId,
    /// Under which claim.
    pub fence: i64,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// `landed`, `gone`, or why not, in words.
    pub why: &'static str,
    /// Whether the attempt left this machine, and counts.
    pub left: bool,
    /// Where it stands now: queued, settled or parked.
    pub state: State,
}

/// A decision that could not be brought back.
#[derive(Clone, Debug)]
pub struct ParkedPush {
    /// Its number.
    pub id: PushId,
    /// The event.
    pub event_id: String,
    /// Where to.
    pub target: String,
    /// What.
    pub kind: Kind,
    /// Why it is kept.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Attempts that left this machine.
    pub attempts: u32,
}
