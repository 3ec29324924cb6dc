-- name: conversion_add
INSERT INTO conversion (wallet, txn_id, rate) VALUES ($1, $2, $3);

-- name: conversion_rate
SELECT rate FROM conversion WHERE wallet = $1 AND txn_id = $2;

-- name: payout_add
INSERT INTO payout (wallet, txn_id, provider, currency, amount, commission, category, account, shown, sealed, state,
                    attempts, due_at, leased_until, holder, reference, note, error_code, refunded)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0,
        (/* sqlite: unixepoch() *//* postgres: CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) */) * 1000000 + $11,
        $12, '', '', 0, 0);

-- name: payout_unclaimed
SELECT 1 FROM payout
 WHERE state < 2 AND due_at <= $1
   AND leased_until < (/* sqlite: unixepoch() *//* postgres: CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) */)
                      * 1000000
   AND provider NOT IN (/* sqlite: SELECT value FROM json_each($2) */
                        /* postgres: SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS JSON)) */)
 LIMIT 1;

-- name: payout_claim
UPDATE payout
   SET holder = $1,
       leased_until = (/* sqlite: unixepoch() *//* postgres: CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) */)
                      * 1000000 + $2
 WHERE (wallet, txn_id) IN (
       SELECT wallet, txn_id FROM payout
        WHERE state < 2 AND due_at <= $3
          AND leased_until < (/* sqlite: unixepoch() *//* postgres: CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) */)
                             * 1000000
          AND provider NOT IN (
              /* sqlite: SELECT value FROM json_each($5) */
              /* postgres: SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($5 AS JSON)) */)
        ORDER BY due_at LIMIT $4 /* postgres: FOR UPDATE SKIP LOCKED */);

-- name: payout_renew
UPDATE payout
   SET leased_until = (/* sqlite: unixepoch() *//* postgres: CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) */)
                      * 1000000 + $3
 WHERE state < 2 AND due_at >= 0 AND holder >= $1 AND holder < $2;

-- name: payout_release
UPDATE payout SET leased_until = 0, holder = '' WHERE state < 2 AND due_at >= 0 AND holder >= $1 AND holder < $2;

-- name: payouts_held
SELECT wallet, txn_id, provider, currency, amount, commission, category, sealed, state, attempts
  FROM payout WHERE state < 2 AND due_at <= $2 AND holder = $1;

-- name: payout_again
UPDATE payout SET state = $3, attempts = attempts + 1, due_at = $4, leased_until = 0, holder = '', note = $5
 WHERE wallet = $1 AND txn_id = $2 AND state < 2;

-- name: payout_end
UPDATE payout SET state = $3, error_code = $4, reference = $5, note = $6, attempts = attempts + $7, sealed = '',
       leased_until = 0, holder = ''
 WHERE wallet = $1 AND txn_id = $2;

-- name: payout_late
UPDATE payout SET note = CASE note WHEN '' THEN $3 ELSE note || ', ' || $3 END WHERE wallet = $1 AND txn_id = $2;

-- name: payout_of
SELECT provider, currency, amount, commission, category, account, shown, state, attempts, due_at, reference, note,
       error_code, refunded
  FROM payout WHERE wallet = $1 AND txn_id = $2;

-- name: payout_may_be_refunded
SELECT 1 FROM payout WHERE wallet = $1 AND txn_id = $2 AND state = 2 AND refunded = $3 /* postgres: FOR UPDATE */;

-- name: payout_refunded
UPDATE payout SET refunded = refunded + $3 WHERE wallet = $1 AND txn_id = $2;

-- name: payouts_open
SELECT wallet, txn_id, provider, currency, amount, commission, account, state, attempts, due_at, note
  FROM payout WHERE state IN (0, 1, 4) ORDER BY txn_id LIMIT $1;

-- name: payouts_of_provider
SELECT txn_id, currency, amount, account, state FROM payout
 WHERE provider = $1 AND txn_id >= $2 AND txn_id <= $3 ORDER BY txn_id;

-- name: account_standing
SELECT bars FROM account WHERE id = $1;

-- name: entries_of
SELECT account_id, change FROM entry WHERE txn_id = $1 ORDER BY leg, account_id;

-- name: records_of
SELECT h.stream, h.provider, h.account, h.sum, h.commission, h.comment, h.client_id, h.state, c.error_code
  FROM history h
  LEFT JOIN closing c ON h.state = 2 AND c.wallet = h.wallet AND c.stream = h.stream AND c.txn_id = h.txn_id
 WHERE h.wallet = $1 AND h.txn_id = $2
   AND h.stream IN (1643, 1840, 1978, 1398, 2643, 2840, 2978, 2398, 3643, 3840, 3978, 3398)
 ORDER BY h.stream DESC;

-- name: refund_add
INSERT INTO refund (wallet, txn_id, refund_txn, amount, currency) VALUES ($1, $2, $3, $4, $5);

-- name: refunds_of
SELECT refund_txn, amount, currency FROM refund WHERE wallet = $1 AND txn_id = $2 ORDER BY refund_txn;

-- name: audit_payouts
-- Figures that somebody wrote past the program may be absurd: nothing is added to them, and only sane ones are summed.
SELECT p.wallet, p.txn_id, p.state, p.amount, p.commission, p.sealed, p.refunded, h.state, h.sum, h.commission,
       (SELECT COALESCE(CAST(SUM(r.amount) AS BIGINT), 0) FROM refund r
         WHERE r.wallet = p.wallet AND r.txn_id = p.txn_id AND r.amount BETWEEN 1 AND 1000000000000000),
       p.provider, p.account, h.provider, h.account
  FROM payout p
  LEFT JOIN history h ON h.wallet = p.wallet AND h.stream IN (2398, 2643, 2840, 2978) AND h.txn_id = p.txn_id
   AND h.stream - 2000 = p.currency
 ORDER BY p.wallet, p.txn_id;

-- name: audit_payouts_missing
-- What providers settle inside has no payout: these ones are left out here, the others by the audit.
SELECT h.wallet, h.txn_id, h.provider FROM history h
  LEFT JOIN payout p ON p.wallet = h.wallet AND p.txn_id = h.txn_id
 WHERE h.stream >= 2000 AND h.stream < 3000 AND h.provider NOT IN (99, 99999, 1099) AND p.txn_id IS NULL
 ORDER BY h.wallet, h.txn_id;

-- name: audit_refunds
SELECT h.wallet, h.txn_id, h.provider, h.comment, h.stream - 1000, h.sum, r.txn_id, r.currency, r.amount
  FROM history h
  LEFT JOIN refund r ON r.wallet = h.wallet AND r.refund_txn = h.txn_id
 WHERE h.stream >= 1000 AND h.stream < 2000 AND h.comment LIKE 'Refund of %'
 ORDER BY h.wallet, h.txn_id;

-- name: audit_refunds_strange
SELECT r.wallet, r.refund_txn FROM refund r
  LEFT JOIN history h ON h.wallet = r.wallet AND h.stream IN (1398, 1643, 1840, 1978) AND h.txn_id = r.refund_txn
   AND h.stream - 1000 = r.currency
 WHERE h.txn_id IS NULL OR h.sum <> r.amount
 ORDER BY r.wallet, r.refund_txn;

-- name: audit_conversions_missing
SELECT h.wallet, h.txn_id FROM history h
  LEFT JOIN conversion c ON c.wallet = h.wallet AND c.txn_id = h.txn_id
 WHERE h.stream >= 2000 AND h.stream < 3000 AND h.provider = 1099 AND c.txn_id IS NULL
 ORDER BY h.wallet, h.txn_id;

-- name: audit_conversions
-- Both sides of each. The streams of each currency a wallet may have, so that each row is found by its key.
SELECT c.wallet, c.txn_id, c.rate, o.stream - 2000, o.sum, i.stream - 1000, i.sum
  FROM conversion c
  LEFT JOIN history o ON o.wallet = c.wallet AND o.stream IN (2398, 2643, 2840, 2978) AND o.txn_id = c.txn_id
                     AND o.provider = 1099
  LEFT JOIN history i ON i.wallet = c.wallet AND i.stream IN (1398, 1643, 1840, 1978) AND i.txn_id = c.txn_id
                     AND i.provider = 1099
 ORDER BY c.wallet, c.txn_id;

-- name: payouts_shown
SELECT txn_id, shown FROM payout WHERE wallet = $1;

-- name: payouts_forget
UPDATE payout SET shown = '{}' WHERE wallet = $1;
