//! The relay: deliveries that wait, sent when they are due. It resumes what a restart, an outage or a backoff left, and
//! finds out now and then whether a held queue may go on.

use super::batching;
use super::breakers::{Pass, STEP};
use super::deliver::{DEFERRED_MAX, Ended, Errand, Says, callback_until};
use super::gateway::{Desk, Gateway, on_disk};
use super::mishap::Mishap;
use super::ports::{Act, Claimed, Delivery, Hold, Mode, Probe, Seq, StoreError};
use super::queue::{BUSY, Due, ELSEWHERE, LOOK, Next, UNSERVED};
use super::release::release;
use super::tenants::Tenant;
use super::tickets::{Claim, Held, Word};
use crate::domain::delivery::is_due;
use crate::domain::pass_through::Asks;
use jiff::Timestamp;
use std::collections::BinaryHeap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::interval;

/// Deliveries that the relay sends at the same time: bounded, so that it can't crowd out live calls, and enough that a few
/// slow ones hold nobody up.
pub const IN_FLIGHT_MAX: usize = 64;

/// What waits: what was sent before waits apart, since no more of it leaves than the budget allows.
#[derive(Default)]
struct Waiting {
    first: BinaryHeap<Next>,
    again: BinaryHeap<Next>,
}

impl Waiting {
    fn push(&mut self, next: Next) {
        if next.again { self.again.push(next) } else { self.first.push(next) }
    }

    /// What leaves now, where anything may.
    fn pop(&mut self, gateway: &Gateway) -> Option<Next> {
        let now = gateway.clock.now();
        let is_due = |heap: &BinaryHeap<Next>| heap.peek().is_some_and(|next| next.due <= now);
        if is_due(&self.first) {
            return self.first.pop();
        }
        if is_due(&self.again) && gateway.may_send_again(now) {
            return self.again.pop();
        }
        None
    }
}

/// Sends what is due until the queue is closed, or the gateway ends: then it begins nothing more, and what is under way
/// goes on. Runs on a thread of its own, inside a `LocalSet`.
pub async fn run(desk: Desk, mut due: Due) {
    let mut waiting = Waiting::default();
    let places = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut look = interval(LOOK);
    let mut step = interval(STEP);
    let ending = &desk.gateway.ending;
    while !ending.has_begun() {
        while let Some(next) = waiting.pop(&desk.gateway) {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            if ending.has_begun() {
                break;
            }
            let (desk, mishap) = (desk.clone(), Mishap::of(&desk.gateway, next.seq, None));
            tokio::task::spawn_local(async move {
                let _mishap = mishap;
                if !send(&desk, next, false).await && next.again {
                    desk.gateway.budget().refund();
                }
                drop(place);
            });
        }
        tokio::select! {
            next = due.next() => match next {
                Some(next) => waiting.push(next),
                None => return,
            },
            _ = look.tick() => look_around(&desk),
            _ = step.tick() => let_go(&desk.gateway),
            () = ending.begun() => {}
        }
    }
    // Whoever has started it ends it, once nothing is under way.
    pending::<()>().await;
}

/// What a breaker has kept leaves, as far as it may by now.
fn let_go(gateway: &Gateway) {
    let now = gateway.clock.now();
    for seq in gateway.breakers.step(now) {
        gateway.relay.enqueue(seq, now);
    }
}

/// What comes round by itself: probes of held queues and their ends, and what other gateways have left.
fn look_around(desk: &Desk) {
    for hold in desk.gateway.holds.mended() {
        let desk = desk.clone();
        tokio::task::spawn_local(async move { release(&desk.gateway, hold, None).await });
    }
    for hold in desk.gateway.holds.to_probe(desk.gateway.clock.now()) {
        let desk = desk.clone();
        tokio::task::spawn_local(async move {
            if let Err(error) = probe(&desk, hold).await {
                tracing::warn!(%error, "a held queue could not be probed; the next probe follows");
            }
        });
    }
    if desk.gateway.store.is_shared() {
        let desk = desk.clone();
        tokio::task::spawn_local(async move { look_after_others(&desk.gateway).await });
    }
}

/// What other gateways on the store have left, held, and set free.
async fn look_after_others(gateway: &Gateway) {
    // Where the store can't be asked, it is asked again.
    for orphan in gateway.store.orphans().await.unwrap_or_default() {
        if orphan.in_batch {
            gateway.relay.pool().resume(orphan.seq);
        }
        match orphan.line.is_some() {
            // Others of its customer may wait for it here, so it is due at once, as far as the budget allows.
            true => gateway.relay.hurry(orphan.seq, gateway.clock.now()),
            false => gateway.relay.enqueue(orphan.seq, orphan.due),
        }
        gateway.lines.rejoin(orphan.line, orphan.seq);
    }
    if let Ok(holds) = gateway.store.holds().await {
        let now = gateway.clock.now();
        for seq in gateway.holds.follow(&holds, now) {
            gateway.relay.hurry(seq, now);
        }
    }
}

/// The oldest delivery of a held queue leaves; where Xceed takes it, its end ends the hold.
async fn probe(desk: &Desk, hold: Hold) -> Result<(), StoreError> {
    let gateway = &desk.gateway;
    let Some(Probe { waiting, parked }) = gateway.store.oldest_held(&hold).await? else { return Ok(()) };
    tracing::info!(tenant = %hold.tenant, queue = %hold.queue, code = hold.code, "a held queue is probed");
    let now = gateway.clock.now();
    if parked {
        on_disk(gateway.store.operate(waiting.seq, Act::Replay(now), None)).await?;
        gateway.lines.rejoin(waiting.line, waiting.seq);
    }
    let next = Next { due: now, seq: waiting.seq, hurried: true, again: true };
    if !send(desk, next, true).await {
        // Somebody else looks at it just now, and nothing has left.
        gateway.holds.probe_again(&hold, gateway.clock.now() + BUSY);
    }
    Ok(())
}

/// One delivery, as far as it goes now; whatever it has to wait for brings it back here. Answers whether an attempt
/// was made.
async fn send(desk: &Desk, next: Next, is_probe: bool) -> bool {
    let (gateway, seq) = (&desk.gateway, next.seq);
    if next.hurried && !is_probe && gateway.breakers.still_keeps(seq) {
        return false;
    }
    let look_again = |wait: Duration| gateway.relay.push(Next { due: gateway.clock.now() + wait, ..next });
    let delivery = match gateway.store.claim(seq).await {
        Ok(Claimed::Mine(delivery)) => *delivery,
        // What was lost to another gateway keeps nobody up here that goes before it there.
        Ok(Claimed::Gone | Claimed::Elsewhere) => {
            gateway.lines.leave(seq, &gateway.relay, gateway.clock.now());
            return false;
        }
        Ok(Claimed::Later) => {
            look_again(ELSEWHERE);
            return false;
        }
        Err(_) => {
            look_again(BUSY);
            return false;
        }
    };
    if delivery.mode.is_batch() {
        if is_probe {
            return batching::probe(desk, seq, &delivery).await;
        }
        let due = if next.hurried { next.due } else { delivery.due };
        let next = Next { due, again: delivery.attempts_left > 0, ..next };
        gateway.relay.pool().learn(&batching::group_of(&delivery), delivery.message.payload.len(), next);
        return false;
    }
    let Some(tenant) = gateway.tenants.get(&delivery.tenant) else {
        // It may be served again from one moment to the next.
        tracing::debug!(tenant = %delivery.tenant, seq, "a delivery waits for a tenant that is not served");
        look_again(UNSERVED);
        return false;
    };
    let now = gateway.clock.now();
    let until = decided_until(&tenant, &delivery);
    let callback_is_over = !delivery.decided && until.is_some_and(|until| until <= now);
    let is_due = !delivery.awaits_callback && (next.hurried || is_due(delivery.due, now));
    if !is_due && !callback_is_over {
        let until = until.filter(|_| !delivery.decided);
        let due = until.map_or(delivery.due, |until| until.min(delivery.due));
        gateway.relay.push(Next { due, ..next });
        return false;
    }
    let id = &delivery.message.event_id;
    let Claim::Mine(held) = gateway.tickets.claim(&delivery.tenant, id, None, delivery.fingerprint, false)
    else {
        look_again(BUSY);
        return false;
    };
    if callback_is_over {
        let errand = Errand::resumed(gateway, tenant, seq, delivery).weighed(gateway).await;
        decide_without_xceed(desk, &errand).await;
        // What is not at Xceed yet goes on its way all the same.
        look_again(BUSY);
    } else if delivery.attempts_left > 0 && !next.again {
        gateway.relay.push(Next { again: true, ..next });
    } else if !delivery.awaits_callback {
        // A hold brings it back when it ends, and whoever goes before it when that leaves.
        let waits = !is_probe && gateway.holds.keep(&tenant.name, &delivery.message, seq);
        let pass = if waits { None } else { pass(gateway, &tenant, &delivery, (&next, is_probe)) };
        if let Some(pass) = pass
            && gateway.lines.begin(seq)
        {
            carry(desk, (held, pass), tenant, (seq, delivery)).await;
            return true;
        }
        if let Some(due) = until.filter(|_| !delivery.decided) {
            gateway.relay.push(Next { due, ..next });
        }
    }
    false
}

/// Leave to make an attempt; without it the delivery is kept until the tenant's may leave again.
fn pass(
    gateway: &Gateway,
    tenant: &Tenant,
    delivery: &Delivery,
    (next, is_probe): (&Next, bool),
) -> Option<Pass> {
    let now = gateway.clock.now();
    let pass = gateway.breakers.pass(tenant, Asks::Waiting, delivery.attempts_left, now);
    // Whoever probes a held queue comes again by itself.
    if pass.is_err() && !is_probe && !gateway.breakers.keep(&tenant.name, next.seq) {
        gateway.relay.push(Next { due: now + BUSY, ..*next });
    }
    pass.ok()
}

async fn carry(
    desk: &Desk,
    (held, pass): (Held, Pass),
    tenant: Arc<Tenant>,
    (seq, delivery): (Seq, Delivery),
) {
    let (gateway, ticket) = (&desk.gateway, held.ticket());
    let (mode, told_before, begun) = (delivery.mode, delivery.told, delivery.begun);
    let decides = mode == Mode::Deferred && !delivery.decided;
    let errand = Errand::resumed(gateway, tenant, seq, delivery).weighed(gateway).await;
    let ended = match (errand.tenant.resend_in_doubt, begun) {
        (true, _) => errand.attempt(desk, ticket, pass).await,
        (false, true) => Ended::unknown(),
        (false, false) => {
            if on_disk(gateway.store.begin(seq)).await.is_err() {
                return errand.come_back(gateway);
            }
            errand.attempt(desk, ticket, pass).await
        }
    };
    // A twin whose deadline came may have taken the word, and not have brought it to disk.
    let untold = || ticket.take_the_word() || matches!(ticket.word(), Some(Word::Failed));
    let speaks = !told_before && mode == Mode::Sync && untold();
    let words = errand.words(gateway, errand.decide(&ended));
    let says = match (speaks, decides) {
        (true, _) => Says::Tells(words.clone()),
        (false, true) => Says::Decides(words.clone()),
        (false, false) => Says::Nothing,
    };
    let settled = errand.conclude(gateway, ended, says).await;
    if speaks {
        ticket.say(Word::of(settled, words, mode));
    } else if decides {
        gateway.tickets.announce(&errand.tenant.name, &errand.message.event_id);
    }
}

/// Until when the decision of a delivery falls without a caller who waits for it: by a callback, or behind.
fn decided_until(tenant: &Tenant, delivery: &Delivery) -> Option<Timestamp> {
    if delivery.mode == Mode::Deferred && delivery.message.response_required {
        return Some(delivery.received_at + DEFERRED_MAX);
    }
    callback_until(tenant, &delivery.message, delivery.received_at)
}

/// The fallback decides, because neither Xceed nor its callback came in time.
async fn decide_without_xceed(desk: &Desk, errand: &Errand) {
    let gateway = &desk.gateway;
    let bench = errand.bench();
    let decision = match errand.mode {
        Mode::Deferred => bench.past_deadline(errand.deadline),
        _ => bench.past_callback(),
    };
    let decided = errand.words(gateway, decision);
    if on_disk(gateway.store.decide(errand.seq, decided)).await.is_ok() {
        gateway.pushes.notify_one();
        gateway.tickets.announce(&errand.tenant.name, &errand.message.event_id);
    }
}
