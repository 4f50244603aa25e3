//! A caller asks what became of an event.

use super::deliver::Desk;
use super::ports::{Mode, StoreError, View};
use crate::domain::identifiers::{EventId, TenantName};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The longest that a look-up waits for a decision.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// How often a decision is looked for that another gateway may have recorded.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

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
    let end = Instant::now() + wait.min(WAIT_MAX);
    let mut announcements = tickets.announcements();
    let mut view = store.view(tenant, id).await?;
    while view.as_ref().is_some_and(View::is_undecided) && Instant::now() < end {
        let next_look = end.min(Instant::now() + LOOK_AGAIN);
        let ticket = tickets.of(tenant, id);
        let decided = async {
            match ticket {
                Some(ticket) if ticket.word().is_none() => {
                    ticket.heard().await;
                }
                _ => {
                    while announcements.recv().await.is_ok_and(|(of, which)| (&of, &which) != (tenant, id)) {}
                }
            }
        };
        // Out of time or told, the store knows.
        let _ = timeout_at(next_look, decided).await;
        view = store.view(tenant, id).await?;
    }
    if let (Some(view), Some(ticket)) = (&mut view, tickets.of(tenant, id))
        && ticket.is_sending()
    {
        "SENDING".clone_into(&mut view.state);
    }
    Ok(view)
}

impl View {
    /// Whether a decision is still to fall.
    fn is_undecided(&self) -> bool {
        match self.mode {
            Mode::Sync | Mode::Ack => self.told.is_none(),
            Mode::Async => self.decided.is_none(),
        }
    }
}
