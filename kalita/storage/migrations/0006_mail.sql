-- Mail that waits for a mail server, and how much of it a wallet sent today.

CREATE TABLE mail (
    wallet       INTEGER NOT NULL,
    number       TEXT    NOT NULL,   -- goes into its Message-ID
    content      TEXT    NOT NULL,   -- sealed JSON: address, subject, text, files
    queued_at    INTEGER NOT NULL,   -- microseconds by the machine's clock, as the moments below
    due_at       INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    holder       TEXT    NOT NULL,   -- who is sending it, '' for nobody
    leased_until INTEGER NOT NULL,
    PRIMARY KEY (wallet, number)
) STRICT;

CREATE INDEX mail_due ON mail (due_at);

CREATE TABLE mail_count (
    wallet    INTEGER NOT NULL,
    topic     TEXT    NOT NULL,
    day       INTEGER NOT NULL,      -- days since 1970 in Moscow
    number    INTEGER NOT NULL,      -- how many of the topic that day
    last_mail TEXT    NOT NULL,
    PRIMARY KEY (wallet, topic)
) STRICT, WITHOUT ROWID;
