//! Rows as the use cases know them.

use super::link::Link;
use super::statements::{PROMOTED, RECENT};
use super::waiting::{HOLDS, WAITING, read_hold, read_waiting};
use crate::application::ports::{
    Awaited, Delivery, Known, Late, Message, Parked, Pruned, Recent, Resumption, Seq, View,
};
use crate::domain::event::Facts;
use crate::domain::field::Fingerprint;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::store::rows::{read_mode, read_tier, read_time, read_verdict, split};
use tokio_postgres::{Error, Row};

pub(super) fn known(row: &Row) -> Known {
    Known {
        seq: row.get(0),
        fingerprint: fingerprint(row, 1),
        mode: read_mode(row.get(2)),
        told: row.get(3),
        received_at: read_time(row.get(4)),
    }
}

/// One of another length is no meaning that anything has.
fn fingerprint(row: &Row, column: usize) -> Fingerprint {
    Fingerprint(row.get::<_, &[u8]>(column).try_into().unwrap_or_default())
}

pub(super) fn view(row: &Row) -> View {
    View {
        told: row.get(0),
        defaulted: split(row.get(1)),
        state: row.get(2),
        attempts: u32::try_from(row.get::<_, i64>(3)).unwrap_or(u32::MAX),
        late: late(row, 4),
        decided: row.get(9),
        mode: read_mode(row.get(10)),
    }
}

/// Verdict, score, action, return code and time, from this column on.
pub(super) fn late(row: &Row, first: usize) -> Option<Late> {
    let verdict: &str = row.get::<_, Option<&str>>(first)?;
    Some(Late {
        verdict: read_verdict(verdict),
        risk_score: row.get::<_, Option<&str>>(first + 1).and_then(|score| score.parse().ok()),
        risk_action: row.get(first + 2),
        return_code: row.get(first + 3),
        at: read_time(row.get(first + 4)),
    })
}

pub(super) fn delivery(row: &Row) -> Option<(Seq, Delivery)> {
    let delivery = Delivery {
        tenant: TenantName::new(row.get(0)),
        message: Message {
            event_id: EventId::parse(row.get(1))?,
            channel: row.get::<_, &str>(2).into(),
            payload: row.get::<_, &str>(3).into(),
            response_required: row.get(4),
            callback_id: row.get::<_, Option<&str>>(5).map(Into::into),
        },
        facts: facts(row, 6),
        fingerprint: fingerprint(row, 10),
        mode: read_mode(row.get(11)),
        defaulted: split(row.get(12)),
        received_at: read_time(row.get(13)),
        attempts_left: u32::try_from(row.get::<_, i64>(14)).unwrap_or(u32::MAX),
        due: read_time(row.get(15)),
        awaits_callback: row.get(16),
        begun: row.get(17),
        told: row.get(18),
        decided: row.get(19),
    };
    Some((row.get(20), delivery))
}

/// Type, customer, tier and amount, from this column on.
fn facts(row: &Row, first: usize) -> Facts {
    Facts {
        event_type: row.get(first),
        customer: row.get::<_, Option<&str>>(first + 1).map(CustomerId::new),
        tier: read_tier(row.get(first + 2)),
        amount: row.get::<_, Option<&str>>(first + 3).and_then(|amount| amount.parse().ok()),
    }
}

pub(super) fn parked(row: &Row) -> Parked {
    Parked {
        seq: row.get(0),
        event_id: row.get(1),
        event_type: row.get(2),
        reason: row.get::<_, Option<String>>(3).unwrap_or_default(),
        at: read_time(row.get(4)),
        received_at: read_time(row.get(5)),
        attempts: u32::try_from(row.get::<_, i64>(6)).unwrap_or(u32::MAX),
        line: row
            .get::<_, Option<&str>>(7)
            .map(|customer| (TenantName::new(row.get(8)), CustomerId::new(customer))),
    }
}

pub(super) fn awaited(row: &Row) -> Awaited {
    Awaited {
        seq: row.get(0),
        channel: row.get(1),
        facts: facts(row, 2),
        defaulted: split(row.get(6)),
        received_at: read_time(row.get(7)),
        callback_id: row.get(8),
    }
}

/// `None` where nothing was so old.
pub(super) fn pruned(row: &Row) -> Option<Pruned> {
    let upto = row.get::<_, Option<i64>>(0)?;
    Some(Pruned { upto, removed: usize::try_from(row.get::<_, i64>(1)).unwrap_or_default() })
}

/// The payload of the newest event, as it stands there.
pub(super) async fn newest_payload(link: &Link) -> Result<Option<String>, Error> {
    let newest = link.query("SELECT payload FROM event ORDER BY seq DESC LIMIT 1", &[]).await?;
    Ok(newest.first().map(|row| row.get(0)))
}

/// What a start of this gateway needs: deliveries that wait, recent events by customer, promoted keys.
pub(super) async fn resumption(link: &Link, number: i32, from: i64, since: i64) -> Result<Resumption, Error> {
    let waiting = link.query(WAITING, &[&number]).await?;
    let holds = link.query(HOLDS, &[]).await?;
    let recent = link.query(RECENT, &[&from, &since]).await?;
    let promoted = link.query(PROMOTED, &[]).await?;
    Ok(Resumption {
        waiting: waiting.iter().map(read_waiting).collect(),
        holds: holds.iter().map(read_hold).collect(),
        recent: recent
            .iter()
            .map(|row| Recent {
                tenant: TenantName::new(row.get(0)),
                customer: CustomerId::new(row.get(1)),
                at: read_time(row.get(2)),
                check: row.get(3),
            })
            .collect(),
        promoted_keys: promoted.iter().map(|row| (TenantName::new(row.get(0)), row.get(1))).collect(),
    })
}
