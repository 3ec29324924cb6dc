-- name: caller_by_token
SELECT t.wallet, t.permissions, t.expires_at, w.closed_at, t.caps
  FROM token t JOIN wallet w ON w.wallet = t.wallet
 WHERE t.hash = $1 AND t.revoked_at IS NULL;

-- name: access_epoch
SELECT value FROM meta WHERE name = 'access_epoch';

-- name: access_changed
INSERT INTO meta (name, value) VALUES ('access_epoch', '1')
    ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT);

-- name: token_revoke_live
UPDATE token SET revoked_at = $2 WHERE wallet = $1 AND revoked_at IS NULL;

-- name: act_of_revocation
INSERT INTO act (wallet, at, what, who, about)
SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), 'token.revoked', $3, ''
 WHERE EXISTS (SELECT 1 FROM token t WHERE t.wallet = $1 AND t.revoked_at = $2)
    ON CONFLICT (wallet, at, what, who) DO NOTHING;

-- name: token_add
INSERT INTO token (hash, wallet, shown, permissions, issued_at, expires_at, caps)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: tokens_of_wallet
SELECT shown, permissions, issued_at, expires_at, revoked_at, last_used_at, last_used_from FROM token WHERE wallet = $1 ORDER BY issued_at;
