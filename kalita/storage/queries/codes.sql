-- name: code_number_lock
INSERT INTO code_number (number, wrong, locked_until, next_lock) VALUES ($1, 0, 0, 86400000000)
    ON CONFLICT (number) DO UPDATE SET wrong = code_number.wrong;

-- name: code_sender_lock
INSERT INTO code_sender (sender) VALUES ($1) ON CONFLICT (sender) DO UPDATE SET sender = excluded.sender;

-- name: code_forget
DELETE FROM code WHERE sent_at < $1;

-- name: code_senders_forget
-- A row that somebody holds is left: two who each dropped the other's would wait for one another.
DELETE FROM code_sender WHERE sender IN (
    SELECT s.sender FROM code_sender s
     WHERE s.sender <> $1 AND NOT EXISTS (SELECT 1 FROM code c WHERE c.sender = s.sender)
     LIMIT $2 /* postgres: FOR UPDATE OF s SKIP LOCKED */);

-- name: code_add
-- What was sent or locked at a later moment than $11 and $12 was by a clock that was set back since.
INSERT INTO code (number, request, purpose, hash, sent_at, sender, tries, state)
SELECT CAST($1 AS BIGINT), $2, $3, $4, CAST($5 AS BIGINT), $6, 0, 0
 WHERE NOT EXISTS (SELECT 1 FROM code_number n
                    WHERE n.number = $1 AND n.locked_until > $5 AND n.locked_until - n.next_lock / 2 <= $12)
   AND NOT EXISTS (SELECT 1 FROM code c WHERE c.number = $1 AND c.sent_at > $8 AND c.sent_at <= $11)
   AND (SELECT COUNT(*) FROM code c
         WHERE c.number = $1 AND c.sent_at > $7 AND c.sent_at <= $11) < CAST($9 AS BIGINT)
   AND (SELECT COUNT(*) FROM code c
         WHERE c.sender = $6 AND c.sent_at > $7 AND c.sent_at <= $11) < CAST($10 AS BIGINT);

-- name: code_replace
UPDATE code SET state = 2
 WHERE number = $1 AND purpose = $2 AND request <> $3 AND state = 0
   AND EXISTS (SELECT 1 FROM code c WHERE c.number = $1 AND c.request = $3);

-- name: code_waits
SELECT COALESCE((SELECT n.locked_until FROM code_number n
                  WHERE n.number = $1 AND n.locked_until - n.next_lock / 2 <= $7), 0),
       COALESCE((SELECT MAX(c.sent_at) FROM code c WHERE c.number = $1 AND c.sent_at <= $6), 0),
       COALESCE((SELECT c.sent_at FROM code c WHERE c.number = $1 AND c.sent_at > $3 AND c.sent_at <= $6
                  ORDER BY c.sent_at DESC LIMIT 1 OFFSET $4), 0),
       COALESCE((SELECT c.sent_at FROM code c WHERE c.sender = $2 AND c.sent_at > $3 AND c.sent_at <= $6
                  ORDER BY c.sent_at DESC LIMIT 1 OFFSET $5), 0);

-- name: code_state
SELECT c.hash, c.tries FROM code c
 WHERE c.number = $1 AND c.request = $2 AND c.purpose = $3 AND c.state = 0 AND c.sent_at > $4 AND c.sent_at <= $6
   AND NOT EXISTS (SELECT 1 FROM code_number n
                    WHERE n.number = $1 AND n.locked_until > $5 AND n.locked_until - n.next_lock / 2 <= $7);

-- name: code_try
UPDATE code SET tries = tries + 1, state = $4, mark = $7
 WHERE number = $1 AND request = $2 AND tries = $3 AND state = 0 AND sent_at > $6 AND sent_at <= $8
   AND NOT EXISTS (SELECT 1 FROM code_number n
                    WHERE n.number = $1 AND n.locked_until > $5 AND n.locked_until - n.next_lock / 2 <= $9);

-- name: code_wrong
UPDATE code_number
   SET locked_until = CASE WHEN wrong + 1 >= $5 THEN $4 + next_lock ELSE locked_until END,
       next_lock = CASE WHEN wrong + 1 >= $5 THEN next_lock * 2 ELSE next_lock END,
       wrong = CASE WHEN wrong + 1 >= $5 THEN 0 ELSE wrong + 1 END
 WHERE number = $1 AND EXISTS (SELECT 1 FROM code c WHERE c.number = $1 AND c.request = $2 AND c.mark = $3);

-- name: token_draft_add
INSERT INTO token_draft (wallet, id, permissions, created_at) VALUES ($1, $2, $3, $4);

-- name: token_draft
SELECT d.permissions, d.created_at, d.consented_at, d.request FROM token_draft d
 WHERE d.wallet = $1 AND d.id = $2
   AND NOT EXISTS (SELECT 1 FROM code c
                    WHERE c.number = d.wallet AND c.request = d.request AND c.state = 2 AND c.tries >= 3);

-- name: token_draft_consent
UPDATE token_draft SET consented_at = $3, request = $4 WHERE wallet = $1 AND id = $2;

-- name: token_draft_drop
DELETE FROM token_draft WHERE wallet = $1 AND (id = $2 OR created_at < $3);

-- name: act_by_code
INSERT INTO act (wallet, at, what, who, about)
SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), $3, $4, $5
 WHERE EXISTS (SELECT 1 FROM code c WHERE c.number = $1 AND c.request = $6 AND c.state = 1 AND c.mark = $7)
    ON CONFLICT (wallet, at, what, who) DO NOTHING;

-- name: token_revoke_by_code
UPDATE token SET revoked_at = $2
 WHERE wallet = $1 AND revoked_at IS NULL
   AND EXISTS (SELECT 1 FROM code c WHERE c.number = $1 AND c.request = $3 AND c.state = 1 AND c.mark = $4);

-- name: token_add_by_code
INSERT INTO token (hash, wallet, shown, permissions, issued_at, expires_at)
SELECT $1, CAST($2 AS BIGINT), $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT)
 WHERE EXISTS (SELECT 1 FROM code c WHERE c.number = $2 AND c.request = $7 AND c.state = 1 AND c.mark = $8);

-- name: renewal_add
INSERT INTO renewal (hash, wallet, token, expires_at) VALUES ($1, $2, $3, $4);

-- name: renewal_forget
DELETE FROM renewal WHERE expires_at < $1;

-- name: renewal
SELECT r.wallet, t.permissions, t.caps FROM renewal r JOIN token t ON t.hash = r.token
 WHERE r.hash = $1 AND r.expires_at > $2 AND r.expires_at <= $3 AND r.used_for IS NULL
   AND t.revoked_at IS NULL AND t.expires_at > $2;

-- name: renewal_use
UPDATE renewal SET used_for = $3
 WHERE hash = $1 AND expires_at > $2 AND expires_at <= $4 AND used_for IS NULL
   AND EXISTS (SELECT 1 FROM token t WHERE t.hash = renewal.token AND t.revoked_at IS NULL AND t.expires_at > $2)
   AND EXISTS (SELECT 1 FROM wallet w WHERE w.wallet = renewal.wallet AND w.closed_at IS NULL);

-- name: token_revoke_by_renewal
UPDATE token SET revoked_at = $2
 WHERE wallet = $1 AND revoked_at IS NULL
   AND EXISTS (SELECT 1 FROM renewal r WHERE r.hash = $3 AND r.used_for = $4);

-- name: token_add_by_renewal
INSERT INTO token (hash, wallet, shown, permissions, issued_at, expires_at, caps)
SELECT $1, CAST($2 AS BIGINT), $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT), t.caps
  FROM renewal r JOIN token t ON t.hash = r.token
 WHERE r.hash = $7 AND r.used_for = $1;

-- name: act_by_renewal
INSERT INTO act (wallet, at, what, who, about)
SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), $3, $4, $5
 WHERE EXISTS (SELECT 1 FROM renewal r WHERE r.hash = $6 AND r.used_for = $7)
    ON CONFLICT (wallet, at, what, who) DO NOTHING;

-- name: token_uses_forget
UPDATE token SET last_used_at = NULL, last_used_from = NULL, caps = NULL WHERE wallet = $1;

-- name: tokens_used
-- One statement for all: on SQLite whoever writes keeps the ledger waiting. What was erased meanwhile stays so.
UPDATE token SET last_used_at = used.at, last_used_from = used.client
  FROM /* postgres: json_to_recordset($1) AS used (hash text, at bigint, client text) */
       /* sqlite: (SELECT json_extract(value, '$.hash') AS hash, json_extract(value, '$.at') AS at, */
       /* sqlite: json_extract(value, '$.client') AS client FROM json_each($1)) AS used */
 WHERE token.hash = used.hash
   AND EXISTS (SELECT 1 FROM wallet w WHERE w.wallet = token.wallet AND w.closed_at IS NULL);
