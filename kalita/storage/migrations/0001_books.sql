-- The books. Hot tables lead with the wallet or the account; the transaction id gives time and lane.

CREATE TABLE lane (                 -- a writer's lane and the head of its chain
    lane         INTEGER PRIMARY KEY,
    holder       TEXT    NOT NULL,
    leased_until INTEGER NOT NULL,  -- microseconds by the machine's clock
    seq          INTEGER NOT NULL,
    last_txn     INTEGER NOT NULL,
    head         TEXT    NOT NULL
) STRICT;

CREATE TABLE chain (                -- one row a commit: keyed hash over what it wrote and the head before it
    lane      INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    first_txn INTEGER NOT NULL,
    last_txn  INTEGER NOT NULL,
    head      TEXT    NOT NULL,
    parts     TEXT    NOT NULL,     -- 8 digits of the hash of each table's rows: which table was changed
    PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    id        INTEGER PRIMARY KEY,  -- owner * 8192 + currency * 8 + kind
    owner     INTEGER NOT NULL,     -- a wallet, or a negative number of the house
    kind      INTEGER NOT NULL,
    currency  INTEGER NOT NULL,
    balance   INTEGER NOT NULL,
    floor     INTEGER,
    bars      INTEGER NOT NULL,     -- 1 nothing leaves, 2 nothing comes in
    entries   INTEGER NOT NULL,
    last_txn  INTEGER NOT NULL,
    sum_in    INTEGER NOT NULL,
    sum_out   INTEGER NOT NULL,
    sum_card  INTEGER NOT NULL,
    spent     TEXT    NOT NULL,     -- what limits are measured with; not part of the books, and recounted from them
    opened_by INTEGER NOT NULL,
    CHECK (floor IS NULL OR balance >= floor)
) STRICT;

-- Kept in commit order: a group's entries fill a page or two instead of one page for each account.
CREATE TABLE entry (
    txn_id     INTEGER NOT NULL,
    leg        INTEGER NOT NULL,    -- number of the transfer in its order
    account_id INTEGER NOT NULL,
    seq        INTEGER NOT NULL,    -- 1, 2, 3 … in each account
    change     INTEGER NOT NULL,
    balance    INTEGER NOT NULL,    -- after this entry
    PRIMARY KEY (txn_id, leg, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE payment (              -- what was answered to (owner, client_id), for ever
    owner     INTEGER NOT NULL,
    client_id TEXT    NOT NULL,
    txn_id    INTEGER NOT NULL,
    meaning   TEXT    NOT NULL,     -- keyed hash of the request
    answer    TEXT    NOT NULL,
    -- Clients number by the clock: in one file of one writer that order fills a page after the other.
    PRIMARY KEY (/* sqlite: client_id, owner *//* postgres: owner, client_id */)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (              -- one side of a payment, as its owner sees it
    wallet     INTEGER NOT NULL,
    stream     INTEGER NOT NULL,    -- direction * 1000 + currency
    txn_id     INTEGER NOT NULL,
    running    INTEGER NOT NULL,    -- total of the stream up to and with this row
    provider   INTEGER NOT NULL,
    account    TEXT    NOT NULL,
    sum        INTEGER NOT NULL,
    commission INTEGER NOT NULL,
    comment    TEXT    NOT NULL,
    client_id  TEXT,
    state      INTEGER NOT NULL,    -- 0 done, 1 waiting, 2 failed
    PRIMARY KEY (wallet, stream, txn_id)
) STRICT, WITHOUT ROWID;

-- What the running totals of a period have to leave out: few rows, whatever the length of the history.
CREATE INDEX history_undone ON history (wallet, stream, txn_id) WHERE state <> 0;

CREATE TABLE closing (              -- how a payment that was accepted on hold ended
    wallet     INTEGER NOT NULL,
    stream     INTEGER NOT NULL,
    txn_id     INTEGER NOT NULL,
    error_code INTEGER NOT NULL,    -- 0: it succeeded
    closed_by  INTEGER NOT NULL,
    PRIMARY KEY (wallet, stream, txn_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE bar (                  -- what an account was barred from, since when
    account_id INTEGER NOT NULL,
    txn_id     INTEGER NOT NULL,
    bars       INTEGER NOT NULL,    -- 0 nothing, 1 nothing leaves, 2 nothing comes in, 3 both
    PRIMARY KEY (account_id, txn_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE wallet (
    wallet           INTEGER PRIMARY KEY,  -- phone number, digits
    created_at       INTEGER NOT NULL,
    registered_at    INTEGER,              -- NULL: came into being by a payment
    level            INTEGER NOT NULL,     -- 0 ANONYMOUS, 1 SIMPLE, 2 VERIFIED, 3 FULL
    blocked          INTEGER NOT NULL DEFAULT 0,
    restricted       INTEGER NOT NULL DEFAULT 0,
    closed_at        INTEGER,
    language         TEXT    NOT NULL DEFAULT 'ru',
    nickname         TEXT,
    email            TEXT,
    default_currency INTEGER NOT NULL DEFAULT 643,
    last_login_at    INTEGER,
    last_login_ip    TEXT
) STRICT;

CREATE UNIQUE INDEX wallet_nickname ON wallet (nickname);

CREATE TABLE token (
    hash        TEXT    PRIMARY KEY,       -- SHA-256 of the token
    wallet      INTEGER NOT NULL,
    shown       TEXT    NOT NULL,          -- its first 4 characters
    permissions INTEGER NOT NULL,
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    revoked_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX token_live ON token (wallet) WHERE revoked_at IS NULL;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
