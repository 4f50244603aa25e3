//! Where deliveries wait that are sent again, on their way to the relay.

use super::ports::Seq;
use jiff::Timestamp;
use std::cmp::Ordering;
use tokio::sync::mpsc;

/// Where deliveries wait that are sent again.
#[derive(Clone, Debug)]
pub struct Queue(mpsc::UnboundedSender<Next>);

/// The relay's end of a [`Queue`].
#[derive(Debug)]
pub struct Due(mpsc::UnboundedReceiver<Next>);

/// A delivery that is to be looked at; the one that is due first is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When.
    pub due: Timestamp,
    /// Its number.
    pub seq: Seq,
    /// Whether it is sent although its own time has not come.
    pub hurried: bool,
    /// Whether it was sent before, so that the budget of retries counts it.
    pub again: bool,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.seq, self.hurried, self.again).cmp(&(
            self.due,
            self.seq,
            other.hurried,
            other.again,
        ))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A queue and its end.
pub fn queue() -> (Queue, Due) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Queue(sender), Due(receiver))
}

impl Queue {
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

    /// The delivery is looked at then.
    pub fn push(&self, next: Next) {
        let _ = self.0.send(next);
    }
}

impl Due {
    /// The next delivery; `None` once all queues are gone.
    pub async fn next(&mut self) -> Option<Next> {
        self.0.recv().await
    }
}
