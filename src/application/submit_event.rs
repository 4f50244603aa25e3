//! A caller submits an event: the one path, from the front. Whoever comes first claims the event, prepares it, has it
//! recorded and sent, and answers by the deadline; twins and later callers hear the same words.

use super::deliver::{Desk, Ended, Errand, Gateway, callback_until, on_disk};
use super::ports::{Known, Message, Mode, Prepared, Record, Seq, StoreError};
use super::tenants::Tenant;
use super::tickets::{Claim, Held, Ticket, Word};
use crate::domain::event::{FieldFault, event_id};
use crate::domain::field::{Field, Fingerprint};
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::velocity::Velocity;
use jiff::Timestamp;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use tokio::time::{Instant, sleep_until, timeout_at};

/// What a caller hands in.
pub struct Submission<'a> {
    /// Whose key the call carried.
    pub tenant: &'a Arc<Tenant>,
    /// The body.
    pub event: &'a Field<'a>,
    /// What the caller asks for.
    pub mode: Mode,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<&'a str>,
    /// When the call came, by a clock that never jumps.
    pub received: Instant,
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
    let fingerprint = call.event.fingerprint();
    Visit { desk, call, id, fingerprint, received_at }.run().await
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
                Claim::Mine(held) => return self.take_in(held).await,
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

    /// Nobody else works on the event: it is new, or recorded already.
    async fn take_in(&self, held: Held) -> Result<Reply, Refusal> {
        match self.known().await? {
            None => self.take_new(held).await,
            Some(known) => match known.reply() {
                Some(reply) => Ok(reply),
                None => self.take_up(held, &known).await,
            },
        }
    }

    async fn take_new(&self, held: Held) -> Result<Reply, Refusal> {
        let mut prepared = self.prepare()?;
        self.adapt(&mut prepared.message)?;
        let errand = self.errand(&prepared, self.desk.gateway.store.next_seq(), Velocity::count);
        let record = Record {
            seq: errand.seq,
            tenant: self.call.tenant.name.clone(),
            idempotency_key: self.call.idempotency_key.map(str::to_owned),
            fingerprint: self.fingerprint,
            mode: self.call.mode,
            received_at: self.received_at,
            prepared: Arc::new(prepared),
            begun: !self.call.tenant.resend_in_doubt,
            told: None,
        };
        self.set_out(held, errand, self.call.mode, Some(record)).await
    }

    /// The event is recorded, and nobody was told: a crash came between, or a full disk. What leaves now is what was
    /// recorded then.
    async fn take_up(&self, held: Held, known: &Known) -> Result<Reply, Refusal> {
        let gateway = &self.desk.gateway;
        let Some(delivery) = gateway.store.delivery(known.seq).await? else {
            held.ticket().take_the_word();
            return self.decide_without_xceed(held.ticket(), known).await;
        };
        let errand = Errand::resumed(gateway, self.call.tenant.clone(), known.seq, delivery);
        let errand = Errand { received: Some(self.call.received), ..errand };
        self.set_out(held, errand, known.mode, None).await
    }

    async fn set_out(
        &self,
        held: Held,
        errand: Errand,
        mode: Mode,
        record: Option<Record>,
    ) -> Result<Reply, Refusal> {
        let ticket = held.ticket().clone();
        let journey = Journey { desk: self.desk.clone(), errand, held, mode, deadline: self.deadline() };
        // The journey belongs to the event and not to the caller's connection: who hangs up changes nothing.
        tokio::task::spawn_local(journey.begin(record));
        answer(ticket.heard().await, false).unwrap_or(Err(Refusal::Store))
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
        let word = speak_fallback(&self.desk.gateway, &errand, ticket, known.mode).await;
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
        let prepared = self.desk.xceed.prepare(&self.call.tenant.name, self.call.event, self.received_at);
        prepared.map_err(Refusal::Invalid)
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
        self.call.received + self.call.tenant.policy.deadline
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
        }
    }
}

/// How a customer's other events are counted.
type Count = fn(&mut Velocity, &TenantName, &CustomerId, Timestamp) -> u32;

impl Known {
    /// The first answer, where one was recorded.
    fn reply(&self) -> Option<Reply> {
        let told = self.told.as_ref()?;
        Some(Reply { body: told.as_slice().into(), mode: self.mode, replayed: true })
    }
}

/// What a word means for a caller; `None` where the event must be claimed anew.
fn answer(word: Word, replayed: bool) -> Option<Result<Reply, Refusal>> {
    match word {
        Word::Told { body, mode } => Some(Ok(Reply { body, mode, replayed })),
        Word::Failed => Some(Err(Refusal::Store)),
        Word::Withdrawn => None,
    }
}

/// A live event's way through record, send and settle.
struct Journey {
    desk: Desk,
    errand: Errand,
    held: Held,
    mode: Mode,
    deadline: Instant,
}

impl Journey {
    /// `record` is absent where the event is recorded already.
    async fn begin(self, record: Option<Record>) {
        match self.mode {
            Mode::Ack | Mode::Async => self.take_in(record).await,
            Mode::Sync if record.is_none() && !self.errand.tenant.resend_in_doubt => self.doubt().await,
            Mode::Sync => self.score(record).await,
        }
    }

    /// The event was recorded before, so it may have been sent before, and nothing may be sent twice.
    async fn doubt(self) {
        if self.held.ticket().take_the_word() {
            self.tell_decision(Ended::unknown()).await;
        }
    }

    /// The caller hears that the event is recorded; it is sent behind.
    async fn take_in(self, record: Option<Record>) {
        let (gateway, ticket) = (&self.desk.gateway, self.held.ticket());
        let bench = self.errand.bench();
        let decision = if self.mode == Mode::Async { bench.await_callback() } else { bench.acknowledge() };
        let told = self.errand.words(gateway, decision);
        let receipt = match record {
            Some(record) => gateway.store.record(Record { told: Some(told.clone()), ..record }),
            None => gateway.store.tell(self.errand.seq, told.clone()),
        };
        ticket.take_the_word();
        let recorded = on_disk(receipt).await;
        ticket.say(word(&recorded, told, self.mode));
        if recorded.is_ok() {
            if let Some(until) = self.errand.callback_until {
                gateway.relay.enqueue(self.errand.seq, until);
            }
            let ended = self.errand.attempt(&self.desk, ticket).await;
            self.settle_behind(ended).await;
            if self.errand.callback_until.is_some() {
                // Where Xceed did not take it in, the decision has fallen.
                gateway.tickets.announce(&self.errand.tenant.name, &self.errand.message.event_id);
            }
        }
    }

    /// The caller hears a decision by the deadline: Xceed's if it comes in time, else the fallback's, while the
    /// attempt goes on behind.
    async fn score(self, record: Option<Record>) {
        let (gateway, ticket) = (&self.desk.gateway, self.held.ticket());
        if let Some(record) = record {
            let receipt = gateway.store.record(record);
            // The send need not wait for the flush, unless the last commit failed or nothing may be sent twice. Dropping
            // the receipt lets the record wait for the settlement, so that an answer in time costs one flush.
            let must_wait = !gateway.store.is_well() || !self.errand.tenant.resend_in_doubt;
            if must_wait && on_disk(receipt).await.is_err() {
                ticket.take_the_word();
                return ticket.say(Word::Failed);
            }
        }
        let mut attempt = pin!(self.errand.attempt(&self.desk, ticket));
        let ended = tokio::select! {
            biased;
            ended = &mut attempt => Some(ended),
            () = sleep_until(self.deadline - gateway.store.lead()) => None,
        };
        // A twin may have taken the word for this event before us, if the relay worked on it then.
        match ended {
            Some(ended) if ticket.take_the_word() => self.tell_decision(ended).await,
            Some(ended) => self.settle_behind(ended).await,
            None => {
                let told = !ticket.take_the_word()
                    || matches!(
                        speak_fallback(gateway, &self.errand, ticket, self.mode).await,
                        Word::Told { .. }
                    );
                let ended = attempt.await;
                if told { self.settle_behind(ended).await } else { self.settle_untold(ended).await }
            }
        }
    }

    async fn tell_decision(&self, ended: Ended) {
        let gateway = &self.desk.gateway;
        let told = self.errand.words(gateway, self.errand.decide(&ended));
        let settled = on_disk(self.errand.settle(gateway, ended, Some(told.clone()))).await;
        self.held.ticket().say(word(&settled, told, self.mode));
        if settled.is_err() {
            self.errand.settle_later(gateway);
        }
    }

    /// The caller was told that nothing is promised: the decision is what is heard when the event is asked for again.
    async fn settle_untold(&self, ended: Ended) {
        let gateway = &self.desk.gateway;
        let told = self.errand.words(gateway, self.errand.decide(&ended));
        if on_disk(self.errand.settle(gateway, ended, Some(told))).await.is_err() {
            self.errand.settle_later(gateway);
        }
    }

    /// The caller has been told already.
    async fn settle_behind(&self, ended: Ended) {
        let gateway = &self.desk.gateway;
        if on_disk(self.errand.settle(gateway, ended, None)).await.is_err() {
            self.errand.settle_later(gateway);
        }
    }
}

/// Decides by the fallback, because the deadline has come. Only for whoever has taken the word.
async fn speak_fallback(gateway: &Gateway, errand: &Errand, ticket: &Ticket, mode: Mode) -> Word {
    let told = errand.words(gateway, errand.bench().past_deadline());
    let recorded = on_disk(gateway.store.tell(errand.seq, told.clone())).await;
    let word = word(&recorded, told, mode);
    ticket.say(word.clone());
    word
}

fn word(recorded: &Result<(), StoreError>, told: Vec<u8>, mode: Mode) -> Word {
    match recorded {
        Ok(()) => Word::Told { body: told.into(), mode },
        Err(_) => Word::Failed,
    }
}
