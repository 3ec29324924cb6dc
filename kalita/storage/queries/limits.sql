-- name: wallet_level
SELECT level FROM wallet WHERE wallet = $1;

-- name: spent_of
SELECT id, spent FROM account WHERE id BETWEEN $1 AND $2 AND spent <> '' ORDER BY id;

-- name: moved_out
-- A payment has an id of its client's, and the money that moved over with its owner has none.
SELECT h.stream, h.txn_id, h.sum, h.commission
  FROM wallet w JOIN history h ON h.wallet = w.wallet AND h.account = '+' || CAST(w.moved_to AS TEXT)
 WHERE w.wallet = $1 AND h.stream >= 2000 AND h.provider = 99 AND h.client_id IS NULL AND h.state <> 2
 ORDER BY h.txn_id, h.stream;

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

-- name: audit_heirs
SELECT w.wallet, w.made_for FROM wallet w
 WHERE w.made_for IS NOT NULL
   AND EXISTS (SELECT 1 FROM act a WHERE a.wallet = w.wallet AND a.what = 'wallet.moved_here' AND a.about = 'limits')
 ORDER BY w.wallet;

-- name: audit_moved_out
SELECT h.wallet, h.stream, h.txn_id, h.provider, CAST(h.sum AS NUMERIC) + h.commission, m.amount
  FROM wallet w JOIN history h ON h.wallet = w.wallet AND h.account = '+' || CAST(w.moved_to AS TEXT)
  LEFT JOIN measured m ON m.wallet = h.wallet AND m.txn_id = h.txn_id
 WHERE w.moved_to IS NOT NULL AND h.stream >= 2000 AND h.provider = 99 AND h.client_id IS NULL AND h.state <> 2
 ORDER BY h.wallet, h.txn_id, h.stream;
