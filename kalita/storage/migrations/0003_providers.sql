-- What an operator changed of the catalogue that comes with the program, what payments to outside providers became,
-- what currencies cost, who brings money in over the OSMP protocol.

CREATE TABLE provider_change (
    id         INTEGER PRIMARY KEY,
    content    TEXT    NOT NULL,     -- canonical JSON: the changed columns, a password as ciphertext
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE rate_set (
    valid_from INTEGER PRIMARY KEY,  -- microseconds UTC
    day        TEXT    NOT NULL,     -- the day a bank published them for, ISO
    origin     TEXT    NOT NULL,
    content    TEXT    NOT NULL      -- canonical JSON: roubles for one unit, by the currency's number
) STRICT;

CREATE TABLE payout (                -- a payment to an outside provider, from its acceptance on hold to its end
    wallet       INTEGER NOT NULL,
    txn_id       INTEGER NOT NULL,
    provider     INTEGER NOT NULL,
    currency     INTEGER NOT NULL,
    amount       INTEGER NOT NULL,   -- minor units: the sum
    commission   INTEGER NOT NULL,
    category     INTEGER NOT NULL,   -- of limits: what is given back if it fails
    account      TEXT    NOT NULL,   -- the recipient as history shows it
    shown        TEXT    NOT NULL,   -- JSON of the fields, card numbers masked
    sealed       TEXT    NOT NULL,   -- the fields as ciphertext; empty once it has ended
    state        INTEGER NOT NULL,   -- 0 to be sent, 1 asked and not known, 2 done, 3 failed, 4 for the operator
    attempts     INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,   -- when to ask again, by the settings' clock
    leased_until INTEGER NOT NULL,   -- whoever carries it has it until then, by the database's clock
    holder       TEXT    NOT NULL,
    reference    TEXT    NOT NULL,   -- the provider's own number
    note         TEXT    NOT NULL,   -- the last thing heard, for operators
    error_code   INTEGER NOT NULL,
    refunded     INTEGER NOT NULL,   -- minor units given back later
    PRIMARY KEY (wallet, txn_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX payout_due ON payout (due_at) WHERE state < 2;

CREATE INDEX payout_provider ON payout (provider, txn_id);

CREATE TABLE conversion (            -- the rate a conversion was made at
    wallet INTEGER NOT NULL,
    txn_id INTEGER NOT NULL,
    rate   TEXT    NOT NULL,
    PRIMARY KEY (wallet, txn_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE prefix (                -- imported: whose numbers begin like this
    kind   TEXT NOT NULL,            -- phone: value is a provider; card: value is a country
    prefix TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (kind, prefix)
) STRICT, WITHOUT ROWID;

CREATE TABLE refund (                -- money given back, linked to the payment it comes from
    wallet     INTEGER NOT NULL,
    txn_id     INTEGER NOT NULL,     -- of the payment
    refund_txn INTEGER NOT NULL,
    amount     INTEGER NOT NULL,
    currency   INTEGER NOT NULL,
    PRIMARY KEY (wallet, txn_id, refund_txn)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent (
    number      INTEGER PRIMARY KEY,   -- its account belongs to this number of the house
    name        TEXT    NOT NULL,
    overdraft   INTEGER NOT NULL,      -- minor units
    secret      TEXT    NOT NULL,      -- hash of its password
    certificate TEXT    NOT NULL,      -- subject of its client certificate, as a proxy tells it; empty: none
    created_at  INTEGER NOT NULL,
    blocked     INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX agent_name ON agent (name);

CREATE TABLE agent_payment (           -- written in the commit of the top-up
    agent    INTEGER NOT NULL,
    txn_id   TEXT    NOT NULL,         -- the agent's own
    txn_date TEXT    NOT NULL,         -- YYYYMMDDHHMMSS, the accounting day whatever the clock says
    account  TEXT    NOT NULL,
    amount   INTEGER NOT NULL,
    ours     INTEGER NOT NULL,
    PRIMARY KEY (agent, txn_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_payment_day ON agent_payment (agent, txn_date);
