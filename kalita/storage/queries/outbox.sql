-- name: receiver_get
SELECT id, url, kinds, secret, old_secret, old_until, created_at FROM receiver WHERE wallet = $1 AND channel = $2;

-- name: receiver_add
INSERT INTO receiver (wallet, channel, id, url, kinds, secret, old_secret, old_until, created_at, next_at, holder,
                      leased_until)
VALUES ($1, $2, $3, $4, $5, $6, '', 0, $7, $8, '', 0) ON CONFLICT (wallet, channel) DO NOTHING;

-- name: told_begin
INSERT INTO told (wallet, stream, since, txn_id)
SELECT r.wallet, d.direction * 1000 + a.currency, a.last_txn, a.last_txn
  FROM receiver r
  JOIN account a ON a.id >= r.wallet * 8192 AND a.id < r.wallet * 8192 + 8192 AND a.kind = 0
 CROSS JOIN (SELECT 1 AS direction UNION ALL SELECT 2 UNION ALL SELECT 3) AS d
 WHERE r.wallet = $1 AND r.channel = 1 AND r.id = $2;

-- name: told_drop
DELETE FROM told
 WHERE wallet = $1 AND NOT EXISTS (SELECT 1 FROM receiver r WHERE r.wallet = told.wallet AND r.channel = 1);

-- name: told_add
INSERT INTO told (wallet, stream, since, txn_id)
SELECT r.wallet, back.stream, 0, back.txn_id
  FROM /* postgres: json_to_recordset($1) AS back (wallet BIGINT, stream BIGINT, receiver TEXT, txn_id BIGINT) */
       /* sqlite: (SELECT json_extract(value, '$.wallet') AS wallet, json_extract(value, '$.stream') AS stream, */
       /* sqlite: json_extract(value, '$.receiver') AS receiver, json_extract(value, '$.txn_id') AS txn_id */
       /* sqlite: FROM json_each($1)) AS back */
 /* postgres: CROSS JOIN LATERAL (SELECT * FROM receiver one */
 /* sqlite: JOIN receiver r ON true */
 WHERE /* postgres: one. *//* sqlite: r. */wallet = back.wallet AND channel = 1
   AND id = back.receiver /* postgres: LIMIT 1) AS r WHERE true */
    ON CONFLICT (wallet, stream) DO UPDATE SET txn_id = excluded.txn_id WHERE excluded.txn_id > told.txn_id;

-- name: receiver_drop
DELETE FROM receiver WHERE wallet = $1 AND channel = $2 AND id = $3;

-- name: receivers_end
DELETE FROM receiver WHERE wallet = $1;

-- name: events_end
UPDATE event SET state = 3, due_at = $2 WHERE wallet = $1 AND state = 0;

-- name: events_of_wallet_forget
DELETE FROM event WHERE wallet = $1;

-- name: attempts_of_wallet_forget
DELETE FROM attempt WHERE wallet = $1;

-- name: receiver_new_secret
UPDATE receiver SET old_secret = secret, old_until = $5, secret = $4 WHERE wallet = $1 AND channel = $2 AND id = $3;

-- name: receiver_wake
UPDATE receiver SET next_at = 0 WHERE wallet = $1 AND channel = $2;

-- name: lanes_followed
SELECT l.lane, l.seq, COALESCE(f.seq, 0) FROM lane l LEFT JOIN followed f ON f.lane = l.lane;

-- name: receivers_touched
-- Who is due and held by nobody need not be woken: whoever takes him will see what these commits wrote. One writer at a
-- time, as with SQLite, and whoever holds him will, too.
SELECT DISTINCT r.wallet
  FROM chain c
 CROSS JOIN entry e
 CROSS JOIN /* postgres: LATERAL (SELECT * FROM receiver one WHERE one. */ /* sqlite: receiver r ON r. */
       wallet = e.account_id / 8192 AND channel = 1 /* postgres: LIMIT 1) AS r */
 WHERE c.lane = $1 AND c.seq > $2 AND c.seq <= $3 AND e.txn_id >= c.first_txn AND e.txn_id <= c.last_txn
   AND (/* postgres: r.holder <> '' OR */ r.next_at > $4
        AND ((SELECT MIN(v.due_at) FROM event v WHERE v.wallet = r.wallet AND v.channel = 1 AND v.state = 0) <= $4
             OR EXISTS (SELECT 1 FROM hook_stream s
                         /* postgres: CROSS JOIN LATERAL (SELECT 1 FROM history h */ /* sqlite: CROSS JOIN history h */
                         WHERE h.wallet = s.wallet AND h.stream = s.stream AND h.txn_id > s.told
                         /* postgres: LIMIT 1) AS one WHERE *//* sqlite: AND */ s.wallet = r.wallet)));

-- name: receivers_wake
UPDATE receiver SET next_at = $2
 WHERE channel = 1 AND next_at > $2
   AND wallet /* postgres: = ANY (ARRAY(SELECT wallet FROM json_to_recordset($1) AS woken (wallet BIGINT))) */
              /* sqlite: IN (SELECT json_extract(value, '$.wallet') FROM json_each($1)) */;

-- name: followed_put
INSERT INTO followed (lane, seq) VALUES ($1, $2)
    ON CONFLICT (lane) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > followed.seq;

-- name: receivers_any_due
SELECT 1 FROM receiver WHERE next_at <= $1 AND leased_until < $2 LIMIT 1;

-- name: receivers_claim
UPDATE receiver SET holder = $1, leased_until = $2
 WHERE (wallet, channel) IN (SELECT wallet, channel FROM receiver WHERE next_at <= $3 AND leased_until < $4
                              ORDER BY next_at LIMIT $5 /* postgres: FOR UPDATE SKIP LOCKED */);

-- name: receivers_claimed
SELECT wallet, channel, id, url, kinds, secret, old_secret, old_until FROM receiver
 WHERE next_at <= $2 AND holder = $1 ORDER BY next_at LIMIT $3;

-- name: receivers_lock
-- In the order of the ledger. What it wrote meanwhile is seen by the next statement, not by this one.
SELECT r.wallet
  FROM /* postgres: json_to_recordset($1) AS back (wallet BIGINT, channel BIGINT) */
       /* sqlite: (SELECT json_extract(value, '$.wallet') AS wallet, json_extract(value, '$.channel') AS channel */
       /* sqlite: FROM json_each($1)) AS back */
  JOIN receiver r ON r.wallet = back.wallet AND r.channel = back.channel
 ORDER BY r.wallet, r.channel /* postgres: FOR UPDATE OF r */;

-- name: receivers_release
UPDATE receiver SET holder = '', leased_until = 0, next_at = CASE
       WHEN receiver.channel = 1 AND EXISTS (
            SELECT 1 FROM hook_stream s
             /* postgres: CROSS JOIN LATERAL (SELECT 1 FROM history h */ /* sqlite: CROSS JOIN history h */
             WHERE h.wallet = s.wallet AND h.stream = s.stream AND h.txn_id > s.told
             /* postgres: LIMIT 1) AS one WHERE *//* sqlite: AND */ s.wallet = receiver.wallet) THEN back.at
       ELSE COALESCE(
            (SELECT MIN(e.due_at) FROM event e
              WHERE e.wallet = receiver.wallet AND e.channel = receiver.channel AND e.state = 0), 4611686018427387904)
       END
  FROM /* postgres: json_to_recordset($1) AS back (wallet BIGINT, channel BIGINT, holder TEXT, at BIGINT) */
       /* sqlite: (SELECT json_extract(value, '$.wallet') AS wallet, json_extract(value, '$.channel') AS channel, */
       /* sqlite: json_extract(value, '$.holder') AS holder, json_extract(value, '$.at') AS at */
       /* sqlite: FROM json_each($1)) AS back */
 WHERE receiver.wallet = back.wallet AND receiver.channel = back.channel AND receiver.holder = back.holder;

-- name: event_add
INSERT INTO event (wallet, channel, caused_by, stream, kind, txn_id, receiver, subject, attempts, due_at, state)
SELECT r.wallet, r.channel, $3, $4, $5, $6, r.id, $7, 0, 0, 0 FROM receiver r WHERE r.wallet = $1 AND r.channel = $2;

-- name: messages_due
-- Both in one statement: of two moments, what came between them would overtake what was committed before it.
SELECT *
  FROM (SELECT e.caused_by, e.stream, e.kind, e.txn_id, e.receiver, e.attempts, h.provider, h.account, h.sum,
               h.commission, h.comment, h.state, c.error_code, 0 AS first, e.due_at
          FROM event e
          LEFT JOIN /* postgres: LATERAL (SELECT * FROM */ history h /* postgres: WHERE *//* sqlite: ON */
               h.wallet = e.wallet AND h.stream = e.stream AND h.txn_id = e.txn_id /* postgres: LIMIT 1) AS h ON true */
          LEFT JOIN closing c ON c.wallet = e.wallet AND c.stream = e.stream AND c.txn_id = e.txn_id
         WHERE e.wallet = $1 AND e.channel = 1 AND e.state = 0 AND e.due_at <= $2
         ORDER BY e.due_at, e.caused_by, e.stream LIMIT $3) AS again
 UNION ALL
SELECT *
  FROM (SELECT h.txn_id AS caused_by, h.stream, 0 AS kind, h.txn_id, s.receiver, 0 AS attempts, h.provider, h.account,
               h.sum, h.commission, h.comment, h.state, c.error_code, 1 AS first, 0 AS due_at
          FROM hook_stream s
          /* postgres: CROSS JOIN LATERAL (SELECT n.* FROM history n */
          /* sqlite: CROSS JOIN history h ON h.wallet = s.wallet AND h.stream = s.stream AND h.txn_id IN */
          /* sqlite: (SELECT n.txn_id FROM history n */
                WHERE n.wallet = s.wallet AND n.stream = s.stream AND n.txn_id > s.told ORDER BY n.txn_id LIMIT $3)
          /* postgres: AS h */
          LEFT JOIN closing c ON c.wallet = h.wallet AND c.stream = h.stream AND c.txn_id = h.txn_id
         WHERE s.wallet = $1 ORDER BY h.txn_id, h.stream LIMIT $3) AS fresh
 ORDER BY 15, 1, 2 LIMIT $3;

-- name: events_over
INSERT INTO event (wallet, channel, caused_by, stream, kind, txn_id, receiver, subject, attempts, due_at, state)
SELECT /* postgres: * FROM json_to_recordset($1) AS one (wallet BIGINT, channel BIGINT, caused_by BIGINT, */
       /* postgres: stream BIGINT, kind BIGINT, txn_id BIGINT, receiver TEXT, subject TEXT, attempts BIGINT, */
       /* postgres: due_at BIGINT, state BIGINT) */
       /* sqlite: json_extract(value, '$.wallet'), json_extract(value, '$.channel'), */
       /* sqlite: json_extract(value, '$.caused_by'), json_extract(value, '$.stream'), */
       /* sqlite: json_extract(value, '$.kind'), json_extract(value, '$.txn_id'), json_extract(value, '$.receiver'), */
       /* sqlite: json_extract(value, '$.subject'), json_extract(value, '$.attempts'), */
       /* sqlite: json_extract(value, '$.due_at'), json_extract(value, '$.state') FROM json_each($1) */
 WHERE true
    ON CONFLICT (wallet, channel, caused_by, stream)
    DO UPDATE SET state = excluded.state, attempts = excluded.attempts, due_at = excluded.due_at WHERE event.state = 0;

-- name: events_cancel
UPDATE event SET state = 3, due_at = $4 WHERE wallet = $1 AND channel = $2 AND receiver = $3 AND state = 0;

-- name: attempts_add
INSERT INTO attempt (wallet, channel, at, caused_by, stream, receiver, number, micros, status, failure, kind,
                     txn_id)
SELECT /* postgres: * FROM json_to_recordset($1) AS one (wallet BIGINT, channel BIGINT, at BIGINT, caused_by BIGINT, */
       /* postgres: stream BIGINT, receiver TEXT, number BIGINT, micros BIGINT, status BIGINT, failure TEXT, */
       /* postgres: kind BIGINT, txn_id BIGINT) */
       /* sqlite: json_extract(value, '$.wallet'), json_extract(value, '$.channel'), json_extract(value, '$.at'), */
       /* sqlite: json_extract(value, '$.caused_by'), json_extract(value, '$.stream'), */
       /* sqlite: json_extract(value, '$.receiver'), json_extract(value, '$.number'), */
       /* sqlite: json_extract(value, '$.micros'), json_extract(value, '$.status'), */
       /* sqlite: json_extract(value, '$.failure'), json_extract(value, '$.kind'), */
       /* sqlite: json_extract(value, '$.txn_id') FROM json_each($1) */
 WHERE true ON CONFLICT (wallet, channel, at, caused_by, stream) DO NOTHING;

-- name: attempts_before
-- What was delivered at once has no event.
SELECT a.at, a.caused_by, a.stream, a.receiver, a.number, a.micros, a.status, a.failure, a.kind, a.txn_id,
       COALESCE(e.state, 1), COALESCE(e.subject, '')
  FROM attempt a
  LEFT JOIN /* postgres: LATERAL (SELECT * FROM */ event e /* postgres: WHERE *//* sqlite: ON */
       e.wallet = a.wallet AND e.channel = a.channel AND e.caused_by = a.caused_by AND e.stream = a.stream
       /* postgres: LIMIT 1) AS e ON true */
 WHERE a.wallet = $1 AND a.channel = $2 AND a.at < $3 ORDER BY a.at DESC, a.caused_by DESC LIMIT $4;

-- name: attempts_began
SELECT at FROM attempt
 WHERE wallet = $1 AND channel = $2 AND at > $3 AND caused_by = $4 AND stream = $5 AND number = 1
 ORDER BY at DESC LIMIT 1;

-- name: attempts_any_to
SELECT 1 FROM attempt WHERE wallet = $1 AND channel = $2 AND receiver = $3 LIMIT 1;

-- name: events_of_told
INSERT INTO event (wallet, channel, caused_by, stream, kind, txn_id, receiver, subject, attempts, due_at, state)
SELECT s.wallet, 1, h.txn_id, h.stream, 0, h.txn_id, s.receiver, '', 0, 0, 0
  FROM hook_stream s
 CROSS JOIN /* postgres: LATERAL (SELECT * FROM */ history h /* postgres: WHERE *//* sqlite: ON */
       h.wallet = s.wallet AND h.stream = s.stream AND h.txn_id > s.since AND h.txn_id <= s.told
       AND h.txn_id >= $3 AND h.txn_id <= $4 /* postgres: OFFSET 0) AS h */
 WHERE s.wallet = $1 AND s.receiver = $2 AND h.state = 0
   AND NOT EXISTS (SELECT 1 FROM closing c
                    WHERE c.wallet = h.wallet AND c.stream = h.stream AND c.txn_id = h.txn_id)
    ON CONFLICT (wallet, channel, caused_by, stream) DO NOTHING;

-- name: events_again
UPDATE event SET state = 0, attempts = 0, due_at = 0
 WHERE wallet = $1 AND channel = $2 AND receiver = $3 AND caused_by >= $4 AND caused_by <= $5
   AND state >= $6 AND state <= $7 AND kind <> 3 AND state <> 3;

-- name: events_forget
DELETE FROM event WHERE state <> 0 AND due_at < $1;

-- name: attempts_forget
DELETE FROM attempt WHERE at < $1;

-- name: receivers_after
SELECT wallet, channel, id, url, kinds, created_at, next_at FROM receiver
 WHERE channel = $1 AND wallet > $2 ORDER BY wallet LIMIT $3;
