//! An operator looks after deliveries that are kept for a person.

use super::deliver::{Gateway, on_disk};
use super::ports::{Act, Parked, Seq, StoreError};
use crate::domain::delivery::may_be_replayed;
use crate::domain::identifiers::TenantName;

/// So many are listed at once.
pub const PAGE_MAX: u32 = 100;

/// Why an operator's call does nothing.
#[derive(Debug)]
pub enum Refusal {
    /// The tenant has no such parked delivery.
    Unknown,
    /// Xceed said not to send it again; only by force.
    NeedsForce(String),
    /// The store can't be read or written.
    Store,
}

impl From<StoreError> for Refusal {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

/// Sends a parked delivery again. What Xceed says then is late: the decision stands.
///
/// # Errors
/// See [`Refusal`].
pub async fn replay(gateway: &Gateway, tenant: &TenantName, seq: Seq, force: bool) -> Result<(), Refusal> {
    let parked = one(gateway, tenant, seq).await?;
    if !force && !may_be_replayed(&parked.reason) {
        return Err(Refusal::NeedsForce(parked.reason));
    }
    let now = gateway.clock.now();
    on_disk(gateway.store.operate(seq, Act::Replay(now))).await?;
    gateway.relay.enqueue(seq, now);
    tracing::info!(%tenant, event_id = parked.event_id, reason = parked.reason, force, "replayed by an operator");
    Ok(())
}

/// Gives a parked delivery up.
///
/// # Errors
/// See [`Refusal`].
pub async fn discard(gateway: &Gateway, tenant: &TenantName, seq: Seq) -> Result<(), Refusal> {
    let parked = one(gateway, tenant, seq).await?;
    on_disk(gateway.store.operate(seq, Act::Discard)).await?;
    tracing::info!(%tenant, event_id = parked.event_id, reason = parked.reason, "discarded by an operator");
    Ok(())
}

async fn one(gateway: &Gateway, tenant: &TenantName, seq: Seq) -> Result<Parked, Refusal> {
    gateway.store.one_parked(tenant, seq).await?.ok_or(Refusal::Unknown)
}
