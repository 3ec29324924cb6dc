-- name: history_page
SELECT h.txn_id, h.stream, h.provider, h.account, h.sum, h.commission, h.comment, h.client_id, h.state,
       CASE h.state WHEN 2 THEN
         (SELECT error_code FROM closing c WHERE c.wallet = h.wallet AND c.stream = h.stream AND c.txn_id = h.txn_id)
       END AS error_code
  FROM history h
 WHERE h.wallet = $1 AND h.stream = $2 AND h.txn_id >= $3 AND h.txn_id <= $4
 ORDER BY h.txn_id DESC LIMIT $5;

-- name: history_merged
/* postgres: ( */
SELECT h.txn_id, h.stream, h.provider, h.account, h.sum, h.commission, h.comment, h.client_id, h.state,
       CASE h.state WHEN 2 THEN
         (SELECT error_code FROM closing c WHERE c.wallet = h.wallet AND c.stream = h.stream AND c.txn_id = h.txn_id)
       END AS error_code
  FROM history h
 WHERE h.wallet = $1 AND h.stream = $2 AND h.txn_id >= $4 AND h.txn_id <= $5
/* postgres: ORDER BY h.txn_id DESC LIMIT $6) */
 UNION ALL
/* postgres: ( */
SELECT h.txn_id, h.stream, h.provider, h.account, h.sum, h.commission, h.comment, h.client_id, h.state,
       CASE h.state WHEN 2 THEN
         (SELECT error_code FROM closing c WHERE c.wallet = h.wallet AND c.stream = h.stream AND c.txn_id = h.txn_id)
       END AS error_code
  FROM history h
 WHERE h.wallet = $1 AND h.stream = $3 AND h.txn_id >= $4 AND h.txn_id <= $5
/* postgres: ORDER BY h.txn_id DESC LIMIT $6) */
 ORDER BY 1 DESC, 2 DESC LIMIT $6;

-- name: history_first
SELECT txn_id FROM history WHERE wallet = $1 AND stream = $2 AND txn_id >= $3 ORDER BY txn_id LIMIT 1;

-- name: history_running
SELECT running FROM history WHERE wallet = $1 AND stream = $2 AND txn_id <= $3 ORDER BY txn_id DESC LIMIT 1;

-- name: history_undone
SELECT COALESCE(SUM(sum + commission), 0)
  FROM history /* sqlite: INDEXED BY history_undone */
 WHERE wallet = $1 AND stream = $2 AND txn_id >= $3 AND txn_id <= $4 AND state <> 0;

-- name: payment_by_client_id
SELECT txn_id, meaning, answer FROM payment WHERE owner = $1 AND client_id = $2;
