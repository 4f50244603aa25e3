//! What a store knows of events and deliveries.

use super::{Hold, Late, Message, Mode, Seq, Waiting};
use crate::domain::event::Facts;
use crate::domain::field::Fingerprint;
use crate::domain::identifiers::{CustomerId, TenantName};
use crate::domain::order::Whose;
use jiff::Timestamp;

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
    /// When it was received.
    pub received_at: Timestamp,
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
