-- Who owns a wallet: personal data is encrypted, its owner is told from another by keyed hashes.

CREATE TABLE person (
    wallet        INTEGER PRIMARY KEY,
    owner         TEXT    NOT NULL,   -- keyed hash of passport and birthday
    name          TEXT    NOT NULL,   -- keyed hash of the names
    sealed        TEXT    NOT NULL,   -- everything, encrypted
    identified_at INTEGER NOT NULL
) STRICT;

CREATE INDEX person_by_owner ON person (owner);

CREATE TABLE person_owner (         -- a row to lock while an owner's wallets are counted
    owner TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE known_person (         -- the operator's table of persons
    owner  TEXT PRIMARY KEY,
    sealed TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE downgrade (            -- an owner's wish for a lower level
    wallet     INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    state      INTEGER NOT NULL,    -- 0 not confirmed, 1 done, 2 impossible
    decided_at INTEGER,
    PRIMARY KEY (wallet, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE act (                  -- who did what to a wallet, and when
    wallet INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    what   TEXT    NOT NULL,
    who    TEXT    NOT NULL,        -- owner, operator, system
    about  TEXT    NOT NULL,
    PRIMARY KEY (wallet, at, what, who)
) STRICT, WITHOUT ROWID;

ALTER TABLE wallet ADD COLUMN nickname_at INTEGER;   -- when its owner last changed the nickname
