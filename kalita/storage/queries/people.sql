-- name: wallet_by_number
SELECT wallet, created_at, registered_at, level, blocked, restricted, closed_at, language, nickname, email,
       default_currency, last_login_at, last_login_ip, nickname_at, moved_to, made_for
  FROM wallet WHERE wallet = $1;

-- name: wallets_after
SELECT wallet, created_at, registered_at, level, blocked, restricted, closed_at, language, nickname, email,
       default_currency, last_login_at, last_login_ip, nickname_at, moved_to, made_for
  FROM wallet WHERE wallet > $1 ORDER BY wallet LIMIT $2;

-- name: wallet_claim
UPDATE wallet SET registered_at = $2, nickname = $3, level = CASE WHEN level < $4 THEN $4 ELSE level END
 WHERE wallet = $1 AND registered_at IS NULL;

-- name: wallet_claim_for
UPDATE wallet SET registered_at = $2, nickname = $3, level = CASE WHEN level < $4 THEN $4 ELSE level END, made_for = $5
 WHERE wallet = $1 AND registered_at IS NULL AND closed_at IS NULL
   AND EXISTS (SELECT 1 FROM wallet o WHERE o.wallet = $5 AND o.closed_at IS NULL AND NOT EXISTS (
       SELECT 1 FROM wallet m WHERE m.wallet = o.moved_to AND m.made_for = o.wallet AND m.closed_at IS NULL));

-- name: accounts_between
SELECT kind, currency, balance, sum_in, sum_out, sum_card
  FROM account WHERE id BETWEEN $1 AND $2 ORDER BY opened_by, id;

-- name: meta_get
SELECT value FROM meta WHERE name = $1;

-- name: meta_put
INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: wallet_of_nickname
SELECT wallet FROM wallet WHERE nickname = $1 AND closed_at IS NULL;
