-- name: agent_last
SELECT COALESCE(MAX(number), 100000000) FROM agent;

-- name: agent_add
INSERT INTO agent (number, name, overdraft, secret, certificate, created_at, blocked)
VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT DO NOTHING;

-- name: agent_named
SELECT number, name, overdraft, secret, certificate, created_at, blocked FROM agent WHERE name = $1;

-- name: agents_all
SELECT number, name, overdraft, secret, certificate, created_at, blocked FROM agent ORDER BY number;

-- name: agent_payment_add
INSERT INTO agent_payment (agent, txn_id, txn_date, account, amount, ours) VALUES ($1, $2, $3, $4, $5, $6);

-- name: agent_payments
SELECT txn_id, txn_date, account, amount, ours FROM agent_payment
 WHERE agent = $1 AND txn_date >= $2 AND txn_date < $3 ORDER BY txn_date, txn_id;

-- name: audit_agent_payments
SELECT p.agent, p.txn_id, p.account, p.amount, p.ours, y.txn_id, s.account_id, t.account_id, t.change
  FROM agent_payment p
  LEFT JOIN payment y ON y.owner = -(p.agent * 64 + 1) AND y.client_id = p.txn_id
  LEFT JOIN entry s ON s.txn_id = y.txn_id AND s.leg = 0 AND s.change < 0
  LEFT JOIN entry t ON t.txn_id = y.txn_id AND t.leg = 0 AND t.change > 0
 ORDER BY p.agent, p.txn_id;

-- name: audit_agent_payments_missing
-- The numbers of refunds share the owner where a provider has an agent's number.
SELECT a.number, y.client_id FROM payment y
  JOIN agent a ON a.number = (-y.owner - 1) / 64
  LEFT JOIN agent_payment p ON p.agent = a.number AND p.txn_id = y.client_id
 WHERE y.owner < 0 AND y.client_id NOT LIKE 'refund:%' AND p.txn_id IS NULL
 ORDER BY a.number, y.client_id;
