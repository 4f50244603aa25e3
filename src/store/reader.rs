//! Reads, each one query by key, on connections of their own.

use super::rows::{failed, read_mode, read_tier, read_time, read_verdict, split, time};
use super::waiting::{SHOWN_STATE, all_waiting, holds};
use crate::application::ports::{
    Awaited, Delivery, Known, Late, Message, Parked, Recent, Resumption, Seq, StoreError, View,
};
use crate::domain::event::Facts;
use crate::domain::field::Fingerprint;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::velocity;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;

pub(super) fn find(
    connection: &Connection,
    tenant: &TenantName,
    id: &EventId,
    key: Option<&str>,
    keys_since: Timestamp,
) -> rusqlite::Result<Option<Known>> {
    let known = |row: &Row<'_>| {
        Ok(Known {
            seq: row.get(0)?,
            fingerprint: Fingerprint(row.get(1)?),
            mode: read_mode(row.get_ref(2)?.as_str()?),
            told: row.get(3)?,
            received_at: read_time(row.get(4)?),
        })
    };
    if let Some(key) = key {
        let mut by_key = connection.prepare_cached(
            "SELECT seq, fingerprint, mode, body, received_at FROM event LEFT JOIN told USING (seq)
             WHERE tenant = ?1 AND idempotency_key = ?2 AND received_at >= ?3",
        )?;
        if let Some(found) =
            by_key.query_row(params![tenant.as_str(), key, time(keys_since)], known).optional()?
        {
            return Ok(Some(found));
        }
    }
    let mut by_id = connection.prepare_cached(
        "SELECT seq, fingerprint, mode, body, received_at FROM event LEFT JOIN told USING (seq)
         WHERE tenant = ?1 AND event_id = ?2",
    )?;
    by_id.query_row([tenant.as_str(), id.as_str()], known).optional()
}

/// The payload of the newest event, as it stands on disk.
pub(super) fn newest_payload(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let newest = "SELECT payload FROM event ORDER BY seq DESC LIMIT 1";
    connection.query_row(newest, [], |row| row.get(0)).optional()
}

pub(super) fn view(
    connection: &Connection,
    tenant: &TenantName,
    id: &EventId,
) -> rusqlite::Result<Option<View>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT told.body, defaulted, {SHOWN_STATE},
                (SELECT count(*) FROM attempt WHERE attempt.seq = event.seq),
                verdict, late.risk_score, late.risk_action, late.return_code, late.at, decided.body, mode
         FROM event LEFT JOIN told USING (seq) LEFT JOIN delivery USING (seq) LEFT JOIN late USING (seq)
         LEFT JOIN decided USING (seq)
         WHERE event.tenant = ?1 AND event_id = ?2"
    ))?;
    let read = |row: &Row<'_>| {
        Ok(View {
            told: row.get(0)?,
            defaulted: split(row.get_ref(1)?.as_str()?),
            state: row.get(2)?,
            attempts: row.get(3)?,
            late: read_late(row, 4)?,
            decided: row.get(9)?,
            mode: read_mode(row.get_ref(10)?.as_str()?),
        })
    };
    query.query_row([tenant.as_str(), id.as_str()], read).optional()
}

/// Verdict, score, action, return code and time, from this column on.
pub(super) fn read_late(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Late>> {
    let Some(verdict) = row.get::<_, Option<String>>(first)? else { return Ok(None) };
    Ok(Some(Late {
        verdict: read_verdict(&verdict),
        risk_score: row.get::<_, Option<String>>(first + 1)?.and_then(|score| score.parse().ok()),
        risk_action: row.get(first + 2)?,
        return_code: row.get(first + 3)?,
        at: read_time(row.get(first + 4)?),
    }))
}

pub(super) fn delivery(connection: &Connection, seq: Seq) -> rusqlite::Result<Option<Delivery>> {
    let mut query = connection.prepare_cached(
        "SELECT tenant, event_id, channel, payload, response, event_type, customer, tier, amount, fingerprint,
                mode, defaulted, received_at,
                (SELECT count(*) FROM attempt
                 WHERE attempt.seq = event.seq AND ended NOT IN ('not_sent', 'passed_over')),
                state = 'SENDING', EXISTS (SELECT 1 FROM told WHERE told.seq = event.seq), due,
                state = 'AWAITING_CALLBACK', EXISTS (SELECT 1 FROM decided WHERE decided.seq = event.seq), callback_id
         FROM event JOIN delivery USING (seq)
         WHERE seq = ?1 AND state IN ('QUEUED', 'SENDING', 'AWAITING_CALLBACK')",
    )?;
    let read = |row: &Row<'_>| {
        let Some(event_id) = EventId::parse(row.get_ref(1)?.as_str()?) else { return Ok(None) };
        Ok(Some(Delivery {
            tenant: TenantName::new(row.get_ref(0)?.as_str()?),
            message: Message {
                event_id,
                channel: row.get_ref(2)?.as_str()?.into(),
                payload: row.get_ref(3)?.as_str()?.into(),
                response_required: row.get(4)?,
                callback_id: row.get_ref(19)?.as_str_or_null()?.map(Into::into),
            },
            facts: Facts {
                event_type: row.get(5)?,
                customer: row.get_ref(6)?.as_str_or_null()?.map(CustomerId::new),
                tier: read_tier(row.get_ref(7)?.as_str()?),
                amount: row.get_ref(8)?.as_str_or_null()?.and_then(|amount| amount.parse().ok()),
            },
            fingerprint: Fingerprint(row.get(9)?),
            mode: read_mode(row.get_ref(10)?.as_str()?),
            defaulted: split(row.get_ref(11)?.as_str()?),
            received_at: read_time(row.get(12)?),
            attempts_left: row.get(13)?,
            begun: row.get(14)?,
            told: row.get(15)?,
            due: read_time(row.get(16)?),
            awaits_callback: row.get(17)?,
            decided: row.get(18)?,
        }))
    };
    query.query_row([seq], read).optional().map(Option::flatten)
}

/// Parked deliveries of a tenant, the newest first.
pub(super) fn parked(
    connection: &Connection,
    tenant: &TenantName,
    below: Option<Seq>,
    limit: u32,
) -> rusqlite::Result<Vec<Parked>> {
    let mut query = connection.prepare_cached(
        "SELECT seq, event_id, event_type, reason, due, received_at,
                (SELECT count(*) FROM attempt WHERE attempt.seq = delivery.seq), customer
         FROM delivery JOIN event USING (seq)
         WHERE state = 'PARKED' AND tenant = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Parked {
            seq: row.get(0)?,
            event_id: row.get(1)?,
            event_type: row.get(2)?,
            line: row
                .get_ref(7)?
                .as_str_or_null()?
                .map(|customer| (tenant.clone(), CustomerId::new(customer))),
            reason: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
            at: read_time(row.get(4)?),
            received_at: read_time(row.get(5)?),
            attempts: row.get(6)?,
        })
    };
    let below = below.unwrap_or(Seq::MAX);
    query.query_map(rusqlite::params![tenant.as_str(), below, limit], read)?.collect()
}

pub(super) fn awaited(
    connection: &Connection,
    tenant: &TenantName,
    id: &EventId,
) -> rusqlite::Result<Option<Awaited>> {
    let mut query = connection.prepare_cached(
        "SELECT seq, channel, event_type, customer, tier, amount, defaulted, received_at, callback_id FROM event
         WHERE tenant = ?1 AND event_id = ?2 AND callback_id IS NOT NULL",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Awaited {
            seq: row.get(0)?,
            channel: row.get(1)?,
            facts: Facts {
                event_type: row.get(2)?,
                customer: row.get_ref(3)?.as_str_or_null()?.map(CustomerId::new),
                tier: read_tier(row.get_ref(4)?.as_str()?),
                amount: row.get_ref(5)?.as_str_or_null()?.and_then(|amount| amount.parse().ok()),
            },
            defaulted: split(row.get_ref(6)?.as_str()?),
            received_at: read_time(row.get(7)?),
            callback_id: row.get(8)?,
        })
    };
    query.query_row([tenant.as_str(), id.as_str()], read).optional()
}

/// What a start needs: deliveries that wait, recent events by customer, promoted keys.
pub(super) fn resumption(connection: &Connection, now: Timestamp) -> Result<Resumption, StoreError> {
    let read = || -> rusqlite::Result<Resumption> {
        let mut keys = connection.prepare("SELECT tenant, fingerprint FROM promoted_key")?;
        let keys = keys.query_map([], |row| Ok((TenantName::new(row.get_ref(0)?.as_str()?), row.get(1)?)))?;
        Ok(Resumption {
            waiting: all_waiting(connection)?,
            holds: holds(connection)?,
            recent: recent(connection, now - velocity::WINDOW)?,
            promoted_keys: keys.collect::<rusqlite::Result<_>>()?,
        })
    };
    read().map_err(failed)
}

/// Events are recorded out of the order of receipt by less than this.
const STRAY: Duration = Duration::from_secs(60);
/// So many events a start reads for velocity at most.
const RECENT_MAX: usize = 300_000;

/// Events by customer since a time, in the order of receipt. Recording keeps that order but for what was under way at
/// the same time, so the newest are read until one is too old by [`STRAY`], and no index by time has to be kept. A start
/// does not wait for more than [`RECENT_MAX`]: the oldest of a very busy hour are left out.
fn recent(connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Recent>> {
    let mut query = connection.prepare(
        "SELECT tenant, customer, received_at, iif(is_check, event_type, NULL)
         FROM event WHERE customer IS NOT NULL ORDER BY seq DESC",
    )?;
    let mut rows = query.query([])?;
    let mut recent = Vec::new();
    while let Some(row) = rows.next()? {
        let at = read_time(row.get(2)?);
        if at < since - STRAY {
            break;
        }
        if recent.len() == RECENT_MAX {
            tracing::warn!(events = RECENT_MAX, "velocity knows the newest events of the last hour alone");
            break;
        }
        if at > since {
            let (tenant, customer) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
            let (tenant, customer) = (TenantName::new(tenant), CustomerId::new(customer));
            recent.push(Recent { tenant, customer, at, check: row.get(3)? });
        }
    }
    recent.sort_by_key(|recent| recent.at);
    Ok(recent)
}
