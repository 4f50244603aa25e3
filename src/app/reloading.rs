//! Swaps settings, sets and tenants while the gateway runs: whole or not at all. What the process stands on (where it
//! listens, where it records) stays until the next start.

use super::Sets;
use super::live::Live;
use crate::application::gateway::{Gateway, on_disk};
use crate::config::{Config, Documents};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Swaps the settings of a gateway that runs.
#[derive(Clone)]
pub struct Reloader {
    gateway: Weak<Gateway>,
    live: Live,
    current: Arc<Mutex<Current>>,
    /// What needs a new start to change, as it was at this one.
    fixed: Arc<str>,
    /// The longest attempt that a shared store leaves time for.
    attempt_max: Duration,
}

/// Why a configuration is not in use.
#[derive(Clone, Debug)]
pub enum Refused {
    /// All that is wrong with it.
    Wrong(Vec<String>),
    /// It could not be recorded just now that it is to be: it may be tried again.
    NotNow(String),
}

/// What is in use.
struct Current {
    documents: Documents,
    sets: Sets,
}

impl Reloader {
    pub(super) fn new(config: &Config, sets: Sets, live: Live) -> Self {
        let attempts = config.tenants.iter().map(|tenant| tenant.link.attempt_timeout);
        Self {
            gateway: Weak::new(),
            live,
            current: Arc::new(Mutex::new(Current { documents: config.documents.clone(), sets })),
            fixed: config.fixed.as_str().into(),
            attempt_max: attempts.max().unwrap_or_default(),
        }
    }

    pub(super) fn of(self, gateway: &Arc<Gateway>) -> Self {
        // It must not keep the store open at the end.
        Self { gateway: Arc::downgrade(gateway), ..self }
    }

    /// Swaps everything for what this configuration says, and has that recorded; comes to what takes a new start.
    ///
    /// # Errors
    /// It is not taken, and nothing has changed.
    pub async fn apply(&self, config: Config) -> Result<Vec<&'static str>, Refused> {
        let Some(gateway) = self.gateway.upgrade() else { return Ok(Vec::new()) };
        let applied = self.swap(&gateway, config).await;
        gateway.is_configuration_refused.store(applied.is_err(), Relaxed);
        applied
    }

    /// Says that the configuration as it is now can't be used.
    pub fn refuse(&self) {
        if let Some(gateway) = self.gateway.upgrade() {
            gateway.is_configuration_refused.store(true, Relaxed);
        }
    }

    async fn swap(&self, gateway: &Gateway, config: Config) -> Result<Vec<&'static str>, Refused> {
        self.check_tls(&config).map_err(Refused::Wrong)?;
        let sets = self.sets(&config.documents).map_err(Refused::Wrong)?;
        if gateway.store.is_shared() {
            self.check_attempts(&config).map_err(Refused::Wrong)?;
        }
        let made = Live::new(&config, &sets, &self.live.promoted_keys(), Some(&self.live));
        let made = made.map_err(Refused::Wrong)?;
        let recorded = on_disk(gateway.store.reloaded(config.audit.configuration.clone())).await;
        recorded.map_err(|error| Refused::NotNow(error.to_string()))?;
        let needs_a_start = if *config.fixed == *self.fixed {
            Vec::new()
        } else {
            vec!["[server], [store] and [audit] take effect at the next start"]
        };
        let tenants = config.tenants.into_iter().map(|tenant| tenant.tenant);
        self.live.replace(&made, || gateway.tenants.replace(tenants));
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Current { documents: config.documents, sets };
        Ok(needs_a_start)
    }

    /// Compiled anew only where they have changed, so that links stay that have not.
    fn sets(&self, documents: &Documents) -> Result<Sets, Vec<String>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.documents == *documents { Ok(current.sets.clone()) } else { Sets::compile(documents) }
    }

    /// What is safe with TLS is not without it, and whether there is any stays as it was at the start.
    fn check_tls(&self, config: &Config) -> Result<(), Vec<String>> {
        if config.server.tls.is_some() == self.live.tls.load().is_some() {
            return Ok(());
        }
        Err(vec!["server.tls: whether callers are served in TLS takes a new start".to_owned()])
    }

    /// Other gateways take a delivery over once its lease is over, which was given its length at the start.
    fn check_attempts(&self, config: &Config) -> Result<(), Vec<String>> {
        let longest = self.attempt_max.as_millis();
        let too_long = config.tenants.iter().filter(|tenant| tenant.link.attempt_timeout > self.attempt_max);
        let errors: Vec<_> = too_long
            .map(|tenant| {
                let name = &tenant.tenant.name;
                format!(
                    "tenants.{name}.xceed.attempt_timeout: more than the {longest} ms of this start takes a new one"
                )
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}
