//! What a start takes up again of what was there before.

use crate::application::gateway::Gateway;
use crate::application::ports::{Hold, News, Recent, Resumption, Store, Waiting};
use crate::domain::delivery::BACKOFF_MAX;
use crate::domain::hold::{Queue as HeldQueue, STORE_OLDER};
use crate::domain::identifiers::TenantName;
use crate::domain::order::Turn;
use crate::domain::velocity::Velocity;
use jiff::Timestamp;
use std::sync::PoisonError;

/// What a store from a backup says is still to be sent may have been sent long ago: nothing leaves until an operator
/// has decided.
pub(super) fn hold_all<'t>(
    store: &dyn Store,
    tenants: impl Iterator<Item = &'t TenantName>,
    since: Timestamp,
) -> Vec<Hold> {
    let hold = |tenant: &TenantName| Hold {
        tenant: tenant.clone(),
        queue: HeldQueue::All,
        code: STORE_OLDER.to_owned(),
        since,
    };
    let holds: Vec<_> = tenants.map(hold).collect();
    for hold in &holds {
        // Held all the same where that can't be recorded: the next start finds out again.
        drop(store.hold(hold.clone()));
    }
    holds
}

/// Deliveries that a crash or an outage left, and what velocity needs to know of the last hour.
pub(crate) fn resume(gateway: &Gateway, resumption: Resumption) {
    let Resumption { waiting, recent, holds, .. } = resumption;
    if !waiting.is_empty() {
        tracing::info!(deliveries = waiting.len(), "resumed");
    }
    for Hold { tenant, queue, code, .. } in &holds {
        tracing::warn!(%tenant, %queue, code, "the queue is held since before");
    }
    gateway.holds.restore(holds, gateway.clock.now());
    // Whoever is not the first of its line is brought by the one before it.
    for Waiting { seq, due, line, by_callback, in_batch } in waiting {
        if in_batch {
            gateway.relay.pool().resume(seq);
        }
        // What leaves with others is looked up, so that it is known together.
        if gateway.lines.rejoin(line, seq) == Turn::Now || by_callback || in_batch {
            // Looked at by then, whatever a clock that was ahead has said.
            gateway.relay.enqueue(seq, due.min(gateway.clock.now() + BACKOFF_MAX));
        }
    }
    let mut velocity: std::sync::MutexGuard<'_, Velocity> =
        gateway.velocity.lock().unwrap_or_else(PoisonError::into_inner);
    let mut checks = gateway.checks();
    for Recent { tenant, customer, at, check } in recent {
        velocity.count(&tenant, &customer, at);
        if let Some(kind) = check {
            checks.count(&tenant, (&customer, &kind), at);
        }
    }
}

/// What other gateways do with a shared store.
pub(super) fn follow(gateway: &Gateway) {
    let pushes = gateway.pushes.clone();
    let (tickets, relay, clock) = (gateway.tickets.clone(), gateway.relay.clone(), gateway.clock.clone());
    gateway.store.follow(Box::new(move |news| match news {
        News::Decided(tenant, id) => {
            tickets.announce(&tenant, &id);
            pushes.notify_followers();
        }
        News::Hurry(seq) => relay.hurry(seq, clock.now()),
    }));
}
