//! What the use cases need of the world: Xceed, a store, a clock. Only what has two real parties is a port.

use crate::domain::decision::Answer;
use crate::domain::delivery::{Attempt, State};
use crate::domain::event::{Facts, FieldFault};
use crate::domain::field::{Field, Fingerprint};
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::policy::Verdict;
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;

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
}

/// An event that is ready to be recorded and sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What decisions need of it.
    pub facts: Facts,
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

/// Resolves once a write is on disk. Where it is dropped nobody waits, and the write may wait a few milliseconds for
/// one that somebody waits for, to share its flush.
pub type Receipt = oneshot::Receiver<Result<(), StoreError>>;

/// The store can't keep its promise just now. Says so without values.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store can't record: {0}")]
pub struct StoreError(pub String);

/// What is durable. Writes are queued at once and in order; each hands out a receipt.
pub trait Store: Send + Sync {
    /// A number for a new event, larger than all before.
    fn next_seq(&self) -> Seq;
    /// Queues a new event and its delivery.
    fn record(&self, record: Record) -> Receipt;
    /// Queues that an attempt begins, for a delivery that must not be sent twice.
    fn begin(&self, seq: Seq) -> Receipt;
    /// Queues the decision on an event whose first answer was that it is pending. The first decision stands.
    fn decide(&self, seq: Seq, decided: Vec<u8>) -> Receipt;
    /// Queues what Xceed's callback says; the effect is there once the receipt is.
    fn call_back(&self, callback: Callback) -> (Receipt, Arc<OnceLock<Effect>>);
    /// Queues what a caller is told about a recorded event.
    fn tell(&self, seq: Seq, told: Vec<u8>) -> Receipt;
    /// Queues what an operator does with a parked delivery; one that is not parked is an error.
    fn operate(&self, seq: Seq, act: Act) -> Receipt;
    /// Queues the end of an attempt.
    fn settle(&self, settlement: Settlement) -> Receipt;
    /// The event recorded under an event id or an idempotency key.
    fn find(&self, tenant: &TenantName, id: &EventId, key: Option<&str>) -> Local<Found>;
    /// An event whose score comes by callback.
    fn awaited(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<Awaited>, StoreError>>;
    /// All that a caller may see of an event.
    fn view(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<View>, StoreError>>;
    /// A delivery that is not settled, to be sent again.
    fn delivery(&self, seq: Seq) -> Local<Result<Option<Delivery>, StoreError>>;
    /// A tenant's parked deliveries, the newest first: at most so many, below a number where one is given.
    fn parked(
        &self,
        tenant: &TenantName,
        below: Option<Seq>,
        limit: u32,
    ) -> Local<Result<Vec<Parked>, StoreError>>;
    /// One parked delivery.
    fn one_parked(&self, tenant: &TenantName, seq: Seq) -> Local<Result<Option<Parked>, StoreError>>;
    /// How long before a deadline a write must be queued to be on disk by then.
    fn lead(&self) -> Duration;
    /// Whether the last commit succeeded.
    fn is_well(&self) -> bool;
}

/// The answer to [`Store::find`].
pub type Found = Result<Option<Known>, StoreError>;

/// A new event, as it is recorded.
#[derive(Debug)]
pub struct Record {
    /// Its number.
    pub seq: Seq,
    /// Whose event it is.
    pub tenant: TenantName,
    /// The caller's `Idempotency-Key`, where one was given.
    pub idempotency_key: Option<String>,
    /// The body's meaning.
    pub fingerprint: Fingerprint,
    /// What the caller asked for.
    pub mode: Mode,
    /// When it came.
    pub received_at: Timestamp,
    /// The event, ready to be sent.
    pub prepared: Arc<Prepared>,
    /// Whether the first attempt counts as begun with this very write, because nothing may be sent twice.
    pub begun: bool,
    /// What the caller is told with this very write.
    pub told: Option<Vec<u8>>,
}

/// What a caller asks of `POST /v1/events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A decision now.
    Sync,
    /// An acknowledgement now, no score.
    Ack,
    /// An acknowledgement now, the decision when Xceed calls back.
    Async,
}

impl Mode {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Ack => "ack",
            Self::Async => "async",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Sync, Self::Ack, Self::Async].into_iter().find(|mode| mode.name() == word)
    }
}

/// The end of an attempt, as it is recorded.
#[derive(Debug)]
pub struct Settlement {
    /// The event's number.
    pub seq: Seq,
    /// How the attempt ended.
    pub attempt: Attempt,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Where the delivery stands now.
    pub state: State,
    /// What the caller is told with this very write.
    pub told: Option<Vec<u8>>,
    /// The decision, where the caller was told that it is pending.
    pub decided: Option<Vec<u8>>,
    /// What Xceed says after the caller was told.
    pub late: Option<Late>,
    /// The tenant and the fingerprint of its secret key that this attempt promoted.
    pub promoted_key: Option<(TenantName, String)>,
}

/// What Xceed's callback says of an event, as it is recorded.
#[derive(Debug)]
pub struct Callback {
    /// The event's number.
    pub seq: Seq,
    /// What the signature covers, by which two callbacks are the same: code, score and action as sent.
    pub said: [String; 3],
    /// When it came.
    pub at: Timestamp,
    /// Where the delivery stands now.
    pub state: State,
    /// The decision, where none has fallen.
    pub decided: Vec<u8>,
    /// What it says where the decision had fallen.
    pub late: Option<Late>,
}

/// What a callback has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is the decision.
    Decided,
    /// The decision had fallen; it stands beside it.
    Late,
    /// The same had been said before: nothing.
    Same,
    /// Something else had been said before: nothing, and somebody should look.
    Conflict,
}

/// An event whose score comes by callback.
#[derive(Debug)]
pub struct Awaited {
    /// Its number.
    pub seq: Seq,
    /// The name of the address that its callback comes to.
    pub callback_id: String,
    /// The channel that it was sent over, which the callback's signature covers.
    pub channel: String,
    /// What decisions need of it.
    pub facts: Facts,
    /// Elements that the filling rules filled.
    pub defaulted: Vec<String>,
    /// When it was received.
    pub received_at: Timestamp,
}

/// What Xceed said after the decision had fallen.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// What the decision would have been.
    pub verdict: Verdict,
    /// Xceed's score.
    pub risk_score: Option<Decimal>,
    /// Xceed's action.
    pub risk_action: Option<String>,
    /// The return code's word.
    pub return_code: String,
    /// When it came.
    pub at: Timestamp,
}

/// An event that is recorded already, as a repeated call needs it.
#[derive(Debug)]
pub struct Known {
    /// Its number.
    pub seq: Seq,
    /// Its body's meaning.
    pub fingerprint: Fingerprint,
    /// What the first caller asked for.
    pub mode: Mode,
    /// The first answer, byte for byte; `None` where no answer was recorded.
    pub told: Option<Vec<u8>>,
}

/// All that a caller may see of an event.
#[derive(Debug)]
pub struct View {
    /// The first answer, byte for byte.
    pub told: Option<Vec<u8>>,
    /// The decision, where the first answer was that it is pending.
    pub decided: Option<Vec<u8>>,
    /// What the caller asked for.
    pub mode: Mode,
    /// Elements that the filling rules filled.
    pub defaulted: Vec<String>,
    /// Where the delivery stands: `QUEUED`, `PARKED`, `SETTLED`.
    pub state: String,
    /// Attempts that have ended.
    pub attempts: u32,
    /// What Xceed said after the decision.
    pub late: Option<Late>,
}

/// What an operator does with a parked delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is sent again, from that time on.
    Replay(Timestamp),
    /// It is given up.
    Discard,
}

/// A delivery that is kept for a person.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Its number.
    pub seq: Seq,
    /// The event that it carries.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// Why: a return code, or a word of ours.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// When the event was received.
    pub received_at: Timestamp,
    /// Attempts that have ended.
    pub attempts: u32,
}

/// A delivery that is not settled.
#[derive(Debug)]
pub struct Delivery {
    /// Whose event it is.
    pub tenant: TenantName,
    /// What is sent.
    pub message: Message,
    /// What decisions need of the event.
    pub facts: Facts,
    /// The body's meaning.
    pub fingerprint: Fingerprint,
    /// What the caller asked for.
    pub mode: Mode,
    /// Elements that the filling rules filled.
    pub defaulted: Vec<String>,
    /// When it was received.
    pub received_at: Timestamp,
    /// Attempts that left this machine.
    pub attempts_left: u32,
    /// Not to be sent before; or, where it awaits a callback, until when.
    pub due: Timestamp,
    /// Whether Xceed has it, and its callback is awaited.
    pub awaits_callback: bool,
    /// Whether an attempt was recorded as begun, and never as ended.
    pub begun: bool,
    /// Whether a caller was told a decision.
    pub told: bool,
    /// Whether the decision has fallen that a caller was told to wait for.
    pub decided: bool,
}

/// What a start needs of the store.
#[derive(Debug, Default)]
pub struct Resumption {
    /// Deliveries that wait to be sent, and when each is due.
    pub queued: Vec<(Seq, Timestamp)>,
    /// Recent events by customer, for velocity.
    pub recent: Vec<(TenantName, CustomerId, Timestamp)>,
    /// The secret key that each tenant was promoted to, by fingerprint.
    pub promoted_keys: Vec<(TenantName, String)>,
}

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// How a decision is put into words for callers; the HTTP edge knows.
pub type Wording = fn(&Answer) -> Vec<u8>;
