-- Everything but `delivery` and `gateway` is only ever added to: what was said stays said. Times are microseconds since
-- 1970, UTC.

-- Which store this is, so that one that was emptied or replaced is told apart from the one that was there before.
CREATE TABLE store (
    instance TEXT PRIMARY KEY
);
INSERT INTO store VALUES (md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text));

-- Who writes here. The number is part of each event's; whoever is not alive any more is taken over from.
CREATE TABLE gateway (
    number      INTEGER PRIMARY KEY CHECK (number BETWEEN 0 AND 1023),
    identity    TEXT NOT NULL UNIQUE,
    alive_until BIGINT NOT NULL
);

CREATE TABLE event (
    seq             BIGINT PRIMARY KEY,     -- time and the gateway's number
    place           BIGSERIAL,              -- the order of recording, of each line
    line            BIGINT,                 -- whose: a hash of tenant and customer
    tenant          TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    idempotency_key TEXT,
    fingerprint     BYTEA NOT NULL,         -- SHA-256 of the body's meaning
    mode            TEXT NOT NULL,
    received_at     BIGINT NOT NULL,
    event_type      TEXT NOT NULL,
    customer        TEXT,
    tier            TEXT NOT NULL,
    amount          TEXT,
    schema          TEXT NOT NULL,
    channel         TEXT NOT NULL,
    payload         TEXT NOT NULL,          -- the very text that is sent
    response        BOOLEAN NOT NULL,       -- whether a score is wanted
    callback_id     TEXT,                   -- where the score comes by callback
    defaulted       TEXT NOT NULL,          -- element names, separated by U+001F
    interaction     TEXT,                   -- what entries of the audit trail name an event by
    transaction_id  TEXT
);
CREATE UNIQUE INDEX event_by_id ON event (tenant, event_id);
CREATE UNIQUE INDEX event_by_key ON event (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX event_by_line ON event (line, seq) WHERE line IS NOT NULL;

-- What the caller was told, byte for byte.
CREATE TABLE told (
    seq  BIGINT PRIMARY KEY,
    body BYTEA NOT NULL
);

-- The decision, where the first answer was that it is pending.
CREATE TABLE decided (
    seq  BIGINT PRIMARY KEY,
    body BYTEA NOT NULL
);

-- What the first callback said, as it was signed.
CREATE TABLE callback (
    seq         BIGINT PRIMARY KEY,
    return_code TEXT NOT NULL,
    risk_score  TEXT NOT NULL,
    risk_action TEXT NOT NULL,
    at          BIGINT NOT NULL
);

-- Every attempt that has ended.
CREATE TABLE attempt (
    seq         BIGINT NOT NULL,
    number      BIGINT NOT NULL,            -- of the event's attempts, from 1
    ended_at    BIGINT NOT NULL,
    took        BIGINT NOT NULL,            -- microseconds
    ended       TEXT NOT NULL,              -- not_sent, in_doubt, refused, answered
    why         TEXT,                       -- in words, where there are no Results
    return_code TEXT,
    risk_score  TEXT,
    risk_action TEXT,
    remarks     TEXT,                       -- reasons, message and validation errors, separated by U+001F
    PRIMARY KEY (seq, number)
);

-- What Xceed said after the caller was told; the first such score stands.
CREATE TABLE late (
    seq         BIGINT PRIMARY KEY,
    verdict     TEXT NOT NULL,
    risk_score  TEXT,
    risk_action TEXT,
    return_code TEXT NOT NULL,
    at          BIGINT NOT NULL
);

-- Duties that are not done: small, and rows that change. Whoever has the lease may send; a settlement under an older
-- fence comes too late.
CREATE TABLE delivery (
    seq         BIGINT PRIMARY KEY,
    state       TEXT NOT NULL,              -- QUEUED, SENDING (where nothing may be sent twice), AWAITING_CALLBACK, PARKED, DISCARDED
    due         BIGINT NOT NULL,
    reason      TEXT,
    line        BIGINT,
    place       BIGINT NOT NULL,
    owner       INTEGER NOT NULL,           -- the gateway's number
    fence       BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX delivery_by_line ON delivery (line, place) WHERE state IN ('QUEUED', 'SENDING');
CREATE INDEX delivery_by_owner ON delivery (owner, lease_until) WHERE state IN ('QUEUED', 'SENDING', 'AWAITING_CALLBACK');
CREATE INDEX delivery_parked ON delivery (seq) WHERE state = 'PARKED';

-- The audit trail: written to and never changed. hash = SHA-256(before in hexadecimal digits, a line feed, body).
CREATE TABLE audit (
    place   BIGSERIAL,                      -- the order of writing
    gateway TEXT NOT NULL,                  -- whose chain
    n       BIGINT NOT NULL,                -- the entry's number in it, from 1
    before  BYTEA NOT NULL,                 -- the hash of the entry before; of the first, 32 zeros
    body    TEXT NOT NULL,                  -- JSON, the very text that is hashed
    hash    BYTEA NOT NULL,
    PRIMARY KEY (gateway, n)
);
CREATE UNIQUE INDEX audit_by_place ON audit (place);

-- Queues that wait, because their cause is not one event's.
CREATE TABLE hold (
    tenant TEXT NOT NULL,
    queue  TEXT NOT NULL,                   -- all, async, channel:<word>
    code   TEXT NOT NULL,
    since  BIGINT NOT NULL,                 -- what was parked for the code since then was parked for the hold
    PRIMARY KEY (tenant, queue)
);

-- The secret key, by fingerprint, that each tenant's attempts have proved to be the current one.
CREATE TABLE promoted_key (
    tenant      TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL
);
