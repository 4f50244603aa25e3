//! The statements of every day. Those that write take whole columns as arrays, so that a batch is a handful of them.

/// The database's time, in microseconds.
macro_rules! now {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}

pub(super) const INSTANCE: &str = "SELECT instance FROM store";
pub(super) const GATEWAY: &str = "SELECT number FROM gateway WHERE identity = $1";
/// The lowest number that is free.
pub(super) const ENLIST: &str = "INSERT INTO gateway SELECT n, $1, 0 FROM generate_series(0, 1023) AS n
     WHERE NOT EXISTS (SELECT 1 FROM gateway WHERE number = n) ORDER BY n LIMIT 1 ON CONFLICT DO NOTHING";
/// This gateway is alive for another while. Answers how many are.
pub(super) const BEAT: &str = concat!(
    "WITH mine AS (UPDATE gateway SET alive_until = ",
    now!(),
    " + $2 WHERE number = $1)
     SELECT count(*) FROM gateway WHERE alive_until > ",
    now!(),
    " AND number <> $1"
);
pub(super) const NOTIFY: &str = "SELECT pg_notify('xceed_gateway', text) FROM unnest($1::text[]) AS text";

/// In order, so that no two batches wait for each other.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key";
pub(super) const CLOCK: &str = concat!("SELECT ", now!(), ", coalesce((SELECT max(seq) FROM event), 0)");
/// Of events ($1), for this gateway ($2): all that a write may depend on. For claims ($3) also whether another gateway
/// has to send before what is not claimed with it ($4); what follows it here and goes before that has waited for it already. A gateway that has left a delivery alone for ten minutes has forgotten it.
pub(super) const STANDING: &str = concat!(
    "SELECT e.seq, e.tenant, e.event_id, told.body, decided.body, late.seq IS NOT NULL,
            callback.return_code, callback.risk_score, callback.risk_action,
            (SELECT count(*) FROM attempt WHERE attempt.seq = e.seq),
            d.state, d.due, d.reason, d.line, d.place, d.owner, d.fence, d.lease_until,
            coalesce(g.alive_until > ", now!(), " AND greatest(d.lease_until, d.due) > ", now!(), " - 600000000, false),
            CASE WHEN e.seq = ANY($3::bigint[]) THEN EXISTS (
                SELECT 1 FROM delivery AS o WHERE o.line = d.line AND o.place < d.place AND o.owner <> $2
                AND o.state IN ('QUEUED', 'SENDING') AND o.seq <> ALL($4::bigint[]) AND NOT EXISTS (
                    SELECT 1 FROM delivery AS own WHERE own.line = d.line AND own.place < o.place AND own.owner = $2
                    AND own.seq > d.seq AND own.state IN ('QUEUED', 'SENDING'))) ELSE false END,
            e.interaction, e.transaction_id, e.customer, e.mode, e.back
     FROM event AS e LEFT JOIN told USING (seq) LEFT JOIN decided USING (seq) LEFT JOIN late USING (seq)
     LEFT JOIN callback USING (seq) LEFT JOIN delivery AS d USING (seq) LEFT JOIN gateway AS g ON g.number = d.owner
     WHERE e.seq = ANY($1::bigint[])"
);
/// In which of these lines other gateways than this one have something to send, and what is the first of it.
pub(super) const BUSY: &str = "SELECT DISTINCT ON (line) line, owner, seq FROM delivery
     WHERE line = ANY($1::bigint[]) AND owner <> $2 AND state IN ('QUEUED', 'SENDING') ORDER BY line, place";
/// Others of a line ($1) between two numbers; more than some make no difference to any rule.
pub(super) const OTHERS: &str = "SELECT count(*) FROM (
     SELECT 1 FROM event WHERE line = $1 AND seq > $2 AND seq < $3 LIMIT 17) AS few";
pub(super) const FREE_KEYS: &str = "UPDATE event SET idempotency_key = NULL
     FROM unnest($1::text[], $2::text[], $3::bigint[]) AS old (tenant, key, before)
     WHERE event.tenant = old.tenant AND idempotency_key = old.key AND received_at < old.before";
pub(super) const RECORD: &str = "INSERT INTO event (seq, line, tenant, event_id, idempotency_key, fingerprint, mode,
            received_at, event_type, customer, tier, amount, schema, channel, payload, response, callback_id, defaulted,
            interaction, transaction_id, back, batch, is_check)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[],
            $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
            $16::boolean[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::boolean[])
     ON CONFLICT DO NOTHING RETURNING seq, place";
/// For each new event ($1) of a line ($2) and type ($3) how many checks count against it, of those with a number above
/// ($4) and received later ($5); not more than make a difference ($6).
pub(super) const CHECKED: &str = "SELECT new.seq, (SELECT count(*) FROM (
         SELECT 1 FROM event WHERE line = new.line AND event_type = new.type AND is_check
         AND seq > new.above AND received_at > new.since LIMIT new.most) AS few)
     FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
          AS new (seq, line, type, above, since, most)";
/// One check too many is none, and asks for no score.
pub(super) const LIMIT: &str =
    "UPDATE event SET is_check = false, response = false, callback_id = NULL WHERE seq = ANY($1::bigint[])";
/// This transaction lasts all the same.
pub(super) const LAST: &str =
    "SELECT set_config('synchronous_commit', current_setting('xceed_gateway.lasting'), true)";

pub(super) const TELL: &str =
    "INSERT INTO told SELECT * FROM unnest($1::bigint[], $2::bytea[]) ON CONFLICT DO NOTHING";
pub(super) const DECIDE: &str =
    "INSERT INTO decided SELECT * FROM unnest($1::bigint[], $2::bytea[]) ON CONFLICT DO NOTHING";
pub(super) const CALL_BACK: &str = "INSERT INTO callback
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[])";
pub(super) const LATE: &str = "INSERT INTO late
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
     ON CONFLICT DO NOTHING";
pub(super) const ATTEMPT: &str = "INSERT INTO attempt
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[])";
pub(super) const PROMOTE: &str = "INSERT INTO promoted_key SELECT * FROM unnest($1::text[], $2::text[])
     ON CONFLICT (tenant) DO UPDATE SET fingerprint = excluded.fingerprint";
pub(super) const HOLD: &str = "INSERT INTO hold SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) ON CONFLICT DO NOTHING";
/// A store that is in doubt waits for a person, whatever else its queues waited for.
pub(super) const UNHOLD: &str = "DELETE FROM hold WHERE tenant = ANY($1::text[])";
pub(super) const HELD: &str = "SELECT tenant, queue FROM hold";
/// Entries of the audit trail.
pub(super) const NOTE: &str = "INSERT INTO audit (gateway, n, before, body, hash)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::bytea[])";
/// An orphan may have been adopted since it was looked at; then its fence is a later one. Answers what was written.
pub(super) const PUT: &str = "INSERT INTO delivery
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::int[],
            $8::bigint[], $9::bigint[])
     ON CONFLICT (seq) DO UPDATE SET state = excluded.state, due = excluded.due, reason = excluded.reason,
            owner = excluded.owner, fence = excluded.fence, lease_until = excluded.lease_until
     WHERE delivery.fence <= excluded.fence RETURNING seq";
pub(super) const DONE: &str = "DELETE FROM delivery WHERE seq = ANY($1::bigint[])";

/// Everything that the writer uses, prepared with its connection.
pub(super) const OF_THE_WRITER: [&str; 21] = [
    LOCK, CLOCK, STANDING, BUSY, FREE_KEYS, CHECKED, RECORD, LIMIT, LAST, TELL, DECIDE, CALL_BACK, LATE,
    ATTEMPT, PROMOTE, HOLD, UNHOLD, HELD, PUT, DONE, NOTE,
];

pub(super) const FIND_BY_KEY: &str =
    "SELECT seq, fingerprint, mode, body, received_at FROM event LEFT JOIN told USING (seq)
     WHERE tenant = $1 AND idempotency_key = $2 AND received_at >= $3";
pub(super) const FIND_BY_ID: &str =
    "SELECT seq, fingerprint, mode, body, received_at FROM event LEFT JOIN told USING (seq)
     WHERE tenant = $1 AND event_id = $2";
/// A delivery that waits in a held queue is shown as held.
pub(super) const VIEW: &str = "SELECT told.body, defaulted,
            CASE WHEN state = 'QUEUED' AND EXISTS (
                SELECT 1 FROM hold WHERE hold.tenant = event.tenant
                AND (queue = 'all' OR (queue = 'async' AND callback_id IS NOT NULL) OR queue = 'channel:' || channel))
            THEN 'HELD' ELSE coalesce(state, 'SETTLED') END,
            (SELECT count(*) FROM attempt WHERE attempt.seq = event.seq),
            verdict, late.risk_score, late.risk_action, late.return_code, late.at, decided.body, mode
     FROM event LEFT JOIN told USING (seq) LEFT JOIN delivery USING (seq) LEFT JOIN late USING (seq)
     LEFT JOIN decided USING (seq)
     WHERE event.tenant = $1 AND event_id = $2";
pub(super) const DELIVERIES: &str =
    "SELECT tenant, event_id, channel, payload, response, callback_id, event_type, customer, tier,
            amount, fingerprint, mode, defaulted, received_at,
            (SELECT count(*) FROM attempt
             WHERE attempt.seq = event.seq AND ended NOT IN ('not_sent', 'passed_over')), due,
            state = 'AWAITING_CALLBACK', state = 'SENDING',
            EXISTS (SELECT 1 FROM told WHERE told.seq = event.seq),
            EXISTS (SELECT 1 FROM decided WHERE decided.seq = event.seq), seq
     FROM event JOIN delivery USING (seq)
     WHERE seq = ANY($1::bigint[]) AND state IN ('QUEUED', 'SENDING', 'AWAITING_CALLBACK')";
pub(super) const PARKED: &str = "SELECT seq, event_id, event_type, reason, due, received_at,
            (SELECT count(*) FROM attempt WHERE attempt.seq = delivery.seq), customer, tenant
     FROM delivery JOIN event USING (seq)
     WHERE state = 'PARKED' AND tenant = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
pub(super) const AWAITED: &str =
    "SELECT seq, channel, event_type, customer, tier, amount, defaulted, received_at, callback_id FROM event
     WHERE tenant = $1 AND event_id = $2 AND callback_id IS NOT NULL";
/// Takes out events between two numbers ($1, $2; numbers are times) that are settled or given up and whose decision is
/// back, at most so many ($3), with all that hangs on them; and of what is older than a time ($4) elsewhere, so much that it
/// keeps pace.
pub(super) const PRUNE: &str =
    "WITH old AS (SELECT seq FROM event WHERE seq > $1 AND seq < $2 ORDER BY seq LIMIT $3),
     done AS (SELECT seq FROM old WHERE seq NOT IN (
         SELECT seq FROM delivery JOIN old USING (seq) WHERE state <> 'DISCARDED')
         AND seq NOT IN (SELECT seq FROM push JOIN old USING (seq))),
     a AS (DELETE FROM told WHERE seq IN (SELECT seq FROM done)),
     b AS (DELETE FROM decided WHERE seq IN (SELECT seq FROM done)),
     c AS (DELETE FROM callback WHERE seq IN (SELECT seq FROM done)),
     d AS (DELETE FROM attempt WHERE seq IN (SELECT seq FROM done)),
     e AS (DELETE FROM late WHERE seq IN (SELECT seq FROM done)),
     f AS (DELETE FROM delivery WHERE seq IN (SELECT seq FROM done)),
     g AS (DELETE FROM event WHERE seq IN (SELECT seq FROM done) RETURNING seq),
     h AS (DELETE FROM journal WHERE (xid, place) IN (
         SELECT xid, place FROM (SELECT xid, place, at FROM journal ORDER BY xid, place LIMIT 4 * $3) AS first
         WHERE at < $4)),
     i AS (DELETE FROM batch WHERE (tenant, id) IN (
         SELECT tenant, id FROM batch WHERE received_at < $4
         AND NOT EXISTS (SELECT 1 FROM event WHERE event.batch = batch.id) LIMIT $3))
     SELECT (SELECT max(seq) FROM old), (SELECT count(*) FROM g)";
pub(super) const PROMOTED: &str = "SELECT tenant, fingerprint FROM promoted_key";
pub(super) const RECENT: &str =
    "SELECT tenant, customer, received_at, CASE WHEN is_check THEN event_type END FROM event
     WHERE customer IS NOT NULL AND seq > $1 AND received_at > $2 ORDER BY received_at";
