-- name: newest_transaction
SELECT COALESCE(MAX(last_txn), 0) FROM lane;
