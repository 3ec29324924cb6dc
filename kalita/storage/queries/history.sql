-- name: history_page
SELECT h.txn_id, h.stream, h.provider, h.account, h.sum, h.commission, h.comment, h.client_id, h.state, c.error_code
  FROM history h
  LEFT JOIN closing c ON h.state = 2 AND c.wallet = h.wallet AND c.stream = h.stream AND c.txn_id = h.txn_id
 WHERE h.wallet = $1 AND h.stream = $2 AND h.txn_id >= $3 AND h.txn_id <= $4
 ORDER BY h.txn_id DESC LIMIT $5;

-- name: history_first
SELECT txn_id FROM history WHERE wallet = $1 AND stream = $2 ORDER BY txn_id LIMIT 1;

-- name: history_running
SELECT running FROM history WHERE wallet = $1 AND stream = $2 AND txn_id <= $3 ORDER BY txn_id DESC LIMIT 1;

-- name: history_undone
SELECT COALESCE(SUM(sum + commission), 0)
  FROM history /* sqlite: INDEXED BY history_undone */
 WHERE wallet = $1 AND stream = $2 AND txn_id >= $3 AND txn_id <= $4 AND state <> 0;

-- name: payment_by_client_id
SELECT txn_id, meaning, answer FROM payment WHERE owner = $1 AND client_id = $2;
