//! Decisions on their way back: what is due is brought to the platforms and to whoever listens, a few at a time for each
//! target, in order within an interaction. Each is on disk until it is there; what can't be brought is kept for a person.

use super::gateway::{Gateway, on_disk};
use super::ports::{Push, PushEnd, PushId, Pushing, StoreError};
use crate::domain::bringing_back::{Circumstances, IN_FLIGHT_MAX, Pushed, Standing, after};
use crate::domain::delivery::State;
use crate::domain::identifiers::TenantName;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// The store is asked at least so often, for what becomes due by itself or was another gateway's.
const LOOK: Duration = Duration::from_millis(500);
/// The store is asked at most so often.
const GAP: Duration = Duration::from_millis(10);
/// Decisions that are on their way to all targets at the same time. Those that don't answer are left alone soon enough.
const ALL_IN_FLIGHT_MAX: usize = 256;
/// A target with less room than this is asked for apart, so that it doesn't narrow the way for others.
const NARROW: usize = IN_FLIGHT_MAX / 2;
/// The end of an attempt that can't be recorded is recorded again after this time, so often; then whoever has the decision
/// next brings it once more.
const SETTLE_AGAIN: Duration = Duration::from_secs(1);
const SETTLE_TRIES: u32 = 60;

/// Wakes whoever brings decisions back and whoever follows them, and counts what is under way.
#[derive(Debug, Default)]
pub struct Pushes {
    news: Notify,
    fallen: Notify,
    under_way: AtomicUsize,
}

impl Pushes {
    /// There may be a decision to bring back.
    pub fn notify_one(&self) {
        self.news.notify_one();
        self.notify_followers();
    }

    /// A decision may have fallen that another gateway brings back.
    pub fn notify_followers(&self) {
        self.fallen.notify_waiters();
    }

    /// Until a decision may have fallen.
    pub fn fallen(&self) -> Notified<'_> {
        self.fallen.notified()
    }

    /// How many are being brought back.
    pub fn under_way(&self) -> usize {
        self.under_way.load(SeqCst)
    }
}

/// Counts for as long as it is there.
struct UnderWay(Arc<Gateway>);

impl UnderWay {
    fn begin(gateway: &Arc<Gateway>) -> Self {
        gateway.pushes.under_way.fetch_add(1, SeqCst);
        Self(gateway.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.pushes.under_way.fetch_sub(1, SeqCst);
    }
}

/// Brings decisions back until the gateway ends: then it begins nothing more, and what is under way goes on. Runs on a
/// thread of its own, inside a `LocalSet`.
pub async fn run(gateway: Arc<Gateway>, platforms: Rc<dyn Pushing>) {
    let carriers = Rc::new(Carriers {
        gateway,
        platforms,
        since: Instant::now(),
        ended: Notify::new(),
        work: RefCell::default(),
    });
    let gateway = &carriers.gateway;
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !gateway.ending.has_begun() {
        if carriers.take_up().await {
            continue;
        }
        // What was to go back before nobody listened any more is found now and then.
        let news = gateway.tenants.have_targets();
        tokio::select! {
            () = gateway.pushes.news.notified(), if news => {}
            () = carriers.ended.notified() => {}
            _ = look.tick() => {}
            () = gateway.ending.begun() => {}
        }
        sleep(GAP).await;
    }
    // Whoever has started it ends it, once nothing is under way.
    pending::<()>().await;
}

/// A target of a tenant.
type Target = (TenantName, String);
/// A target, and how many attempts may begin there.
type Room = (Target, usize);

struct Carriers {
    gateway: Arc<Gateway>,
    platforms: Rc<dyn Pushing>,
    since: Instant,
    /// An attempt has ended, so there is room.
    ended: Notify,
    work: RefCell<Work>,
}

#[derive(Default)]
struct Work {
    targets: HashMap<Target, Standing>,
    /// What is on its way.
    taken: HashSet<PushId>,
}

impl Carriers {
    /// Begins what there is room for: no more is asked for than can begin, since what is asked for is this gateway's.
    /// Whether there may be more.
    async fn take_up(self: &Rc<Self>) -> bool {
        let (open, narrow) = self.room();
        let limit = open.iter().map(|(_, places)| *places).min().unwrap_or(IN_FLIGHT_MAX);
        let mut busy: Vec<Target> = self.full();
        let apart: Vec<Target> = narrow.iter().map(|(target, _)| target.clone()).collect();
        let more = self.ask(limit, &[busy.as_slice(), &apart].concat()).await;
        if let Some(least) = narrow.iter().map(|(_, places)| *places).min() {
            // What has begun meanwhile leaves no room for more of the same.
            busy.extend(open.into_iter().map(|(target, _)| target));
            busy.extend(self.full());
            self.ask(least, &busy).await;
        }
        more
    }

    /// Asks for so many at most, and begins them. Whether it was given so many.
    async fn ask(self: &Rc<Self>, limit: usize, busy: &[Target]) -> bool {
        let limit = limit.min(ALL_IN_FLIGHT_MAX.saturating_sub(self.work.borrow().taken.len()));
        if limit == 0 {
            return false;
        }
        let asked = u32::try_from(limit).unwrap_or(u32::MAX);
        let given = self.gateway.store.pushes(self.gateway.clock.now(), asked, busy).await;
        // Where the store can't be asked, it is asked again.
        let Ok(pushes) = given else { return false };
        let is_full = pushes.len() >= limit;
        for push in pushes {
            self.begin(push);
        }
        is_full
    }

    /// Targets that something is known of and that have room, wide and narrow, each with its places.
    fn room(&self) -> (Vec<Room>, Vec<Room>) {
        let now = self.now();
        let mut work = self.work.borrow_mut();
        // What is as it was at first need not be remembered.
        work.targets.retain(|_, standing| !standing.is_fresh());
        let places = work.targets.iter().map(|(target, standing)| (target.clone(), standing.places(now)));
        places.filter(|(_, places)| *places > 0).partition(|(_, places)| *places >= NARROW)
    }

    /// Targets that take nothing more just now.
    fn full(&self) -> Vec<Target> {
        let now = self.now();
        let work = self.work.borrow();
        let full = work.targets.iter().filter(|(_, standing)| standing.places(now) == 0);
        full.map(|(target, _)| target.clone()).collect()
    }

    fn begin(self: &Rc<Self>, push: Push) {
        let mut work = self.work.borrow_mut();
        if work.taken.insert(push.id) {
            let target = (push.tenant.clone(), push.target.clone());
            work.targets.entry(target).or_default().begin();
            let carriers = self.clone();
            tokio::task::spawn_local(async move { carriers.carry(push).await });
        }
    }

    /// One attempt, and its end on disk.
    async fn carry(self: Rc<Self>, push: Push) {
        let gateway = &self.gateway;
        let _under_way = UnderWay::begin(gateway);
        let started = Instant::now();
        let pushed = self.platforms.push(push.clone()).await;
        let took = started.elapsed();
        self.end(&push, &pushed);
        let now = gateway.clock.now();
        let at = Circumstances {
            attempts_before: push.attempts,
            fell_at: push.at,
            now,
            jitter: (gateway.random)(),
        };
        let state = after(&pushed, at);
        log(&push, &pushed, &state, took);
        let (why, left) = (pushed.why(), pushed.left());
        let end = PushEnd { id: push.id, fence: push.fence, at: now, took, why, left, state };
        if let Err(error) = self.settle(end).await {
            let (id, tenant) = (&push.event_id, &push.tenant);
            tracing::warn!(event_id = %id, %tenant, to = push.target, %error,
                "what became of a decision on its way back can't be recorded; it may be brought there once more");
        }
        self.work.borrow_mut().taken.remove(&push.id);
        self.ended.notify_one();
    }

    /// Makes room at the target, or leaves it alone.
    fn end(&self, push: &Push, pushed: &Pushed) {
        let target = (push.tenant.clone(), push.target.clone());
        let (now, jitter) = (self.now(), (self.gateway.random)());
        let pause = self.work.borrow_mut().targets.entry(target).or_default().end(pushed, now, jitter);
        if let Some(pause) = pause {
            let (tenant, why, seconds) = (&push.tenant, pushed.why(), pause.as_secs_f64());
            tracing::warn!(%tenant, to = push.target, why, seconds,
                "decisions on their way back wait for their target");
        }
        self.ended.notify_one();
    }

    async fn settle(&self, end: PushEnd) -> Result<(), StoreError> {
        let mut tries = 1;
        loop {
            match on_disk(self.gateway.store.pushed(end.clone())).await {
                Err(_) if tries < SETTLE_TRIES => {
                    tries += 1;
                    sleep(SETTLE_AGAIN).await;
                }
                ended => return ended,
            }
        }
    }

    /// Since the beginning, by a clock that never jumps.
    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

fn log(push: &Push, pushed: &Pushed, state: &State, took: Duration) {
    let (event_id, tenant, to) = (&push.event_id, &push.tenant, &push.target);
    let (why, kind, took_ms) = (pushed.why(), push.kind.name(), took.as_secs_f64() * 1e3);
    match state {
        State::Parked { reason } => {
            tracing::error!(%event_id, %tenant, to, kind, why, reason,
                "parked: a decision could not be brought back; GET /v1/parked lists it");
        }
        State::Queued { .. } => {
            tracing::warn!(%event_id, %tenant, to, kind, why, took_ms, "to be brought back later");
        }
        _ => tracing::debug!(%event_id, %tenant, to, kind, why, took_ms, "brought back"),
    }
}
