ALTER TABLE event ADD COLUMN back TEXT;                             -- who hears of its decision beside the caller, as JSON
ALTER TABLE event ADD COLUMN batch TEXT;                            -- the batch that it came in
ALTER TABLE event ADD COLUMN is_check INTEGER NOT NULL DEFAULT 0;   -- whether it counts as a check on its customer
CREATE INDEX event_by_batch ON event (batch) WHERE batch IS NOT NULL;

-- Decisions and late scores in the order in which they fell. The last row is never taken out: the next place is counted
-- from it.
CREATE TABLE journal (
    place   INTEGER PRIMARY KEY,
    tenant  TEXT NOT NULL,
    seq     INTEGER NOT NULL,               -- the event
    is_late INTEGER NOT NULL,               -- what Xceed said after the decision, and not the decision
    at      INTEGER NOT NULL
) STRICT;

-- Decisions on their way back: small, and rows that change. A number is never used again, for whoever is told twice
-- knows it by that.
CREATE TABLE push (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    seq         INTEGER NOT NULL,           -- the event
    tenant      TEXT NOT NULL,
    target      TEXT NOT NULL,              -- cxone, genesys, webhook:<name>
    line        TEXT NOT NULL,              -- what goes there in order: an interaction, or else an event
    participant TEXT,
    is_late     INTEGER NOT NULL,
    at          INTEGER NOT NULL,           -- when it fell
    parked_at   INTEGER,                    -- only of one that is parked
    due         INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,           -- that left this machine
    reason      TEXT                        -- why it is parked; else it waits
) STRICT;
CREATE INDEX push_by_due ON push (tenant, target, due) WHERE reason IS NULL;
CREATE INDEX push_by_line ON push (tenant, target, line, id) WHERE reason IS NULL;
CREATE INDEX push_parked ON push (tenant, id) WHERE reason IS NOT NULL;
CREATE INDEX push_by_event ON push (seq);

-- Batches whose lines have been taken in.
CREATE TABLE batch (
    tenant      TEXT NOT NULL,
    id          TEXT NOT NULL,
    mode        TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    lines       INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    duplicates  INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    failures    TEXT NOT NULL,              -- JSON
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX batch_by_time ON batch (received_at);
