//! The tenants that the gateway serves, as the use cases need them.

use crate::domain::identifiers::TenantName;
use crate::domain::policy::Policy;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One financial institution.
#[derive(Debug)]
pub struct Tenant {
    /// Its name in the configuration.
    pub name: TenantName,
    /// How it decides.
    pub policy: Policy,
    /// Whether an event is sent again whose fate is not known; where not, it is on disk before it is sent.
    pub resend_in_doubt: bool,
}

/// All tenants by name.
#[derive(Debug, Default)]
pub struct Tenants(BTreeMap<TenantName, Arc<Tenant>>);

impl Tenants {
    /// The tenant of that name.
    pub fn get(&self, name: &TenantName) -> Option<&Arc<Tenant>> {
        self.0.get(name)
    }
}

impl FromIterator<Tenant> for Tenants {
    fn from_iter<I: IntoIterator<Item = Tenant>>(tenants: I) -> Self {
        Self(tenants.into_iter().map(|tenant| (tenant.name.clone(), Arc::new(tenant))).collect())
    }
}
