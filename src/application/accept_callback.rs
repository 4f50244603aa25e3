//! Xceed calls back: what it says of an event is the decision, once. Whether it was Xceed who called, others have found
//! out before.

use super::deliver::Errand;
use super::gateway::{Gateway, on_disk};
use super::ports::{Awaited, Callback, Effect, Message, Mode, StoreError};
use super::tenants::Tenant;
use crate::domain::decision::Results;
use crate::domain::delivery;
use crate::domain::identifiers::EventId;
use std::sync::{Arc, PoisonError};

/// A callback whose signature is Xceed's, for an event that awaits one or has had one.
pub struct Verified {
    /// Whose event it is.
    pub tenant: Arc<Tenant>,
    /// The event's id.
    pub event_id: EventId,
    /// The event.
    pub awaited: Awaited,
    /// Code, score and action as sent.
    pub said: [String; 3],
    /// What they mean; fields that the signature doesn't cover are left out.
    pub results: Results,
}

/// Records what a callback says, and tells everyone who waits.
///
/// # Errors
/// The store can't record, so Xceed must call again.
pub async fn accept(gateway: &Gateway, verified: Verified) -> Result<Effect, StoreError> {
    let Verified { tenant, event_id, awaited, said, results } = verified;
    let now = gateway.clock.now();
    let velocity = velocity(gateway, &tenant, &awaited);
    let tenant_deadline = tenant.policy.deadline;
    let errand = Errand {
        seq: awaited.seq,
        tenant,
        message: Message {
            event_id,
            channel: awaited.channel.into(),
            payload: "".into(),
            response_required: true,
            callback_id: None,
        },
        facts: awaited.facts,
        velocity,
        defaulted: awaited.defaulted,
        received_at: awaited.received_at,
        received: None,
        attempts_left: 0,
        callback_until: None,
        mode: Mode::Async,
        deadline: tenant_deadline,
    };
    let errand = errand.weighed(gateway).await;
    let late = errand.late_of(&results, now);
    let verdict = late.as_ref().map(|late| late.verdict);
    let decided = errand.words(gateway, errand.bench().decide(&results));
    let state = delivery::after_callback(&results);
    let callback = Callback { seq: errand.seq, said, at: now, state, decided, late };
    let effect = on_disk(gateway.store.call_back(callback)).await?;
    let (event_id, tenant) = (&errand.message.event_id, &errand.tenant.name);
    if let (Effect::Late, Some(verdict)) = (effect, verdict) {
        errand.warn_of(verdict);
    }
    match effect {
        Effect::Decided | Effect::Late => {
            gateway.pushes.notify_one();
            gateway.tickets.announce(tenant, event_id);
        }
        Effect::Conflict => {
            tracing::error!(%event_id, %tenant, "a second callback says something else than the first; it changed nothing");
        }
        Effect::Same => {}
    }
    Ok(effect)
}

/// The customer's other recent events, which the fallback policy may weigh.
fn velocity(gateway: &Gateway, tenant: &Tenant, awaited: &Awaited) -> u32 {
    let counts = gateway.velocity.lock().unwrap_or_else(PoisonError::into_inner);
    let others = |customer| counts.others(&tenant.name, customer, awaited.received_at);
    awaited.facts.customer.as_ref().map_or(0, others)
}
