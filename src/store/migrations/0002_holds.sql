-- Queues that wait, because their cause is not one event's.
CREATE TABLE hold (
    tenant TEXT NOT NULL,
    queue  TEXT NOT NULL,                   -- all, async, channel:<word>
    code   TEXT NOT NULL,
    since  INTEGER NOT NULL,                -- what was parked for the code since then was parked for the hold
    PRIMARY KEY (tenant, queue)
) STRICT, WITHOUT ROWID;

-- What a customer has sent after a delivery that is to be replayed.
CREATE INDEX event_by_customer ON event (tenant, customer, seq) WHERE customer IS NOT NULL;
