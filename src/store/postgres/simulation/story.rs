//! What happens in one run, decided by its seed: who calls which gateway when, and what befalls the gateways meanwhile.

use crate::application::ports::{Message, Mode, Prepared, Record, Seq};
use crate::domain::event::{Facts, Tier, Traces};
use crate::domain::field::Fingerprint;
use crate::domain::going_back::Back;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::simulation::chance::Chance;
use jiff::Timestamp;
use std::sync::Arc;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000_000;
/// Calls come within this time.
const SPAN: u64 = 60 * SECOND;

/// One run. Times are microseconds from its beginning.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) gateways: usize,
    /// When, at which gateway.
    pub(super) calls: Vec<(i64, usize, Call)>,
    pub(super) troubles: Vec<(i64, usize, Trouble)>,
    /// By how much each gateway's clock is ahead.
    pub(super) ahead: Vec<i64>,
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: String,
    customer: Option<String>,
    pub(super) mode: Mode,
    /// Whether it must not be sent twice.
    pub(super) is_strict: bool,
}

/// What befalls a gateway.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// It stands still for so long, and then goes on as if nothing had been.
    Stops(i64),
    /// It is killed, before its last batch is committed or before it hears that it was.
    Crashes { down: i64, is_committed: bool },
    /// It ends in order.
    Ends { down: i64 },
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Answered,
    Refused,
    Parked,
    InDoubt,
}

impl Story {
    pub(super) fn of(seed: u64) -> Self {
        let chance = Chance::new(seed);
        let gateways = chance.between(2, 4) as usize;
        let which = || chance.between(0, gateways as u64) as usize;
        let customers = chance.between(1, 6);
        let mut calls = Vec::new();
        for n in 0..chance.between(5, 50) {
            let call = Call {
                id: format!("e-{n}"),
                customer: (!chance.is(10)).then(|| format!("C-{}", chance.between(0, customers))),
                mode: *chance.pick(&[Mode::Sync, Mode::Sync, Mode::Ack, Mode::Async]),
                is_strict: chance.is(40),
            };
            let at = chance.between(0, SPAN);
            if chance.is(20) {
                calls.push(((at + chance.between(0, 400 * MS)) as i64, which(), call.clone()));
            }
            calls.push((at as i64, which(), call));
        }
        let troubles = (0..chance.between(0, 7))
            .map(|_| {
                let down = chance.between(100 * MS, 40 * SECOND) as i64;
                let trouble = match chance.between(0, 4) {
                    0 | 1 => Trouble::Stops(chance.between(50 * MS, 90 * SECOND) as i64),
                    2 => Trouble::Crashes { down, is_committed: chance.is(40) },
                    _ => Trouble::Ends { down },
                };
                (chance.between(0, SPAN + 20 * SECOND) as i64, which(), trouble)
            })
            .collect();
        let ahead = (0..gateways).map(|_| chance.between(0, 30 * MS) as i64).collect();
        Self { gateways, calls, troubles, ahead }
    }
}

impl Call {
    /// As its gateway records it: as begun where it must not be sent twice, since it is to leave at once.
    pub(super) fn record(&self, seq: Seq, received_at: Timestamp) -> Record {
        let is_told = self.mode != Mode::Sync;
        Record {
            seq,
            tenant: TenantName::new(if self.is_strict { "strict" } else { "lenient" }),
            idempotency_key: None,
            // All bodies of an event mean the same here.
            fingerprint: Fingerprint([0; 32]),
            mode: self.mode,
            received_at,
            prepared: Arc::new(self.prepared()),
            begun: self.is_strict,
            told: is_told.then(|| br#"{"outcome":"PENDING"}"#.to_vec()),
            decided: None,
            check: None,
            back: Back::default(),
            batch: None,
        }
    }

    fn prepared(&self) -> Prepared {
        Prepared {
            facts: Facts {
                event_type: "WireTransfer".to_owned(),
                customer: self.customer.as_deref().map(CustomerId::new),
                tier: Tier::Other,
                amount: None,
            },
            traces: Traces::default(),
            message: Message {
                event_id: EventId::parse(&self.id).expect("an id"),
                channel: "Wire".into(),
                payload: "<e/>".into(),
                response_required: self.mode == Mode::Sync,
                callback_id: (self.mode == Mode::Async).then(|| "c".into()),
            },
            schema: "1.0".to_owned(),
            defaulted: Vec::new(),
        }
    }
}
