//! What is said of a recorded event later: the end of an attempt, a callback, a late score.

use super::Seq;
use crate::domain::delivery::{Attempt, State};
use crate::domain::event::Facts;
use crate::domain::identifiers::TenantName;
use crate::domain::policy::Verdict;
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::time::Duration;

/// The end of an attempt, as it is recorded.
#[derive(Debug)]
pub struct Settlement {
    /// The event's number.
    pub seq: Seq,
    /// How the attempt ended.
    pub attempt: Attempt,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Where the delivery stands now.
    pub state: State,
    /// What the caller is told with this very write.
    pub told: Option<Vec<u8>>,
    /// The decision, where the caller was told that it is pending.
    pub decided: Option<Vec<u8>>,
    /// What Xceed says, for where the caller was told before.
    pub late: Option<Late>,
    /// The tenant and the fingerprint of its secret key that this attempt promoted.
    pub promoted_key: Option<(TenantName, String)>,
}

/// What Xceed's callback says of an event, as it is recorded.
#[derive(Debug)]
pub struct Callback {
    /// The event's number.
    pub seq: Seq,
    /// What the signature covers, by which two callbacks are the same: code, score and action as sent.
    pub said: [String; 3],
    /// When it came.
    pub at: Timestamp,
    /// Where the delivery stands now.
    pub state: State,
    /// The decision, where none has fallen.
    pub decided: Vec<u8>,
    /// What it says where the decision had fallen.
    pub late: Option<Late>,
}

/// What a callback has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is the decision.
    Decided,
    /// The decision had fallen; it stands beside it.
    Late,
    /// The same had been said before: nothing.
    Same,
    /// Something else had been said before: nothing, and somebody should look.
    Conflict,
}

impl Effect {
    /// Its name in the audit trail and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Late => "late",
            Self::Same => "same",
            Self::Conflict => "conflict",
        }
    }
}

/// An event whose score comes by callback.
#[derive(Debug)]
pub struct Awaited {
    /// Its number.
    pub seq: Seq,
    /// The name of the address that its callback comes to.
    pub callback_id: String,
    /// The channel that it was sent over, which the callback's signature covers.
    pub channel: String,
    /// What decisions need of it.
    pub facts: Facts,
    /// Elements that the filling rules filled.
    pub defaulted: Vec<String>,
    /// When it was received.
    pub received_at: Timestamp,
}

/// What Xceed said after the decision had fallen.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// What the decision would have been.
    pub verdict: Verdict,
    /// Xceed's score.
    pub risk_score: Option<Decimal>,
    /// Xceed's action.
    pub risk_action: Option<String>,
    /// The return code's word.
    pub return_code: String,
    /// When it came.
    pub at: Timestamp,
}
