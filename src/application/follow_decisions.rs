//! A listener follows a tenant's decisions as they fall, and what Xceed says after them: from the journal, so that whoever
//! comes back with the place of what it heard last misses nothing, whichever gateway on the store it comes to.

use super::gateway::Gateway;
use super::ports::{JournalEntry, Place, StoreError};
use crate::domain::identifiers::TenantName;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep, timeout};

/// So many listen to one gateway at most.
pub const LISTENERS_MAX: usize = 64;
/// So many decisions are read at once.
const PAGE: u32 = 64;
/// Pages that wait for a listener at most, beside what its connection holds.
const WAITING_MAX: usize = 2;
/// The journal is looked at this often without any news, for what other gateways decide.
const LOOK: Duration = Duration::from_millis(250);
/// And at most so often, however much falls; and between two pages of what is long past, for callers go first.
const GAP: Duration = Duration::from_millis(20);
/// A listener that nothing is said to hears so often that somebody is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A listener that takes nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many listen.
#[derive(Debug, Default)]
pub struct Listeners(AtomicUsize);

/// What a listener hears.
#[derive(Debug)]
pub enum Heard {
    /// It is at this place now.
    At(Place),
    /// Decisions, and late scores, in the order in which they fell.
    Fallen(Vec<JournalEntry>),
    /// Nothing has fallen for a while. It is at this place now.
    Silence(Place),
}

/// Why nobody can listen.
#[derive(Debug)]
pub enum Refusal {
    /// So many listen already.
    TooMany,
    /// The place is none of the journal's.
    UnknownPlace,
    /// The store can't be read, or the gateway ends.
    Unavailable,
}

impl From<StoreError> for Refusal {
    fn from(_: StoreError) -> Self {
        Self::Unavailable
    }
}

/// Begins to follow behind a place, or at the end of the journal. Ends when the listener does, or the gateway.
///
/// # Errors
/// See [`Refusal`].
pub async fn follow(
    gateway: &Arc<Gateway>,
    tenant: &TenantName,
    behind: Option<Place>,
) -> Result<mpsc::Receiver<Heard>, Refusal> {
    if gateway.ending.has_begun() {
        return Err(Refusal::Unavailable);
    }
    let seat = Seat::take(gateway).ok_or(Refusal::TooMany)?;
    let end = gateway.store.journal_end().await?;
    let at = match behind {
        Some(place) if place > end => return Err(Refusal::UnknownPlace),
        Some(place) => place,
        None => end,
    };
    let (tell, heard) = mpsc::channel(WAITING_MAX);
    tokio::task::spawn_local(Following { seat, tenant: tenant.clone(), at, tell }.run());
    Ok(heard)
}

/// A listener's place among the others, free again when it is dropped.
struct Seat(Arc<Gateway>);

impl Seat {
    fn take(gateway: &Arc<Gateway>) -> Option<Self> {
        let one_more = |taken| (taken < LISTENERS_MAX).then_some(taken + 1);
        gateway.listeners.0.fetch_update(SeqCst, SeqCst, one_more).ok()?;
        Some(Self(gateway.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.listeners.0.fetch_sub(1, SeqCst);
    }
}

struct Following {
    seat: Seat,
    tenant: TenantName,
    at: Place,
    tell: mpsc::Sender<Heard>,
}

/// Nobody listens any more.
struct Gone;

impl Following {
    async fn run(mut self) {
        let gateway = self.seat.0.clone();
        tokio::select! {
            gone = self.follow(&gateway) => drop(gone),
            () = gateway.ending.begun() => {}
        }
    }

    async fn follow(&mut self, gateway: &Gateway) -> Result<(), Gone> {
        self.say(Heard::At(self.at.clone())).await?;
        let mut silence = interval(KEEP_ALIVE);
        silence.reset();
        loop {
            // What falls from here on is heard of, also while the journal is read.
            let mut news = pin!(gateway.pushes.fallen());
            news.as_mut().enable();
            // Where the store can't be read, it is asked again.
            let read = gateway.store.journal(&self.tenant, self.at.clone(), PAGE).await.ok();
            let has_moved = read.as_ref().is_some_and(|page| page.upto != self.at);
            if let Some(page) = read {
                self.at = page.upto;
                if !page.entries.is_empty() {
                    self.say(Heard::Fallen(page.entries)).await?;
                    silence.reset();
                }
            }
            let more = async {
                if !has_moved {
                    let _ = timeout(LOOK, news).await;
                }
                sleep(GAP).await;
            };
            tokio::select! {
                () = more => {}
                _ = silence.tick() => self.say(Heard::Silence(self.at.clone())).await?,
                () = self.tell.closed() => return Err(Gone),
            }
        }
    }

    /// A listener that takes nothing in must not be waited for, since what it holds is held here.
    async fn say(&self, heard: Heard) -> Result<(), Gone> {
        match timeout(PATIENCE, self.tell.send(heard)).await {
            Ok(sent) => sent.map_err(|_| Gone),
            Err(_) => {
                tracing::warn!(tenant = %self.tenant, "a listener of decisions took nothing in, and is let go");
                Err(Gone)
            }
        }
    }
}
