//! Records that are on their way to the disk. Whoever looks for one meanwhile must not take it for one that is gone.

use crate::application::ports::Seq;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The numbers of such records.
#[derive(Debug, Default)]
pub(super) struct Unwritten(Mutex<HashSet<Seq>>);

impl Unwritten {
    /// One is queued.
    pub(super) fn add(&self, seq: Seq) {
        self.numbers().insert(seq);
    }

    /// It is on disk, or will not be.
    pub(super) fn remove(&self, seq: Seq) {
        self.numbers().remove(&seq);
    }

    /// Whether one is still on its way. To be asked before the disk is: what is not, is there by then or never.
    pub(super) fn has(&self, seq: Seq) -> bool {
        self.numbers().contains(&seq)
    }

    fn numbers(&self) -> MutexGuard<'_, HashSet<Seq>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
