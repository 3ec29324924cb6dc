-- name: entries_moved
SELECT CAST(COALESCE(SUM(change), 0) AS BIGINT) FROM entry WHERE txn_id = $1 AND account_id = $2;

-- name: statement_entries
SELECT m.seq, m.change, m.balance, m.txn_id, m.stream, m.provider, m.account, m.comment, m.returned
  FROM (SELECT e.seq, e.change, e.balance, e.txn_id, h.stream, h.provider, h.account, h.comment,
               CAST(0 AS BIGINT) AS returned
          FROM history h
          JOIN entry e ON e.txn_id = h.txn_id AND e.account_id = $2 AND (e.change > 0) = (h.stream < 2000)
         WHERE h.wallet = $1 AND h.stream IN ($3, $4, $5)
        UNION ALL
        SELECT e.seq, e.change, e.balance, e.txn_id, h.stream, h.provider, h.account, h.comment, c.txn_id AS returned
          FROM closing c
          JOIN history h ON h.wallet = c.wallet AND h.stream = c.stream AND h.txn_id = c.txn_id
          JOIN entry e ON e.txn_id = c.closed_by AND e.account_id = $2
         WHERE c.wallet = $1 AND c.stream IN ($3, $4, $5) AND c.error_code <> 0) m
 ORDER BY m.seq, m.stream;

-- name: account_kept
SELECT entries, balance FROM account WHERE id = $1;
