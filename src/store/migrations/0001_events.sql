-- Everything but `delivery` is only ever added to: what was said stays said.
CREATE TABLE event (
    seq             INTEGER PRIMARY KEY,    -- the order of recording
    tenant          TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    idempotency_key TEXT,
    fingerprint     BLOB NOT NULL,          -- SHA-256 of the body's meaning
    mode            TEXT NOT NULL,
    received_at     INTEGER NOT NULL,       -- microseconds since 1970, UTC, like every time here
    event_type      TEXT NOT NULL,
    customer        TEXT,
    tier            TEXT NOT NULL,
    amount          TEXT,
    schema          TEXT NOT NULL,
    channel         TEXT NOT NULL,
    payload         TEXT NOT NULL,          -- the very text that is sent
    response        INTEGER NOT NULL,       -- whether a score is wanted
    callback_id     TEXT,                   -- where the score comes by callback
    defaulted       TEXT NOT NULL           -- element names, separated by U+001F
) STRICT;
CREATE UNIQUE INDEX event_by_id ON event (tenant, event_id);
CREATE UNIQUE INDEX event_by_key ON event (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- What the caller was told, byte for byte.
CREATE TABLE told (
    seq  INTEGER PRIMARY KEY REFERENCES event,
    body BLOB NOT NULL
) STRICT;

-- The decision, where the first answer was that it is pending.
CREATE TABLE decided (
    seq  INTEGER PRIMARY KEY REFERENCES event,
    body BLOB NOT NULL
) STRICT;

-- What the first callback said, as it was signed.
CREATE TABLE callback (
    seq         INTEGER PRIMARY KEY REFERENCES event,
    return_code TEXT NOT NULL,
    risk_score  TEXT NOT NULL,
    risk_action TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;

-- Every attempt that has ended.
CREATE TABLE attempt (
    seq         INTEGER NOT NULL REFERENCES event,
    number      INTEGER NOT NULL,           -- of the event's attempts, from 1
    ended_at    INTEGER NOT NULL,
    took        INTEGER NOT NULL,           -- microseconds
    ended       TEXT NOT NULL,              -- not_sent, in_doubt, refused, answered
    why         TEXT,                       -- in words, where there are no Results
    return_code TEXT,
    risk_score  TEXT,
    risk_action TEXT,
    remarks     TEXT,                       -- reasons, message and validation errors, separated by U+001F
    PRIMARY KEY (seq, number)
) STRICT, WITHOUT ROWID;

-- What Xceed said after the caller was told; the first such score stands.
CREATE TABLE late (
    seq         INTEGER PRIMARY KEY REFERENCES event,
    verdict     TEXT NOT NULL,
    risk_score  TEXT,
    risk_action TEXT,
    return_code TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;

-- Duties that are not done: small, and the only rows that change.
CREATE TABLE delivery (
    seq    INTEGER PRIMARY KEY REFERENCES event,
    state  TEXT NOT NULL,                   -- QUEUED, SENDING (where nothing may be sent twice), AWAITING_CALLBACK, PARKED, DISCARDED
    due    INTEGER NOT NULL,
    reason TEXT
) STRICT;
CREATE INDEX delivery_by_state ON delivery (state, seq);

-- The secret key, by fingerprint, that each tenant's attempts have proved to be the current one.
CREATE TABLE promoted_key (
    tenant      TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL
) STRICT;
