-- Bills: who may issue them, what is asked for, and what became of it.

CREATE TABLE site (                 -- a wallet that issues bills
    wallet INTEGER PRIMARY KEY,
    site   TEXT    NOT NULL,        -- like kl7x2m-00
    number INTEGER NOT NULL         -- how the payers' side calls it
) STRICT;

CREATE UNIQUE INDEX site_name ON site (site);

CREATE UNIQUE INDEX site_number ON site (number);

CREATE TABLE pair (                 -- a pair of keys
    wallet      INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    public_key  TEXT    NOT NULL,
    secret_hash TEXT    NOT NULL,   -- SHA-256
    secret      TEXT    NOT NULL,   -- sealed: notifications are signed with it
    may_spend   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    PRIMARY KEY (wallet, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX pair_secret ON pair (secret_hash);

CREATE UNIQUE INDEX pair_public ON pair (public_key);

CREATE TABLE bill (
    owner      INTEGER NOT NULL,    -- the wallet that is to be paid
    bill_id    TEXT    NOT NULL,    -- its own id
    number     INTEGER NOT NULL,    -- the payers' side's id
    uid        TEXT    NOT NULL,    -- of the pay link
    pair       TEXT    NOT NULL,    -- the pair of keys it was issued with
    amount     INTEGER NOT NULL,
    currency   INTEGER NOT NULL,
    comment    TEXT,
    customer   TEXT,                -- canonical JSON
    custom     TEXT,                -- canonical JSON, as it was sent
    expiry     TEXT    NOT NULL,    -- as it is echoed
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,    -- when it really does
    state      INTEGER NOT NULL,    -- 0 waiting, 1 paid, 2 rejected by its owner, 3 by the payer, 4 expired
    changed_at INTEGER NOT NULL,
    payer      INTEGER,
    txn_id     INTEGER,
    refunded   INTEGER NOT NULL,
    PRIMARY KEY (owner, bill_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX bill_number ON bill (number);

CREATE UNIQUE INDEX bill_uid ON bill (uid);

CREATE INDEX bill_open ON bill (expires_at) WHERE state = 0;

CREATE TABLE bill_for (             -- unpaid bills a wallet sees: addressed to it, or opened by it
    wallet INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (wallet, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX bill_for_number ON bill_for (number);

CREATE TABLE bill_refund (          -- money given back to the payer of a bill
    owner     INTEGER NOT NULL,
    bill_id   TEXT    NOT NULL,
    refund_id TEXT    NOT NULL,
    amount    INTEGER NOT NULL,
    whole     INTEGER NOT NULL,     -- 1: with it everything is given back
    made_at   INTEGER NOT NULL,
    txn_id    INTEGER NOT NULL,
    PRIMARY KEY (owner, bill_id, refund_id)
) STRICT, WITHOUT ROWID;
