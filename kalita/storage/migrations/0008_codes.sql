-- Codes by short message, what they were asked for, and tokens that renew themselves.

CREATE TABLE code (                 -- a code that was sent
    number   INTEGER NOT NULL,
    request  TEXT    NOT NULL,
    purpose  TEXT    NOT NULL,
    hash     TEXT    NOT NULL,      -- keyed
    sent_at  INTEGER NOT NULL,
    sender   TEXT    NOT NULL,      -- keyed hash of the address that asked
    tries    INTEGER NOT NULL,
    state    INTEGER NOT NULL,      -- 0 open, 1 used, 2 dead
    mark     TEXT,              -- of the try that used it up
    PRIMARY KEY (number, request)
) STRICT, WITHOUT ROWID;

CREATE INDEX code_by_sender ON code (sender, sent_at);
CREATE INDEX code_by_age ON code (sent_at);

CREATE TABLE code_number (          -- wrong codes for a number, and how long it is locked
    number       INTEGER PRIMARY KEY,
    wrong        INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    next_lock    INTEGER NOT NULL   -- microseconds the next lock lasts
) STRICT;

CREATE TABLE code_sender (          -- a row to lock while an address is counted
    sender TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE token_draft (          -- a token that is being asked for
    wallet       INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    permissions  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    consented_at INTEGER,
    request      TEXT,              -- of the code that was sent
    PRIMARY KEY (wallet, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE renewal (              -- a code of the calls that renew a token
    hash       TEXT    PRIMARY KEY,
    wallet     INTEGER NOT NULL,
    token      TEXT    NOT NULL,    -- hash of the token it was given for
    expires_at INTEGER NOT NULL,
    used_for   TEXT                 -- hash of the token that came of it
) STRICT, WITHOUT ROWID;

ALTER TABLE token ADD COLUMN last_used_at INTEGER;
ALTER TABLE token ADD COLUMN last_used_from TEXT;
