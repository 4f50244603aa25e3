//! A hold ends: what waited, and what was parked for it, leaves in order.

use super::gateway::{Gateway, STORE_PATIENCE};
use super::ports::{Hold, StoreError, Waiting, Who};
use crate::domain::hold::Queue;
use crate::domain::identifiers::TenantName;
use std::sync::Arc;
use tokio::time::timeout;

/// Ends a hold, because a person says so or because Xceed takes events again (`by` is `None`). Where the store can't
/// record it, the hold goes on, and the next probe ends it.
pub async fn release(gateway: &Gateway, hold: Hold, by: Who) {
    if let Err(error) = try_release(gateway, hold, by).await {
        tracing::warn!(%error, "a hold could not be ended; it is tried again");
    }
}

/// An operator ends a hold; `false` where the queue is not held.
///
/// # Errors
/// The store can't record it.
pub async fn resume(
    gateway: &Arc<Gateway>,
    tenant: &TenantName,
    queue: &Queue,
    by: String,
) -> Result<bool, StoreError> {
    let hold = gateway.holds.list(tenant).into_iter().find(|hold| hold.queue == *queue);
    let Some(hold) = hold else { return Ok(false) };
    // What the store may end yet must end here as well, also when the operator no longer waits for it.
    let gateway = gateway.clone();
    let ending = tokio::task::spawn_local(async move { try_release(&gateway, hold, Some(by)).await });
    match timeout(STORE_PATIENCE, ending).await {
        Ok(Ok(ended)) => ended.map(|()| true),
        Ok(Err(_)) => Err(StoreError("the hold could not be ended".to_owned())),
        Err(_) => Err(StoreError("the disk does not answer in time".to_owned())),
    }
}

async fn try_release(gateway: &Gateway, hold: Hold, by: Who) -> Result<(), StoreError> {
    let (tenant, queue, code) = (hold.tenant.clone(), hold.queue.clone(), hold.code.clone());
    let released = gateway.store.release(hold, by.clone()).await;
    let unparked = released.unwrap_or_else(|_| Err(StoreError("the writer has stopped".to_owned())))?;
    let kept = gateway.holds.end(&tenant, &queue);
    tracing::info!(%tenant, %queue, code, by, waited = kept.len(), parked = unparked.len(), "the queue goes on");
    // All take their places before any of them leaves.
    for Waiting { seq, line, in_batch, .. } in &unparked {
        if *in_batch {
            gateway.relay.pool().resume(*seq);
        }
        gateway.lines.rejoin(line.clone(), *seq);
    }
    let now = gateway.clock.now();
    for seq in unparked.into_iter().map(|waiting| waiting.seq).chain(kept) {
        gateway.relay.hurry(seq, now);
    }
    Ok(())
}
