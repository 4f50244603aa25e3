//! A caller submits an event: the one path, from the front. Whoever comes first claims the event, prepares it, has it
//! recorded and sent, and answers by the deadline; twins and later callers hear the same words.

use super::deliver::{Desk, Ended, Errand, Gateway, on_disk};
use super::ports::{Known, Mode, Prepared, Record, Seq, StoreError};
use super::tenants::Tenant;
use super::tickets::{Claim, Held, Ticket, Word};
use crate::domain::event::{FieldFault, event_id};
use crate::domain::field::{Field, Fingerprint};
use crate::domain::identifiers::EventId;
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
        let faults = desk.xceed.prepare(call.tenant, call.event, received_at).err().unwrap_or_default();
        return Err(Refusal::Invalid(faults));
    };
    let fingerprint = call.event.fingerprint();
    loop {
        let (tickets, key) = (&desk.gateway.tickets, call.idempotency_key);
        match tickets.claim(&call.tenant.name, &id, key, fingerprint, true) {
            Claim::Mine(held) => return take_in(desk, &call, held, &id, fingerprint, received_at).await,
            Claim::Theirs(ticket) if ticket.fingerprint != fingerprint => return Err(Refusal::OtherBody),
            Claim::Theirs(ticket) => {
                if let Some(reply) = join(desk, &call, &ticket, &id, received_at).await? {
                    return Ok(reply);
                }
            }
        }
    }
}

/// Somebody else works on the event. `None`: the other let go.
async fn join(
    desk: &Desk,
    call: &Submission<'_>,
    ticket: &Arc<Ticket>,
    id: &EventId,
    received_at: Timestamp,
) -> Result<Option<Reply>, Refusal> {
    // The relay sends again what may have been answered long ago.
    if !ticket.live
        && let Some(Known { fingerprint, told: Some(told), mode, .. }) =
            desk.gateway.store.find(&call.tenant.name, id, call.idempotency_key).await?
    {
        let reply = Reply { body: told.into(), mode, replayed: true };
        return if fingerprint == ticket.fingerprint { Ok(Some(reply)) } else { Err(Refusal::OtherBody) };
    }
    if call.idempotency_key.is_some() && ticket.word().is_none() {
        return Err(Refusal::InFlight);
    }
    share(desk, call, ticket, id, received_at).await
}

/// Nobody else works on the event: it is new, or recorded already.
async fn take_in(
    desk: &Desk,
    call: &Submission<'_>,
    held: Held,
    id: &EventId,
    fingerprint: Fingerprint,
    received_at: Timestamp,
) -> Result<Reply, Refusal> {
    let store = &desk.gateway.store;
    let known = store.find(&call.tenant.name, id, call.idempotency_key).await?;
    let recorded = match known {
        Some(known) if known.fingerprint != fingerprint => return Err(Refusal::OtherBody),
        Some(Known { told: Some(told), mode, .. }) => {
            return Ok(Reply { body: told.into(), mode, replayed: true });
        }
        Some(Known { seq, mode, .. }) => Some((seq, mode)),
        None => None,
    };
    let (recorded, mode) = recorded.map_or((None, call.mode), |(seq, mode)| (Some(seq), mode));
    let mut prepared = desk.xceed.prepare(call.tenant, call.event, received_at).map_err(Refusal::Invalid)?;
    prepared.message.response_required = mode == Mode::Sync;
    let ticket = held.ticket().clone();
    let journey = Journey {
        desk: desk.clone(),
        errand: errand(desk, call, &prepared, recorded, received_at),
        held,
        mode,
        deadline: call.received + call.tenant.policy.deadline,
    };
    let record = recorded.is_none().then(|| Record {
        seq: journey.errand.seq,
        tenant: call.tenant.name.clone(),
        idempotency_key: call.idempotency_key.map(str::to_owned),
        fingerprint,
        mode,
        received_at,
        prepared: Arc::new(prepared),
        begun: !call.tenant.resend_in_doubt,
        told: None,
    });
    // The journey belongs to the event and not to the caller's connection: who hangs up changes nothing.
    tokio::task::spawn_local(journey.begin(record));
    answer(ticket.heard().await, false).unwrap_or(Err(Refusal::Store))
}

fn errand(
    desk: &Desk,
    call: &Submission<'_>,
    prepared: &Prepared,
    recorded: Option<Seq>,
    received_at: Timestamp,
) -> Errand {
    Errand {
        seq: recorded.unwrap_or_else(|| desk.gateway.store.next_seq()),
        tenant: call.tenant.clone(),
        message: prepared.message.clone(),
        velocity: velocity(&desk.gateway, call.tenant, prepared, received_at),
        facts: prepared.facts.clone(),
        defaulted: prepared.defaulted.clone(),
        received_at,
        received: Some(call.received),
        attempts_left: 0,
    }
}

fn velocity(gateway: &Gateway, tenant: &Tenant, prepared: &Prepared, at: Timestamp) -> u32 {
    let Some(customer) = &prepared.facts.customer else { return 0 };
    gateway.velocity.lock().unwrap_or_else(PoisonError::into_inner).count(&tenant.name, customer, at)
}

/// Waits for the words of whoever works on the event, as long as this caller's own deadline allows where that is the
/// relay. `None`: the other let go.
async fn share(
    desk: &Desk,
    call: &Submission<'_>,
    ticket: &Arc<Ticket>,
    id: &EventId,
    received_at: Timestamp,
) -> Result<Option<Reply>, Refusal> {
    let deadline = call.received + call.tenant.policy.deadline;
    let lead = desk.gateway.store.lead();
    let heard = if ticket.live {
        Some(ticket.heard().await)
    } else {
        timeout_at(deadline - lead, ticket.heard()).await.ok()
    };
    if let Some(word) = heard {
        return answer(word, true).transpose();
    }
    if !ticket.take_the_word() {
        return answer(ticket.heard().await, true).transpose();
    }
    let known = desk.gateway.store.find(&call.tenant.name, id, None).await?;
    let mode = known.as_ref().map_or(call.mode, |known| known.mode);
    let prepared = desk.xceed.prepare(call.tenant, call.event, received_at).map_err(Refusal::Invalid)?;
    let errand = errand(desk, call, &prepared, known.map(|known| known.seq), received_at);
    let word = speak_fallback(&desk.gateway, &errand, ticket, mode).await;
    answer(word, false).transpose()
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
            Mode::Ack => self.acknowledge(record).await,
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
    async fn acknowledge(self, record: Option<Record>) {
        let (gateway, ticket) = (&self.desk.gateway, self.held.ticket());
        let told = self.errand.words(gateway, self.errand.bench().acknowledge());
        let receipt = match record {
            Some(record) => gateway.store.record(Record { told: Some(told.clone()), ..record }),
            None => gateway.store.tell(self.errand.seq, told.clone()),
        };
        ticket.take_the_word();
        let recorded = on_disk(receipt).await;
        ticket.say(word(&recorded, told, self.mode));
        if recorded.is_ok() {
            let ended = self.errand.attempt(&self.desk, ticket).await;
            self.settle_behind(ended).await;
        }
    }

    /// The caller hears a decision by the deadline: Xceed's if it comes in time, else the fallback's, while the
    /// attempt goes on behind.
    async fn score(self, record: Option<Record>) {
        let (gateway, ticket) = (&self.desk.gateway, self.held.ticket());
        if let Some(record) = record {
            let receipt = gateway.store.record(record);
            // The send need not wait for the flush, unless the last commit failed or nothing may be sent twice.
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
                if ticket.take_the_word() {
                    speak_fallback(gateway, &self.errand, ticket, self.mode).await;
                }
                self.settle_behind(attempt.await).await;
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
