-- name: audit_chain
SELECT lane, seq, first_txn, last_txn, head, parts FROM chain ORDER BY lane, seq;

-- name: audit_lanes
SELECT lane, seq, last_txn, head FROM lane ORDER BY lane;

-- name: audit_opened
SELECT id, owner, kind, currency, balance, floor, bars, entries, last_txn, sum_in, sum_out, sum_card, spent,
       opened_by
  FROM account ORDER BY opened_by & 63, opened_by, id;

-- name: audit_entries
SELECT txn_id, leg, account_id, seq, change, balance FROM entry ORDER BY txn_id & 63, txn_id, leg, account_id;

-- name: audit_payments
SELECT owner, client_id, txn_id, meaning, answer FROM payment ORDER BY txn_id & 63, txn_id, owner, client_id;

-- name: audit_history
SELECT h.wallet, h.stream, h.txn_id, h.running, h.provider, h.account, h.sum, h.commission, h.comment, h.client_id,
       h.state, c.error_code
  FROM history h
  LEFT JOIN closing c ON c.wallet = h.wallet AND c.stream = h.stream AND c.txn_id = h.txn_id
 ORDER BY h.txn_id & 63, h.txn_id, h.wallet, h.stream;

-- name: audit_closings
SELECT c.wallet, c.stream, c.txn_id, c.error_code, c.closed_by, h.sum, h.commission
  FROM closing c
  LEFT JOIN history h ON h.wallet = c.wallet AND h.stream = c.stream AND h.txn_id = c.txn_id
 ORDER BY c.closed_by & 63, c.closed_by, c.wallet, c.stream, c.txn_id;

-- name: audit_bars
SELECT account_id, txn_id, bars FROM bar ORDER BY txn_id & 63, txn_id, account_id;

-- name: audit_account_bars
SELECT account_id, txn_id, bars FROM bar ORDER BY account_id, txn_id;

-- name: audit_accounts
SELECT id, owner, kind, currency, balance, floor, bars, entries, last_txn, sum_in, sum_out, sum_card, spent,
       opened_by
  FROM account ORDER BY id;

-- name: audit_account_entries
SELECT txn_id, leg, account_id, seq, change, balance FROM entry ORDER BY account_id, seq, txn_id, leg;

-- name: audit_streams
SELECT wallet, stream, txn_id, running, sum, commission FROM history ORDER BY wallet, stream, txn_id;

-- name: audit_stream_totals
SELECT owner, 1000 + CAST(currency AS NUMERIC) AS stream, sum_in AS total FROM account WHERE kind = 0
 UNION ALL SELECT owner, 2000 + CAST(currency AS NUMERIC), sum_out FROM account WHERE kind = 0
 UNION ALL SELECT owner, 3000 + CAST(currency AS NUMERIC), sum_card FROM account WHERE kind = 0
 ORDER BY owner, stream;

-- name: audit_waiting
SELECT wallet, stream % 1000 AS currency, sum, commission
  FROM history WHERE state <> 0 AND state = 1 ORDER BY wallet, currency;

-- name: audit_holds
SELECT owner, currency, balance FROM account WHERE kind = 1 ORDER BY owner, currency;

-- name: audit_wallets
SELECT wallet FROM wallet ORDER BY wallet;

-- name: audit_wallet_owners
SELECT DISTINCT owner FROM account WHERE kind = 0 ORDER BY owner;
