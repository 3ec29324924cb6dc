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
