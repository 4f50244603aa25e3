//! An event that nobody has named gets its name: the one that an equal event had a moment ago, here, on another gateway,
//! or before a start.

use super::gateway::Gateway;
use crate::domain::identifiers::{EventId, TenantName};
use crate::domain::naming::{Period, is_same};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::timeout;

/// The name of an event that is known by what it says alone. Asks the store no longer than that: where it does not
/// answer, the event can't be recorded either.
pub async fn name_event(gateway: &Gateway, tenant: &TenantName, base: &str, patience: Duration) -> String {
    let now = gateway.clock.now();
    let names = || gateway.names.lock().unwrap_or_else(PoisonError::into_inner);
    let claimed = names().claim(tenant, base, now);
    let here = match claimed {
        Period::Known(period) => return format!("{base}.{period}"),
        Period::New(period) => period,
    };
    let before = format!("{base}.{}", here - 1);
    let Some(id) = EventId::parse(&before) else { return format!("{base}.{here}") };
    let known = timeout(patience, gateway.store.find(tenant, &id, None)).await;
    match known {
        Ok(Ok(Some(known))) if is_same(known.received_at, now) => {
            names().correct(tenant, base, (here - 1, known.received_at));
            before
        }
        _ => format!("{base}.{here}"),
    }
}
