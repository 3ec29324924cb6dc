-- The outbox: whom an owner wants told, and what they are to be told. Written in the payment's own commit.

CREATE TABLE receiver (             -- an address that is told
    wallet       INTEGER NOT NULL,
    channel      INTEGER NOT NULL,  -- 1 payments (the hook), 2 bills
    id           TEXT    NOT NULL,  -- of the hook, or of the pair of keys
    url          TEXT    NOT NULL,
    kinds        INTEGER NOT NULL,  -- payments: 1 what comes in, 2 what goes out; bills: 1 paid, 2 rejected and expired
    secret       TEXT    NOT NULL,  -- sealed; the key that messages are signed with
    old_secret   TEXT    NOT NULL,  -- sealed; the key before, '' for none
    old_until    INTEGER NOT NULL,  -- so long it signs too
    created_at   INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,  -- when something is due
    holder       TEXT    NOT NULL,  -- who delivers now
    leased_until INTEGER NOT NULL,
    PRIMARY KEY (wallet, channel)
) STRICT, WITHOUT ROWID;

CREATE INDEX receiver_due ON receiver (next_at);

CREATE TABLE event (                -- one message to one receiver
    wallet    INTEGER NOT NULL,
    channel   INTEGER NOT NULL,
    caused_by INTEGER NOT NULL,     -- transaction that caused it: the order of first attempts
    stream    INTEGER NOT NULL,
    kind      INTEGER NOT NULL,     -- see storage/outbox.py
    txn_id    INTEGER NOT NULL,     -- the payment that is spoken of
    receiver  TEXT    NOT NULL,     -- id of the receiver it was meant for
    subject   TEXT    NOT NULL,     -- id of the bill; '' for payments
    attempts  INTEGER NOT NULL,
    due_at    INTEGER NOT NULL,     -- 0: at once; when it is over: since when
    state     INTEGER NOT NULL,     -- 0 to be sent, 1 delivered, 2 given up, 3 cancelled
    PRIMARY KEY (wallet, channel, caused_by, stream)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_due ON event (wallet, channel, due_at, caused_by, stream) WHERE state = 0;

CREATE INDEX event_over ON event (due_at) WHERE state <> 0;

CREATE TABLE attempt (              -- what came of sending, kept for 30 days
    wallet    INTEGER NOT NULL,
    channel   INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    caused_by INTEGER NOT NULL,
    stream    INTEGER NOT NULL,
    receiver  TEXT    NOT NULL,
    number    INTEGER NOT NULL,     -- 1 for the first attempt
    micros    INTEGER NOT NULL,     -- how long it took
    status    INTEGER NOT NULL,     -- HTTP status; 0: no answer
    failure   TEXT    NOT NULL,     -- why there was none
    PRIMARY KEY (wallet, channel, at, caused_by, stream)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_at ON attempt (at);
