//! How a gateway that is asked to end comes to its end: what is under way is answered and its attempts are recorded,
//! within a time; what is new hears that it is refused.

use crate::application::gateway::Gateway;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What is under way has this time: a sync call takes 5 s at most, and so does an attempt unless it is told otherwise.
const DRAIN_MAX: Duration = Duration::from_secs(7);
/// Calls that are on their way hear that they are refused, instead of finding the door closed.
const REFUSE: Duration = Duration::from_millis(500);
/// How often what is under way is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Threads that have ended let go of the store within this time.
const LET_GO_MAX: Duration = Duration::from_secs(1);

/// Refuses what is new and waits for what is under way.
pub(super) async fn drain(gateway: &Gateway) {
    gateway.ending.begin();
    tracing::info!(under_way = gateway.tickets.count(), "ending: what is new is refused");
    sleep(REFUSE).await;
    let quiet = async {
        while gateway.tickets.count() + gateway.pushes.under_way() > 0 {
            sleep(LOOK).await;
        }
    };
    if timeout(DRAIN_MAX - REFUSE, quiet).await.is_err() {
        let under_way = gateway.tickets.count() + gateway.pushes.under_way();
        tracing::warn!(
            under_way,
            "attempts have not ended in time; they are sent again after the next start"
        );
    }
    gateway.ending.close();
}

/// Closes the store, once nobody else uses it: everything that is queued is written.
pub(super) async fn close<T: ?Sized>(store: Arc<T>) {
    let alone = async {
        while Arc::strong_count(&store) > 1 {
            sleep(LOOK).await;
        }
    };
    if timeout(LET_GO_MAX, alone).await.is_err() {
        tracing::warn!("a thread still holds the store; what it has written stands");
    }
    drop(store);
}
