ALTER TABLE event
    ADD COLUMN back     TEXT,                           -- who hears of its decision beside the caller, as JSON
    ADD COLUMN batch    TEXT,                           -- the batch that it came in
    ADD COLUMN is_check BOOLEAN NOT NULL DEFAULT false; -- whether it counts as a check on its customer
CREATE INDEX event_by_batch ON event (batch) WHERE batch IS NOT NULL;
CREATE INDEX event_checks ON event (line, event_type, seq) WHERE is_check;

-- Decisions and late scores in the order in which they fell: of transactions, and in each of them. Only what is older than
-- every transaction under way is read, so nothing appears before a place that somebody has read on to.
CREATE TABLE journal (
    xid     BIGINT NOT NULL DEFAULT txid_current(),
    place   BIGSERIAL,
    tenant  TEXT NOT NULL,
    seq     BIGINT NOT NULL,                -- the event
    is_late BOOLEAN NOT NULL,               -- what Xceed said after the decision, and not the decision
    at      BIGINT NOT NULL,
    PRIMARY KEY (xid, place)
);

-- Decisions on their way back: small, and rows that change. Whoever has the lease may bring it; an end under an older
-- fence comes too late.
CREATE TABLE push (
    id          BIGSERIAL PRIMARY KEY,
    seq         BIGINT NOT NULL,            -- the event
    tenant      TEXT NOT NULL,
    target      TEXT NOT NULL,              -- cxone, genesys, webhook:<name>
    line        TEXT NOT NULL,              -- what goes there in order: an interaction, or else an event
    participant TEXT,
    is_late     BOOLEAN NOT NULL,
    at          BIGINT NOT NULL,            -- when it fell
    parked_at   BIGINT,                     -- only of one that is parked
    due         BIGINT NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0,  -- that left a gateway
    reason      TEXT,                       -- why it is parked; else it waits
    owner       INTEGER NOT NULL,           -- the gateway's number
    fence       BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX push_by_due ON push (tenant, target, due) WHERE reason IS NULL;
CREATE INDEX push_by_line ON push (tenant, target, line, id) WHERE reason IS NULL;
CREATE INDEX push_parked ON push (tenant, id) WHERE reason IS NOT NULL;
CREATE INDEX push_by_event ON push (seq);

-- Batches whose lines have been taken in.
CREATE TABLE batch (
    tenant      TEXT NOT NULL,
    id          TEXT NOT NULL,
    mode        TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    lines       BIGINT NOT NULL,
    accepted    BIGINT NOT NULL,
    duplicates  BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    failures    TEXT NOT NULL,              -- JSON
    PRIMARY KEY (tenant, id)
);
CREATE INDEX batch_by_time ON batch (received_at);
