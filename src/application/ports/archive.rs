//! What whoever watches asks of a store: how much waits. Away from the hot path.

use super::{Local, StoreError};
use jiff::Timestamp;

/// Reads for people, which hold nobody up.
pub trait Archive {
    /// Deliveries that are not done, by state.
    fn backlog(&self) -> Local<Result<Vec<Backlog>, StoreError>>;
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
