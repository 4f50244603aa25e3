//! What the writer is asked to do, and who waits for it.

use super::batch::Turn;
use crate::application::ports::{
    Act, Batch, Callback, Effect, Hold, PushEnd, PushId, Record, Recorded, Seq, Settlement, StoreError,
    Waiting, Who,
};
use crate::domain::delivery::State;
use crate::domain::identifiers::TenantName;
use crate::store::audit::Doubt;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// One write.
#[derive(Debug)]
pub(super) enum Write {
    Record(Box<Record>),
    Begin(Seq),
    Tell(Seq, Vec<u8>),
    Decide(Seq, Vec<u8>),
    Operate(Seq, Act, Who),
    Hold(Hold),
    /// Callbacks that were refused, by reason.
    Refused(BTreeMap<&'static str, u64>),
    Settle(Box<Settlement>),
    CallBack(Box<Callback>),
    Claim(Seq),
    ClaimTogether(Vec<Seq>),
    Batch(Box<Batch>),
    Pushed(PushEnd),
    OperatePush(TenantName, PushId, Act, Who),
    /// Settings and sets were read anew.
    Reloaded(String),
}

impl Write {
    /// The events that it is about, where those are recorded before.
    pub(super) fn about(&self) -> &[Seq] {
        match self {
            Self::Record(_)
            | Self::Hold(_)
            | Self::Refused(_)
            | Self::Batch(_)
            | Self::Pushed(_)
            | Self::OperatePush(..)
            | Self::Reloaded(_) => &[],
            Self::Begin(seq)
            | Self::Tell(seq, _)
            | Self::Decide(seq, _)
            | Self::Operate(seq, ..)
            | Self::Claim(seq) => std::slice::from_ref(seq),
            Self::ClaimTogether(seqs) => seqs,
            Self::Settle(end) => std::slice::from_ref(&end.seq),
            Self::CallBack(callback) => std::slice::from_ref(&callback.seq),
        }
    }

    /// The events that it claims, and whether they leave together.
    pub(super) fn claims(&self) -> (&[Seq], bool) {
        match self {
            Self::Claim(seq) => (std::slice::from_ref(seq), false),
            Self::ClaimTogether(seqs) => (seqs, true),
            _ => (&[], false),
        }
    }

    /// The push that it is about.
    pub(super) fn push(&self) -> Option<PushId> {
        match self {
            Self::Pushed(end) => Some(end.id),
            Self::OperatePush(_, id, ..) => Some(*id),
            _ => None,
        }
    }

    /// Whether somebody relies on it as soon as it is committed. A claim that a crash of the database forgets is only
    /// one that has to be made again.
    pub(super) fn must_last(&self) -> bool {
        match self {
            Self::Record(record) => record.told.is_some() || record.begun,
            Self::Claim(_) | Self::ClaimTogether(_) => false,
            Self::Pushed(end) => !matches!(end.state, State::Queued { .. }),
            _ => true,
        }
    }
}

/// What a write came to.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Done,
    Recorded(Recorded),
    /// What was told or decided before, which stands.
    Stands(Option<Vec<u8>>),
    Effect(Effect),
    Turn(Turn),
    Turns(Vec<Turn>),
    Refused(StoreError),
}

type Sender<T> = oneshot::Sender<Result<T, StoreError>>;

/// Who waits for a write.
#[derive(Debug)]
pub(super) enum Waiter {
    Plain(Sender<()>),
    Recorded(Sender<Recorded>),
    Stands(Sender<Option<Vec<u8>>>),
    Effect(Sender<Effect>),
    Turn(Sender<Turn>),
    Turns(Sender<Vec<Turn>>),
}

impl Waiter {
    /// Tells what the write came to, now that it is on disk. Who hung up no longer waits; the write stands all the same.
    pub(super) fn hear(self, outcome: Result<Outcome, StoreError>) {
        let outcome = outcome.and_then(|outcome| match outcome {
            Outcome::Refused(error) => Err(error),
            outcome => Ok(outcome),
        });
        match (self, outcome) {
            (Self::Plain(to), outcome) => drop(to.send(outcome.map(drop))),
            (Self::Effect(to), Ok(Outcome::Effect(effect))) => drop(to.send(Ok(effect))),
            (Self::Recorded(to), Ok(Outcome::Recorded(recorded))) => drop(to.send(Ok(recorded))),
            (Self::Stands(to), Ok(Outcome::Stands(stands))) => drop(to.send(Ok(stands))),
            (Self::Turn(to), Ok(Outcome::Turn(turn))) => drop(to.send(Ok(turn))),
            (Self::Turns(to), Ok(Outcome::Turns(turns))) => drop(to.send(Ok(turns))),
            (Self::Effect(to), outcome) => fail(to, outcome),
            (Self::Recorded(to), outcome) => fail(to, outcome),
            (Self::Stands(to), outcome) => fail(to, outcome),
            (Self::Turn(to), outcome) => fail(to, outcome),
            (Self::Turns(to), outcome) => fail(to, outcome),
        }
    }
}

/// Another outcome than the write can have is a mistake of the writer's, and no promise.
fn fail<T>(to: Sender<T>, outcome: Result<Outcome, StoreError>) {
    let error = outcome.err().unwrap_or_else(|| StoreError("the write came to something else".to_owned()));
    let _ = to.send(Err(error));
}

/// One write, and who waits for it.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) write: Write,
    pub(super) waiter: Waiter,
}

/// The end of a hold.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) hold: Hold,
    pub(super) by: Who,
    /// What an operator takes the store in spite of, by the same word.
    pub(super) accepted: Option<Doubt>,
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Item {
    Write(Command),
    /// Takes over what gateways have left that are gone.
    Adopt(Sender<Vec<Waiting>>),
    /// Ends a hold, and queues again what was parked for it.
    Release(Release, Sender<Vec<Waiting>>),
}

impl Item {
    /// It can't be done.
    pub(super) fn fail(self, error: &StoreError) {
        match self {
            Self::Write(command) => command.waiter.hear(Err(error.clone())),
            Self::Adopt(to) | Self::Release(_, to) => drop(to.send(Err(error.clone()))),
        }
    }
}
