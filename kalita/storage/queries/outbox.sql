-- name: receiver_get
SELECT id, url, kinds, secret, old_secret, old_until, created_at FROM receiver WHERE wallet = $1 AND channel = $2;

-- name: receiver_add
INSERT INTO receiver (wallet, channel, id, url, kinds, secret, old_secret, old_until, created_at, next_at, holder,
                      leased_until)
VALUES ($1, $2, $3, $4, $5, $6, '', 0, $7, 4611686018427387904, '', 0) ON CONFLICT (wallet, channel) DO NOTHING;

-- name: receiver_drop
DELETE FROM receiver WHERE wallet = $1 AND channel = $2 AND id = $3;

-- name: receiver_new_secret
UPDATE receiver SET old_secret = secret, old_until = $5, secret = $4 WHERE wallet = $1 AND channel = $2 AND id = $3;

-- name: receiver_wake
UPDATE receiver SET next_at = 0 WHERE wallet = $1 AND channel = $2;

-- name: receivers_any_due
SELECT 1 FROM receiver WHERE next_at <= $1 AND leased_until < $2 LIMIT 1;

-- name: events_any_waiting
SELECT 1 FROM event WHERE state = 0 LIMIT 1;

-- name: receivers_claim
UPDATE receiver SET holder = $1, leased_until = $2
 WHERE (wallet, channel) IN (SELECT wallet, channel FROM receiver WHERE next_at <= $3 AND leased_until < $4
                              ORDER BY next_at LIMIT $5 /* postgres: FOR UPDATE SKIP LOCKED */);

-- name: receivers_claimed
SELECT wallet, channel, id, url, kinds, secret, old_secret, old_until FROM receiver WHERE next_at <= $2 AND holder = $1;

-- name: receivers_lock
-- In the order of the ledger. What it wrote meanwhile is seen by the next statement, not by this one.
SELECT r.wallet
  FROM /* postgres: json_to_recordset($1) AS back (wallet BIGINT, channel BIGINT) */
       /* sqlite: (SELECT json_extract(value, '$.wallet') AS wallet, json_extract(value, '$.channel') AS channel */
       /* sqlite: FROM json_each($1)) AS back */
  JOIN receiver r ON r.wallet = back.wallet AND r.channel = back.channel
 ORDER BY r.wallet, r.channel /* postgres: FOR UPDATE OF r */;

-- name: receivers_release
UPDATE receiver SET holder = '', leased_until = 0, next_at = COALESCE(
       (SELECT MIN(e.due_at) FROM event e
         WHERE e.wallet = receiver.wallet AND e.channel = receiver.channel AND e.state = 0), 4611686018427387904)
  FROM /* postgres: json_to_recordset($1) AS back (wallet BIGINT, channel BIGINT, holder TEXT) */
       /* sqlite: (SELECT json_extract(value, '$.wallet') AS wallet, json_extract(value, '$.channel') AS channel, */
       /* sqlite: json_extract(value, '$.holder') AS holder FROM json_each($1)) AS back */
 WHERE receiver.wallet = back.wallet AND receiver.channel = back.channel AND receiver.holder = back.holder;

-- name: event_add
INSERT INTO event (wallet, channel, caused_by, stream, kind, txn_id, receiver, subject, attempts, due_at, state)
SELECT r.wallet, r.channel, $3, $4, $5, $6, r.id, $7, 0, 0, 0 FROM receiver r WHERE r.wallet = $1 AND r.channel = $2;

-- name: events_of_hook
SELECT e.caused_by, e.stream, e.kind, e.txn_id, e.receiver, e.attempts, h.provider, h.account, h.sum, h.commission,
       h.comment, h.state, c.error_code
  FROM event e
  LEFT JOIN history h ON h.wallet = e.wallet AND h.stream = e.stream AND h.txn_id = e.txn_id
  LEFT JOIN closing c ON c.wallet = e.wallet AND c.stream = e.stream AND c.txn_id = e.txn_id
 WHERE e.wallet = $1 AND e.channel = 1 AND e.state = 0 AND e.due_at <= $2
 ORDER BY e.due_at, e.caused_by, e.stream LIMIT $3;

-- name: events_over
UPDATE event SET state = done.state, attempts = done.attempts, due_at = done.due_at
  FROM /* postgres: json_to_recordset($1) AS done (wallet BIGINT, channel BIGINT, caused_by BIGINT, stream BIGINT, */
       /* postgres: state BIGINT, attempts BIGINT, due_at BIGINT) */
       /* sqlite: (SELECT json_extract(value, '$.wallet') AS wallet, json_extract(value, '$.channel') AS channel, */
       /* sqlite: json_extract(value, '$.caused_by') AS caused_by, json_extract(value, '$.stream') AS stream, */
       /* sqlite: json_extract(value, '$.state') AS state, json_extract(value, '$.attempts') AS attempts, */
       /* sqlite: json_extract(value, '$.due_at') AS due_at FROM json_each($1)) AS done */
 WHERE event.wallet = done.wallet AND event.channel = done.channel AND event.caused_by = done.caused_by
   AND event.stream = done.stream AND event.state = 0;

-- name: events_cancel
UPDATE event SET state = 3, due_at = $4 WHERE wallet = $1 AND channel = $2 AND receiver = $3 AND state = 0;

-- name: attempts_add
INSERT INTO attempt (wallet, channel, at, caused_by, stream, receiver, number, micros, status, failure)
SELECT /* postgres: * FROM json_to_recordset($1) AS one (wallet BIGINT, channel BIGINT, at BIGINT, caused_by BIGINT, */
       /* postgres: stream BIGINT, receiver TEXT, number BIGINT, micros BIGINT, status BIGINT, failure TEXT) */
       /* sqlite: json_extract(value, '$.wallet'), json_extract(value, '$.channel'), json_extract(value, '$.at'), */
       /* sqlite: json_extract(value, '$.caused_by'), json_extract(value, '$.stream'), */
       /* sqlite: json_extract(value, '$.receiver'), json_extract(value, '$.number'), */
       /* sqlite: json_extract(value, '$.micros'), json_extract(value, '$.status'), */
       /* sqlite: json_extract(value, '$.failure') FROM json_each($1) */
 WHERE true ON CONFLICT (wallet, channel, at, caused_by, stream) DO NOTHING;

-- name: attempts_before
SELECT a.at, a.caused_by, a.stream, a.receiver, a.number, a.micros, a.status, a.failure, e.kind, e.txn_id, e.state
  FROM attempt a
  LEFT JOIN event e ON e.wallet = a.wallet AND e.channel = a.channel AND e.caused_by = a.caused_by
                   AND e.stream = a.stream
 WHERE a.wallet = $1 AND a.channel = $2 AND a.at < $3 ORDER BY a.at DESC, a.caused_by DESC LIMIT $4;

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
