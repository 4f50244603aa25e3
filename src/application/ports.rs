//! What the use cases need of the world: Xceed, a store, a clock. Only what has two real parties is a port.

use crate::domain::decision::Answer;
use crate::domain::delivery::Attempt;
use crate::domain::event::{Facts, FieldFault, Traces};
use crate::domain::field::Field;
use crate::domain::hold::Queue;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::order::Whose;
use jiff::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

mod archive;
mod batches;
mod ends;
mod journal;
mod kept;
mod pushes;
mod records;

pub use archive::{Archive, Backlog, Found as FoundEvent, Noted, Search, Shelf, Story, Tried};
pub use batches::*;
pub use ends::*;
pub use journal::*;
pub use kept::*;
pub use pushes::*;
pub use records::*;

/// A future that stays on the thread that made it.
pub type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// Xceed, as one worker thread sees it.
pub trait Scoring {
    /// Event → payload, valid against the tenant's schema set; or every fault, in the order of the event's members.
    ///
    /// # Errors
    /// All that is wrong with the event, never a value.
    fn prepare(
        &self,
        tenant: &TenantName,
        event: &Field<'_>,
        received_at: Timestamp,
    ) -> Result<Prepared, Vec<FieldFault>>;

    /// One attempt: sign, wrap, POST, read Results. Ends within the tenant's attempt timeout.
    fn send(&self, tenant: &TenantName, message: Message) -> Local<Sent>;

    /// One attempt to bring many events at once, all of one channel.
    fn send_chunk(&self, tenant: &TenantName, chunk: Chunk) -> Local<Sent>;

    /// Whether two recorded payloads can leave in one document.
    fn fit_together(&self, one: &str, other: &str) -> bool;
}

/// Events that leave together, in the order of recording; signed anew at each attempt.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The channel of all of them.
    pub channel: Arc<str>,
    /// Whether Xceed takes them in behind.
    pub is_async: bool,
    /// The events' ids and payloads, as recorded.
    pub events: Vec<(EventId, Arc<str>)>,
}

/// An event that is ready to be recorded and sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What decisions need of it.
    pub facts: Facts,
    /// What the audit trail knows it by.
    pub traces: Traces,
    /// What is sent, and sent again.
    pub message: Message,
    /// The schema set that the payload is valid against.
    pub schema: String,
    /// Elements that the filling rules filled, in the order of the schema.
    pub defaulted: Vec<String>,
}

/// What one delivery brings to Xceed; signed anew at each attempt.
#[derive(Clone, Debug)]
pub struct Message {
    /// The event that it carries.
    pub event_id: EventId,
    /// The channel, the same in the payload, the request and the hash.
    pub channel: Arc<str>,
    /// The payload's text.
    pub payload: Arc<str>,
    /// Whether a score is wanted, or an acknowledgement alone.
    pub response_required: bool,
    /// The name of the address that Xceed sends the score to, where it comes by callback.
    pub callback_id: Option<Arc<str>>,
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Sent {
    /// Its end.
    pub attempt: Attempt,
    /// The fingerprint of the tenant's next secret key, where this attempt proved that Xceed has moved to it.
    pub promoted_key: Option<String>,
}

/// The number under which an event is recorded: the order of recording.
pub type Seq = i64;

/// Resolves once a write is on disk, with what it came to. Where it is dropped nobody waits, and the write may wait a
/// few milliseconds for one that somebody waits for, to share its flush.
pub type Receipt<T = ()> = oneshot::Receiver<Result<T, StoreError>>;

/// The store can't keep its promise just now. Says so without values.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store can't record: {0}")]
pub struct StoreError(pub String);

/// What is durable. Writes are queued at once and in order; each hands out a receipt.
pub trait Store: Archive + Send + Sync {
    /// A number for a new event, larger than all before.
    fn next_seq(&self) -> Seq;
    /// Whether other gateways write to it too. Then an event is claimed by its record, which must be there before it is
    /// sent.
    fn is_shared(&self) -> bool;
    /// Queues a new event and its delivery.
    fn record(&self, record: Record) -> Receipt<Recorded>;
    /// Queues that an attempt begins, for a delivery that must not be sent twice.
    fn begin(&self, seq: Seq) -> Receipt;
    /// Queues the decision on an event whose first answer was that it is pending. The first decision stands.
    fn decide(&self, seq: Seq, decided: Vec<u8>) -> Receipt;
    /// Queues what Xceed's callback says. Comes to what that has changed.
    fn call_back(&self, callback: Callback) -> Receipt<Effect>;
    /// Notes that a callback was refused, and why; recorded with others of the same second.
    fn refused(&self, why: &'static str);
    /// Queues what a caller is told about a recorded event. Comes to what was told before, which then stands.
    fn tell(&self, seq: Seq, told: Vec<u8>) -> Receipt<Option<Vec<u8>>>;
    /// Queues what is done with a parked delivery, and by whom; one that is not parked is an error.
    fn operate(&self, seq: Seq, act: Act, by: Who) -> Receipt;
    /// Queues the end of an attempt. Where it tells or decides, it comes to what was told or decided before, which then
    /// stands; only then is what it says late noted beside it.
    fn settle(&self, settlement: Settlement) -> Receipt<Option<Vec<u8>>>;
    /// The event recorded under an event id or an idempotency key.
    fn find(&self, tenant: &TenantName, id: &EventId, key: Option<&str>) -> Local<Found>;
    /// An event whose score comes by callback.
    fn awaited(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<Awaited>, StoreError>>;
    /// All that a caller may see of an event.
    fn view(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<View>, StoreError>>;
    /// A delivery that is not settled, to be sent again by whoever asks.
    fn claim(&self, seq: Seq) -> Local<Result<Claimed, StoreError>>;
    /// Deliveries that are due and whose gateway is gone, and when each is due.
    fn orphans(&self) -> Local<Result<Vec<Waiting>, StoreError>>;
    /// A tenant's parked deliveries, the newest first: at most so many, below a number where one is given.
    fn parked(
        &self,
        tenant: &TenantName,
        below: Option<Seq>,
        limit: u32,
    ) -> Local<Result<Vec<Parked>, StoreError>>;
    /// One parked delivery.
    fn one_parked(&self, tenant: &TenantName, seq: Seq) -> Local<Result<Option<Parked>, StoreError>>;
    /// Takes out events that are older than a time and done, with everything that hangs on them: of so many that follow
    /// a number, in the order of recording. Away from the hot path. `None` where nothing so old follows.
    fn prune(&self, after: Seq, before: Timestamp, limit: u32) -> Local<Result<Option<Pruned>, StoreError>>;
    /// How long before a deadline a write must be queued to be on disk by then.
    fn lead(&self) -> Duration;
    /// Whether the last commit succeeded.
    fn is_well(&self) -> bool;
    /// Queues that a tenant's queue is held.
    fn hold(&self, hold: Hold) -> Receipt;
    /// Queues the end of a hold, and who ends it. Comes to what was parked for it and waits again, the oldest first;
    /// what its customer has overtaken since stays parked.
    fn release(&self, hold: Hold, by: Who) -> Receipt<Vec<Waiting>>;
    /// All queues that are held.
    fn holds(&self) -> Local<Result<Vec<Hold>, StoreError>>;
    /// The oldest delivery that waits in a held queue, or was parked for it.
    fn oldest_held(&self, hold: &Hold) -> Local<Result<Option<Probe>, StoreError>>;
    /// Whether Xceed has, or may have, a later event of the same customer.
    fn is_overtaken(&self, seq: Seq) -> Local<Result<bool, StoreError>>;
    /// How many other events a customer had in the hour before that time, where other gateways may have taken them in;
    /// `None` where this one knows.
    fn others(
        &self,
        _tenant: &TenantName,
        _customer: &CustomerId,
        _before: Timestamp,
    ) -> Local<Result<Option<u32>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    /// From now on this hears what other gateways have done with a store that is shared.
    fn follow(&self, _listener: Listener) {}
    /// Deliveries of one batch that leave together: each is this gateway's, where nothing that is not among them goes
    /// before it.
    fn claim_together(&self, seqs: Vec<Seq>) -> Local<Result<Vec<Claimed>, StoreError>>;
    /// Queues what is known of a batch, once all of its lines are taken in.
    fn batch(&self, batch: Batch) -> Receipt;
    /// A batch, and how far it has come.
    fn batch_view(&self, tenant: &TenantName, id: &str) -> Local<Result<Option<BatchView>, StoreError>>;
    /// Decisions that are to go back and are due, at most so many, which are this gateway's to bring from now on; of one
    /// interaction and target only the oldest. None of the targets that pause.
    fn pushes(
        &self,
        now: Timestamp,
        limit: u32,
        paused: &[(TenantName, String)],
    ) -> Local<Result<Vec<Push>, StoreError>>;
    /// Queues the end of an attempt to bring a decision back.
    fn pushed(&self, end: PushEnd) -> Receipt;
    /// A tenant's decisions that could not be brought back, the newest first: at most so many, below a number where one is
    /// given.
    fn parked_pushes(
        &self,
        tenant: &TenantName,
        below: Option<PushId>,
        limit: u32,
    ) -> Local<Result<Vec<ParkedPush>, StoreError>>;
    /// Queues what is done with one of them, and by whom; one of another tenant, or that is not parked, is an error.
    fn operate_push(&self, tenant: &TenantName, id: PushId, act: Act, by: Who) -> Receipt;
    /// Where the journal of decisions ends now.
    fn journal_end(&self) -> Local<Result<Place, StoreError>>;
    /// A tenant's decisions and late scores behind a place, in the order in which they fell: at most so many.
    fn journal(
        &self,
        tenant: &TenantName,
        after: Place,
        limit: u32,
    ) -> Local<Result<JournalPage, StoreError>>;
    /// Queues that settings and sets were read anew, by the fingerprint of all of them.
    fn reloaded(&self, configuration: String) -> Receipt;
}

/// Hears news, on whatever thread they come.
pub type Listener = Box<dyn Fn(News) + Send + Sync>;

/// What another gateway has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An event has a decision now.
    Decided(TenantName, EventId),
    /// A delivery of this gateway is waited for by a newer event of its customer.
    Hurry(Seq),
}

/// Who acts: the name of an operator's API key, or `None` for the gateway itself.
pub type Who = Option<String>;

/// A queue of a tenant that waits, because its cause is not one event's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Whose queue.
    pub tenant: TenantName,
    /// Which.
    pub queue: Queue,
    /// Why: a return code, or [`crate::domain::hold::STORE_OLDER`].
    pub code: String,
    /// Since when its cause is there: what was parked for that code since then was parked for it.
    pub since: Timestamp,
}

/// The answer to [`Store::oldest_held`].
#[derive(Clone, Debug)]
pub struct Probe {
    /// The delivery.
    pub waiting: Waiting,
    /// Whether it is parked, and not queued.
    pub parked: bool,
}

/// What one step of [`Store::prune`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The last event that was looked at; the next step goes on behind it.
    pub upto: Seq,
    /// How many were taken out.
    pub removed: usize,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// No other gateway has anything to send of the same customer that was recorded before.
    First,
    /// Another gateway has, and that goes first.
    Behind,
    /// It would have been one check too many on its customer, so it was recorded as none, to be sent without asking for a
    /// score.
    Limited,
    /// Nothing was recorded: the event's id or the caller's key is known already.
    Known,
}

/// The answer to [`Store::claim`].
#[derive(Debug)]
pub enum Claimed {
    /// It is yours to send.
    Mine(Box<Delivery>),
    /// Others of the same customer go first, or its record is still on its way to the disk.
    Later,
    /// Another gateway has it. Should that be gone, it is among the [`Store::orphans`].
    Elsewhere,
    /// Nothing is to be sent.
    Gone,
}

/// A delivery that waits, as far as its turn is concerned.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its number.
    pub seq: Seq,
    /// When it is due.
    pub due: Timestamp,
    /// Whose line it stands in, where it still has to leave; none without a customer.
    pub line: Option<Whose>,
    /// Whether its decision is still to fall, at a time of its own also while it waits for its turn: by a callback, or
    /// behind.
    pub by_callback: bool,
    /// Whether it leaves with others of a batch.
    pub in_batch: bool,
}

/// The answer to [`Store::find`].
pub type Found = Result<Option<Known>, StoreError>;

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// How a decision is put into words for callers; the HTTP edge knows.
pub type Wording = fn(&Answer) -> Vec<u8>;
