//! Numbers that stand for names in the database: a customer's line, and the locks that keep two gateways apart.

use crate::application::ports::Record;
use sha2::{Digest, Sha256};

/// The line that an event's delivery stands in; none without a customer. Two customers of one number would wait for
/// each other, and no more.
pub(super) fn of(record: &Record) -> Option<i64> {
    let customer = record.prepared.facts.customer.as_ref()?;
    Some(number(&[record.tenant.as_str(), customer.expose()]))
}

/// What to lock while an event is recorded: its line, so that the places in it are drawn in the order of commits; or
/// its name, so that twins don't wait for each other in different orders.
pub(super) fn lock(record: &Record) -> i64 {
    let id = record.prepared.message.event_id.as_str();
    of(record).unwrap_or_else(|| number(&[record.tenant.as_str(), "", id]))
}

/// A number for these words.
pub(super) fn number(words: &[&str]) -> i64 {
    let digest = Sha256::digest(words.join("\u{1f}"));
    i64::from_be_bytes(std::array::from_fn(|n| digest[n]))
}
