//! What the parts of the shared store know in common: where it is, which one it is, who this gateway is, and how it is.

use super::address::PostgresSettings;
use super::link::{Heard, Link};
use super::schema;
use super::tls::Tls;
use crate::application::ports::{Seq, StoreError};
use crate::store::writer::Health;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

/// Bits of an event's number that are the gateway's.
pub(super) const GATEWAY_BITS: u32 = 10;
/// 2020-01-01, in microseconds since 1970.
const EPOCH: i64 = 1_577_836_800_000_000;

pub(super) struct Shared {
    pub(super) settings: PostgresSettings,
    pub(super) tls: Tls,
    pub(super) identity: String,
    pub(super) health: Health,
    /// Which store it is.
    pub(super) instance: OnceLock<String>,
    /// This gateway's number.
    pub(super) number: OnceLock<i32>,
    company: AtomicBool,
    last_seq: AtomicI64,
}

impl Shared {
    pub(super) fn new(settings: PostgresSettings, tls: Tls, identity: String) -> Self {
        Self {
            settings,
            tls,
            identity,
            health: Health::default(),
            instance: OnceLock::new(),
            number: OnceLock::new(),
            company: AtomicBool::new(true),
            last_seq: AtomicI64::new(0),
        }
    }

    /// A connection to the very store that was there at the start.
    pub(super) async fn link(&self) -> Result<(Link, Heard), StoreError> {
        let (link, news) = Link::open(&self.settings, &self.tls).await?;
        let Some(before) = self.instance.get() else { return Ok((link, news)) };
        match schema::instance(&link).await {
            Ok(now) if now == *before => Ok((link, news)),
            Err(error) if !error.0.contains("42P01") && !error.0.contains("is empty") => Err(error),
            _ => Err(StoreError(format!(
                "{} is not the store that was there before: it was emptied or replaced. Nothing is recorded there. \
                 Bring the old one back, or start the gateway anew to go on with this one",
                self.settings
            ))),
        }
    }

    /// Whether other gateways are alive, who want to hear of decisions.
    pub(super) fn has_company(&self) -> bool {
        self.company.load(Relaxed)
    }

    pub(super) fn in_company(&self, others: bool) {
        self.company.store(others, Relaxed);
    }

    /// A number for a new event: larger than all that this gateway knows of, and nobody else's. It is the time, so that
    /// gateways need not ask each other.
    pub(super) fn next_seq(&self, now: i64) -> Seq {
        let number = i64::from(self.number.get().copied().unwrap_or_default());
        let at = |micros: i64| (micros << GATEWAY_BITS) | number;
        let fresh = at((now - EPOCH).max(0));
        let next = |last: Seq| Some(fresh.max(at((last >> GATEWAY_BITS) + 1)));
        match self.last_seq.fetch_update(Relaxed, Relaxed, next) {
            Ok(last) | Err(last) => fresh.max(at((last >> GATEWAY_BITS) + 1)),
        }
    }

    /// Numbers from now on are larger than this one, which another gateway may have drawn by a clock that is ahead.
    pub(super) fn saw(&self, seq: Seq) {
        self.last_seq.fetch_max(seq, Relaxed);
    }
}

/// The lowest number of an event that is recorded at this time, in microseconds since 1970.
pub(super) fn seq_at(micros: i64) -> Seq {
    (micros - EPOCH).max(0) << GATEWAY_BITS
}
