-- Queues that wait, because their cause is not one event's.
CREATE TABLE hold (
    tenant TEXT NOT NULL,
    queue  TEXT NOT NULL,                   -- all, async, channel:<word>
    code   TEXT NOT NULL,
    since  INTEGER NOT NULL,                -- what was parked for the code since then was parked for the hold
    PRIMARY KEY (tenant, queue)
) STRICT, WITHOUT ROWID;

-- Deliveries that were parked, by customer, and whether a later event of that customer is at Xceed since, or may be: kept
-- when that happens, so that nobody has to look for it among all events.
CREATE TABLE parked_line (
    tenant       TEXT NOT NULL,
    customer     TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    is_overtaken INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, customer, seq)
) STRICT, WITHOUT ROWID;
