//! One customer's deliveries stand in line: who waits for their turn is told when it has come. In memory, of what this
//! gateway has to send; made anew at each start from what is not settled.

use super::ports::Seq;
use super::queue::Queue;
use crate::domain::order::{Order, Turn, Whose};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// All lines of this gateway.
#[derive(Debug, Default)]
pub struct Lines(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    order: Order,
    /// Live calls that wait for their turn; whoever waits without one is sent by the relay.
    callers: HashMap<Seq, oneshot::Sender<()>>,
}

/// When a live call may send.
#[derive(Debug)]
pub enum Start {
    /// At once: its attempt counts as begun.
    Now,
    /// When this resolves; its attempt counts as begun then.
    Later(oneshot::Receiver<()>),
}

impl Lines {
    /// A live call's new event stands in line. Its number is drawn under the same lock, so that the order of numbers is
    /// the order of lines. Whoever it waits for is due at once.
    pub fn join(
        &self,
        whose: Option<Whose>,
        draw: impl FnOnce() -> Seq,
        (relay, now): (&Queue, Timestamp),
    ) -> (Seq, Start) {
        let Some(whose) = whose else { return (draw(), Start::Now) };
        let mut inner = self.inner();
        let seq = draw();
        match inner.order.join(whose, seq) {
            Turn::Behind { first, under_way } => {
                if !under_way && !inner.callers.contains_key(&first) {
                    relay.hurry(first, now);
                }
                let (tell, told) = oneshot::channel();
                inner.callers.insert(seq, tell);
                (seq, Start::Later(told))
            }
            Turn::Now | Turn::Overtaken => {
                inner.order.begin(seq);
                (seq, Start::Now)
            }
        }
    }

    /// An event of a batch stands in line: nobody waits for it. Its number is drawn under the same lock. Whoever it waits
    /// for need not wait for a time of its own any longer.
    pub fn stand(
        &self,
        whose: Option<Whose>,
        draw: impl FnOnce() -> Seq,
        (relay, now): (&Queue, Timestamp),
    ) -> Seq {
        let Some(whose) = whose else { return draw() };
        let mut inner = self.inner();
        let seq = draw();
        if let Turn::Behind { first, under_way: false } = inner.order.join(whose, seq)
            && !inner.callers.contains_key(&first)
        {
            relay.press(first, now);
        }
        seq
    }

    /// A delivery that was recorded before stands in line again, at its place.
    pub fn rejoin(&self, whose: Option<Whose>, seq: Seq) -> Turn {
        whose.map_or(Turn::Now, |whose| self.inner().order.join(whose, seq))
    }

    /// A live call no longer waits for its turn. `true` where it has come meanwhile.
    pub fn give_up(&self, seq: Seq) -> bool {
        self.inner().callers.remove(&seq).is_none()
    }

    /// An attempt begins, where it is the delivery's turn.
    pub fn begin(&self, seq: Seq) -> bool {
        self.inner().order.begin(seq)
    }

    /// Whether nothing of its line goes before it.
    pub fn is_first(&self, seq: Seq) -> bool {
        self.inner().order.is_first(seq)
    }

    /// The delivery that stands behind another in its line.
    pub fn behind(&self, seq: Seq) -> Option<Seq> {
        self.inner().order.behind(seq)
    }

    /// An attempt begins together with that of the delivery before it.
    pub fn begin_behind(&self, seq: Seq, before: Seq) -> bool {
        let mut inner = self.inner();
        // A live call goes by itself, so that it is answered in time.
        !inner.callers.contains_key(&seq) && inner.order.begin_behind(seq, before)
    }

    /// An attempt has ended, and the delivery is sent again later.
    pub fn stay(&self, seq: Seq) {
        self.inner().order.stay(seq);
    }

    /// A delivery is done or kept for a person, and that is on disk: the next one's turn has come.
    pub fn leave(&self, seq: Seq, relay: &Queue, now: Timestamp) {
        let mut inner = self.inner();
        let Some(next) = inner.order.leave(seq) else { return };
        match inner.callers.remove(&next) {
            Some(caller) => {
                inner.order.begin(next);
                if caller.send(()).is_err() {
                    // Whoever waited has ended without a word; the relay has it.
                    inner.order.stay(next);
                    relay.enqueue(next, now);
                }
            }
            None => relay.enqueue(next, now),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::{Due, queue};
    use super::*;
    use crate::domain::identifiers::{CustomerId, TenantName};

    fn one() -> Option<Whose> {
        Some((TenantName::new("bank"), CustomerId::new("C-1")))
    }

    fn relay() -> (Queue, Due) {
        queue()
    }

    const NOON: Timestamp = Timestamp::UNIX_EPOCH;

    #[tokio::test]
    async fn a_caller_who_waits_is_told_when_its_turn_has_come() {
        let (lines, (relay, mut due)) = (Lines::default(), relay());
        let (_, start) = lines.join(one(), || 1, (&relay, NOON));
        assert!(matches!(start, Start::Now));
        let (_, start) = lines.join(one(), || 2, (&relay, NOON));
        let Start::Later(turn) = start else { panic!("another goes first") };
        lines.leave(1, &relay, NOON);
        turn.await.expect("its turn");
        assert!(!lines.begin(2), "it counts as begun");
        lines.leave(2, &relay, NOON);
        drop(relay);
        assert!(due.next().await.is_none(), "the relay has nothing to do");
    }

    #[tokio::test]
    async fn who_gives_up_leaves_it_to_the_relay() {
        let (lines, (relay, mut due)) = (Lines::default(), relay());
        lines.join(one(), || 1, (&relay, NOON));
        let (_, start) = lines.join(one(), || 2, (&relay, NOON));
        assert!(!lines.give_up(2), "its turn has not come");
        drop(start);
        lines.leave(1, &relay, NOON);
        assert_eq!(due.next().await.map(|next| next.seq), Some(2));
        assert!(lines.begin(2));
    }

    #[tokio::test]
    async fn a_new_event_makes_a_predecessor_that_waits_due_at_once() {
        let (lines, (relay, mut due)) = (Lines::default(), relay());
        lines.join(one(), || 1, (&relay, NOON));
        lines.stay(1);
        lines.join(one(), || 2, (&relay, NOON));
        let hurried = due.next().await.expect("the first");
        assert!(hurried.seq == 1 && hurried.hurried);
    }
}
