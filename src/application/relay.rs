//! The relay: deliveries that wait, sent when they are due. It resumes what a restart, an outage or a backoff left.

use super::deliver::{Desk, Ended, Errand, callback_until, on_disk};
use super::ports::{Delivery, Mode, Seq};
use super::queue::Due;
use super::tenants::Tenant;
use super::tickets::{Claim, Held, Word};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Deliveries that the relay sends at the same time: few, so that it can't crowd out live calls.
pub const IN_FLIGHT_MAX: usize = 8;
/// How long the relay waits before it looks again at an event that a live call works on.
const BUSY: Duration = Duration::from_secs(1);
/// The relay looks at the clock at least so often, so that a clock that is set can't delay a delivery.
const LOOK: Duration = Duration::from_millis(500);

/// Sends what is due until the queue is closed. Runs on a thread of its own, inside a `LocalSet`.
pub async fn run(desk: Desk, mut due: Due) {
    let mut waiting = BinaryHeap::new();
    let places = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    loop {
        let now = desk.gateway.clock.now();
        while let Some(&Reverse((at, seq))) = waiting.peek() {
            if at > now {
                break;
            }
            waiting.pop();
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let desk = desk.clone();
            tokio::task::spawn_local(async move {
                resume(&desk, seq).await;
                drop(place);
            });
        }
        match tokio::time::timeout(LOOK, due.next()).await {
            Ok(Some((seq, at))) => waiting.push(Reverse((at, seq))),
            Ok(None) => return,
            Err(_) => {}
        }
    }
}

async fn resume(desk: &Desk, seq: Seq) {
    let gateway = &desk.gateway;
    let later = |wait: Duration| gateway.relay.enqueue(seq, gateway.clock.now() + wait);
    let delivery = match gateway.store.delivery(seq).await {
        Ok(Some(delivery)) => delivery,
        Ok(None) => return, // settled, or never recorded
        Err(_) => return later(BUSY),
    };
    let Some(tenant) = gateway.tenants.get(&delivery.tenant).cloned() else {
        tracing::error!(tenant = %delivery.tenant, seq, "a delivery waits for a tenant that is not configured");
        return;
    };
    let now = gateway.clock.now();
    let until = callback_until(&tenant, &delivery.message, delivery.received_at);
    let callback_is_over = !delivery.decided && until.is_some_and(|until| until <= now);
    if delivery.due > now && !callback_is_over {
        let until = until.filter(|_| !delivery.decided);
        return gateway.relay.enqueue(seq, until.map_or(delivery.due, |until| until.min(delivery.due)));
    }
    let id = &delivery.message.event_id;
    match gateway.tickets.claim(&delivery.tenant, id, None, delivery.fingerprint, false) {
        Claim::Mine(held) if callback_is_over => {
            decide_without_callback(desk, &Errand::resumed(gateway, tenant, seq, delivery)).await;
            // What is not at Xceed yet goes on its way all the same.
            later(BUSY);
            drop(held);
        }
        Claim::Mine(_) if delivery.awaits_callback => {}
        Claim::Mine(held) => carry(desk, held, seq, tenant, delivery).await,
        Claim::Theirs(_) => later(BUSY),
    }
}

async fn carry(desk: &Desk, held: Held, seq: Seq, tenant: Arc<Tenant>, delivery: Delivery) {
    let (gateway, ticket) = (&desk.gateway, held.ticket());
    let (mode, told_before, begun) = (delivery.mode, delivery.told, delivery.begun);
    let errand = Errand::resumed(gateway, tenant, seq, delivery);
    let ended = match (errand.tenant.resend_in_doubt, begun) {
        (true, _) => errand.attempt(desk, ticket).await,
        (false, true) => Ended::unknown(),
        (false, false) => {
            if on_disk(gateway.store.begin(seq)).await.is_err() {
                return errand.settle_later(gateway);
            }
            errand.attempt(desk, ticket).await
        }
    };
    // A twin whose deadline came may have taken the word, and not have brought it to disk.
    let untold = || ticket.take_the_word() || matches!(ticket.word(), Some(Word::Failed));
    let speaks = !told_before && mode == Mode::Sync && untold();
    let told = speaks.then(|| errand.words(gateway, errand.decide(&ended)));
    let settled = on_disk(errand.settle(gateway, ended, told.clone())).await;
    if settled.is_err() {
        errand.settle_later(gateway);
    }
    if let Some(told) = told {
        ticket.say(match settled {
            Ok(()) => Word::Told { body: told.into(), mode },
            Err(_) => Word::Failed,
        });
    }
}

/// The fallback decides, because no callback came in time.
async fn decide_without_callback(desk: &Desk, errand: &Errand) {
    let gateway = &desk.gateway;
    let decided = errand.words(gateway, errand.bench().past_callback());
    if on_disk(gateway.store.decide(errand.seq, decided)).await.is_ok() {
        gateway.tickets.announce(&errand.tenant.name, &errand.message.event_id);
    }
}
