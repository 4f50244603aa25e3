//! Who comes in: each call of a caller has a place for as long as it is under way, and where there is none it is refused at
//! once, before its body is read. What is refused is counted, and told once a second at most.

use super::gateway::Gateway;
use super::tenants::Tenant;
use crate::domain::admission::{Admission, Lag};
use crate::domain::identifiers::TenantName;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Calls under way at the same time, unless the configuration says otherwise.
pub const IN_FLIGHT: usize = 1024;
/// How often a thread looks how late it comes.
const LOOK: Duration = Duration::from_millis(10);
/// What was refused is told so often.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The places of a gateway.
#[derive(Debug)]
pub struct Places {
    admission: Mutex<Admission>,
    refused: AtomicU64,
}

/// A place, for as long as it is kept.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    tenant: TenantName,
}

impl Places {
    /// So many at most, over so many threads that serve.
    pub fn new(most: usize, threads: usize) -> Self {
        Self { admission: Mutex::new(Admission::new(most, threads)), refused: AtomicU64::new(0) }
    }

    /// A place for one call, where there is one.
    pub fn enter(self: &Arc<Self>, tenant: &Tenant) -> Option<Place> {
        if self.admission().enter(&tenant.name) {
            return Some(Place { places: self.clone(), tenant: tenant.name.clone() });
        }
        self.refused.fetch_add(1, Relaxed);
        None
    }

    /// How many may be under way just now, how many are, and how many were refused since the start.
    pub fn counts(&self) -> (usize, usize, u64) {
        let admission = self.admission();
        (admission.limit(), admission.under_way(), self.refused.load(Relaxed))
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.admission().leave(&self.tenant);
    }
}

/// Watches how late one thread that serves comes, for as long as it does.
pub async fn watch(gateway: Arc<Gateway>) {
    let (mut lag, mut told, mut told_at) = (Lag::default(), 0, Instant::now());
    loop {
        let meant = Instant::now() + LOOK;
        sleep(LOOK).await;
        let places = &gateway.places;
        if let Some(is_behind) = lag.note(meant.elapsed()) {
            places.admission().adapt(is_behind);
        }
        if told_at.elapsed() >= TELL_EVERY {
            let (limit, under_way, refused) = places.counts();
            if refused > told {
                let since = refused - told;
                tracing::warn!(refused = since, limit, under_way, "more calls than the machine can serve");
            }
            (told, told_at) = (refused, Instant::now());
        }
    }
}
