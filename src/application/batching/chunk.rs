//! One chunk on its way: an attempt, and what becomes of each of its events.

use super::super::deliver::{Concluding, Ended, Errand, Says};
use super::super::gateway::{Desk, Gateway, on_disk};
use super::super::pool::{Group, Lane, Taken};
use super::super::ports::{Chunk, Delivery};
use super::super::queue::{BUSY, Next, UNSERVED};
use super::super::tenants::Tenant;
use super::super::tickets::{Claim, Held};
use crate::domain::chunk::parts;
use crate::domain::delivery::{State, is_due};
use crate::domain::identifiers::EventId;
use crate::domain::pass_through::Asks;
use jiff::Timestamp;
use std::sync::Arc;

/// So many ends are on their way to the disk at once, so that what live calls record does not wait behind them.
const AT_ONCE: usize = 100;

/// Events that are to leave together.
pub(super) struct Formed {
    pub(super) lane: Lane,
    pub(super) again: bool,
    pub(super) bytes: usize,
    pub(super) members: Vec<Member>,
}

pub(super) struct Member {
    pub(super) taken: Taken,
    /// Those of one line have the same.
    pub(super) chain: usize,
}

impl Formed {
    /// None yet, of that one's kind.
    pub(super) fn of(first: Taken) -> Self {
        Self { lane: first.lane, again: first.again, bytes: 0, members: Vec::new() }
    }

    /// One more, in a chain of its own or in that of another. Answers which.
    pub(super) fn add(&mut self, taken: Taken, chain: Option<usize>) -> usize {
        let chain = chain.unwrap_or(self.members.len());
        self.bytes += taken.size;
        self.members.push(Member { taken, chain });
        chain
    }
}

/// An event that leaves with a chunk.
pub(super) struct Aboard {
    taken: Taken,
    delivery: Delivery,
    held: Held,
}

impl Aboard {
    /// Whether it may leave with the first one now, or else when it may.
    pub(super) fn new(
        desk: &Desk,
        taken: &Taken,
        delivery: Delivery,
        first: Option<&Self>,
    ) -> Result<Self, Timestamp> {
        let (gateway, now) = (&desk.gateway, desk.gateway.clock.now());
        if !is_due(delivery.due, now) && !taken.hurried {
            return Err(delivery.due);
        }
        let payload = &delivery.message.payload;
        if first.is_some_and(|first| !desk.xceed.fit_together(&first.delivery.message.payload, payload)) {
            return Err(now);
        }
        let (tenant, id) = (&delivery.tenant, &delivery.message.event_id);
        match gateway.tickets.claim(tenant, id, None, delivery.fingerprint, false) {
            Claim::Mine(held) => Ok(Self { taken: *taken, delivery, held }),
            Claim::Theirs(_) => Err(now + BUSY),
        }
    }
}

/// One attempt with all of them, and its end on disk. Answers whether there was one.
pub(super) async fn leave(
    desk: &Desk,
    group: &Group,
    mut aboard: Vec<Aboard>,
    (again, is_probe): (bool, bool),
) -> bool {
    let gateway = &desk.gateway;
    let Some(tenant) = gateway.tenants.get(&group.tenant) else {
        // It may be served again from one moment to the next.
        tracing::debug!(tenant = %group.tenant, "a batch waits for a tenant that is not served");
        let due = gateway.clock.now() + UNSERVED;
        aboard.iter().for_each(|one| stay(gateway, &one.taken, due));
        return false;
    };
    let seqs = || aboard.iter().map(|one| one.taken.seq);
    // A hold brings them back when it ends.
    if !is_probe && gateway.holds.keep_all(&tenant.name, &group.channel, seqs()) {
        for one in &aboard {
            gateway.lines.stay(one.taken.seq);
            gateway.relay.pool().let_go(one.taken.seq);
        }
        return false;
    }
    let failed_before = aboard.iter().map(|one| one.delivery.attempts_left).max().unwrap_or(0);
    let now = gateway.clock.now();
    let Ok(pass) = gateway.breakers.pass(&tenant, Asks::Waiting, failed_before, now) else {
        let is_kept = gateway.breakers.keep_all(&tenant.name, seqs());
        for one in &aboard {
            if is_kept {
                gateway.lines.stay(one.taken.seq);
                gateway.relay.pool().let_go(one.taken.seq);
            } else {
                stay(gateway, &one.taken, now + BUSY);
            }
        }
        return false;
    };
    if !tenant.resend_in_doubt {
        let (begun, rest): (Vec<_>, Vec<_>) = aboard.into_iter().partition(|one| one.delivery.begun);
        conclude(gateway, begun, &tenant, |_| Ended::unknown()).await;
        aboard = rest;
        if aboard.is_empty() || !begin(gateway, &aboard).await {
            return false;
        }
    }
    if !again {
        gateway.budget().first(gateway.clock.now());
    }
    let message =
        |one: &Aboard| (one.delivery.message.event_id.clone(), one.delivery.message.payload.clone());
    let events: Vec<_> = aboard.iter().map(message).collect();
    let ids: Vec<EventId> = events.iter().map(|(id, _)| id.clone()).collect();
    let chunk = Chunk { channel: group.channel.clone(), is_async: group.is_async, events };
    aboard.iter().for_each(|one| one.held.ticket().leaves());
    let mut ended = Ended::of(desk.xceed.send_chunk(&tenant.name, chunk)).await;
    aboard.iter().for_each(|one| one.held.ticket().returns());
    pass.end(ended.attempt(), gateway.clock.now());
    log(&tenant, &ended, ids.len());
    let attempt = ended.attempt().clone();
    let mut parts = parts(&ids, &attempt).into_iter();
    conclude(gateway, aboard, &tenant, |_| {
        let part = parts.next().unwrap_or_else(|| attempt.clone());
        ended.part(part)
    })
    .await;
    true
}

/// Notes that they may have been sent, where nothing may be sent twice; `false` where that can't be noted.
async fn begin(gateway: &Gateway, aboard: &[Aboard]) -> bool {
    let receipts: Vec<_> = aboard.iter().map(|one| gateway.store.begin(one.taken.seq)).collect();
    let mut all = true;
    for receipt in receipts {
        all &= on_disk(receipt).await.is_ok();
    }
    if !all {
        let due = gateway.clock.now() + BUSY;
        aboard.iter().for_each(|one| stay(gateway, &one.taken, due));
    }
    all
}

/// One that was taken does not leave before that time.
pub(super) fn stay(gateway: &Gateway, taken: &Taken, due: Timestamp) {
    gateway.lines.stay(taken.seq);
    let &Taken { seq, hurried, again, .. } = taken;
    gateway.relay.pool().put_back(Next { due, seq, hurried: hurried && due <= gateway.clock.now(), again });
}

/// Records each event's end, all by one time and one jitter; once all are on disk, each goes on.
async fn conclude(
    gateway: &Gateway,
    aboard: Vec<Aboard>,
    tenant: &Arc<Tenant>,
    mut ended: impl FnMut(&Errand) -> Ended,
) {
    let at = (gateway.clock.now(), (gateway.random)());
    let mut done = Vec::with_capacity(aboard.len());
    let mut aboard = aboard.into_iter().peekable();
    while aboard.peek().is_some() {
        let mut concluding = Vec::with_capacity(AT_ONCE);
        for Aboard { taken, delivery, held } in aboard.by_ref().take(AT_ONCE) {
            let errand = Errand::resumed(gateway, tenant.clone(), taken.seq, delivery);
            let ended = ended(&errand);
            let Concluding { receipt, end } = errand.begin_to_conclude(gateway, ended, Says::Nothing, at);
            concluding.push((errand, receipt, end, held));
        }
        for (errand, receipt, end, held) in concluding {
            done.push((errand, on_disk(receipt).await, end, held));
        }
    }
    // Those that leave again do so together.
    for (errand, settled, end, held) in done {
        let stays = settled.is_err() || matches!(end.state, State::Queued { .. });
        if stays {
            gateway.relay.pool().let_go(errand.seq);
        } else {
            gateway.relay.pool().forget(errand.seq);
        }
        drop(held);
        errand.finish(gateway, end, &settled);
    }
}

fn log(tenant: &Tenant, ended: &Ended, events: usize) {
    let (tenant, attempt) = (&tenant.name, ended.attempt());
    let took_ms = ended.took().as_secs_f64() * 1e3;
    match attempt.results() {
        Some(results) => {
            let (code, alert) = (results.code.shown(), results.code.row().alert);
            if alert.starts_with("critical") || alert.starts_with("error") {
                tracing::error!(%tenant, code, alert, events, took_ms, "attempt with a chunk");
            } else {
                tracing::debug!(%tenant, code, alert, events, took_ms, "attempt with a chunk");
            }
        }
        None => {
            let (ended, why) = (attempt.name(), attempt.why());
            tracing::warn!(%tenant, ended, why, events, took_ms, "attempt with a chunk");
        }
    }
}
