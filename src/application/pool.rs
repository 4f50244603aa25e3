//! Where events of batches wait until they leave together. In memory, of what this gateway has to send; what it has not
//! recorded itself is looked up before it leaves.

use super::ports::Seq;
use crate::domain::identifiers::TenantName;
use jiff::Timestamp;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// So many events wait in batches before no further batch is taken in.
pub const WAITING_MAX: usize = 100_000;
/// So many batches are taken in at the same time.
const INTAKES_MAX: usize = 16;
/// How long an event waits for others that would leave with it.
const LINGER: Duration = Duration::from_millis(10);

/// A delivery that is to be looked at; the one that is due first is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When.
    pub due: Timestamp,
    /// Its number.
    pub seq: Seq,
    /// Whether it is sent although its own time has not come.
    pub hurried: bool,
    /// Whether it was sent before, so that the budget of retries counts it.
    pub again: bool,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.seq, self.hurried, self.again).cmp(&(
            self.due,
            self.seq,
            other.hurried,
            other.again,
        ))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What leaves in one request, whatever its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// Whose.
    pub tenant: TenantName,
    /// Over which channel.
    pub channel: Arc<str>,
    /// Whether Xceed takes them in behind.
    pub is_async: bool,
}

/// All events of batches that wait.
#[derive(Debug)]
pub struct Pool {
    inner: Mutex<Inner>,
    news: Notify,
    intakes: Arc<Semaphore>,
}

impl Default for Pool {
    fn default() -> Self {
        let intakes = Arc::new(Semaphore::new(INTAKES_MAX));
        Self { inner: Mutex::default(), news: Notify::new(), intakes }
    }
}

/// One that leaves next.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Its number.
    pub seq: Seq,
    /// Where those wait that may leave with it.
    pub lane: Lane,
    /// The length of its payload.
    pub size: usize,
    /// Whether it leaves although its own time has not come.
    pub hurried: bool,
    /// Whether it was sent before.
    pub again: bool,
}

/// Those that may leave together, by number.
pub type Lane = usize;

#[derive(Debug, Default)]
struct Inner {
    cards: HashMap<Seq, Card>,
    lanes: Vec<Waiting>,
    by_group: HashMap<Group, Lane>,
    /// Those of which nothing is known but their number.
    strange: BTreeSet<Key>,
}

#[derive(Debug)]
struct Waiting {
    group: Group,
    first: BTreeSet<Key>,
    again: BTreeSet<Key>,
    /// Chunks under way.
    chunks: usize,
}

#[derive(Debug)]
struct Card {
    lane: Option<Lane>,
    size: usize,
    again: bool,
    at: At,
}

/// Who goes first: those in a hurry, then by time, then by number.
type Key = (Calm, Timestamp, Seq);
type Calm = bool;

#[derive(Debug)]
enum At {
    /// Not on disk yet; what was said of it meanwhile.
    Recording(Option<Next>),
    /// Whoever goes before it brings it.
    Idle,
    /// Leaves when its time comes.
    Waiting(Key),
    /// Taken; what was said of it meanwhile.
    Taken(Option<Next>),
}

impl Pool {
    /// A place for one more batch that is taken in; `None` where too many are.
    pub fn intake(&self) -> Option<OwnedSemaphorePermit> {
        self.intakes.clone().try_acquire_owned().ok()
    }

    /// An event is being recorded.
    pub fn expect(&self, group: &Group, seq: Seq, size: usize) {
        let mut inner = self.inner();
        let lane = Some(inner.lane(group));
        inner.cards.insert(seq, Card { lane, size, again: false, at: At::Recording(None) });
    }

    /// It is on disk. Until [`Self::release`] only those leave that others wait for.
    pub fn recorded(&self, seq: Seq) {
        self.inner().set_free(seq);
        self.news.notify_one();
    }

    /// These leave, as soon as they may.
    pub fn release(&self, seqs: impl IntoIterator<Item = Seq>, now: Timestamp) {
        let mut inner = self.inner();
        for seq in seqs {
            if inner.cards.get(&seq).is_some_and(|card| matches!(card.at, At::Idle)) {
                inner.put(seq, Next { due: now, seq, hurried: false, again: false });
            }
        }
        drop(inner);
        self.news.notify_one();
    }

    /// An event of a batch that is found in the store: nothing more is known of it yet.
    pub fn resume(&self, seq: Seq) {
        let card = Card { lane: None, size: 0, again: false, at: At::Idle };
        self.inner().cards.entry(seq).or_insert(card);
    }

    /// What there is to know of an event, and when it leaves.
    pub fn learn(&self, group: &Group, size: usize, next: Next) {
        let mut inner = self.inner();
        let lane = Some(inner.lane(group));
        let card = Card { lane, size, again: next.again, at: At::Idle };
        match inner.cards.get_mut(&next.seq) {
            Some(known) if matches!(known.at, At::Taken(_)) => {
                (known.lane, known.size) = (lane, size);
                known.again |= next.again;
            }
            Some(known) if known.lane.is_some() => {}
            _ => drop(inner.replace(next.seq, card)),
        }
        inner.put(next.seq, next);
        drop(inner);
        self.news.notify_one();
    }

    /// It is looked at then. `false` where it is none of a batch, as far as is known here.
    pub fn push(&self, next: Next) -> bool {
        let mut inner = self.inner();
        let is_known = inner.put(next.seq, next);
        drop(inner);
        if is_known {
            self.news.notify_one();
        }
        is_known
    }

    /// It is due, where it waits for a time of its own. `false` where it is none of a batch.
    pub fn press(&self, seq: Seq, now: Timestamp) -> bool {
        let mut inner = self.inner();
        let Some(card) = inner.cards.get(&seq) else { return false };
        if matches!(card.at, At::Waiting((_, due, _)) if due > now) {
            inner.put(seq, Next { due: now, seq, hurried: true, again: false });
            drop(inner);
            self.news.notify_one();
        }
        true
    }

    /// The next one that may leave, and counts a chunk that it is the first of. `may_again` is asked before one leaves
    /// that was sent before; `full` says how many make a chunk.
    pub fn take(
        &self,
        now: Timestamp,
        may_again: impl FnOnce() -> bool,
        full: impl Fn(&Group) -> usize,
    ) -> Option<Taken> {
        let mut inner = self.inner();
        let again = inner.ripest(now, |waiting| &waiting.again, |_| usize::MAX);
        let (lane, again) = match again.filter(|_| may_again()) {
            Some(lane) => (lane, true),
            None => (inner.ripest(now, |waiting| &waiting.first, full)?, false),
        };
        let taken = inner.pop(lane, again, now)?;
        inner.lanes[lane].chunks += 1;
        Some(taken)
    }

    /// Another one of the same kind, where it takes no more room than that.
    pub fn take_more(&self, like: &Taken, now: Timestamp, room: usize) -> Option<Taken> {
        let mut inner = self.inner();
        let waiting = &inner.lanes[like.lane];
        let keys = if like.again { &waiting.again } else { &waiting.first };
        let (.., seq) = *keys.first()?;
        if inner.cards.get(&seq)?.size > room {
            return None;
        }
        inner.pop(like.lane, like.again, now)
    }

    /// This very one, where it may leave with those of a lane and takes no more room than that.
    pub fn take_with(&self, lane: Lane, seq: Seq, room: usize) -> Option<Taken> {
        let mut inner = self.inner();
        let card = inner.cards.get_mut(&seq)?;
        let may =
            card.lane == Some(lane) && card.size <= room && matches!(card.at, At::Idle | At::Waiting(_));
        if !may {
            return None;
        }
        let (size, again) = (card.size, card.again);
        if let At::Waiting(key) = std::mem::replace(&mut card.at, At::Taken(None)) {
            inner.strike(Some(lane), key);
        }
        Some(Taken { seq, lane, size, hurried: false, again })
    }

    /// This very one, of which that is known, unless it is taken already.
    pub fn take_this(&self, group: &Group, seq: Seq, size: usize) -> Option<Taken> {
        let mut inner = self.inner();
        let lane = inner.lane(group);
        if inner.cards.get(&seq).is_some_and(|card| matches!(card.at, At::Recording(_) | At::Taken(_))) {
            return None;
        }
        let card = Card { lane: Some(lane), size, again: true, at: At::Taken(None) };
        inner.replace(seq, card);
        Some(Taken { seq, lane, size, hurried: true, again: true })
    }

    /// Those of which nothing is known, whose time has come: at most so many.
    pub fn take_strange(&self, now: Timestamp, limit: usize) -> Vec<Next> {
        let mut inner = self.inner();
        let due = inner.strange.iter().filter(|(calm, due, _)| !calm || *due <= now).take(limit);
        let taken: Vec<Key> = due.copied().collect();
        for key in &taken {
            inner.strange.remove(key);
            if let Some(card) = inner.cards.get_mut(&key.2) {
                card.at = At::Taken(None);
            }
        }
        let next = |(calm, due, seq): Key| Next { due, seq, hurried: !calm, again: false };
        taken.into_iter().map(next).collect()
    }

    /// One that was taken does not leave after all: whoever goes before it brings it, or what was said of it meanwhile.
    pub fn let_go(&self, seq: Seq) {
        self.inner().set_free(seq);
        self.news.notify_one();
    }

    /// One that was taken leaves later.
    pub fn put_back(&self, next: Next) {
        self.inner().set_free(next.seq);
        self.push(next);
    }

    /// One is done, or kept for a person.
    pub fn forget(&self, seq: Seq) {
        self.inner().remove(seq);
    }

    /// A chunk of this lane is under way no longer.
    pub fn ended(&self, lane: Lane) {
        let mut inner = self.inner();
        inner.lanes[lane].chunks = inner.lanes[lane].chunks.saturating_sub(1);
        drop(inner);
        self.news.notify_one();
    }

    /// What those of a lane have in common.
    pub fn group(&self, lane: Lane) -> Group {
        self.inner().lanes[lane].group.clone()
    }

    /// How many events wait, or are under way.
    pub fn count(&self) -> usize {
        self.inner().cards.len()
    }

    /// Until something has changed.
    pub async fn changed(&self) {
        self.news.notified().await;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn lane(&mut self, group: &Group) -> Lane {
        if let Some(lane) = self.by_group.get(group) {
            return *lane;
        }
        let waiting =
            Waiting { group: group.clone(), first: BTreeSet::new(), again: BTreeSet::new(), chunks: 0 };
        self.lanes.push(waiting);
        self.by_group.insert(group.clone(), self.lanes.len() - 1);
        self.lanes.len() - 1
    }

    /// Of the lanes from which something may leave the one with the fewest chunks under way; of those the one that waits
    /// longest.
    fn ripest(
        &self,
        now: Timestamp,
        keys: impl Fn(&Waiting) -> &BTreeSet<Key>,
        full: impl Fn(&Group) -> usize,
    ) -> Option<Lane> {
        let is_ripe = |waiting: &Waiting| {
            let keys = keys(waiting);
            keys.first().is_some_and(|(calm, due, _)| {
                !calm || *due + LINGER <= now || (*due <= now && keys.len() >= full(&waiting.group))
            })
        };
        let lanes = self.lanes.iter().enumerate().filter(|(_, waiting)| is_ripe(waiting));
        lanes
            .min_by_key(|(_, waiting)| (waiting.chunks, keys(waiting).first().copied()))
            .map(|(lane, _)| lane)
    }

    fn pop(&mut self, lane: Lane, again: bool, now: Timestamp) -> Option<Taken> {
        let waiting = &mut self.lanes[lane];
        let keys = if again { &mut waiting.again } else { &mut waiting.first };
        let (calm, due, seq) = *keys.first().filter(|(calm, due, _)| !calm || *due <= now)?;
        keys.remove(&(calm, due, seq));
        let card = self.cards.get_mut(&seq)?;
        card.at = At::Taken(None);
        Some(Taken { seq, lane, size: card.size, hurried: !calm, again })
    }

    /// Notes when one leaves; `false` where it is not known.
    fn put(&mut self, seq: Seq, next: Next) -> bool {
        let Some(card) = self.cards.get_mut(&seq) else { return false };
        match &mut card.at {
            At::Recording(said) | At::Taken(said) => {
                let hurried = next.hurried || said.is_some_and(|said| said.hurried);
                *said = Some(Next { hurried, ..next });
                return true;
            }
            At::Idle => {}
            At::Waiting(key) => {
                // What is in a hurry stays so.
                let key = *key;
                let next = Next { hurried: next.hurried || !key.0, ..next };
                let lane = card.lane;
                self.strike(lane, key);
                return self.write(seq, next);
            }
        }
        self.write(seq, next)
    }

    fn write(&mut self, seq: Seq, next: Next) -> bool {
        let key = (!next.hurried, next.due, seq);
        let Some(card) = self.cards.get_mut(&seq) else { return false };
        card.again |= next.again;
        card.at = At::Waiting(key);
        match card.lane {
            None => self.strange.insert(key),
            Some(lane) if card.again => self.lanes[lane].again.insert(key),
            Some(lane) => self.lanes[lane].first.insert(key),
        };
        true
    }

    fn strike(&mut self, lane: Option<Lane>, key: Key) {
        match lane {
            None => drop(self.strange.remove(&key)),
            Some(lane) => {
                self.lanes[lane].first.remove(&key);
                self.lanes[lane].again.remove(&key);
            }
        }
    }

    /// Neither being recorded nor taken any longer; what was said of it meanwhile holds now.
    fn set_free(&mut self, seq: Seq) {
        let Some(card) = self.cards.get_mut(&seq) else { return };
        if let At::Recording(said) | At::Taken(said) = &mut card.at {
            let said = said.take();
            card.at = At::Idle;
            if let Some(next) = said {
                self.write(seq, next);
            }
        }
    }

    fn replace(&mut self, seq: Seq, card: Card) -> Option<Card> {
        let before = self.remove(seq);
        self.cards.insert(seq, card);
        before
    }

    fn remove(&mut self, seq: Seq) -> Option<Card> {
        let card = self.cards.remove(&seq)?;
        if let At::Waiting(key) = card.at {
            self.strike(card.lane, key);
        }
        Some(card)
    }
}

#[cfg(test)]
mod tests;
