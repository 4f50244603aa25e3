//! The tenants that the gateway serves, as the use cases need them.

use crate::domain::field::Field;
use crate::domain::going_back::{Back, Target, When};
use crate::domain::identifiers::TenantName;
use crate::domain::limits::Rule;
use crate::domain::policy::Policy;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One financial institution.
#[derive(Debug)]
pub struct Tenant {
    /// Its name in the configuration.
    pub name: TenantName,
    /// How it decides.
    pub policy: Policy,
    /// Whether an event is sent again whose fate is not known; where not, it is on disk before it is sent.
    pub resend_in_doubt: bool,
    /// How Xceed calls back, where it can.
    pub callback: Option<Callback>,
    /// How often one customer may be checked.
    pub checks: Rule,
    /// How many requests a second it may send.
    pub requests_per_second: u32,
    /// So many events leave together at most.
    pub chunk: usize,
    /// Where decisions can be brought back to: `cxone`, `genesys`, and `webhook:<name>` for each who listens.
    pub targets: Vec<String>,
}

impl Tenant {
    /// Who hears of an event's decision: where the source brings it back to, or the interaction that a plain caller says
    /// it is from, which hears what comes after the answer alone; and whoever listens.
    pub fn back(&self, source: Option<Target>, event: &Field<'_>) -> Back {
        let platform = source.or_else(|| from_platform(event));
        let platform = platform.filter(|target| self.targets.contains(&target.name));
        let listeners = self.targets.iter().filter(|name| name.starts_with(WEBHOOK));
        let listeners = listeners.map(|name| Target::new(name, When::Always));
        Back(platform.into_iter().chain(listeners).collect())
    }
}

/// What the name of a target begins with that is a webhook.
pub const WEBHOOK: &str = "webhook:";

fn from_platform(event: &Field<'_>) -> Option<Target> {
    event.at("interaction.id").filter(|id| id.has_data())?;
    match event.at("interaction.platform")? {
        Field::Text(name) => Some(Target::new(name, When::Late)),
        _ => None,
    }
}

/// How Xceed calls back.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The name of the address that is registered at Xceed; where there is none, each event has a name of its own.
    pub id: Option<Arc<str>>,
    /// How long after the acknowledgement a callback is awaited.
    pub timeout: Duration,
}

/// All tenants by name, which may be others from one moment to the next.
#[derive(Debug, Default)]
pub struct Tenants(ArcSwap<BTreeMap<TenantName, Arc<Tenant>>>);

impl Tenants {
    /// The tenant of that name.
    pub fn get(&self, name: &TenantName) -> Option<Arc<Tenant>> {
        self.0.load().get(name).cloned()
    }

    /// All that are served, by name.
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        self.0.load().values().cloned().collect()
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.0.load().keys().map(ToString::to_string).collect()
    }

    /// Whether decisions can be brought back for any of them.
    pub fn have_targets(&self) -> bool {
        self.0.load().values().any(|tenant| !tenant.targets.is_empty())
    }

    /// Puts others in their place, all at once.
    pub fn replace(&self, tenants: impl IntoIterator<Item = Tenant>) {
        self.0.store(Self::by_name(tenants));
    }

    fn by_name(tenants: impl IntoIterator<Item = Tenant>) -> Arc<BTreeMap<TenantName, Arc<Tenant>>> {
        Arc::new(tenants.into_iter().map(|tenant| (tenant.name.clone(), Arc::new(tenant))).collect())
    }
}

impl FromIterator<Tenant> for Tenants {
    fn from_iter<I: IntoIterator<Item = Tenant>>(tenants: I) -> Self {
        Self(ArcSwap::new(Self::by_name(tenants)))
    }
}
