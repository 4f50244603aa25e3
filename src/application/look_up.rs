//! A caller asks what became of an event.

use super::deliver::Desk;
use super::ports::{StoreError, View};
use crate::domain::identifiers::{EventId, TenantName};
use std::time::Duration;
use tokio::time::timeout;

/// The longest that a look-up waits for a decision.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// What became of an event; `None` where the tenant has none of that name. `wait` holds until it is decided.
///
/// # Errors
/// The store can't be read.
pub async fn look_up(
    desk: &Desk,
    tenant: &TenantName,
    id: &EventId,
    wait: Duration,
) -> Result<Option<View>, StoreError> {
    let (store, tickets) = (&desk.gateway.store, &desk.gateway.tickets);
    let undecided = |view: &Option<View>| view.as_ref().is_some_and(|view| view.told.is_none());
    let mut view = store.view(tenant, id).await?;
    let ticket = tickets.of(tenant, id);
    if let Some(ticket) = &ticket
        && undecided(&view)
        && timeout(wait.min(WAIT_MAX), ticket.heard()).await.is_ok()
    {
        view = store.view(tenant, id).await?;
    }
    if let (Some(view), Some(ticket)) = (&mut view, ticket)
        && ticket.is_sending()
    {
        "SENDING".clone_into(&mut view.state);
    }
    Ok(view)
}
