//! One delivery on its way: an attempt, the decision on it, and what is recorded of both. Used by the live request
//! and by the relay alike, so a retry can never say something else than the first attempt.

use super::breakers::Pass;
use super::gateway::{Desk, Gateway, on_disk};
use super::holds::Noted;
use super::ports::{Delivery, Late, Message, Mode, Receipt, Sent, Seq, Settlement, StoreError};
use super::tenants::Tenant;
use super::tickets::Ticket;
use crate::domain::decision::{Answer, Bench, Decision, Outcome, Results};
use crate::domain::delivery::{self, Attempt, Circumstances, State};
use crate::domain::event::Facts;
use crate::domain::policy::{FallbackPolicy, Policy, Verdict};
use crate::telemetry::metrics;
use crate::telemetry::traces::{self, Attribute, Kind};
use jiff::Timestamp;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const SETTLE_AGAIN: Duration = Duration::from_secs(1);
/// A decision that falls behind falls within this time.
pub const DEFERRED_MAX: Duration = Policy::DEADLINE_MAX;

/// An event on its way to Xceed.
pub struct Errand {
    /// Its number in the store.
    pub seq: Seq,
    /// Whose event it is.
    pub tenant: Arc<Tenant>,
    /// What is sent.
    pub message: Message,
    /// What decisions need.
    pub facts: Facts,
    /// The customer's other recent events.
    pub velocity: u32,
    /// Elements that the filling rules filled.
    pub defaulted: Vec<String>,
    /// When it was received, by the wall.
    pub received_at: Timestamp,
    /// When it was received, by a clock that never jumps; unknown after a restart.
    pub received: Option<Instant>,
    /// Attempts that left this machine before.
    pub attempts_left: u32,
    /// Until when a callback is awaited, where the score comes by one.
    pub callback_until: Option<Timestamp>,
    /// What the caller asked for.
    pub mode: Mode,
    /// By when the decision falls, from receipt on.
    pub deadline: Duration,
}

/// What the end of an attempt says.
pub enum Says {
    /// What the caller is told.
    Tells(Vec<u8>),
    /// The decision, where the caller was told that it is pending.
    Decides(Vec<u8>),
    /// Nothing that anybody waits for.
    Nothing,
}

/// An attempt that has ended.
pub struct Ended {
    sent: Sent,
    took: Duration,
}

/// The end of an attempt on its way to the disk.
pub struct Concluding {
    /// Resolves once it is there.
    pub receipt: Receipt<Option<Vec<u8>>>,
    /// What comes then.
    pub end: End,
}

/// What follows from the end of an attempt.
pub struct End {
    /// Where the delivery stands now.
    pub state: State,
    late: Option<Verdict>,
    speaks: bool,
    is_retry: bool,
}

impl Ended {
    /// An attempt, once it has ended.
    pub async fn of(attempt: impl Future<Output = Sent>) -> Self {
        let started = Instant::now();
        let sent = attempt.await;
        Self { sent, took: started.elapsed() }
    }

    /// How it ended.
    pub fn attempt(&self) -> &Attempt {
        &self.sent.attempt
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The same for one event of many, which shares the time and not the end.
    pub fn part(&mut self, attempt: Attempt) -> Self {
        let promoted_key = self.sent.promoted_key.take();
        Self { sent: Sent { attempt, promoted_key }, took: self.took }
    }

    /// An attempt that was recorded as begun, and was not made.
    pub fn not_made() -> Self {
        let attempt = Attempt::NotSent("an older event of the customer goes first");
        Self { sent: Sent { attempt, promoted_key: None }, took: Duration::ZERO }
    }

    /// An attempt that had begun when the gateway ended, or whose end could not be recorded.
    pub fn unknown() -> Self {
        let attempt = Attempt::InDoubt("the gateway ended during an attempt");
        Self { sent: Sent { attempt, promoted_key: None }, took: Duration::ZERO }
    }
}

impl Errand {
    /// An event that was recorded before, exactly as it was recorded.
    pub fn resumed(gateway: &Gateway, tenant: Arc<Tenant>, seq: Seq, delivery: Delivery) -> Self {
        let Delivery { message, facts, defaulted, received_at, attempts_left, mode, .. } = delivery;
        let velocity = gateway.velocity.lock().unwrap_or_else(PoisonError::into_inner);
        let others = |customer| velocity.others(&tenant.name, customer, received_at);
        let velocity = facts.customer.as_ref().map_or(0, others);
        let callback_until = callback_until(&tenant, &message, received_at);
        let deadline = if mode == Mode::Deferred { DEFERRED_MAX } else { tenant.policy.deadline };
        Self {
            mode,
            deadline,
            seq,
            tenant,
            message,
            facts,
            velocity,
            defaulted,
            received_at,
            received: None,
            attempts_left,
            callback_until,
        }
    }

    /// With what other gateways have taken in of its customer, where the fallback would weigh that.
    pub async fn weighed(mut self, gateway: &Gateway) -> Self {
        if gateway.store.is_shared()
            && self.tenant.policy.fallback_of(&self.facts) == FallbackPolicy::Local
            && let Some(customer) = &self.facts.customer
            // Where the store can't be asked, this gateway's own count has to do.
            && let Ok(Some(others)) = gateway.store.others(&self.tenant.name, customer, self.received_at).await
        {
            self.velocity = self.velocity.max(others);
        }
        self
    }

    /// One attempt.
    pub async fn attempt(&self, desk: &Desk, ticket: &Ticket, pass: Pass) -> Ended {
        if self.attempts_left == 0 {
            desk.gateway.budget().first(desk.gateway.clock.now());
        }
        ticket.leaves();
        let send = async { Ended::of(desk.xceed.send(&self.tenant.name, self.message.clone())).await };
        let ended = traces::step(("send", Kind::Client), send, |ended| self.traced(ended)).await;
        ticket.returns();
        pass.end(ended.attempt(), desk.gateway.clock.now());
        self.log(&ended);
        ended
    }

    /// The decision on an attempt.
    pub fn decide(&self, ended: &Ended) -> Decision {
        match &ended.sent.attempt {
            Attempt::Answered(_) if !self.message.response_required => self.bench().acknowledge(),
            Attempt::Answered(results) => self.bench().decide(results),
            Attempt::NotSent(why)
            | Attempt::InDoubt(why)
            | Attempt::Refused(why)
            | Attempt::PassedOver(why) => self.bench().without_results(why),
        }
    }

    /// What the event is judged with.
    pub fn bench(&self) -> Bench<'_> {
        Bench { policy: &self.tenant.policy, facts: &self.facts, velocity: self.velocity }
    }

    /// A decision in the words that the caller hears.
    pub fn words(&self, gateway: &Gateway, decision: Decision) -> Vec<u8> {
        let decided_at = gateway.clock.now();
        let since_receipt = || decided_at.duration_since(self.received_at).unsigned_abs();
        let latency = self.received.map_or_else(since_receipt, |received| received.elapsed());
        (gateway.wording)(&Answer {
            event_id: self.message.event_id.as_str().to_owned(),
            decision,
            defaulted: self.defaulted.clone(),
            decided_at,
            latency,
        })
    }

    /// Records the end of an attempt, and with it what the caller is told or what is decided; where that was before,
    /// what Xceed says is late. Once that is on disk, the customer's next delivery may leave. Comes to what was told or
    /// decided before, which then stands.
    ///
    /// # Errors
    /// The store can't record it. The delivery is queued on disk, so it is looked at again.
    pub async fn conclude(
        &self,
        gateway: &Gateway,
        ended: Ended,
        says: Says,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let at = (gateway.clock.now(), (gateway.random)());
        let Concluding { receipt, end } = self.begin_to_conclude(gateway, ended, says, at);
        let settled = traces::step(("settle", Kind::Internal), on_disk(receipt), traces::failed).await;
        self.finish(gateway, end, &settled);
        settled
    }

    /// Queues the end of an attempt, by a time and a jitter that may be others' too.
    pub fn begin_to_conclude(
        &self,
        gateway: &Gateway,
        ended: Ended,
        says: Says,
        (now, jitter): (Timestamp, f64),
    ) -> Concluding {
        let noted = match ended.sent.attempt.results() {
            Some(results) => gateway.holds.note(&self.tenant.name, &self.message, &results.code, now),
            None => Noted::Nothing,
        };
        if let Noted::Begins(hold) = &noted {
            let (tenant, queue, code) = (&hold.tenant, &hold.queue, &hold.code);
            tracing::error!(%tenant, %queue, code, "the queue is held: its events wait until this is mended");
            drop(gateway.store.hold(hold.clone()));
        }
        let state = self.state_after(&ended.sent.attempt, now, jitter, noted == Noted::Held);
        let speaks = !matches!(says, Says::Nothing);
        let is_retry = !matches!(ended.sent.attempt, Attempt::PassedOver(_));
        let settlement = self.settlement(gateway, ended, state.clone(), says);
        let late = settlement.late.as_ref().map(|late| late.verdict);
        Concluding { receipt: gateway.store.settle(settlement), end: End { state, late, speaks, is_retry } }
    }

    /// What comes once the end of an attempt is on disk, or can't be.
    pub fn finish(&self, gateway: &Gateway, end: End, settled: &Result<Option<Vec<u8>>, StoreError>) {
        let End { state, late, speaks, is_retry } = end;
        if let (Some(late), Ok(before)) = (late, settled)
            && (!speaks || before.is_some())
        {
            self.warn_of(late);
        }
        if settled.is_ok() {
            gateway.pushes.notify_one();
        }
        self.go_on(gateway, settled.is_ok().then_some(&state), is_retry);
    }

    fn state_after(&self, attempt: &Attempt, now: Timestamp, jitter: f64, held: bool) -> State {
        let left = u32::from(attempt.has_left());
        let at = Circumstances {
            attempts: self.attempts_left + left,
            recorded_at: self.received_at,
            now,
            jitter,
            resend_in_doubt: self.tenant.resend_in_doubt,
            callback_until: self.callback_until,
            held,
        };
        delivery::after(attempt, at)
    }

    fn settlement(&self, gateway: &Gateway, ended: Ended, state: State, says: Says) -> Settlement {
        let at = gateway.clock.now();
        // In a shared store another gateway may have spoken before; else what is said now is not late.
        let may_be_late = matches!(says, Says::Nothing) || gateway.store.is_shared();
        let late = if may_be_late { self.late(&ended, at) } else { None };
        let (told, decided) = match says {
            Says::Tells(told) => (Some(told), None),
            Says::Decides(decided) => (None, Some(decided)),
            Says::Nothing => (None, None),
        };
        if let State::Parked { reason } = &state {
            let code = ended.sent.attempt.results().map(|results| &results.code);
            let code = code.filter(|code| code.word() == reason.as_str());
            let reason = code.map_or(reason.as_str(), |code| code.shown());
            tracing::error!(event_id = %self.message.event_id, tenant = %self.tenant.name, reason, "parked");
        }
        // Nothing comes by callback for an event that Xceed did not take: the fallback decides at once.
        let refused =
            ended.sent.attempt.results().is_some_and(|results| results.code.row().next.is_refusal());
        let nothing_comes = refused || matches!(state, State::Parked { .. });
        let falls = self.callback_until.is_some() && nothing_comes;
        let decided = decided.or_else(|| falls.then(|| self.words(gateway, self.decide(&ended))));
        Settlement {
            seq: self.seq,
            attempt: ended.sent.attempt,
            at,
            took: ended.took,
            state,
            told,
            decided,
            late,
            promoted_key: ended.sent.promoted_key.map(|key| (self.tenant.name.clone(), key)),
        }
    }

    /// What comes after a settlement: `None` where it could not be recorded.
    fn go_on(&self, gateway: &Gateway, state: Option<&State>, is_retry: bool) {
        let now = gateway.clock.now();
        match state {
            None => self.come_back(gateway),
            Some(State::Queued { due }) if !is_retry => {
                gateway.lines.stay(self.seq);
                gateway.relay.enqueue(self.seq, *due);
            }
            Some(State::Queued { due }) => {
                gateway.lines.stay(self.seq);
                // Looked at earlier where its callback's time is over before.
                let until = self.callback_until.filter(|until| *until > now);
                gateway.relay.again(self.seq, until.map_or(*due, |until| until.min(*due)));
            }
            Some(State::AwaitingCallback { until }) => {
                gateway.relay.enqueue(self.seq, *until);
                gateway.lines.leave(self.seq, &gateway.relay, now);
            }
            Some(State::Parked { .. } | State::Settled) => {
                gateway.lines.leave(self.seq, &gateway.relay, now);
            }
        }
    }

    /// What could not be recorded leaves the delivery queued on disk: it is looked at again.
    pub fn come_back(&self, gateway: &Gateway) {
        gateway.lines.stay(self.seq);
        gateway.relay.enqueue(self.seq, gateway.clock.now() + SETTLE_AGAIN);
    }

    fn late(&self, ended: &Ended, at: Timestamp) -> Option<Late> {
        let scores = self.message.response_required && self.callback_until.is_none();
        let results = ended.sent.attempt.results().filter(|_| scores)?;
        self.late_of(results, at)
    }

    /// What Xceed's Results say beside a decision that has fallen; nothing where they bring no score.
    pub fn late_of(&self, results: &Results, at: Timestamp) -> Option<Late> {
        let decision = self.bench().decide(results);
        let verdict = decision.verdict.filter(|_| decision.outcome == Outcome::Scored)?;
        Some(Late {
            verdict,
            risk_score: results.risk_score,
            risk_action: results.risk_action.clone(),
            return_code: results.code.word().to_owned(),
            at,
        })
    }

    /// Lets a person know of a late score that is stricter than what was told. Whoever is told before Xceed answers is
    /// told by the fallback, which decides the same each time.
    pub fn warn_of(&self, late: Verdict) {
        if Some(late) > self.bench().past_deadline(self.deadline).verdict {
            let (event_id, tenant) = (&self.message.event_id, &self.tenant.name);
            metrics::STRICTER.add(&[tenant.as_str()], 1);
            tracing::error!(%event_id, %tenant, verdict = late.name(), "late, and stricter than what was told");
        }
    }

    /// What a trace says of an attempt, and whether it failed.
    fn traced(&self, ended: &Ended) -> (Vec<Attribute>, bool) {
        let attempt = &ended.sent.attempt;
        let code = attempt.results().map(|results| results.code.shown().to_owned());
        let how = code.map_or_else(
            || ("error.type", attempt.name().into()),
            |code| ("xceed_gateway.return_code", code.into()),
        );
        let (event_id, tenant) = (self.message.event_id.to_string(), self.tenant.name.to_string());
        let whose = [("xceed_gateway.event_id", event_id.into()), ("xceed_gateway.tenant", tenant.into())];
        (whose.into_iter().chain([how]).collect(), attempt.results().is_none())
    }

    fn log(&self, ended: &Ended) {
        let attempt = &ended.sent.attempt;
        let took_ms = ended.took.as_secs_f64() * 1e3;
        let (event_id, tenant) = (&self.message.event_id, &self.tenant.name);
        match attempt {
            Attempt::Answered(results) => {
                let (code, alert) = (results.code.shown(), results.code.row().alert);
                if alert.starts_with("critical") || alert.starts_with("error") {
                    tracing::error!(%event_id, %tenant, code, alert, took_ms, "attempt");
                } else {
                    tracing::debug!(%event_id, %tenant, code, took_ms, "attempt");
                }
            }
            Attempt::NotSent(why)
            | Attempt::InDoubt(why)
            | Attempt::Refused(why)
            | Attempt::PassedOver(why) => {
                tracing::warn!(%event_id, %tenant, ended = attempt.name(), why, took_ms, "attempt");
            }
        }
    }
}

/// Until when the callback is awaited that brings the score; `None` where none does. A tenant whose callback was taken
/// out of the configuration gets none any more.
pub fn callback_until(tenant: &Tenant, message: &Message, received_at: Timestamp) -> Option<Timestamp> {
    message.callback_id.as_ref()?;
    Some(received_at + tenant.callback.as_ref().map_or(Duration::ZERO, |callback| callback.timeout))
}
