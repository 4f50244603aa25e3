//! A task that breaks down in the midst of a delivery. That must not be, and where it is, it costs one attempt: whoever waits is
//! promised nothing, and the relay has the delivery, so that nobody stands in line behind it for ever. What was never recorded
//! the relay does not find, and then its place in line is free.

use super::gateway::Gateway;
use super::ports::Seq;
use super::queue::Next;
use super::tickets::{Ticket, Word};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The relay looks at it so much later: what breaks down each time is to be in nobody's way.
const LATER: Duration = Duration::from_secs(5);

/// Held by a task while it has a delivery.
pub(super) struct Mishap {
    gateway: Arc<Gateway>,
    seq: Seq,
    ticket: Option<Arc<Ticket>>,
}

impl Mishap {
    /// For a task that begins. `ticket`: of those who wait for it.
    pub(super) fn of(gateway: &Arc<Gateway>, seq: Seq, ticket: Option<&Arc<Ticket>>) -> Self {
        Self { gateway: gateway.clone(), seq, ticket: ticket.cloned() }
    }
}

impl Drop for Mishap {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let (gateway, seq) = (&self.gateway, self.seq);
        tracing::error!(seq, "a delivery broke down; the relay goes on with it");
        if let Some(ticket) = self.ticket.as_ref().filter(|ticket| ticket.word().is_none()) {
            ticket.take_the_word();
            ticket.say(Word::Failed);
        }
        gateway.lines.give_up(seq);
        gateway.lines.stay(seq);
        let due = gateway.clock.now() + LATER;
        gateway.relay.push(Next { due, seq, hurried: false, again: false });
    }
}
