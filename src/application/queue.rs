//! Where deliveries wait that are sent again, on their way to whoever sends them: the relay one by one, or with others of
//! a batch.

pub use super::pool::Next;
use super::pool::Pool;
use super::ports::Seq;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// What is sent looks at the clock at least so often, so that a clock that is set can't delay a delivery.
pub const LOOK: Duration = Duration::from_millis(500);
/// How long a delivery waits before it is looked at again that somebody else works on.
pub const BUSY: Duration = Duration::from_secs(1);
/// The same where another gateway has it, or has what goes before it.
pub const ELSEWHERE: Duration = Duration::from_millis(250);
/// The same where its tenant is not configured.
pub const UNSERVED: Duration = Duration::from_secs(30);

/// Where deliveries wait that are sent again.
#[derive(Clone, Debug)]
pub struct Queue {
    relay: mpsc::UnboundedSender<Next>,
    pool: Arc<Pool>,
}

/// The relay's end of a [`Queue`].
#[derive(Debug)]
pub struct Due(mpsc::UnboundedReceiver<Next>);

/// A queue and its end.
pub fn queue() -> (Queue, Due) {
    let (relay, receiver) = mpsc::unbounded_channel();
    (Queue { relay, pool: Arc::default() }, Due(receiver))
}

impl Queue {
    /// Where events of batches wait.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The delivery is due at that time. It is on disk as well, so nothing is lost where the relay has ended.
    pub fn enqueue(&self, seq: Seq, due: Timestamp) {
        self.push(Next { due, seq, hurried: false, again: false });
    }

    /// The delivery was sent before, and is due again at that time.
    pub fn again(&self, seq: Seq, due: Timestamp) {
        self.push(Next { due, seq, hurried: false, again: true });
    }

    /// The delivery is due now, whatever was said before.
    pub fn hurry(&self, seq: Seq, now: Timestamp) {
        self.push(Next { due: now, seq, hurried: true, again: false });
    }

    /// The delivery is due now, where it waits for a time of its own; one of a batch whose time has come keeps its place.
    pub fn press(&self, seq: Seq, now: Timestamp) {
        if !self.pool.press(seq, now) {
            self.hurry(seq, now);
        }
    }

    /// The delivery is looked at then.
    pub fn push(&self, next: Next) {
        if !self.pool.push(next) {
            let _ = self.relay.send(next);
        }
    }
}

impl Due {
    /// The next delivery; `None` once all queues are gone.
    pub async fn next(&mut self) -> Option<Next> {
        self.0.recv().await
    }
}
