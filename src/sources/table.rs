//! The sources of all tenants.

use super::Source;
use crate::domain::identifiers::TenantName;
use std::collections::HashMap;
use std::sync::Arc;

/// Sources by tenant and name.
#[derive(Debug, Default)]
pub struct Sources(HashMap<TenantName, HashMap<String, Arc<Source>>>);

impl Sources {
    /// A tenant's source of that name.
    pub fn get(&self, tenant: &TenantName, name: &str) -> Option<Arc<Source>> {
        self.0.get(tenant)?.get(name).cloned()
    }
}

/// Of two that have one name the later counts.
impl FromIterator<(TenantName, Source)> for Sources {
    fn from_iter<I: IntoIterator<Item = (TenantName, Source)>>(sources: I) -> Self {
        let mut table: HashMap<TenantName, HashMap<String, Arc<Source>>> = HashMap::new();
        for (tenant, source) in sources {
            table.entry(tenant).or_default().insert(source.name().to_owned(), Arc::new(source));
        }
        Self(table)
    }
}
