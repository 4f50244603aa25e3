//! Retention: events that are old and done are taken out of the store, in small steps with long rests between them, so
//! that whoever records something meanwhile notices nothing. What is still to be done stays, whatever its age.

use super::ports::{Clock, Store, StoreError};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Events of one step, which is one transaction.
pub const STEP: u32 = 100;
/// How often the store is looked through.
const EVERY: Duration = Duration::from_secs(60);
/// The rest after a step, which itself takes a few milliseconds of the writer's time.
const REST: Duration = Duration::from_millis(25);

/// Takes out what is older than `kept`, as long as it is let. Runs on a thread of its own, since it reads much.
pub async fn run(store: Arc<dyn Store>, clock: Arc<dyn Clock>, kept: Duration) {
    loop {
        match sweep(&*store, clock.now() - kept).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "events were older than the retention"),
            Err(error) => {
                tracing::warn!(%error, "old events could not be taken out; tried again in a minute");
            }
        }
        sleep(EVERY).await;
    }
}

/// All that is older than a time, step by step.
async fn sweep(store: &dyn Store, before: Timestamp) -> Result<usize, StoreError> {
    let (mut after, mut removed) = (0, 0);
    loop {
        let Some(step) = store.prune(after, before, STEP).await? else { return Ok(removed) };
        (after, removed) = (step.upto, removed + step.removed);
        sleep(REST).await;
    }
}
