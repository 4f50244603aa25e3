//! A caller asks what became of an event.

use super::deliver::Desk;
use super::ports::{StoreError, View};
use crate::domain::identifiers::{EventId, TenantName};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The longest that a look-up waits for a decision.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// How often a look-up that waits looks at an event that nobody works on.
const LOOK: Duration = Duration::from_millis(100);

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
    let until = Instant::now() + wait.min(WAIT_MAX);
    loop {
        let mut view = store.view(tenant, id).await?;
        let ticket = tickets.of(tenant, id);
        let undecided = view.as_ref().is_some_and(|view| view.told.is_none());
        if !undecided || Instant::now() >= until {
            if let (Some(view), Some(ticket)) = (&mut view, ticket)
                && ticket.is_sending()
            {
                "SENDING".clone_into(&mut view.state);
            }
            return Ok(view);
        }
        match ticket.filter(|ticket| ticket.word().is_none()) {
            Some(ticket) => drop(timeout_at(until, ticket.heard()).await),
            // Nobody works on it yet: its delivery waits for its turn.
            None => sleep_until(until.min(Instant::now() + LOOK)).await,
        }
    }
}
