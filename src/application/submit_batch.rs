//! A caller submits a batch: line by line, as it comes, so that its length costs no memory. Each line is an event like any
//! other; what is wrong with one is told by its number and keeps no other from being taken in.

mod outstanding;

use super::gateway::{Desk, on_disk};
use super::pool::{Group, WAITING_MAX};
use super::ports::{Batch, Mode, Record, Seq, StoreError};
use super::tenants::Tenant;
use super::tickets::{Claim, Held, Word};
use crate::domain::decision::{Answer, Bench};
use crate::domain::event::{FieldFault, event_id};
use crate::domain::field::{Field, Fingerprint};
use crate::domain::going_back::Back;
use crate::domain::identifiers::EventId;
use jiff::Timestamp;
use outstanding::Outstanding;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

/// So many records are on their way to the disk at the same time.
const OUTSTANDING_MAX: usize = 512;
/// So many failures are told; the others are counted.
pub const FAILURES_MAX: usize = 10_000;
/// So many chunks' worth of events are taken in before they begin to leave.
const CHUNKS_AT_ONCE: usize = 10;
/// However slowly a batch comes, what is there begins to leave so often.
const RELEASE_EVERY: Duration = Duration::from_secs(5);
/// What is wrong with one line is told in so many characters.
const DETAIL_MAX: usize = 1000;
/// How long an intake waits until others have left.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// Somebody who works on the same event is done with it within this time.
const TWIN_MAX: Duration = Duration::from_secs(6);

/// A batch that is being taken in. Whatever becomes of its caller, what is recorded is sent.
pub struct Intake {
    desk: Desk,
    tenant: Arc<Tenant>,
    mode: Mode,
    id: Arc<str>,
    received_at: Timestamp,
    received: Instant,
    outstanding: VecDeque<Outstanding>,
    /// On disk, and kept back until there are enough to leave together.
    ready: Vec<Seq>,
    released_at: Timestamp,
    told: Told,
    /// One of as many as are taken in at the same time.
    _place: OwnedSemaphorePermit,
}

/// What is known of the lines.
#[derive(Debug, Default)]
pub struct Told {
    /// Lines, blank ones left out.
    pub lines: u64,
    /// Recorded.
    pub accepted: u64,
    /// Known before.
    pub duplicates: u64,
    /// Not taken.
    pub failed: u64,
    /// What was wrong with those, as far as it is kept.
    pub failures: Vec<Failure>,
}

/// What is wrong with a line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its number, from 1.
    pub line: u64,
    /// Its event's id, where it has one.
    pub event_id: Option<String>,
    /// The problem's name, as a single event's would be.
    pub r#type: String,
    /// In words, without a value.
    pub detail: String,
}

/// Why no more of a batch is taken in.
#[derive(Debug)]
pub enum Halt {
    /// Nothing more can be recorded.
    Store,
    /// Too much waits to be sent.
    Backlog,
}

impl From<StoreError> for Halt {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

impl Intake {
    /// An intake; `None` where too many are under way, or too much waits to be sent.
    pub fn begin(desk: &Desk, tenant: Arc<Tenant>, mode: Mode, received: Instant) -> Option<Self> {
        let (gateway, pool) = (&desk.gateway, desk.gateway.relay.pool());
        let place = pool.intake()?;
        (pool.count() < WAITING_MAX).then(|| Self {
            _place: place,
            desk: desk.clone(),
            tenant,
            mode,
            id: (gateway.mint)(),
            received_at: gateway.clock.now(),
            received,
            outstanding: VecDeque::new(),
            ready: Vec::new(),
            released_at: gateway.clock.now(),
            told: Told::default(),
        })
    }

    /// Takes in the event of a line.
    ///
    /// # Errors
    /// See [`Halt`]: lines before may have been taken in, and none after.
    pub async fn take(&mut self, line: u64, event: &Field<'_>) -> Result<(), Halt> {
        self.told.lines += 1;
        // Others on this thread have their turn after each line.
        yield_now().await;
        self.settle_what_is_there().await?;
        self.wait_for_room().await?;
        let Some(id) = event_id(event) else {
            let faults = self.desk.xceed.prepare(&self.tenant.name, event, self.received_at).err();
            self.refuse(line, None, &faults.unwrap_or_default());
            return Ok(());
        };
        let fingerprint = event.fingerprint();
        loop {
            match self.desk.gateway.tickets.claim(&self.tenant.name, &id, None, fingerprint, true) {
                Claim::Mine(held) => return self.take_new(line, (id, fingerprint), held, event).await,
                Claim::Theirs(ticket) if ticket.fingerprint != fingerprint => {
                    self.fail_as_another(line, &id);
                    return Ok(());
                }
                // Whoever sends it has it from the store.
                Claim::Theirs(ticket) if !ticket.live => {
                    self.told.duplicates += 1;
                    return Ok(());
                }
                Claim::Theirs(ticket) => {
                    // It may be a line of this very batch.
                    self.settle_all().await?;
                    match timeout(TWIN_MAX, ticket.heard()).await {
                        // On disk, though its attempt may go on for long.
                        Ok(Word::Told { .. }) => {
                            self.told.duplicates += 1;
                            return Ok(());
                        }
                        Ok(Word::Failed | Word::Withdrawn) => sleep(LOOK).await,
                        Err(_) => return Err(Halt::Store),
                    }
                }
            }
        }
    }

    /// Notes that a line can't be taken.
    pub fn fail(&mut self, line: u64, problem: &str, detail: &str) {
        self.told.lines += 1;
        self.note(line, None, problem, detail);
    }

    /// How many lines were taken in, or were known before.
    pub fn good(&self) -> u64 {
        self.told.accepted + self.told.duplicates
    }

    /// No more lines come. Everything is on disk; answers the batch's id where one line at least is good.
    ///
    /// # Errors
    /// Not everything can be recorded.
    pub async fn end(mut self) -> Result<(Option<Arc<str>>, Told), Halt> {
        let settled = self.settle_all().await;
        self.release();
        settled?;
        if self.good() == 0 {
            return Ok((None, self.told));
        }
        let batch = Batch {
            id: self.id.to_string(),
            tenant: self.tenant.name.clone(),
            mode: self.mode,
            received_at: self.received_at,
            lines: self.told.lines,
            accepted: self.told.accepted,
            duplicates: self.told.duplicates,
            failed: self.told.failed,
            // A list of words and numbers has nothing that JSON can't hold.
            failures: serde_json::to_string(&self.told.failures).unwrap_or_default(),
        };
        on_disk(self.desk.gateway.store.batch(batch)).await?;
        let (tenant, id, told) = (&self.tenant.name, &self.id, &self.told);
        let Told { lines, accepted, duplicates, failed, .. } = told;
        tracing::info!(%tenant, batch = %id, lines, accepted, duplicates, failed, "a batch was taken in");
        Ok((Some(self.id), self.told))
    }

    /// No more lines come because something broke: what is recorded is sent all the same.
    pub async fn break_off(mut self) {
        // What can't be recorded was not promised.
        let _ = self.settle_all().await;
        self.release();
    }

    async fn take_new(
        &mut self,
        line: u64,
        (id, fingerprint): (EventId, Fingerprint),
        held: Held,
        event: &Field<'_>,
    ) -> Result<(), Halt> {
        let prepared = self.desk.xceed.prepare(&self.tenant.name, event, self.received_at);
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(faults) => {
                self.refuse(line, Some(&id), &faults);
                return Ok(());
            }
        };
        let (gateway, tenant) = (&self.desk.gateway, &self.tenant);
        prepared.message.response_required = false;
        let customer = prepared.facts.customer.clone();
        // An acknowledgement weighs nothing.
        let bench = Bench { policy: &tenant.policy, facts: &prepared.facts, velocity: 0 };
        let told = (gateway.wording)(&Answer {
            event_id: id.as_str().to_owned(),
            decision: bench.acknowledge(),
            defaulted: prepared.defaulted.clone(),
            decided_at: gateway.clock.now(),
            latency: self.received.elapsed(),
        });
        let group = Group {
            tenant: tenant.name.clone(),
            channel: prepared.message.channel.clone(),
            is_async: self.mode == Mode::AsyncBatch,
        };
        let size = prepared.message.payload.len();
        let draw = || {
            let seq = gateway.store.next_seq();
            // Before anybody finds it in its line.
            gateway.relay.pool().expect(&group, seq, size);
            seq
        };
        let whose = customer.clone().map(|customer| (tenant.name.clone(), customer));
        let seq = gateway.lines.stand(whose, draw, (&gateway.relay, self.received_at));
        held.ticket().take_the_word();
        let receipt = gateway.store.record(Record {
            seq,
            tenant: tenant.name.clone(),
            idempotency_key: None,
            fingerprint,
            mode: self.mode,
            received_at: self.received_at,
            prepared: Arc::new(prepared),
            begun: false,
            told: Some(told.clone()),
            decided: None,
            check: None,
            back: Back::default(),
            batch: Some(self.id.to_string()),
        });
        self.outstanding.push_back(Outstanding { line, seq, id, fingerprint, customer, held, told, receipt });
        Ok(())
    }

    /// Settles records that are on disk, and waits where too many are not.
    async fn settle_what_is_there(&mut self) -> Result<(), Halt> {
        while let Some(mut first) = self.outstanding.pop_front() {
            match first.receipt.try_recv() {
                Ok(written) => self.settle(first, written).await?,
                Err(_) if self.outstanding.len() >= OUTSTANDING_MAX => self.settle_in_time(first).await?,
                Err(_) => {
                    self.outstanding.push_front(first);
                    break;
                }
            }
        }
        let waits = self.desk.gateway.clock.now().duration_since(self.released_at).unsigned_abs();
        if self.ready.len() >= CHUNKS_AT_ONCE * self.tenant.chunk || waits > RELEASE_EVERY {
            self.release();
        }
        Ok(())
    }

    async fn settle_all(&mut self) -> Result<(), Halt> {
        let mut ended = Ok(());
        while let Some(first) = self.outstanding.pop_front() {
            ended = ended.and(self.settle_in_time(first).await);
        }
        ended
    }

    /// Where very much waits to be sent, taking in more would only fill the memory.
    async fn wait_for_room(&mut self) -> Result<(), Halt> {
        let pool = self.desk.gateway.relay.pool();
        if pool.count() < WAITING_MAX + OUTSTANDING_MAX {
            return Ok(());
        }
        self.release();
        let room = async {
            while self.desk.gateway.relay.pool().count() >= WAITING_MAX {
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, room).await.map_err(|_| Halt::Backlog)
    }

    fn release(&mut self) {
        let gateway = &self.desk.gateway;
        self.released_at = gateway.clock.now();
        gateway.relay.pool().release(self.ready.drain(..), self.released_at);
    }

    fn refuse(&mut self, line: u64, id: Option<&EventId>, faults: &[FieldFault]) {
        let words = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
        let detail = words.collect::<Vec<_>>().join("; ");
        self.note(line, id, "invalid_event", &detail);
    }

    fn fail_as_another(&mut self, line: u64, id: &EventId) {
        let detail = "this eventId stands for another body already: a new event needs a new id";
        self.note(line, Some(id), "other_body", detail);
    }

    fn note(&mut self, line: u64, id: Option<&EventId>, problem: &str, detail: &str) {
        self.told.failed += 1;
        if self.told.failures.len() < FAILURES_MAX {
            self.told.failures.push(Failure {
                line,
                event_id: id.map(|id| id.as_str().to_owned()),
                r#type: format!("urn:xceed-gateway:problem:{problem}"),
                detail: detail.chars().take(DETAIL_MAX).collect(),
            });
        }
    }
}
