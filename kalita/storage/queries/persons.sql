-- name: person
SELECT w.level, p.sealed FROM wallet w LEFT JOIN person p ON p.wallet = w.wallet WHERE w.wallet = $1;

-- name: wallet_lock
UPDATE wallet SET level = level WHERE wallet = $1;

-- name: person_owner_lock
INSERT INTO person_owner (owner) VALUES ($1) ON CONFLICT (owner) DO UPDATE SET owner = excluded.owner;

-- name: person_keep
INSERT INTO person (wallet, owner, name, sealed, identified_at)
SELECT CAST($1 AS BIGINT), $2, $3, $4, CAST($5 AS BIGINT)
 WHERE (SELECT COUNT(*) FROM person p JOIN wallet w ON w.wallet = p.wallet
         WHERE p.owner = $2 AND p.wallet <> $1 AND w.level >= 2 AND w.closed_at IS NULL) < CAST($6 AS BIGINT)
   AND NOT EXISTS (SELECT 1 FROM person p JOIN wallet w ON w.wallet = p.wallet WHERE p.wallet = $1 AND w.level >= 2)
    ON CONFLICT (wallet) DO UPDATE SET owner = excluded.owner, name = excluded.name, sealed = excluded.sealed,
       identified_at = excluded.identified_at;

-- name: person_level
UPDATE wallet SET level = CASE WHEN level < $2 THEN $2 ELSE level END
 WHERE wallet = $1 AND EXISTS (SELECT 1 FROM person p WHERE p.wallet = $1 AND p.sealed = $3);

-- name: person_act
INSERT INTO act (wallet, at, what, who, about)
SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), $3, $4, $5
 WHERE EXISTS (SELECT 1 FROM person p WHERE p.wallet = $1 AND p.sealed = $6)
    ON CONFLICT (wallet, at, what, who) DO NOTHING;

-- name: person_of_level
SELECT w.wallet FROM person p JOIN wallet w ON w.wallet = p.wallet
 WHERE p.owner = $1 AND p.name = $2 AND w.level >= $3 LIMIT 1;

-- name: person_owner_forget
DELETE FROM person_owner
 WHERE owner = (SELECT p.owner FROM person p WHERE p.wallet = $1)
   AND NOT EXISTS (SELECT 1 FROM person o WHERE o.owner = person_owner.owner AND o.wallet <> $1);

-- name: person_drop
DELETE FROM person WHERE wallet = $1;

-- name: known_person
SELECT sealed FROM known_person WHERE owner = $1;

-- name: known_person_put
INSERT INTO known_person (owner, sealed) VALUES ($1, $2)
    ON CONFLICT (owner) DO UPDATE SET sealed = excluded.sealed;

-- name: known_persons_drop
DELETE FROM known_person;

-- name: act_add
INSERT INTO act (wallet, at, what, who, about) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (wallet, at, what, who) DO NOTHING;

-- name: acts_of_wallet
SELECT at, who, what, about FROM act WHERE wallet = $1 AND at < $2 ORDER BY at DESC, what LIMIT $3;

-- name: downgrade_add
INSERT INTO downgrade (wallet, id, created_at, state) VALUES ($1, $2, $3, 0);

-- name: downgrade
SELECT state, created_at FROM downgrade WHERE wallet = $1 AND id = $2;

-- name: downgrade_decide
UPDATE downgrade SET decided_at = $3,
       state = CASE WHEN $4 = 1 AND EXISTS (SELECT 1 FROM wallet w WHERE w.wallet = $1 AND w.level = 3) THEN 1 ELSE 2 END
 WHERE wallet = $1 AND id = $2 AND state = 0;

-- name: downgrade_level
UPDATE wallet SET level = 2
 WHERE wallet = $1 AND level = 3
   AND EXISTS (SELECT 1 FROM downgrade d WHERE d.wallet = $1 AND d.id = $2 AND d.state = 1 AND d.decided_at = $3);

-- name: wallet_set_level
UPDATE wallet SET level = $2 WHERE wallet = $1;

-- name: wallet_restrict
UPDATE wallet SET restricted = $2, blocked = $3 WHERE wallet = $1;

-- name: wallet_open
SELECT 1 FROM wallet WHERE wallet = $1 AND closed_at IS NULL /* postgres: FOR UPDATE */;

-- name: wallet_close
UPDATE wallet SET closed_at = $2 WHERE wallet = $1 AND closed_at IS NULL;

-- name: wallet_erase
UPDATE wallet SET nickname = NULL, email = NULL, last_login_at = NULL, last_login_ip = NULL WHERE wallet = $1;

-- name: wallet_nickname
UPDATE wallet SET nickname = $2, nickname_at = $3
 WHERE wallet = $1 AND closed_at IS NULL AND (nickname_at IS NULL OR nickname_at <= $4)
   AND NOT EXISTS (SELECT 1 FROM wallet o WHERE o.nickname = $2);

-- name: nickname_act
INSERT INTO act (wallet, at, what, who, about)
SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), $3, $4, $5
 WHERE EXISTS (SELECT 1 FROM wallet w WHERE w.wallet = $1 AND w.nickname = $6 AND w.nickname_at = $2)
    ON CONFLICT (wallet, at, what, who) DO NOTHING;

-- name: wallet_language
UPDATE wallet SET language = $2 WHERE wallet = $1;

-- name: wallet_email
UPDATE wallet SET email = $2 WHERE wallet = $1;

-- name: wallet_signed_in
UPDATE wallet SET last_login_at = $2, last_login_ip = $3, level = CASE WHEN level < $4 THEN $4 ELSE level END,
       registered_at = CASE WHEN registered_at IS NULL THEN $2 ELSE registered_at END
 WHERE wallet = $1;

-- name: wallet_default
UPDATE wallet SET default_currency = $2 WHERE wallet = $1;

-- name: balance_not_open
SELECT w.wallet FROM wallet w
 WHERE w.wallet = $1 AND NOT EXISTS (SELECT 1 FROM account a WHERE a.id = $2) /* postgres: FOR UPDATE OF w */;

-- name: wallet_moves
UPDATE wallet SET moved_to = $2
 WHERE wallet = $1 AND closed_at IS NULL AND EXISTS (SELECT 1 FROM wallet m WHERE m.wallet = $2 AND m.made_for = $1);

-- name: wallet_takes_over
-- Two wallets never have one nickname: until the old one has lost it, a blank that no nickname has stands behind it.
UPDATE wallet
   SET (nickname, nickname_at, language, email, default_currency, level) = (
       SELECT COALESCE(o.nickname || ' ', wallet.nickname), o.nickname_at, o.language, o.email, o.default_currency,
              o.level FROM wallet o WHERE o.wallet = $2)
 WHERE wallet = $1 AND made_for = $2
   AND EXISTS (SELECT 1 FROM wallet o WHERE o.wallet = $2 AND o.closed_at IS NULL);

-- name: wallet_named
UPDATE wallet SET nickname = RTRIM(nickname) WHERE wallet = $1 AND nickname LIKE '% ';

-- name: person_move
INSERT INTO person (wallet, owner, name, sealed, identified_at)
SELECT CAST($2 AS BIGINT), p.owner, p.name, $3, p.identified_at FROM person p WHERE p.wallet = $1
    ON CONFLICT (wallet) DO NOTHING;
