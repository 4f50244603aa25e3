//! Refused callbacks on their way into the audit trail: once a second, through the writer's queue.

use super::audit::Refusals;
use super::writer::{Command, Done};
use super::writes::Write;
use crate::application::ports::Receipt;
use std::collections::BTreeMap;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// Refusals that were queued to be recorded, until it is known that they are.
pub(super) type Unsure = Option<(Receipt, BTreeMap<&'static str, u64>)>;

/// What was refused in the last second becomes entries. Where it can't be recorded it counts again, so that what came
/// while the disk was full is on record afterwards.
pub(super) fn record(refusals: &Refusals, queue: &mpsc::Sender<Command>, unsure: &mut Unsure) {
    if let Some((mut receipt, refused)) = unsure.take() {
        match receipt.try_recv() {
            Ok(Ok(())) => {}
            Err(oneshot::error::TryRecvError::Empty) => {
                *unsure = Some((receipt, refused));
                return;
            }
            Ok(Err(_)) | Err(oneshot::error::TryRecvError::Closed) => refusals.put_back(&refused),
        }
    }
    let refused = refusals.take();
    if !refused.is_empty() {
        let (sender, receipt) = oneshot::channel();
        let command = Command { write: Write::Refused(refused.clone()), done: Done::Plain(sender) };
        // A writer that has ended drops the sender, and the receipt says so.
        let _ = queue.send(command);
        *unsure = Some((receipt, refused));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::ports::StoreError;
    use crate::store::writes::Outcome;

    /// What the writer is asked to record, answered with that.
    fn written(queue: &mpsc::Receiver<Command>, full: bool) -> Option<u64> {
        let Command { write, done } = queue.try_recv().ok()?;
        let Write::Refused(refused) = write else { panic!("nothing else is asked for") };
        done.say(if full { Err(StoreError("full".into())) } else { Ok(Outcome::Done) });
        Some(refused["form"])
    }

    #[test]
    fn what_could_not_be_recorded_counts_again_and_what_was_does_not() {
        let (refusals, mut unsure) = (Refusals::default(), None);
        let (queue, commands) = mpsc::channel();
        let mut second = |refused: usize, full: bool| {
            (0..refused).for_each(|_| refusals.note("form"));
            record(&refusals, &queue, &mut unsure);
            written(&commands, full)
        };
        assert_eq!(second(3, true), Some(3));
        assert_eq!(second(2, true), Some(5), "the disk is full");
        assert_eq!(second(1, false), Some(6), "and no longer");
        assert_eq!(second(0, false), None);
        assert_eq!(second(4, false), Some(4));
    }

    #[test]
    fn while_the_writer_is_busy_nothing_is_counted_twice() {
        let (refusals, mut unsure) = (Refusals::default(), None);
        let (queue, commands) = mpsc::channel();
        for _ in 0..3 {
            refusals.note("form");
            record(&refusals, &queue, &mut unsure);
        }
        assert_eq!(written(&commands, false), Some(1));
        assert_eq!(written(&commands, false), None, "the others wait");
        record(&refusals, &queue, &mut unsure);
        assert_eq!(written(&commands, false), Some(2));
    }
}
