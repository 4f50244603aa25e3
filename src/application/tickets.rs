//! Who waits for what: one ticket for each event in flight. Whoever claims an event works on it; twins share the
//! ticket and hear the same words. A ticket is handed in only after its words are on disk, so that whoever claims
//! next finds them in the store.

use super::ports::{Mode, StoreError};
use crate::domain::field::Fingerprint;
use crate::domain::identifiers::{EventId, TenantName};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

/// Decisions that are announced and not yet heard by who listens; who misses one looks into the store.
const ANNOUNCEMENTS: usize = 1024;

/// All tickets of this gateway.
#[derive(Debug)]
pub struct Tickets {
    open: Mutex<Open>,
    decided: broadcast::Sender<(TenantName, EventId)>,
}

impl Default for Tickets {
    fn default() -> Self {
        Self { open: Mutex::default(), decided: broadcast::Sender::new(ANNOUNCEMENTS) }
    }
}

#[derive(Debug, Default)]
struct Open {
    by_id: HashMap<(TenantName, EventId), Arc<Ticket>>,
    by_key: HashMap<(TenantName, String), Arc<Ticket>>,
}

/// Decisions as they fall without a ticket.
pub type Announcements = broadcast::Receiver<(TenantName, EventId)>;

/// One event in flight.
#[derive(Debug)]
pub struct Ticket {
    /// The body's meaning.
    pub fingerprint: Fingerprint,
    /// Whether a caller's own request works on it, which answers by its deadline; otherwise the relay does.
    pub live: bool,
    word: watch::Sender<Option<Word>>,
    spoken: AtomicBool,
    left: OnceLock<Instant>,
    returned: OnceLock<Instant>,
}

/// What comes of a ticket.
#[derive(Clone, Debug)]
pub enum Word {
    /// The answer, byte for byte; it is on disk.
    Told {
        /// The answer.
        body: Arc<[u8]>,
        /// What the first caller asked for.
        mode: Mode,
        /// Whether another gateway was quicker, so that its words stand and these are the same again.
        again: bool,
    },
    /// The store could not record it: nothing is promised.
    Failed,
    /// Whoever claimed it let go; claim it yourself.
    Withdrawn,
}

impl Word {
    /// What is heard of words that were written, where that came to what was told before.
    pub fn of(written: Result<Option<Vec<u8>>, StoreError>, told: Vec<u8>, mode: Mode) -> Self {
        match written {
            Ok(before) => {
                let again = before.is_some();
                Self::Told { body: before.unwrap_or(told).into(), mode, again }
            }
            Err(_) => Self::Failed,
        }
    }
}

/// The result of [`Tickets::claim`].
#[derive(Debug)]
pub enum Claim {
    /// Nobody else works on the event.
    Mine(Held),
    /// Somebody does.
    Theirs(Arc<Ticket>),
}

/// A ticket in the hands of whoever works on its event; handed in on drop.
#[derive(Debug)]
pub struct Held {
    tickets: Arc<Tickets>,
    ticket: Arc<Ticket>,
    id: (TenantName, EventId),
    key: Option<(TenantName, String)>,
}

impl Tickets {
    /// Claims an event under its id and, where given, the caller's idempotency key.
    pub fn claim(
        self: &Arc<Self>,
        tenant: &TenantName,
        id: &EventId,
        key: Option<&str>,
        fingerprint: Fingerprint,
        live: bool,
    ) -> Claim {
        let id = (tenant.clone(), id.clone());
        let key = key.map(|key| (tenant.clone(), key.to_owned()));
        let mut open = self.open();
        let theirs = key.as_ref().and_then(|key| open.by_key.get(key)).or_else(|| open.by_id.get(&id));
        if let Some(ticket) = theirs {
            return Claim::Theirs(ticket.clone());
        }
        let ticket = Arc::new(Ticket {
            fingerprint,
            live,
            word: watch::Sender::new(None),
            spoken: AtomicBool::new(false),
            left: OnceLock::new(),
            returned: OnceLock::new(),
        });
        open.by_id.insert(id.clone(), ticket.clone());
        if let Some(key) = &key {
            open.by_key.insert(key.clone(), ticket.clone());
        }
        drop(open);
        Claim::Mine(Held { tickets: self.clone(), ticket, id, key })
    }

    /// The ticket of an event in flight.
    pub fn of(&self, tenant: &TenantName, id: &EventId) -> Option<Arc<Ticket>> {
        self.open().by_id.get(&(tenant.clone(), id.clone())).cloned()
    }

    /// How many callers' own attempts are under way.
    pub fn live(&self) -> usize {
        self.open().by_id.values().filter(|ticket| ticket.live && ticket.is_sending()).count()
    }

    /// How many events are in flight.
    pub fn count(&self) -> usize {
        self.open().by_id.len()
    }

    /// Lets those know who wait for a decision that falls without a ticket, as one by callback does.
    pub fn announce(&self, tenant: &TenantName, id: &EventId) {
        // Without a listener there is nobody to tell.
        let _ = self.decided.send((tenant.clone(), id.clone()));
    }

    /// Decisions from now on.
    pub fn announcements(&self) -> Announcements {
        self.decided.subscribe()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The right to decide, granted once: what a caller is told never changes.
    pub fn take_the_word(&self) -> bool {
        !self.spoken.swap(true, SeqCst)
    }

    /// Lets everyone who waits know. Only after [`Self::take_the_word`], and after what is said is on disk.
    pub fn say(&self, word: Word) {
        self.word.send_replace(Some(word));
    }

    /// The word, where it has been said.
    pub fn word(&self) -> Option<Word> {
        self.word.borrow().clone()
    }

    /// Waits for the word.
    pub async fn heard(&self) -> Word {
        let mut word = self.word.subscribe();
        match word.wait_for(Option::is_some).await {
            Ok(said) => said.clone().unwrap_or(Word::Withdrawn),
            Err(_) => Word::Withdrawn,
        }
    }

    /// Its attempt leaves now.
    pub fn leaves(&self) {
        let _ = self.left.set(Instant::now());
    }

    /// Its attempt has ended now.
    pub fn returns(&self) {
        let _ = self.returned.set(Instant::now());
    }

    /// When its attempt left and when it ended, as far as they have.
    pub fn times(&self) -> (Option<Instant>, Option<Instant>) {
        (self.left.get().copied(), self.returned.get().copied())
    }

    /// Whether its attempt is under way.
    pub fn is_sending(&self) -> bool {
        self.left.get().is_some() && self.returned.get().is_none()
    }
}

impl Held {
    /// The ticket, to wait on.
    pub fn ticket(&self) -> &Arc<Ticket> {
        &self.ticket
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.tickets.open();
        open.by_id.remove(&self.id);
        if let Some(key) = &self.key {
            open.by_key.remove(key);
        }
        drop(open);
        if self.ticket.word().is_none() {
            self.ticket.say(Word::Withdrawn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(tickets: &Arc<Tickets>, id: &str, key: Option<&str>) -> Claim {
        let id = EventId::parse(id).expect("an id");
        tickets.claim(&TenantName::new("bank"), &id, key, Fingerprint([0; 32]), true)
    }

    #[test]
    fn one_claims_and_the_twin_shares() {
        let tickets = Arc::new(Tickets::default());
        let Claim::Mine(held) = claim(&tickets, "e-1", None) else { panic!("free") };
        assert!(matches!(claim(&tickets, "e-1", Some("k")), Claim::Theirs(_)));
        assert!(matches!(claim(&tickets, "e-2", None), Claim::Mine(_)));
        drop(held);
        assert!(matches!(claim(&tickets, "e-1", None), Claim::Mine(_)));
        assert_eq!(tickets.count(), 0);
    }

    #[test]
    fn an_idempotency_key_is_a_name_as_well() {
        let tickets = Arc::new(Tickets::default());
        let Claim::Mine(_held) = claim(&tickets, "e-1", Some("k")) else { panic!("free") };
        assert!(matches!(claim(&tickets, "e-2", Some("k")), Claim::Theirs(_)));
        assert!(matches!(claim(&tickets, "k", None), Claim::Mine(_)), "an id is no key");
    }

    #[test]
    fn the_word_is_granted_once() {
        let tickets = Arc::new(Tickets::default());
        let Claim::Mine(held) = claim(&tickets, "e-1", None) else { panic!("free") };
        assert!(held.ticket().take_the_word());
        assert!(!held.ticket().take_the_word());
    }

    #[tokio::test]
    async fn who_waits_hears_that_a_ticket_was_let_go() {
        let tickets = Arc::new(Tickets::default());
        let Claim::Mine(held) = claim(&tickets, "e-1", None) else { panic!("free") };
        let Claim::Theirs(twin) = claim(&tickets, "e-1", None) else { panic!("taken") };
        drop(held);
        assert!(matches!(twin.heard().await, Word::Withdrawn));
    }
}
