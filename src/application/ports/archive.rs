//! What people ask of a store: how much waits, which events there are, and all of one of them. Away from the hot path.

use super::{Late, Local, Seq, StoreError};
use crate::domain::identifiers::{EventId, TenantName};
use jiff::Timestamp;
use std::time::Duration;

/// Reads for people, which hold nobody up.
pub trait Archive {
    /// Deliveries that are not done, by state.
    fn backlog(&self) -> Local<Result<Vec<Backlog>, StoreError>>;
    /// Events, the newest first.
    fn search(&self, search: Search) -> Local<Result<Shelf, StoreError>>;
    /// Everything that is known of one event.
    fn story(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<Story>, StoreError>>;
}

/// Deliveries in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The state.
    pub state: String,
    /// How many.
    pub count: u64,
    /// When the event of the oldest came.
    pub since: Option<Timestamp>,
}

/// Which events are looked for; what is not given does not matter.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Whose.
    pub tenants: Vec<String>,
    /// The caller's id.
    pub event_id: Option<String>,
    /// The interaction that it happened in.
    pub interaction: Option<String>,
    /// Whose call it was.
    pub customer: Option<String>,
    /// Xceed's return code.
    pub code: Option<String>,
    /// How the decision came about.
    pub outcome: Option<String>,
    /// Recorded before this one.
    pub below: Option<Seq>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// So many at most.
    pub limit: u32,
}

/// One page of them.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// What was found.
    pub rows: Vec<Found>,
    /// Where to go on, where there may be more.
    pub next: Option<Seq>,
}

/// An event among others.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its number.
    pub seq: Seq,
    /// Whose.
    pub tenant: String,
    /// The caller's id.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// When it came.
    pub received_at: Timestamp,
    /// What was decided, or told so far, as JSON.
    pub words: Option<Vec<u8>>,
    /// Where its delivery stands.
    pub state: String,
}

/// Everything of one event.
#[derive(Clone, Debug)]
pub struct Story {
    /// As among others.
    pub found: Found,
    /// What the caller asked for.
    pub mode: String,
    /// The channel.
    pub channel: String,
    /// The schema set.
    pub schema: String,
    /// What the filling rules filled.
    pub defaulted: Vec<String>,
    /// The batch that it came in.
    pub batch: Option<String>,
    /// The very text that is sent.
    pub payload: String,
    /// What the caller was told.
    pub told: Option<Vec<u8>>,
    /// Every attempt that has ended, in order.
    pub attempts: Vec<Tried>,
    /// What Xceed called back: code, score, action, and when.
    pub callback: Option<([String; 3], Timestamp)>,
    /// What Xceed said after the decision.
    pub late: Option<Late>,
    /// What is on its way back: to whom, what, since when, and why it waits for a person where it does.
    pub pushes: Vec<(String, &'static str, Timestamp, Option<String>)>,
    /// Entries of the audit trail about it, in order, as far as they were looked for.
    pub trail: Vec<Noted>,
}

/// An entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// When it was written.
    pub at: Timestamp,
    /// Which gateway's, and its number there.
    pub place: (String, i64),
    /// What it tells of.
    pub kind: String,
    /// Whoever did it, where that is a person.
    pub by: Option<String>,
}

/// An attempt that has ended.
#[derive(Clone, Debug)]
pub struct Tried {
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// `answered`, `not_sent`, `in_doubt`, `refused`.
    pub ended: String,
    /// Why, in words, or the return code.
    pub said: String,
    /// The score.
    pub risk_score: Option<String>,
    /// The action.
    pub risk_action: Option<String>,
}
