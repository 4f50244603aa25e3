//! What the use cases need of the world: Xceed, a store, a clock. Only what has two real parties is a port.

use crate::domain::decision::Answer;
use crate::domain::delivery::{Attempt, State};
use crate::domain::event::{Facts, FieldFault, Traces};
use crate::domain::field::{Field, Fingerprint};
use crate::domain::going_back::{Back, Kind};
use crate::domain::hold::Queue;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::limits::Rule;
use crate::domain::order::Whose;
use crate::domain::policy::Verdict;
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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

/// The platforms that decisions go back to, as the thread sees them that brings them there.
pub trait Pushing {
    /// One attempt to bring a decision back.
    fn push(&self, push: Push) -> Local<Pushed>;
}

/// How an attempt to bring a decision back ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is there.
    Landed,
    /// The interaction has ended, or nobody wants it any more: nothing is left to do.
    Gone(&'static str),
    /// It may work later.
    Later {
        /// Why, in words for logs and the store.
        why: &'static str,
        /// Whether it left this machine.
        left: bool,
        /// Nothing goes to this target before that time has passed.
        pause: Option<Duration>,
    },
    /// It won't work before a person has done something.
    Refused(&'static str),
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
pub trait Store: Send + Sync {
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
    fn claim_together(&self, seqs: Vec<Seq>) -> Local<Result<Vec<Claimed>, StoreError>> {
        let _ = seqs;
        Box::pin(std::future::ready(Err(StoreError("not here".to_owned()))))
    }
    /// Queues what is known of a batch, once all of its lines are taken in.
    fn batch(&self, batch: Batch) -> Receipt {
        let _ = batch;
        oneshot::channel().1
    }
    /// A batch, and how far it has come.
    fn batch_view(&self, tenant: &TenantName, id: &str) -> Local<Result<Option<BatchView>, StoreError>> {
        let _ = (tenant, id);
        Box::pin(std::future::ready(Err(StoreError("not here".to_owned()))))
    }
    /// Decisions that are to go back and are due, at most so many, which are this gateway's to bring from now on; of one
    /// interaction and target only the oldest. None of the targets that pause.
    fn pushes(
        &self,
        now: Timestamp,
        limit: u32,
        paused: &[(TenantName, String)],
    ) -> Local<Result<Vec<Push>, StoreError>> {
        let _ = (now, limit, paused);
        Box::pin(std::future::ready(Err(StoreError("not here".to_owned()))))
    }
    /// Queues the end of an attempt to bring a decision back.
    fn pushed(&self, end: PushEnd) -> Receipt {
        let _ = end;
        oneshot::channel().1
    }
    /// A tenant's decisions that could not be brought back, the newest first: at most so many, below a number where one is
    /// given.
    fn parked_pushes(
        &self,
        tenant: &TenantName,
        below: Option<PushId>,
        limit: u32,
    ) -> Local<Result<Vec<ParkedPush>, StoreError>> {
        let _ = (tenant, below, limit);
        Box::pin(std::future::ready(Err(StoreError("not here".to_owned()))))
    }
    /// Queues what is done with one of them, and by whom; one of another tenant, or that is not parked, is an error.
    fn operate_push(&self, tenant: &TenantName, id: PushId, act: Act, by: Who) -> Receipt {
        let _ = (tenant, id, act, by);
        oneshot::channel().1
    }
    /// Where the journal of decisions ends now.
    fn journal_end(&self) -> Local<Result<Place, StoreError>> {
        Box::pin(std::future::ready(Err(StoreError("not here".to_owned()))))
    }
    /// A tenant's decisions and late scores behind a place, in the order in which they fell: at most so many.
    fn journal(
        &self,
        tenant: &TenantName,
        after: Place,
        limit: u32,
    ) -> Local<Result<JournalPage, StoreError>> {
        let _ = (tenant, after, limit);
        Box::pin(std::future::ready(Err(StoreError("not here".to_owned()))))
    }
    /// Queues that settings and sets were read anew, by the fingerprint of all of them.
    fn reloaded(&self, configuration: String) -> Receipt {
        let _ = configuration;
        oneshot::channel().1
    }
}

/// A decision on its way back, by number.
pub type PushId = i64;

/// A decision that goes back to where its event came from, or to whoever listens.
#[derive(Clone, Debug)]
pub struct Push {
    /// Its number.
    pub id: PushId,
    /// Under which claim this gateway has it.
    pub fence: i64,
    /// Whose event it is.
    pub tenant: TenantName,
    /// The event.
    pub event_id: EventId,
    /// Where to: `cxone`, `genesys`, `webhook:<name>`.
    pub target: String,
    /// The interaction that it is about.
    pub interaction: Option<String>,
    /// Whose attributes are set in it, where the source said so.
    pub participant: Option<String>,
    /// What goes back.
    pub kind: Kind,
    /// The decision as it was told, byte for byte.
    pub words: Vec<u8>,
    /// What Xceed said after that, where that is what goes back.
    pub late: Option<Late>,
    /// When it fell.
    pub at: Timestamp,
    /// Attempts that left this machine before.
    pub attempts: u32,
}

/// The end of an attempt to bring a decision back.
#[derive(Clone, Debug)]
pub struct PushEnd {
    /// Its number.
    pub id: PushId,
    /// Under which claim.
    pub fence: i64,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// `landed`, `gone`, or why not, in words.
    pub why: &'static str,
    /// Whether the attempt left this machine, and counts.
    pub left: bool,
    /// Where it stands now: queued, settled or parked.
    pub state: State,
}

/// A decision that could not be brought back.
#[derive(Clone, Debug)]
pub struct ParkedPush {
    /// Its number.
    pub id: PushId,
    /// The event.
    pub event_id: String,
    /// Where to.
    pub target: String,
    /// What.
    pub kind: Kind,
    /// Why it is kept.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// Attempts that left this machine.
    pub attempts: u32,
}

/// A place in the journal of decisions, in the words of the store that gave it out; [`Place::parse`] takes them back from a
/// listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub i64, pub i64);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl Place {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, second) = text.split_once('-')?;
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 0);
        Some(Self(number(first)?, number(second)?))
    }
}

/// Decisions and late scores of a tenant.
#[derive(Clone, Debug)]
pub struct JournalPage {
    /// In the order in which they fell.
    pub entries: Vec<JournalEntry>,
    /// How far was looked: the next page begins behind.
    pub upto: Place,
}

/// A decision, or what Xceed said after it.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    /// Where it stands.
    pub place: Place,
    /// Which of the two.
    pub kind: Kind,
    /// The event.
    pub event_id: String,
    /// The decision as it was told, byte for byte.
    pub words: Vec<u8>,
    /// What Xceed said after it.
    pub late: Option<Late>,
}

/// A batch whose lines have been taken in.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its id.
    pub id: String,
    /// Whose.
    pub tenant: TenantName,
    /// How its events are sent.
    pub mode: Mode,
    /// When it came.
    pub received_at: Timestamp,
    /// All lines, blank ones left out.
    pub lines: u64,
    /// Lines that were recorded.
    pub accepted: u64,
    /// Lines that were known already.
    pub duplicates: u64,
    /// Lines that could not be taken.
    pub failed: u64,
    /// What was wrong with them, as JSON; not all where there were too many.
    pub failures: String,
}

/// A batch as it is now.
#[derive(Clone, Debug)]
pub struct BatchView {
    /// What was taken in.
    pub batch: Batch,
    /// Events that wait to be sent, or sent again.
    pub queued: u64,
    /// Events that are kept for a person.
    pub parked: u64,
    /// Events that were given up.
    pub discarded: u64,
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
    /// Another gateway has it, or others of the same customer go first.
    Later,
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
    /// The decision that falls with this very write, where the caller is told that it is pending.
    pub decided: Option<Vec<u8>>,
    /// Whether it counts as a check on its customer.
    pub check: Option<Check>,
    /// Who hears of its decision.
    pub back: Back,
    /// The batch that it came in.
    pub batch: Option<String>,
}

/// How a check on a customer is counted.
#[derive(Clone, Debug)]
pub struct Check {
    /// How many are allowed. A store that is not shared only notes that it is one: its gateway has counted.
    pub rule: Rule,
    /// What the caller is told, and is the decision, where it is one too many: then it is recorded as no check, to be sent
    /// without asking for a score.
    pub limited: Vec<u8>,
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A decision now.
    Sync,
    /// An acknowledgement now, no score.
    Ack,
    /// An acknowledgement now, the decision when Xceed calls back.
    Async,
    /// An acknowledgement now, the decision a moment later, to be brought back.
    Deferred,
    /// An acknowledgement, sent together with others, no score.
    Batch,
    /// The same, and Xceed takes them in behind.
    AsyncBatch,
}

impl Mode {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Ack => "ack",
            Self::Async => "async",
            Self::Deferred => "deferred",
            Self::Batch => "batch",
            Self::AsyncBatch => "async-batch",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Sync, Self::Ack, Self::Async, Self::Deferred, Self::Batch, Self::AsyncBatch];
        all.into_iter().find(|mode| mode.name() == word)
    }

    /// Whether the first answer is that the decision is pending.
    pub fn is_told_pending(self) -> bool {
        matches!(self, Self::Async | Self::Deferred)
    }

    /// Whether the first answer is the decision.
    pub fn is_told_the_decision(self) -> bool {
        self == Self::Sync
    }

    /// Whether it leaves with others of a batch.
    pub fn is_batch(self) -> bool {
        matches!(self, Self::Batch | Self::AsyncBatch)
    }

    /// Whether it is a check on its customer.
    pub fn is_check(self) -> bool {
        matches!(self, Self::Sync | Self::Async | Self::Deferred)
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
    /// What Xceed says, for where the caller was told before.
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

/// What is done with a parked delivery.
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
    /// Whose line it stood in.
    pub line: Option<Whose>,
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
    /// Deliveries that are not settled, in the order of recording.
    pub waiting: Vec<Waiting>,
    /// Events of the last hour by customer, for velocity and limits; in the order of receipt.
    pub recent: Vec<Recent>,
    /// The secret key that each tenant was promoted to, by fingerprint.
    pub promoted_keys: Vec<(TenantName, String)>,
    /// Queues that are held.
    pub holds: Vec<Hold>,
}

/// A recent event of a customer.
#[derive(Clone, Debug)]
pub struct Recent {
    /// Whose.
    pub tenant: TenantName,
    /// The customer.
    pub customer: CustomerId,
    /// When it was received.
    pub at: Timestamp,
    /// Its type, where it counts as a check.
    pub check: Option<String>,
}

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// How a decision is put into words for callers; the HTTP edge knows.
pub type Wording = fn(&Answer) -> Vec<u8>;
