-- name: wallet_level
SELECT level FROM wallet WHERE wallet = $1;

-- name: spent_of
SELECT spent FROM account WHERE id BETWEEN $1 AND $2 AND spent <> '';

-- name: measured_add
INSERT INTO measured (wallet, txn_id, amount) VALUES ($1, $2, $3);

-- name: measured
SELECT amount FROM measured WHERE wallet = $1 AND txn_id = $2;

-- name: audit_spent
SELECT owner, id, spent FROM account WHERE spent <> '' ORDER BY owner, id;

-- name: audit_outgoing
SELECT h.wallet, h.stream, h.txn_id, h.provider, CAST(h.sum AS NUMERIC) + h.commission,
       m.amount
  FROM history h LEFT JOIN measured m ON m.wallet = h.wallet AND m.txn_id = h.txn_id
 WHERE h.stream >= 2000 AND h.state <> 2
   AND NOT EXISTS (SELECT 1 FROM payout p WHERE p.wallet = h.wallet AND p.txn_id = h.txn_id AND p.refunded = p.amount)
   AND NOT EXISTS (SELECT 1 FROM bill b WHERE b.payer = h.wallet AND b.txn_id = h.txn_id AND b.refunded > 0
                                         AND b.refunded = b.amount)
 ORDER BY h.wallet, h.txn_id, h.stream;

-- name: audit_tenge_out
SELECT h.wallet, h.stream, h.txn_id, h.sum, h.commission, m.amount
  FROM history h
  JOIN history i ON i.wallet = h.wallet AND i.stream = 1398 AND i.txn_id = h.txn_id AND i.provider = h.provider
  LEFT JOIN measured m ON m.wallet = h.wallet AND m.txn_id = h.txn_id
 WHERE h.stream >= 2000 AND h.state <> 2
 ORDER BY h.wallet, h.txn_id, h.stream;

-- name: audit_tenge_in
SELECT h.account, h.stream, h.txn_id, h.sum, h.commission, m.amount
  FROM history h
  JOIN history i ON i.wallet = h.wallet AND i.stream = 1398 AND i.txn_id = h.txn_id AND i.provider = h.provider
  LEFT JOIN measured m ON m.wallet = h.wallet AND m.txn_id = h.txn_id
 WHERE h.stream >= 2000 AND h.state <> 2
 ORDER BY LENGTH(h.account), h.account, h.txn_id, h.stream;
