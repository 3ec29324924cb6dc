-- What is done at once needs no event of its own: history has it, and a hook keeps how far it was told.

CREATE TABLE told (                 -- of each stream of history
    wallet INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    since  INTEGER NOT NULL,        -- payments up to this transaction are older than the hook
    txn_id INTEGER NOT NULL,        -- those up to this one were sent, once at least
    PRIMARY KEY (wallet, stream)
) STRICT, WITHOUT ROWID;

INSERT INTO told
SELECT r.wallet, d.direction * 1000 + a.currency, a.last_txn, a.last_txn
  FROM receiver r
  JOIN account a ON a.id >= r.wallet * 8192 AND a.id < r.wallet * 8192 + 8192 AND a.kind = 0
 CROSS JOIN (SELECT 1 AS direction UNION ALL SELECT 2 UNION ALL SELECT 3) AS d
 WHERE r.channel = 1;

-- What a hook tells of: streams of its wallet, and how far it has. Joined in this order, each by its key.
CREATE VIEW hook_stream AS
SELECT r.wallet, r.id AS receiver, d.direction * 1000 + a.currency AS stream,
       COALESCE(t.since, 0) AS since, COALESCE(t.txn_id, 0) AS told
  FROM receiver r
 CROSS JOIN account a
 CROSS JOIN (SELECT 1 AS direction, 1 AS kind UNION ALL SELECT 2, 2 UNION ALL SELECT 3, 2) AS d
  LEFT JOIN told t ON t.wallet = r.wallet AND t.stream = d.direction * 1000 + a.currency
 WHERE r.channel = 1 AND (r.kinds & d.kind) <> 0
   AND a.id >= r.wallet * 8192 AND a.id < r.wallet * 8192 + 8192 AND a.kind = 0;

ALTER TABLE attempt ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;

ALTER TABLE attempt ADD COLUMN txn_id INTEGER NOT NULL DEFAULT 0;

UPDATE attempt SET kind = e.kind, txn_id = e.txn_id
  FROM event e
 WHERE e.wallet = attempt.wallet AND e.channel = attempt.channel AND e.caused_by = attempt.caused_by
   AND e.stream = attempt.stream;
