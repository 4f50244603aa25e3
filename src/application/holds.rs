//! Which queues are held, and what waits in them. In memory, for the live path; on disk as well, for the next start.

use super::ports::{Hold, Message, Seq};
use crate::domain::hold::{PROBE_EVERY, Queue, Rows, STORE_OLDER};
use crate::domain::identifiers::TenantName;
use crate::domain::return_code::{Next, Received};
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All held queues of this gateway's tenants.
#[derive(Debug, Default)]
pub struct Holds {
    inner: Mutex<Inner>,
    /// Whether any queue is held: nearly never, so the live path asks this first.
    any: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    rows: Rows,
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    hold: Hold,
    probe_at: Timestamp,
    /// Whether it has been seen in the store, from which another gateway may take it.
    stored: bool,
    /// Whether Xceed has taken one of its events since.
    mended: bool,
    /// What the relay would have sent; what is not known here is found in the store.
    waiting: Vec<Seq>,
}

/// What an answer of Xceed means for the queues.
#[derive(Debug, PartialEq, Eq)]
pub enum Noted {
    /// Nothing.
    Nothing,
    /// It is the last of a row: its queue is held from now on.
    Begins(Hold),
    /// Its queue is held already.
    Held,
}

impl Holds {
    /// The code for which a message has to wait, where it has to.
    pub fn code(&self, tenant: &TenantName, message: &Message) -> Option<String> {
        if !self.any.load(SeqCst) {
            return None;
        }
        self.inner().of(tenant, message).map(|held| held.hold.code.clone())
    }

    /// Keeps a delivery where its queue is held, until that ends. `false` where it is not.
    pub fn keep(&self, tenant: &TenantName, message: &Message, seq: Seq) -> bool {
        if !self.any.load(SeqCst) {
            return false;
        }
        let mut inner = self.inner();
        let Some(held) = inner.of(tenant, message) else { return false };
        held.waiting.push(seq);
        true
    }

    /// The same for events that would leave together, all over one channel.
    pub fn keep_all(&self, tenant: &TenantName, channel: &str, seqs: impl Iterator<Item = Seq>) -> bool {
        if !self.any.load(SeqCst) {
            return false;
        }
        let mut inner = self.inner();
        let Some(held) = inner.over(tenant, channel, false) else { return false };
        held.waiting.extend(seqs);
        true
    }

    /// Notes what Xceed answered.
    pub fn note(&self, tenant: &TenantName, message: &Message, code: &Received, at: Timestamp) -> Noted {
        let by_callback = message.callback_id.is_some();
        let mut inner = self.inner();
        let noted = inner.rows.note(tenant, &message.event_id, (&message.channel, by_callback), (code, at));
        if let Some(held) = inner.of(tenant, message) {
            let next = code.row().next;
            held.mended |= next == Next::Settle;
            return if next == Next::ParkHold { Noted::Held } else { Noted::Nothing };
        }
        let Some((queue, since)) = noted else { return Noted::Nothing };
        let hold = Hold { tenant: tenant.clone(), queue, code: code.word().to_owned(), since };
        inner.begin(hold.clone(), at + PROBE_EVERY, false);
        self.any.store(true, SeqCst);
        Noted::Begins(hold)
    }

    /// Holds that were there before: the first probe leaves at once, since somebody may have mended the cause.
    pub fn restore(&self, holds: Vec<Hold>, now: Timestamp) {
        let mut inner = self.inner();
        for hold in holds {
            inner.begin(hold, now, true);
        }
        self.any.store(!inner.held.is_empty(), SeqCst);
    }

    /// Takes over what other gateways on the store have held, and what they have ended. Answers what was kept for that.
    pub fn follow(&self, stored: &[Hold], now: Timestamp) -> Vec<Seq> {
        let (mut inner, mut freed) = (self.inner(), Vec::new());
        inner.held.retain_mut(|held| {
            let is_stored = stored.iter().any(|hold| held.is_of(&hold.tenant, &hold.queue));
            let is_over = held.stored && !is_stored;
            held.stored |= is_stored;
            if is_over {
                freed.append(&mut held.waiting);
            }
            !is_over
        });
        for hold in stored {
            inner.begin(hold.clone(), now + PROBE_EVERY, true);
        }
        self.any.store(!inner.held.is_empty(), SeqCst);
        freed
    }

    /// Holds whose time for a probe has come; the next comes later.
    pub fn to_probe(&self, now: Timestamp) -> Vec<Hold> {
        if !self.any.load(SeqCst) {
            return Vec::new();
        }
        let mut inner = self.inner();
        let due = inner.held.iter_mut().filter(|held| held.probe_at <= now && held.hold.code != STORE_OLDER);
        due.map(|held| {
            held.probe_at = now + PROBE_EVERY;
            held.hold.clone()
        })
        .collect()
    }

    /// A probe did not leave: the next is due at that time.
    pub fn probe_again(&self, hold: &Hold, at: Timestamp) {
        let mut inner = self.inner();
        if let Some(held) = inner.held.iter_mut().find(|held| held.is_of(&hold.tenant, &hold.queue)) {
            held.probe_at = held.probe_at.min(at);
        }
    }

    /// Holds whose cause is mended, each told once.
    pub fn mended(&self) -> Vec<Hold> {
        if !self.any.load(SeqCst) {
            return Vec::new();
        }
        let mut inner = self.inner();
        let mended = inner.held.iter_mut().filter(|held| held.hold.code != STORE_OLDER);
        mended.filter_map(|held| std::mem::take(&mut held.mended).then(|| held.hold.clone())).collect()
    }

    /// Whether the store is not the one that was signed, and an operator is still to decide.
    pub fn is_store_in_doubt(&self) -> bool {
        self.any.load(SeqCst) && self.inner().held.iter().any(|held| held.hold.code == STORE_OLDER)
    }

    /// All that are held.
    pub fn all(&self) -> Vec<Hold> {
        self.inner().held.iter().map(|held| held.hold.clone()).collect()
    }

    /// How many queues are held, of all tenants.
    pub fn count(&self) -> usize {
        if self.any.load(SeqCst) { self.inner().held.len() } else { 0 }
    }

    /// A tenant's held queues.
    pub fn list(&self, tenant: &TenantName) -> Vec<Hold> {
        let inner = self.inner();
        let of_tenant = inner.held.iter().filter(|held| held.hold.tenant == *tenant);
        of_tenant.map(|held| held.hold.clone()).collect()
    }

    /// A hold ends. Answers what was kept.
    pub fn end(&self, tenant: &TenantName, queue: &Queue) -> Vec<Seq> {
        let mut inner = self.inner();
        let (ended, held) =
            std::mem::take(&mut inner.held).into_iter().partition(|held| held.is_of(tenant, queue));
        inner.held = held;
        self.any.store(!inner.held.is_empty(), SeqCst);
        let ended: Vec<Held> = ended;
        ended.into_iter().flat_map(|held| held.waiting).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn is_of(&self, tenant: &TenantName, queue: &Queue) -> bool {
        self.hold.tenant == *tenant && self.hold.queue == *queue
    }
}

impl Inner {
    fn of(&mut self, tenant: &TenantName, message: &Message) -> Option<&mut Held> {
        self.over(tenant, &message.channel, message.callback_id.is_some())
    }

    fn over(&mut self, tenant: &TenantName, channel: &str, by_callback: bool) -> Option<&mut Held> {
        self.held
            .iter_mut()
            .find(|held| held.hold.tenant == *tenant && held.hold.queue.holds(channel, by_callback))
    }

    fn begin(&mut self, hold: Hold, probe_at: Timestamp, stored: bool) {
        if !self.held.iter().any(|held| held.is_of(&hold.tenant, &hold.queue)) {
            self.held.push(Held { hold, probe_at, stored, mended: false, waiting: Vec::new() });
        }
    }
}
