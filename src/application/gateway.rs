//! What all threads of a gateway share, and each worker's place in it.

use super::admission::Places;
use super::breakers::Breakers;
use super::ending::Ending;
use super::follow_decisions::Listeners;
use super::holds::Holds;
use super::lines::Lines;
use super::ports::{Clock, Receipt, Scoring, Store, StoreError, Wording};
use super::push::Pushes;
use super::queue::Queue;
use super::tenants::{Tenant, Tenants};
use super::tickets::Tickets;
use super::unrecorded::Unrecorded;
use crate::domain::budget::Budget;
use crate::domain::identifiers::TenantName;
use crate::domain::limits::{Bucket, Checks};
use crate::domain::naming::Names;
use crate::domain::velocity::Velocity;
use crate::telemetry::metrics;
use jiff::Timestamp;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long anyone waits for the disk before the store counts as unable to record.
pub const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// What all threads of a gateway share.
pub struct Gateway {
    /// Who is served.
    pub tenants: Tenants,
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// What is in flight.
    pub tickets: Arc<Tickets>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// How decisions are worded for callers.
    pub wording: Wording,
    /// Recent events by customer.
    pub velocity: Mutex<Velocity>,
    /// Recent checks by customer; where the store is shared, that counts them.
    pub checks: Mutex<Checks>,
    /// Requests by tenant.
    pub requests: Mutex<HashMap<TenantName, Bucket>>,
    /// Events of the last minutes that have no name of their own.
    pub names: Mutex<Names>,
    /// Answers that were given without anything on disk.
    pub unrecorded: Unrecorded,
    /// Wakes whoever brings decisions back.
    pub pushes: Arc<Pushes>,
    /// How many follow decisions.
    pub listeners: Listeners,
    /// Where deliveries wait that are sent again.
    pub relay: Queue,
    /// Whose turn it is.
    pub lines: Lines,
    /// Which queues are held.
    pub holds: Holds,
    /// Who comes in.
    pub places: Arc<Places>,
    /// Who may make an attempt.
    pub breakers: Arc<Breakers>,
    /// Whether it ends.
    pub ending: Ending,
    /// First attempts and retries of the last seconds.
    pub budget: Mutex<Budget>,
    /// Whether the configuration as it is now was refused, so that an older one goes on.
    pub is_configuration_refused: AtomicBool,
    /// A number drawn evenly from 0 to 1, for jitter.
    pub random: fn() -> f64,
    /// A name that nobody can guess, for the address of one event's callback.
    pub mint: fn() -> Arc<str>,
}

/// What a gateway stands on, and where it gets time and chance from.
pub struct Ground {
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Who comes in.
    pub places: Places,
    /// How decisions are worded for callers.
    pub wording: Wording,
    /// A number drawn evenly from 0 to 1, for jitter.
    pub random: fn() -> f64,
    /// A name that nobody can guess, for the address of one event's callback.
    pub mint: fn() -> Arc<str>,
}

impl Gateway {
    /// One that has nothing under way yet.
    pub fn new(tenants: Tenants, ground: Ground, relay: Queue) -> Self {
        let Ground { store, clock, places, wording, random, mint } = ground;
        Self {
            tenants,
            store,
            tickets: Arc::default(),
            clock,
            wording,
            velocity: Mutex::default(),
            checks: Mutex::default(),
            requests: Mutex::default(),
            names: Mutex::default(),
            unrecorded: Unrecorded::default(),
            pushes: Arc::default(),
            listeners: Listeners::default(),
            relay,
            lines: Lines::default(),
            holds: Holds::default(),
            places: Arc::new(places),
            breakers: Arc::default(),
            ending: Ending::default(),
            budget: Mutex::default(),
            is_configuration_refused: AtomicBool::new(false),
            random,
            mint,
        }
    }

    /// Counts a request of a tenant, or says after how long there may be one.
    ///
    /// # Errors
    /// It is one too many just now.
    pub fn count_request(&self, tenant: &Tenant) -> Result<(), Duration> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = requests.entry(tenant.name.clone()).or_default();
        bucket.take(tenant.requests_per_second, self.clock.now())
    }

    /// The checks of customers.
    pub fn checks(&self) -> MutexGuard<'_, Checks> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more may be sent again just now; where it may, that is counted.
    pub fn may_send_again(&self, now: Timestamp) -> bool {
        let may = self.budget().again(now);
        if may {
            metrics::RETRIES.add(&[], 1);
        }
        may
    }

    /// How many may be sent again just now.
    pub fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker thread's place: the shared gateway, and its own way to Xceed.
#[derive(Clone)]
pub struct Desk {
    /// What all threads share.
    pub gateway: Arc<Gateway>,
    /// Xceed, for this thread.
    pub xceed: Rc<dyn Scoring>,
}

/// Waits until a write is on disk, but not for ever.
///
/// # Errors
/// The commit failed, or the disk takes longer than [`STORE_PATIENCE`].
pub async fn on_disk<T>(receipt: Receipt<T>) -> Result<T, StoreError> {
    match tokio::time::timeout(STORE_PATIENCE, receipt).await {
        Ok(Ok(written)) => written,
        Ok(Err(_)) => Err(StoreError("the writer has stopped".to_owned())),
        Err(_) => Err(StoreError("the disk does not answer in time".to_owned())),
    }
}
