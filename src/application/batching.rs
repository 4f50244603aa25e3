//! Events of batches leave together, in chunks: behind live calls, in the order of each customer, and each of them
//! settled by itself. Runs on a thread of its own, inside a `LocalSet`.

mod chunk;

use super::gateway::{Desk, Gateway};
use super::pool::{Group, Taken};
use super::ports::{Claimed, Delivery, Mode, Seq};
use super::queue::{BUSY, ELSEWHERE, LOOK, Next};
use chunk::{Aboard, Formed, stay};
use std::collections::HashSet;
use std::future::pending;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// So many chunks are under way at the same time.
pub const CHUNKS_MAX: usize = 4;
/// Where so many live calls are under way, one chunk is at a time.
const LIVE_MANY: usize = 64;
/// A chunk's payload is not longer, in bytes, unless a single event's is.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// So many events that were found in the store are looked up at once.
const LOOK_UP: usize = 500;

/// Sends what is due until the gateway ends: then it begins nothing more, and what is under way goes on.
pub async fn run(desk: Desk) {
    let places = Arc::new(Semaphore::new(CHUNKS_MAX));
    let (gateway, ending) = (&desk.gateway, &desk.gateway.ending);
    while !ending.has_begun() {
        look_up(gateway).await;
        while may_begin(gateway, CHUNKS_MAX - places.available_permits())
            && let Ok(place) = places.clone().try_acquire_owned()
            && let Some(formed) = form(gateway)
        {
            let desk = desk.clone();
            tokio::task::spawn_local(async move {
                let lane = formed.lane;
                carry(&desk, formed, false).await;
                // First, so that whoever hears of it finds it free.
                drop(place);
                desk.gateway.relay.pool().ended(lane);
            });
        }
        // What is due later is looked at again soon.
        let pause = if gateway.relay.pool().count() > 0 { LOOK / 20 } else { LOOK };
        tokio::select! {
            () = gateway.relay.pool().changed() => {}
            () = sleep(pause) => {}
            () = ending.begun() => {}
        }
    }
    // Whoever has started it ends it, once nothing is under way.
    pending::<()>().await;
}

/// One event of a batch leaves as a chunk of its own, for the relay, which finds out whether a held queue goes on. Answers
/// whether it left: it may be looked at just now.
pub async fn probe(desk: &Desk, seq: Seq, delivery: &Delivery) -> bool {
    let (gateway, pool) = (&desk.gateway, desk.gateway.relay.pool());
    let group = group_of(delivery);
    let Some(taken) = pool.take_this(&group, seq, delivery.message.payload.len()) else { return false };
    // One behind it may have begun before it was there, and finds out just now that it has to wait.
    let turn = async {
        while !gateway.lines.begin(seq) {
            sleep(LOOK / 20).await;
        }
    };
    if timeout(BUSY, turn).await.is_err() {
        pool.let_go(seq);
        return false;
    }
    let mut formed = Formed::of(taken);
    formed.add(taken, None);
    // The budget was not asked, so nothing is given back to it.
    formed.again = false;
    carry(desk, formed, true).await
}

/// What an event leaves with.
pub fn group_of(delivery: &Delivery) -> Group {
    Group {
        tenant: delivery.tenant.clone(),
        channel: delivery.message.channel.clone(),
        is_async: delivery.mode == Mode::AsyncBatch,
    }
}

/// Live events go first.
fn may_begin(gateway: &Gateway, under_way: usize) -> bool {
    under_way == 0 || gateway.tickets.live() < LIVE_MANY
}

/// What was found in the store, and nothing is known of but its number.
async fn look_up(gateway: &Gateway) {
    let (pool, now) = (gateway.relay.pool(), gateway.clock.now());
    let taken = pool.take_strange(now, LOOK_UP);
    if taken.is_empty() {
        return;
    }
    let seqs = taken.iter().map(|next| next.seq).collect();
    let Ok(claimed) = gateway.store.claim_together(seqs).await else {
        return taken.into_iter().for_each(|next| pool.put_back(Next { due: now + BUSY, ..next }));
    };
    for (next, claimed) in taken.into_iter().zip(claimed) {
        match claimed {
            Claimed::Mine(delivery) => {
                let due = if next.hurried { next.due } else { delivery.due.max(next.due) };
                let next = Next { due, again: delivery.attempts_left > 0, ..next };
                pool.let_go(next.seq);
                pool.learn(&group_of(&delivery), delivery.message.payload.len(), next);
            }
            Claimed::Later if gateway.lines.is_first(next.seq) => {
                pool.put_back(Next { due: now + ELSEWHERE, ..next });
            }
            // Whoever goes before it here brings it.
            Claimed::Later => pool.let_go(next.seq),
            Claimed::Gone | Claimed::Elsewhere => {
                pool.forget(next.seq);
                gateway.lines.leave(next.seq, &gateway.relay, now);
            }
        }
    }
}

/// The next chunk: whoever is first of its line, and those of its line that stand behind it.
fn form(gateway: &Gateway) -> Option<Formed> {
    let (pool, now) = (gateway.relay.pool(), gateway.clock.now());
    let full = |group: &Group| gateway.tenants.get(&group.tenant).map_or(1, |tenant| tenant.chunk);
    loop {
        let first = pool.take(now, || gateway.may_send_again(now), full)?;
        let limit = full(&pool.group(first.lane));
        let mut formed = Formed::of(first);
        let mut next = Some(first);
        while let Some(taken) = next {
            if gateway.lines.begin(taken.seq) {
                let chain = formed.add(taken, None);
                add_followers(gateway, &mut formed, (taken, chain), limit);
            } else {
                pool.let_go(taken.seq);
            }
            let room = CHUNK_BYTES.saturating_sub(formed.bytes);
            next = if formed.members.len() < limit { pool.take_more(&first, now, room) } else { None };
        }
        if !formed.members.is_empty() {
            return Some(formed);
        }
        pool.ended(first.lane);
        if first.again {
            gateway.budget().refund();
        }
    }
}

fn add_followers(gateway: &Gateway, formed: &mut Formed, (first, chain): (Taken, usize), limit: usize) {
    let pool = gateway.relay.pool();
    let mut before = first.seq;
    while formed.members.len() < limit
        && let Some(seq) = gateway.lines.behind(before)
        && let Some(taken) = pool.take_with(first.lane, seq, CHUNK_BYTES.saturating_sub(formed.bytes))
    {
        if !gateway.lines.begin_behind(seq, before) {
            return pool.let_go(seq);
        }
        formed.add(Taken { hurried: first.hurried, ..taken }, Some(chain));
        before = seq;
    }
}

/// A chunk, as far as it goes now; whatever its events have to wait for brings them back. Answers whether there was an
/// attempt.
async fn carry(desk: &Desk, formed: Formed, is_probe: bool) -> bool {
    let gateway = &desk.gateway;
    let group = gateway.relay.pool().group(formed.lane);
    let again = formed.again;
    let left = match board(desk, formed).await {
        aboard if aboard.is_empty() => false,
        aboard => chunk::leave(desk, &group, aboard, (again, is_probe)).await,
    };
    if again && !left {
        gateway.budget().refund();
    }
    left
}

/// Those of a chunk that may leave now. Where one may not, neither may those behind it in its line.
async fn board(desk: &Desk, formed: Formed) -> Vec<Aboard> {
    let gateway = &desk.gateway;
    let seqs = formed.members.iter().map(|member| member.taken.seq).collect();
    let claimed = gateway.store.claim_together(seqs).await;
    let now = gateway.clock.now();
    let Ok(claimed) = claimed else {
        formed.members.iter().for_each(|member| stay(gateway, &member.taken, now + BUSY));
        return Vec::new();
    };
    let (mut aboard, mut broken) = (Vec::<Aboard>::new(), HashSet::new());
    for (member, claimed) in formed.members.into_iter().zip(claimed) {
        let (taken, chain) = (member.taken, member.chain);
        if broken.contains(&chain) {
            stay(gateway, &taken, now);
            continue;
        }
        match claimed {
            Claimed::Mine(delivery) => match Aboard::new(desk, &taken, *delivery, aboard.first()) {
                Ok(one) => aboard.push(one),
                Err(due) => {
                    broken.insert(chain);
                    stay(gateway, &taken, due);
                }
            },
            Claimed::Later => {
                broken.insert(chain);
                stay(gateway, &taken, now + ELSEWHERE);
            }
            lost => {
                // What stands behind it in its line waits until the other gateway has sent it.
                if matches!(lost, Claimed::Elsewhere) {
                    broken.insert(chain);
                }
                gateway.relay.pool().forget(taken.seq);
                gateway.lines.leave(taken.seq, &gateway.relay, now);
            }
        }
    }
    aboard
}
