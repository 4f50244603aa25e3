//! An operator looks after deliveries that are kept for a person: events on their way to Xceed, decisions on their way
//! back.

use super::gateway::{Gateway, on_disk};
use super::ports::{Act, Parked, ParkedPush, PushId, Seq, StoreError};
use super::tenants::WEBHOOK;
use crate::domain::delivery::may_be_replayed;
use crate::domain::going_back::Kind;
use crate::domain::identifiers::{EventId, TenantName};
use crate::domain::order::Turn;

/// So many are listed at once.
pub const PAGE_MAX: u32 = 100;

/// Why an operator's call does nothing.
#[derive(Debug)]
pub enum Refusal {
    /// The tenant has no such parked delivery.
    Unknown,
    /// Only by force, and why.
    NeedsForce(Why),
    /// The store can't be read or written.
    Store,
}

/// Why a delivery is not sent again just like that.
#[derive(Debug)]
pub enum Why {
    /// Xceed said not to, with this code.
    Said(String),
    /// Xceed has, or may have, a later event of the same customer.
    Overtaken,
    /// What came after the decision has gone back, or is on its way.
    LateFollowed,
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
pub async fn replay(
    gateway: &Gateway,
    tenant: &TenantName,
    seq: Seq,
    (force, by): (bool, String),
) -> Result<(), Refusal> {
    let parked = one(gateway, tenant, seq).await?;
    if !force && !may_be_replayed(&parked.reason) {
        return Err(Refusal::NeedsForce(Why::Said(parked.reason)));
    }
    if !force && gateway.store.is_overtaken(seq).await? {
        return Err(Refusal::NeedsForce(Why::Overtaken));
    }
    if gateway.lines.rejoin(parked.line.clone(), seq) == Turn::Overtaken && !force {
        step_back(gateway, tenant, seq).await;
        return Err(Refusal::NeedsForce(Why::Overtaken));
    }
    let now = gateway.clock.now();
    if let Err(error) = on_disk(gateway.store.operate(seq, Act::Replay(now), Some(by.clone()))).await {
        step_back(gateway, tenant, seq).await;
        return Err(error.into());
    }
    gateway.relay.hurry(seq, now);
    tracing::info!(%tenant, event_id = parked.event_id, reason = parked.reason, force, by, "replayed by an operator");
    Ok(())
}

/// It leaves its line again, unless the end of a hold has set it free meanwhile: then it stands there by right.
async fn step_back(gateway: &Gateway, tenant: &TenantName, seq: Seq) {
    if one(gateway, tenant, seq).await.is_ok() {
        gateway.lines.leave(seq, &gateway.relay, gateway.clock.now());
    }
}

/// Gives a parked delivery up.
///
/// # Errors
/// See [`Refusal`].
pub async fn discard(gateway: &Gateway, tenant: &TenantName, seq: Seq, by: String) -> Result<(), Refusal> {
    let parked = one(gateway, tenant, seq).await?;
    on_disk(gateway.store.operate(seq, Act::Discard, Some(by.clone()))).await?;
    tracing::info!(%tenant, event_id = parked.event_id, reason = parked.reason, by, "discarded by an operator");
    Ok(())
}

/// Brings a decision back again that could not be brought before. Only by force into an interaction that may hold already
/// what Xceed said after it, which it would overwrite.
///
/// # Errors
/// See [`Refusal`].
pub async fn replay_push(
    gateway: &Gateway,
    tenant: &TenantName,
    id: PushId,
    (force, by): (bool, String),
) -> Result<(), Refusal> {
    let parked = one_push(gateway, tenant, id).await?;
    if !force && parked.kind == Kind::Decision && !parked.target.starts_with(WEBHOOK) {
        let event_id = EventId::parse(&parked.event_id).ok_or(Refusal::Unknown)?;
        let seen = gateway.store.view(tenant, &event_id).await?;
        if seen.is_some_and(|seen| seen.late.is_some()) {
            return Err(Refusal::NeedsForce(Why::LateFollowed));
        }
    }
    let act = Act::Replay(gateway.clock.now());
    on_disk(gateway.store.operate_push(tenant, id, act, Some(by.clone()))).await?;
    gateway.pushes.notify_one();
    let (event_id, to, reason) = (parked.event_id, parked.target, parked.reason);
    tracing::info!(%tenant, event_id, to, reason, by, "a decision goes back again, as an operator wants it");
    Ok(())
}

/// Gives up bringing a decision back.
///
/// # Errors
/// See [`Refusal`].
pub async fn discard_push(
    gateway: &Gateway,
    tenant: &TenantName,
    id: PushId,
    by: String,
) -> Result<(), Refusal> {
    let parked = one_push(gateway, tenant, id).await?;
    on_disk(gateway.store.operate_push(tenant, id, Act::Discard, Some(by.clone()))).await?;
    let (event_id, to, reason) = (parked.event_id, parked.target, parked.reason);
    tracing::info!(%tenant, event_id, to, reason, by, "a decision does not go back, as an operator wants it");
    Ok(())
}

async fn one_push(gateway: &Gateway, tenant: &TenantName, id: PushId) -> Result<ParkedPush, Refusal> {
    let found = gateway.store.parked_pushes(tenant, Some(id.saturating_add(1)), 1).await?;
    found.into_iter().find(|push| push.id == id).ok_or(Refusal::Unknown)
}

async fn one(gateway: &Gateway, tenant: &TenantName, seq: Seq) -> Result<Parked, Refusal> {
    gateway.store.one_parked(tenant, seq).await?.ok_or(Refusal::Unknown)
}
