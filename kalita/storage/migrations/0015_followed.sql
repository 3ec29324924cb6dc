-- Hooks are woken behind the commits, not in them: who delivers follows the chain, and keeps how far he has.

CREATE TABLE followed (
    lane INTEGER PRIMARY KEY,
    seq  INTEGER NOT NULL           -- commits up to this one woke whom they had to
) STRICT;

INSERT INTO followed SELECT lane, seq FROM lane;

DROP INDEX receiver_woken;
