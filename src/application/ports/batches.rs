//! What is known of a batch.

use super::Mode;
use crate::domain::identifiers::TenantName;
use jiff::Timestamp;

/// A batch whose lines have been taken in.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its id.
    pub id: String,
    /// Whose.
    pub tenant: TenantName,
    /// How its events are sent.
    pub mode: Mode,
    /// When it came.
    pub received_at: Timestamp,
    /// All lines, blank ones left out.
    pub lines: u64,
    /// Lines that were recorded.
    pub accepted: u64,
    /// Lines that were known already.
    pub duplicates: u64,
    /// Lines that could not be taken.
    pub failed: u64,
    /// What was wrong with them, as JSON; not all where there were too many.
    pub failures: String,
}

/// A batch as it is now.
#[derive(Clone, Debug)]
pub struct BatchView {
    /// What was taken in.
    pub batch: Batch,
    /// Events that wait to be sent, or sent again.
    pub queued: u64,
    /// Events that are kept for a person.
    pub parked: u64,
    /// Events that were given up.
    pub discarded: u64,
}
