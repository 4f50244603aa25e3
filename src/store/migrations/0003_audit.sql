-- What entries of the audit trail name an event by.
ALTER TABLE event ADD COLUMN interaction TEXT;
ALTER TABLE event ADD COLUMN transaction_id TEXT;

-- The audit trail: written to and never changed. hash = SHA-256(lower(hex(before)) || char(10) || body).
CREATE TABLE audit (
    place   INTEGER PRIMARY KEY,            -- the order of writing
    gateway TEXT NOT NULL,                  -- whose chain
    n       INTEGER NOT NULL,               -- the entry's number in it, from 1
    before  BLOB NOT NULL,                  -- the hash of the entry before; of the first, 32 zeros
    body    TEXT NOT NULL,                  -- JSON, the very text that is hashed
    hash    BLOB NOT NULL
) STRICT;
