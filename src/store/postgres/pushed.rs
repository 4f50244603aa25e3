//! What a batch of writes changes in decisions on their way back. Who has lost the lease changes nothing.

use super::batch::{Batch, refuse};
use super::command::Outcome;
use super::standing::{Changes, Going, Gone};
use crate::application::ports::{Act, PushEnd, PushId};
use crate::domain::delivery::State;
use crate::domain::identifiers::TenantName;
use crate::store::rows::time;

impl Batch<'_> {
    /// An attempt to bring a decision back has ended. Whoever has lost the lease changes nothing.
    pub(super) fn pushed(&mut self, end: &PushEnd, changes: &mut Changes) -> Outcome {
        let is_mine = |going: &&mut Going| going.fence == end.fence && !going.is_parked;
        let Some(going) = self.going.get_mut(&end.id).filter(is_mine) else { return Outcome::Done };
        going.attempts += i64::from(end.left);
        let stands =
            |due, reason, parked_at| Gone { id: end.id, due, attempts: going.attempts, reason, parked_at };
        match &end.state {
            State::Queued { due } | State::AwaitingCallback { until: due } => {
                changes.pushing.push(stands(time(*due), None, None));
                return Outcome::Done;
            }
            State::Parked { reason } => {
                let at = time(end.at);
                changes.pushing.push(stands(at, Some(reason.clone()), Some(at)));
                going.is_parked = true;
            }
            State::Settled => changes.pushed.push(end.id),
        }
        let (subject, target, kind) = (going.subject.clone(), going.target.clone(), going.kind);
        if end.state == State::Settled {
            self.going.remove(&end.id);
        }
        changes.entries.push(self.pen.pushed(&subject, (&target, kind), end));
        Outcome::Done
    }

    /// What an operator does with a decision that could not be brought back.
    pub(super) fn operate_push(
        &mut self,
        tenant: &TenantName,
        id: PushId,
        (act, by): (Act, Option<&str>),
        changes: &mut Changes,
    ) -> Outcome {
        let is_theirs = |going: &&mut Going| going.is_parked && going.subject.tenant == tenant.as_str();
        let Some(going) = self.going.get_mut(&id).filter(is_theirs) else {
            return refuse("the push is not parked");
        };
        going.is_parked = false;
        match act {
            Act::Replay(at) => changes.pushing.push(Gone {
                id,
                due: time(at),
                attempts: going.attempts,
                reason: None,
                parked_at: None,
            }),
            Act::Discard => changes.pushed.push(id),
        }
        let what = (id, going.target.as_str(), going.kind);
        changes.entries.push(self.pen.operated_push(&going.subject, what, (act, by)));
        Outcome::Done
    }
}
