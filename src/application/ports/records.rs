//! A new event, as it is recorded.

use super::{Prepared, Seq};
use crate::domain::field::Fingerprint;
use crate::domain::going_back::Back;
use crate::domain::identifiers::TenantName;
use crate::domain::limits::Rule;
use jiff::Timestamp;
use std::sync::Arc;

/// A new event, as it is recorded.
#[derive(Debug)]
pub struct Record {
    /// Its number.
    pub seq: Seq,
    /// Whose event it is.
    pub tenant: TenantName,
    /// The caller's `Idempotency-Key`, where one was given.
    pub idempotency_key: Option<String>,
    /// The body's meaning.
    pub fingerprint: Fingerprint,
    /// What the caller asked for.
    pub mode: Mode,
    /// When it came.
    pub received_at: Timestamp,
    /// The event, ready to be sent.
    pub prepared: Arc<Prepared>,
    /// Whether the first attempt counts as begun with this very write, because nothing may be sent twice.
    pub begun: bool,
    /// What the caller is told with this very write.
    pub told: Option<Vec<u8>>,
    /// The decision that falls with this very write, where the caller is told that it is pending.
    pub decided: Option<Vec<u8>>,
    /// Whether it counts as a check on its customer.
    pub check: Option<Check>,
    /// Who hears of its decision.
    pub back: Back,
    /// The batch that it came in.
    pub batch: Option<String>,
}

/// How a check on a customer is counted.
#[derive(Clone, Debug)]
pub struct Check {
    /// How many are allowed. A store that is not shared only notes that it is one: its gateway has counted.
    pub rule: Rule,
    /// What the caller is told, and is the decision, where it is one too many: then it is recorded as no check, to be sent
    /// without asking for a score.
    pub limited: Vec<u8>,
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A decision now.
    Sync,
    /// An acknowledgement now, no score.
    Ack,
    /// An acknowledgement now, the decision when Xceed calls back.
    Async,
    /// An acknowledgement now, the decision a moment later, to be brought back.
    Deferred,
    /// An acknowledgement, sent together with others, no score.
    Batch,
    /// The same, and Xceed takes them in behind.
    AsyncBatch,
}

impl Mode {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Ack => "ack",
            Self::Async => "async",
            Self::Deferred => "deferred",
            Self::Batch => "batch",
            Self::AsyncBatch => "async-batch",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Sync, Self::Ack, Self::Async, Self::Deferred, Self::Batch, Self::AsyncBatch];
        all.into_iter().find(|mode| mode.name() == word)
    }

    /// Whether the first answer is that the decision is pending.
    pub fn is_told_pending(self) -> bool {
        matches!(self, Self::Async | Self::Deferred)
    }

    /// Whether the first answer is the decision.
    pub fn is_told_the_decision(self) -> bool {
        self == Self::Sync
    }

    /// Whether it leaves with others of a batch.
    pub fn is_batch(self) -> bool {
        matches!(self, Self::Batch | Self::AsyncBatch)
    }

    /// Whether it is a check on its customer.
    pub fn is_check(self) -> bool {
        matches!(self, Self::Sync | Self::Async | Self::Deferred)
    }
}
