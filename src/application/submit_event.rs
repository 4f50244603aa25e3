//! A caller submits an event: the one path, from the front. Whoever comes first claims the event, prepares it, has it
//! recorded and sent, and answers by the deadline; twins and later callers hear the same words.

use super::breakers::{Pass, Shut};
use super::deliver::{Errand, callback_until};
use super::gateway::Desk;
use super::journey::{Journey, Plan, speak_fallback};
use super::lines::Start;
use super::mishap::Mishap;
use super::ports::{Check, Claimed, Known, Message, Mode, Prepared, Record, Seq, StoreError};
use super::tenants::Tenant;
use super::tickets::{Claim, Held, Ticket, Word};
use crate::domain::decision::{Answer, Basis, Bench};
use crate::domain::event::{Facts, FieldFault, event_id};
use crate::domain::field::{Field, Fingerprint};
use crate::domain::going_back::Back;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::pass_through::Asks;
use crate::domain::velocity::Velocity;
use crate::telemetry::traces;
use jiff::Timestamp;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How often a call looks for the word of another gateway that works on its event.
const LOOK: Duration = Duration::from_millis(50);

/// What a caller hands in.
pub struct Submission<'a> {
    /// Whose key the call carried.
    pub tenant: &'a Arc<Tenant>,
    /// The body.
    pub event: &'a Field<'a>,
    /// What another body under the same name is compared by.
    pub fingerprint: Fingerprint,
    /// What the caller asks for.
    pub mode: Mode,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<&'a str>,
    /// When the call came, by a clock that never jumps.
    pub received: Instant,
    /// By when a decision falls, from then on.
    pub deadline: Duration,
    /// Who hears of the decision beside the caller.
    pub back: Back,
}

/// The answer.
#[derive(Debug)]
pub struct Reply {
    /// The words, byte for byte those of the first answer.
    pub body: Arc<[u8]>,
    /// What the first caller asked for.
    pub mode: Mode,
    /// Whether another call was answered with the same words before.
    pub replayed: bool,
    /// When this call's own attempt left and when it ended, as far as there was one and it had.
    pub times: (Option<Instant>, Option<Instant>),
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Refusal {
    /// All that is wrong with the event.
    Invalid(Vec<FieldFault>),
    /// The name stands for another body already.
    OtherBody,
    /// The same call is under way, under an explicit idempotency key.
    InFlight,
    /// A callback is asked for, and the tenant has none.
    NoCallback,
    /// Nothing is recorded and nothing promised.
    Store,
}

impl From<StoreError> for Refusal {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

/// Takes an event in and answers it.
///
/// # Errors
/// See [`Refusal`].
pub async fn submit(desk: &Desk, call: Submission<'_>) -> Result<Reply, Refusal> {
    let received_at = desk.gateway.clock.now();
    let Some(id) = event_id(call.event) else {
        let faults = desk.xceed.prepare(&call.tenant.name, call.event, received_at).err().unwrap_or_default();
        return Err(Refusal::Invalid(faults));
    };
    let fingerprint = call.fingerprint;
    Visit { desk, call, id, fingerprint, received_at }.run().await
}

/// The answer to an event that is known here already, for a call that may bring no new one just now.
pub async fn repeat(desk: &Desk, call: &Submission<'_>) -> Option<Reply> {
    let (gateway, tenant, id) = (&desk.gateway, &call.tenant.name, event_id(call.event)?);
    let twin = gateway.tickets.of(tenant, &id);
    if let Some(twin) = twin.filter(|twin| twin.live && twin.fingerprint == call.fingerprint)
        && let Some(Ok(reply)) = answer(twin.heard().await, true)
    {
        return Some(reply);
    }
    let known = gateway.store.find(tenant, &id, None).await.ok().flatten();
    known.filter(|known| known.fingerprint == call.fingerprint)?.reply()
}

/// The fallback's answer to an event that can't be recorded just now, for whoever must not hear an error. Nothing is
/// promised, and nothing is claimed to be recorded.
///
/// # Errors
/// The event is no valid one.
pub fn answer_unrecorded(desk: &Desk, call: &Submission<'_>, basis: Basis) -> Result<Reply, Refusal> {
    let gateway = &desk.gateway;
    let received_at = gateway.clock.now();
    let prepared =
        desk.xceed.prepare(&call.tenant.name, call.event, received_at).map_err(Refusal::Invalid)?;
    let velocity = gateway.velocity.lock().unwrap_or_else(PoisonError::into_inner);
    let customer = prepared.facts.customer.as_ref();
    let velocity = customer.map_or(0, |customer| velocity.others(&call.tenant.name, customer, received_at));
    let bench = Bench { policy: &call.tenant.policy, facts: &prepared.facts, velocity };
    let words = (gateway.wording)(&Answer {
        event_id: prepared.message.event_id.as_str().to_owned(),
        decision: bench.unrecorded(basis),
        defaulted: prepared.defaulted,
        decided_at: gateway.clock.now(),
        latency: call.received.elapsed(),
    });
    gateway.unrecorded.note(basis, received_at);
    Ok(Reply { body: words.into(), mode: call.mode, replayed: false, times: (None, None) })
}

/// A caller's call while it waits for an answer.
struct Visit<'a> {
    desk: &'a Desk,
    call: Submission<'a>,
    id: EventId,
    fingerprint: Fingerprint,
    received_at: Timestamp,
}

impl Visit<'_> {
    async fn run(&self) -> Result<Reply, Refusal> {
        let (tenant, key) = (&self.call.tenant.name, self.call.idempotency_key);
        loop {
            match self.desk.gateway.tickets.claim(tenant, &self.id, key, self.fingerprint, true) {
                Claim::Mine(held) => {
                    if let Some(reply) = self.take_in(held).await? {
                        return Ok(reply);
                    }
                }
                Claim::Theirs(ticket) if ticket.fingerprint != self.fingerprint => {
                    return Err(Refusal::OtherBody);
                }
                Claim::Theirs(ticket) => {
                    if let Some(reply) = self.join(&ticket).await? {
                        return Ok(reply);
                    }
                }
            }
        }
    }

    /// Nobody else here works on the event: it is new, or recorded already. `None`: another gateway was quicker.
    async fn take_in(&self, held: Held) -> Result<Option<Reply>, Refusal> {
        match self.known().await? {
            None => self.take_new(held).await,
            Some(known) => match known.reply() {
                Some(reply) => Ok(Some(reply)),
                None => self.take_up(held, &known).await.map(Some),
            },
        }
    }

    async fn take_new(&self, held: Held) -> Result<Option<Reply>, Refusal> {
        let mut prepared = self.prepare()?;
        self.adapt(&mut prepared.message)?;
        let (gateway, tenant) = (&self.desk.gateway, &self.call.tenant.name);
        let whose = prepared.facts.customer.clone().map(|customer| (tenant.clone(), customer));
        let draw = || gateway.store.next_seq();
        let (seq, start) = gateway.lines.join(whose, draw, (&gateway.relay, self.received_at));
        let errand = self.errand(&prepared, seq, Velocity::count);
        let limited = self.is_limited(&errand);
        let code = gateway.holds.code(tenant, &errand.message).filter(|_| !limited);
        let check = self.check(&errand, limited);
        let is_turn = code.is_none() && matches!(start, Start::Now);
        // Before it is recorded: what must not be sent twice is recorded as begun where it leaves at once.
        let pass = is_turn.then(|| self.pass());
        let record = Record {
            seq,
            tenant: tenant.clone(),
            idempotency_key: self.call.idempotency_key.map(str::to_owned),
            fingerprint: self.fingerprint,
            mode: self.call.mode,
            received_at: self.received_at,
            prepared: Arc::new(prepared),
            begun: !self.call.tenant.resend_in_doubt && matches!(pass, Some(Ok(_))),
            told: None,
            decided: None,
            check,
            back: self.call.back.clone(),
            batch: None,
        };
        let counted = record.check.is_some() && self.counts_here();
        let plan = match code {
            Some(code) => Plan::Wait { record, code },
            None if limited => Plan::Limited { record, start },
            None => Plan::New { record, start },
        };
        let facts = errand.facts.clone();
        let heard = self.set_out(held, errand, (self.call.mode, pass), plan).await;
        if counted && !matches!(heard, Ok(Some(_))) && !self.is_recorded().await {
            self.take_back(&facts);
        }
        heard
    }

    /// Leave to send at once.
    fn pass(&self) -> Result<Pass, Shut> {
        let gateway = &self.desk.gateway;
        gateway.breakers.pass(self.call.tenant, Asks::Live, 0, self.received_at)
    }

    /// Whether the customer was checked too often, as far as this gateway counts.
    fn is_limited(&self, errand: &Errand) -> bool {
        let gateway = &self.desk.gateway;
        let Some(customer) = errand.facts.customer.as_ref().filter(|_| self.counts_here()) else {
            return false;
        };
        let (tenant, kind) = (&self.call.tenant.name, errand.facts.event_type.as_str());
        !gateway.checks().allow(tenant, (customer, kind), self.call.tenant.checks, self.received_at)
    }

    /// Other gateways count in the store that they share.
    fn counts_here(&self) -> bool {
        self.call.mode.is_check() && !self.desk.gateway.store.is_shared()
    }

    /// Whether the event is on disk, though its caller was promised nothing.
    async fn is_recorded(&self) -> bool {
        let (tenant, key) = (&self.call.tenant.name, self.call.idempotency_key);
        self.desk.gateway.store.find(tenant, &self.id, key).await.is_ok_and(|known| known.is_some())
    }

    fn take_back(&self, facts: &Facts) {
        if let Some(customer) = &facts.customer {
            let whom = (customer, facts.event_type.as_str());
            self.desk.gateway.checks().take_back(&self.call.tenant.name, whom, self.received_at);
        }
    }

    /// How the store counts it.
    fn check(&self, errand: &Errand, limited: bool) -> Option<Check> {
        let counts = self.call.mode.is_check() && errand.facts.customer.is_some() && !limited;
        let gateway = &self.desk.gateway;
        let rule = self.call.tenant.checks;
        let words = || errand.words(gateway, errand.bench().limited(rule));
        let limited = if gateway.store.is_shared() && counts { words() } else { Vec::new() };
        counts.then_some(Check { rule, limited })
    }

    /// The event is recorded, and nobody was told: a crash came between, or a full disk, or another gateway works on
    /// it. What leaves now is what was recorded then.
    async fn take_up(&self, held: Held, known: &Known) -> Result<Reply, Refusal> {
        let gateway = &self.desk.gateway;
        let delivery = match gateway.store.claim(known.seq).await? {
            Claimed::Mine(delivery) => *delivery,
            Claimed::Later | Claimed::Elsewhere => return self.wait_elsewhere(held, known).await,
            Claimed::Gone => {
                // Another gateway may have answered it just now.
                if let Some(reply) = self.known().await?.as_ref().and_then(Known::reply) {
                    return Ok(reply);
                }
                held.ticket().take_the_word();
                return self.decide_without_xceed(held.ticket(), known).await;
            }
        };
        let errand = Errand::resumed(gateway, self.call.tenant.clone(), known.seq, delivery);
        let errand = Errand { received: Some(self.call.received), ..errand };
        let reply = self.set_out(held, errand, (known.mode, None), Plan::Known).await?;
        reply.ok_or(Refusal::Store)
    }

    /// Another gateway works on the event, or others of its customer go first: its word is heard, or at the deadline
    /// the fallback's.
    async fn wait_elsewhere(&self, held: Held, known: &Known) -> Result<Reply, Refusal> {
        if self.call.idempotency_key.is_some() {
            return Err(Refusal::InFlight);
        }
        let over = self.deadline() - self.desk.gateway.store.lead();
        let word = async {
            loop {
                sleep(LOOK).await;
                if let Some(reply) = self.known().await?.as_ref().and_then(Known::reply) {
                    return Ok(reply);
                }
            }
        };
        if let Ok(heard) = timeout_at(over, word).await {
            return heard;
        }
        held.ticket().take_the_word();
        self.decide_without_xceed(held.ticket(), known).await
    }

    async fn set_out(
        &self,
        held: Held,
        errand: Errand,
        (mode, pass): (Mode, Option<Result<Pass, Shut>>),
        plan: Plan,
    ) -> Result<Option<Reply>, Refusal> {
        let (ticket, desk, deadline) = (held.ticket().clone(), self.desk.clone(), self.deadline());
        // The journey belongs to the event and not to the caller's connection: who hangs up changes nothing.
        let mishap = Mishap::of(&desk.gateway, errand.seq, Some(&ticket));
        let journey = async move {
            let errand = errand.weighed(&desk.gateway).await;
            Journey { _mishap: mishap, desk, errand, held, mode, deadline, pass }.begin(plan).await;
        };
        tokio::task::spawn_local(traces::within(traces::current(), journey));
        let reply = answer(ticket.heard().await, false).transpose()?;
        // Who is told before it is sent does not wait for it.
        let times = if mode.is_told_the_decision() { ticket.times() } else { (None, None) };
        Ok(reply.map(|reply| Reply { times, ..reply }))
    }

    /// Somebody else works on the event. `None`: the other let go.
    async fn join(&self, ticket: &Ticket) -> Result<Option<Reply>, Refusal> {
        // The relay sends again what may have been answered long ago.
        if !ticket.live
            && let Some(reply) = self.known().await?.as_ref().and_then(Known::reply)
        {
            return Ok(Some(reply));
        }
        if self.call.idempotency_key.is_some() && ticket.word().is_none() {
            return Err(Refusal::InFlight);
        }
        let heard = if ticket.live {
            Some(ticket.heard().await)
        } else {
            timeout_at(self.deadline() - self.desk.gateway.store.lead(), ticket.heard()).await.ok()
        };
        match heard {
            Some(word) => answer(word, true).transpose(),
            None if ticket.take_the_word() => {
                let known = self.known().await?.ok_or(Refusal::Store)?;
                self.decide_without_xceed(ticket, &known).await.map(Some)
            }
            None => answer(ticket.heard().await, true).transpose(),
        }
    }

    /// By the fallback, for whoever has taken the word: the relay has the event, and this caller's deadline has come.
    async fn decide_without_xceed(&self, ticket: &Ticket, known: &Known) -> Result<Reply, Refusal> {
        let errand = self.errand(&self.prepare()?, known.seq, |velocity, tenant, customer, at| {
            velocity.others(tenant, customer, at)
        });
        let errand = errand.weighed(&self.desk.gateway).await;
        let decision = errand.bench().past_deadline(self.call.deadline);
        let word = speak_fallback(&self.desk.gateway, &errand, (ticket, known.mode), decision).await;
        answer(word, false).unwrap_or(Err(Refusal::Store))
    }

    /// The event as it is recorded.
    async fn known(&self) -> Result<Option<Known>, Refusal> {
        let (tenant, key) = (&self.call.tenant.name, self.call.idempotency_key);
        let known = self.desk.gateway.store.find(tenant, &self.id, key).await?;
        match known {
            Some(known) if known.fingerprint != self.fingerprint => Err(Refusal::OtherBody),
            known => Ok(known),
        }
    }

    fn prepare(&self) -> Result<Prepared, Refusal> {
        let work = || self.desk.xceed.prepare(&self.call.tenant.name, self.call.event, self.received_at);
        traces::step_at_once("prepare", work, Result::is_err).map_err(Refusal::Invalid)
    }

    /// A score is wanted now, not at all, or by callback.
    fn adapt(&self, message: &mut Message) -> Result<(), Refusal> {
        message.response_required = self.call.mode != Mode::Ack;
        if self.call.mode == Mode::Async {
            let callback = self.call.tenant.callback.as_ref().ok_or(Refusal::NoCallback)?;
            message.callback_id = Some(callback.id.clone().unwrap_or_else(self.desk.gateway.mint));
        }
        Ok(())
    }

    fn deadline(&self) -> Instant {
        self.call.received + self.call.deadline
    }

    fn errand(&self, prepared: &Prepared, seq: Seq, velocity: Count) -> Errand {
        let tenant = &self.call.tenant.name;
        let mut counts = self.desk.gateway.velocity.lock().unwrap_or_else(PoisonError::into_inner);
        let customer = prepared.facts.customer.as_ref();
        Errand {
            seq,
            tenant: self.call.tenant.clone(),
            message: prepared.message.clone(),
            velocity: customer
                .map_or(0, |customer| velocity(&mut counts, tenant, customer, self.received_at)),
            facts: prepared.facts.clone(),
            defaulted: prepared.defaulted.clone(),
            received_at: self.received_at,
            received: Some(self.call.received),
            attempts_left: 0,
            callback_until: callback_until(self.call.tenant, &prepared.message, self.received_at),
            mode: self.call.mode,
            deadline: self.call.deadline,
        }
    }
}

/// How a customer's other events are counted.
type Count = fn(&mut Velocity, &TenantName, &CustomerId, Timestamp) -> u32;

impl Known {
    /// The first answer, where one was recorded.
    fn reply(&self) -> Option<Reply> {
        let told = self.told.as_ref()?;
        Some(Reply { body: told.as_slice().into(), mode: self.mode, replayed: true, times: (None, None) })
    }
}

/// What a word means for a caller; `None` where the event must be claimed anew.
fn answer(word: Word, replayed: bool) -> Option<Result<Reply, Refusal>> {
    match word {
        Word::Told { body, mode, again } => {
            Some(Ok(Reply { body, mode, replayed: replayed || again, times: (None, None) }))
        }
        Word::Failed => Some(Err(Refusal::Store)),
        Word::Withdrawn => None,
    }
}
