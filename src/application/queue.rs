//! Where deliveries wait that are sent again, on their way to the relay.

use super::ports::Seq;
use jiff::Timestamp;
use tokio::sync::mpsc;

/// Where deliveries wait that are sent again.
#[derive(Clone, Debug)]
pub struct Queue(mpsc::UnboundedSender<(Seq, Timestamp)>);

/// The relay's end of a [`Queue`].
#[derive(Debug)]
pub struct Due(mpsc::UnboundedReceiver<(Seq, Timestamp)>);

/// A queue and its end.
pub fn queue() -> (Queue, Due) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Queue(sender), Due(receiver))
}

impl Queue {
    /// The delivery is due at that time. It is on disk as well, so nothing is lost where the relay has ended.
    pub fn enqueue(&self, seq: Seq, due: Timestamp) {
        let _ = self.0.send((seq, due));
    }
}

impl Due {
    /// The next delivery and when it is due; `None` once all queues are gone.
    pub async fn next(&mut self) -> Option<(Seq, Timestamp)> {
        self.0.recv().await
    }
}
