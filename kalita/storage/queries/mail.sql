-- name: mail_count
INSERT INTO mail_count (wallet, topic, day, number, last_mail) VALUES ($1, $2, $3, 1, $4)
    ON CONFLICT (wallet, topic) DO UPDATE
   SET number = CASE WHEN mail_count.day = excluded.day THEN mail_count.number + 1 ELSE 1 END,
       day = excluded.day, last_mail = excluded.last_mail
 WHERE mail_count.day <> excluded.day OR mail_count.number < $5;

-- name: mail_queue
INSERT INTO mail (wallet, number, content, queued_at, due_at, attempts, holder, leased_until)
SELECT c.wallet, c.last_mail, CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($5 AS BIGINT), 0, '', 0
  FROM mail_count c WHERE c.wallet = $1 AND c.topic = $2 AND c.last_mail = $3;

-- name: mail_claim
UPDATE mail SET holder = $1, leased_until = $2
 WHERE (wallet, number) IN (SELECT m.wallet, m.number FROM mail m WHERE m.due_at <= $3 AND m.leased_until < $3
                             ORDER BY m.due_at LIMIT $4 /* postgres: FOR UPDATE SKIP LOCKED */);

-- name: mail_claimed
SELECT wallet, number, content, queued_at, attempts FROM mail WHERE holder = $1 AND leased_until = $2;

-- name: mail_done
DELETE FROM mail WHERE wallet = $1 AND number = $2 AND holder = $3;

-- name: mail_later
UPDATE mail SET due_at = $4, attempts = attempts + 1, holder = '', leased_until = 0
 WHERE wallet = $1 AND number = $2 AND holder = $3;

-- name: mail_forget
DELETE FROM mail WHERE wallet = $1;
