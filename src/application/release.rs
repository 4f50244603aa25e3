//! A hold ends: what waited, and what was parked for it, leaves in order.

use super::gateway::{Gateway, on_disk};
use super::ports::{Hold, StoreError, Waiting, Who};
use crate::domain::hold::Queue;
use crate::domain::identifiers::TenantName;

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
    gateway: &Gateway,
    tenant: &TenantName,
    queue: &Queue,
    by: String,
) -> Result<bool, StoreError> {
    let hold = gateway.holds.list(tenant).into_iter().find(|hold| hold.queue == *queue);
    match hold {
        Some(hold) => try_release(gateway, hold, Some(by)).await.map(|()| true),
        None => Ok(false),
    }
}

async fn try_release(gateway: &Gateway, hold: Hold, by: Who) -> Result<(), StoreError> {
    let (tenant, queue, code) = (hold.tenant.clone(), hold.queue.clone(), hold.code.clone());
    let unparked = on_disk(gateway.store.release(hold, by.clone())).await?;
    let kept = gateway.holds.end(&tenant, &queue);
    tracing::info!(%tenant, %queue, code, by, waited = kept.len(), parked = unparked.len(), "the queue goes on");
    // All take their places before any of them leaves.
    for Waiting { seq, line, .. } in &unparked {
        gateway.lines.rejoin(line.clone(), *seq);
    }
    let now = gateway.clock.now();
    for seq in unparked.into_iter().map(|waiting| waiting.seq).chain(kept) {
        gateway.relay.hurry(seq, now);
    }
    Ok(())
}
