//! The events of a load: all that is known of one follows from its key, so that nothing else need be kept.

use crate::chance::Chance;
use crate::harness::customer_event;
use serde_json::json;

/// One event: the customer's number, the wave that it belongs to, and its place in that. A customer's next wave begins
/// when all of the last one is answered, so the gateway records waves in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) customer: u16,
    pub(crate) wave: u32,
    pub(crate) place: u8,
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Sync,
    Ack,
    Async,
}

/// The number of the second tenant's first customer.
pub(crate) const SECOND: u16 = 1200;
/// Types whose events carry no part of their own.
const TYPES: [&str; 5] = ["Login", "Logout", "BalanceInquiry", "PasswordChange", "ContactChange"];

impl Key {
    pub(crate) fn id(self) -> String {
        format!("e-{:04}-{:06}-{}", self.customer, self.wave, self.place)
    }

    pub(crate) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix("e-")?.split('-');
        let mut part = || parts.next();
        let (customer, wave, place) = (part()?.parse().ok()?, part()?.parse().ok()?, part()?.parse().ok()?);
        Some(Self { customer, wave, place })
    }

    fn chance(self) -> Chance {
        Chance::new(u64::from(self.customer) << 40 | u64::from(self.wave) << 8 | u64::from(self.place))
    }

    pub(crate) fn mode(self) -> Mode {
        match self.chance().between(0, 20) {
            0..8 => Mode::Sync,
            8..16 => Mode::Ack,
            _ => Mode::Async,
        }
    }

    /// The same for a tenant without a callback id.
    pub(crate) fn mode_without_callback(self) -> Mode {
        if self.mode() == Mode::Ack { Mode::Ack } else { Mode::Sync }
    }

    /// Whose event it is: customers from here on are the second tenant's.
    pub(crate) fn tenant(self) -> &'static str {
        if self.customer < SECOND { "first-bank" } else { "second-bank" }
    }

    /// The request that submits it, whole.
    pub(crate) fn submission(self, mode: Mode) -> Vec<u8> {
        let query = match mode {
            Mode::Sync => "",
            Mode::Ack => "?mode=ack",
            Mode::Async => "?mode=async",
        };
        let mut event = customer_event(&self.id(), &customer(self.customer));
        event["eventType"] = json!(self.chance().fork().pick(&TYPES));
        let body = event.to_string();
        let (head, length) = (self.head(&format!("POST /v1/events{query}")), body.len());
        format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    }

    /// The request that looks it up.
    pub(crate) fn look_up(self) -> Vec<u8> {
        format!("{}\r\n", self.head(&format!("GET /v1/events/{}", self.id()))).into_bytes()
    }

    fn head(self, what: &str) -> String {
        let key = format!("caller-of-{}", self.tenant());
        format!("{what} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n")
    }
}

/// A customer's id; some ask the simulator for something unusual. Few are very slow, since their events wait for each
/// other.
fn customer(number: u16) -> String {
    let trigger = match (number % 12, number % 48) {
        (0, _) => "SIM-CALLBACK-TWICE",
        (1, _) => "SIM-CALLBACK-CONFLICT",
        (2, _) => "SIM-CALLBACK-FORGED",
        (3, _) => "SIM-CALLBACK-FIRST",
        (4, _) => "SIM-SLOW-40",
        (5, 5) => "SIM-SLOW-150",
        _ => return format!("C-{number}"),
    };
    format!("{trigger}~{number}")
}
