//! The end of a store: everything that is queued is written before it closes.

use super::Postgres;

impl Drop for Postgres {
    /// Everything that is queued is written before the store closes.
    fn drop(&mut self) {
        // It may queue the last of what it has.
        if let Some((stop, witness)) = self.witness.take() {
            drop(stop);
            let _ = witness.join();
        }
        self.queue = None;
        self.reads = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Err(error) = self.trail.checkpoint() {
            tracing::error!(%error, "the last checkpoint is missing");
        }
    }
}
