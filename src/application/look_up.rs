//! A caller asks what became of an event.

use super::gateway::Desk;
use super::ports::{StoreError, View};
use super::tickets::{Announcements, Ticket};
use crate::domain::identifiers::{EventId, TenantName};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The longest that a look-up waits for a decision.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// How often a look-up that waits looks at an event that nobody works on.
const LOOK: Duration = Duration::from_millis(500);

/// What became of an event; `None` where the tenant has none of that name. `wait` holds until it is decided, or the
/// gateway closes.
///
/// # Errors
/// The store can't be read.
pub async fn look_up(
    desk: &Desk,
    tenant: &TenantName,
    id: &EventId,
    wait: Duration,
) -> Result<Option<View>, StoreError> {
    // Waiting is an end that comes by itself, so no clock is read.
    let mut over = pin!(sleep(wait.min(WAIT_MAX)));
    let ending = &desk.gateway.ending;
    let mut announcements = desk.gateway.tickets.announcements();
    loop {
        let (view, ticket) = look(desk, tenant, id).await?;
        let undecided = view.as_ref().is_some_and(View::is_undecided);
        if !undecided || over.is_elapsed() || wait.is_zero() || ending.is_closing() {
            return Ok(view);
        }
        let news = async {
            match ticket.filter(|ticket| ticket.word().is_none()) {
                Some(ticket) => drop(ticket.heard().await),
                // Nobody works on it here: its delivery waits for its turn, or for a callback.
                None => drop(timeout(LOOK, announced(&mut announcements, tenant, id)).await),
            }
        };
        tokio::select! {
            () = news => {}
            () = &mut over => {}
            () = ending.closing() => {}
        }
    }
}

/// Waits until the event's decision is announced, or may have been.
async fn announced(announcements: &mut Announcements, tenant: &TenantName, id: &EventId) {
    while announcements.recv().await.is_ok_and(|(of, which)| (&of, &which) != (tenant, id)) {}
}

/// The event as it is now, with the ticket of whoever works on it.
async fn look(
    desk: &Desk,
    tenant: &TenantName,
    id: &EventId,
) -> Result<(Option<View>, Option<Arc<Ticket>>), StoreError> {
    let mut view = desk.gateway.store.view(tenant, id).await?;
    let ticket = desk.gateway.tickets.of(tenant, id);
    if let (Some(view), Some(ticket)) = (&mut view, &ticket)
        && ticket.is_sending()
    {
        "SENDING".clone_into(&mut view.state);
    }
    Ok((view, ticket))
}

impl View {
    /// Whether a decision is still to fall.
    fn is_undecided(&self) -> bool {
        if self.mode.is_told_pending() { self.decided.is_none() } else { self.told.is_none() }
    }
}
