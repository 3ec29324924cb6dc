-- name: caller_by_secret
SELECT p.wallet, p.id, p.may_spend, w.closed_at
  FROM pair p JOIN wallet w ON w.wallet = p.wallet WHERE p.secret_hash = $1 AND p.revoked_at IS NULL;

-- name: site_get
SELECT site, number FROM site WHERE wallet = $1;

-- name: site_add
INSERT INTO site (wallet, site, number) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: pair_add
INSERT INTO pair (wallet, id, name, public_key, secret_hash, secret, may_spend, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: pairs_live
SELECT id, name, public_key, may_spend, created_at FROM pair WHERE wallet = $1 AND revoked_at IS NULL ORDER BY id;

-- name: pair_by_public
SELECT wallet, id FROM pair WHERE public_key = $1 AND revoked_at IS NULL;

-- name: pair_secret
SELECT secret FROM pair WHERE wallet = $1 AND id = $2 AND revoked_at IS NULL;

-- name: pair_revoke
UPDATE pair SET revoked_at = $3 WHERE wallet = $1 AND id = $2 AND revoked_at IS NULL;

-- name: pair_spends
UPDATE pair SET may_spend = $3 WHERE wallet = $1 AND id = $2 AND revoked_at IS NULL;

-- name: pairs_forget
DELETE FROM pair WHERE wallet = $1;

-- name: receiver_move
INSERT INTO receiver (wallet, channel, id, url, kinds, secret, old_secret, old_until, created_at, next_at, holder,
                      leased_until)
VALUES ($1, $2, $3, $4, $5, '', '', 0, $6, 4611686018427387904, '', 0)
    ON CONFLICT (wallet, channel) DO UPDATE SET id = excluded.id, url = excluded.url, kinds = excluded.kinds;

-- name: receiver_tells
UPDATE receiver SET kinds = $4 WHERE wallet = $1 AND channel = $2 AND id = $3;

-- name: bill_add
INSERT INTO bill (owner, bill_id, number, uid, pair, amount, currency, comment, customer, custom, expiry, created_at,
                  expires_at, state, changed_at, refunded)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $12, 0) ON CONFLICT DO NOTHING;

-- name: bill_list_for
INSERT INTO bill_for (wallet, number)
SELECT CAST($1 AS BIGINT), b.number FROM bill b WHERE b.number = $2 AND b.state = 0
    ON CONFLICT (wallet, number) DO NOTHING;

-- name: bill_unlist
DELETE FROM bill_for WHERE number = $1;

-- name: bill_get
SELECT owner, bill_id, number, uid, pair, amount, currency, comment, customer, custom, expiry, created_at, expires_at,
       state, changed_at, payer, txn_id, refunded
  FROM bill WHERE owner = $1 AND bill_id = $2;

-- name: bill_by_number
SELECT owner, bill_id, number, uid, pair, amount, currency, comment, customer, custom, expiry, created_at, expires_at,
       state, changed_at, payer, txn_id, refunded
  FROM bill WHERE number = $1;

-- name: bill_by_uid
SELECT owner, bill_id, number, uid, pair, amount, currency, comment, customer, custom, expiry, created_at, expires_at,
       state, changed_at, payer, txn_id, refunded
  FROM bill WHERE uid = $1;

-- name: bill_is_for
SELECT 1 FROM bill_for f WHERE f.wallet = $1 AND f.number = $2 LIMIT 1;

-- name: bills_for
SELECT b.owner, b.bill_id, b.number, b.uid, b.pair, b.amount, b.currency, b.comment, b.customer, b.custom, b.expiry,
       b.created_at, b.expires_at, b.state, b.changed_at, b.payer, b.txn_id, b.refunded
  FROM bill_for f JOIN bill b ON b.number = f.number
 WHERE f.wallet = $1 AND b.created_at >= $2 AND b.created_at <= $3 AND f.number <= $4
   AND b.state = 0 AND b.expires_at > $5
 ORDER BY f.number DESC LIMIT $6;

-- name: bills_issued
-- One that waits although its time has passed counts as expired.
SELECT b.owner, b.bill_id, b.number, b.uid, b.pair, b.amount, b.currency, b.comment, b.customer, b.custom, b.expiry,
       b.created_at, b.expires_at, b.state, b.changed_at, b.payer, b.txn_id, b.refunded
  FROM bill b
 WHERE b.owner = $1 AND b.created_at >= $2 AND b.created_at <= $3
   AND CAST($4 AS TEXT) LIKE
       '%' || CAST(CASE WHEN b.state = 0 AND b.expires_at <= $5 THEN 4 ELSE b.state END AS TEXT) || '%'
 ORDER BY b.created_at DESC, b.number DESC LIMIT $6;

-- name: bills_of_owner
SELECT owner, bill_id, number, uid, pair, amount, currency, comment, customer, custom, expiry, created_at, expires_at,
       state, changed_at, payer, txn_id, refunded
  FROM bill WHERE owner = $1 AND bill_id > $2 ORDER BY bill_id LIMIT $3;

-- name: bills_forget
UPDATE bill SET comment = NULL, customer = NULL, custom = NULL WHERE owner = $1;

-- name: bills_unlist_for
DELETE FROM bill_for WHERE wallet = $1;

-- name: bill_payable
SELECT 1 FROM bill WHERE number = $1 AND state = 0 /* postgres: FOR UPDATE */;

-- name: bill_paid
UPDATE bill SET state = 1, changed_at = $2, payer = $3, txn_id = $4 WHERE number = $1 AND state = 0;

-- name: bill_reject
UPDATE bill SET state = $2, changed_at = $3 WHERE number = $1 AND state = 0 AND expires_at > $3;

-- name: bill_expire
UPDATE bill SET state = 4, changed_at = expires_at WHERE number = $1 AND state = 0 AND expires_at <= $2;

-- name: bills_overdue
SELECT number FROM bill WHERE state = 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2;

-- name: bill_event
INSERT INTO event (wallet, channel, caused_by, stream, kind, txn_id, receiver, subject, attempts, due_at, state)
SELECT b.owner, 2, CASE WHEN b.state = 1 THEN b.txn_id ELSE b.number END, b.state, 3 + b.state, COALESCE(b.txn_id, 0),
       r.id, b.bill_id, 0, 0, 0
  FROM bill b JOIN receiver r ON r.wallet = b.owner AND r.channel = 2 AND r.id = b.pair
 WHERE b.number = $1 AND (b.state = 1 OR (b.state > 1 AND r.kinds > 1))
    ON CONFLICT (wallet, channel, caused_by, stream) DO NOTHING;

-- name: bill_wake
UPDATE receiver SET next_at = 0
 WHERE channel = 2 AND wallet = (SELECT b.owner FROM bill b WHERE b.number = $1 AND b.state > 0);

-- name: events_of_bills
SELECT e.caused_by, e.stream, e.receiver, e.attempts, e.subject FROM event e
 WHERE e.wallet = $1 AND e.channel = 2 AND e.state = 0 AND e.due_at <= $2
 ORDER BY e.due_at, e.caused_by, e.stream LIMIT $3;

-- name: bill_events_again
-- By when a bill ended: what caused its event says so only of those that were paid.
UPDATE event SET state = 0, attempts = 0, due_at = 0
 WHERE wallet = $1 AND channel = 2 AND receiver = $2 AND state >= $5 AND state <= $6
   AND EXISTS (SELECT 1 FROM bill b
                WHERE b.owner = event.wallet AND b.bill_id = event.subject
                  AND b.changed_at >= $3 AND b.changed_at <= $4);

-- name: bill_refund_get
SELECT amount, whole, made_at, txn_id FROM bill_refund WHERE owner = $1 AND bill_id = $2 AND refund_id = $3;

-- name: bill_refund_fits
SELECT 1 FROM bill WHERE number = $1 AND state = 1 AND refunded = $2 /* postgres: FOR UPDATE */;

-- name: bill_refund_counts
UPDATE bill SET refunded = refunded + $2 WHERE number = $1;

-- name: bill_refund_add
INSERT INTO bill_refund (owner, bill_id, refund_id, amount, whole, made_at, txn_id) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: audit_bills
-- Paid ones, and what else says that money moved. The streams of each currency of bills, so that history is found by key.
SELECT b.owner, b.bill_id, b.number, b.uid, b.pair, b.amount, b.currency, b.comment, b.customer, b.custom, b.expiry,
       b.created_at, b.expires_at, b.state, b.changed_at, b.payer, COALESCE(b.txn_id, 0) AS txn_id, b.refunded,
       o.txn_id AS paid, i.txn_id AS received,
       (SELECT COALESCE(CAST(SUM(r.amount) AS BIGINT), 0) FROM bill_refund r
         WHERE r.owner = b.owner AND r.bill_id = b.bill_id AND r.amount BETWEEN 1 AND 99999999) AS given,
       CASE WHEN EXISTS (SELECT 1 FROM act a WHERE a.wallet = b.owner AND a.what = 'wallet.erased') THEN 1 ELSE 0 END
       AS erased
  FROM bill b
  LEFT JOIN history o ON o.wallet = b.payer AND o.stream IN (2398, 2643) AND o.txn_id = b.txn_id
   AND o.stream - 2000 = b.currency AND o.provider = 99 AND o.account = '+' || CAST(b.owner AS TEXT)
   AND o.sum = b.amount AND o.commission = 0 AND o.client_id IS NULL
   AND (o.comment = COALESCE(b.comment, '') OR EXISTS (SELECT 1 FROM act a WHERE a.wallet = b.owner AND a.what = 'wallet.erased'))
  LEFT JOIN history i ON i.wallet = b.owner AND i.stream IN (1398, 1643) AND i.txn_id = b.txn_id
   AND i.stream - 1000 = b.currency AND i.provider = 7 AND i.account = '+' || CAST(b.payer AS TEXT)
   AND i.sum = b.amount AND (i.comment = COALESCE(b.comment, '') OR
        EXISTS (SELECT 1 FROM act a WHERE a.wallet = b.owner AND a.what = 'wallet.erased'))
 WHERE b.state = 1 OR b.payer IS NOT NULL OR b.txn_id IS NOT NULL OR b.refunded <> 0
 ORDER BY 17, b.number;

-- name: audit_bill_refunds
SELECT r.owner, r.bill_id, r.refund_id, r.amount, r.whole, r.made_at, r.txn_id, b.number, b.amount AS asked,
       o.txn_id AS paid, i.txn_id AS received,
       (SELECT COALESCE(CAST(SUM(e.amount) AS BIGINT), 0) FROM bill_refund e
         WHERE e.owner = r.owner AND e.bill_id = r.bill_id AND e.txn_id <= r.txn_id
           AND e.amount BETWEEN 1 AND 99999999) AS given
  FROM bill_refund r
  LEFT JOIN bill b ON b.owner = r.owner AND b.bill_id = r.bill_id
  LEFT JOIN history o ON o.wallet = r.owner AND o.stream IN (2398, 2643) AND o.txn_id = r.txn_id
   AND o.stream - 2000 = b.currency AND o.provider = 99 AND o.account = '+' || CAST(b.payer AS TEXT)
   AND o.sum = r.amount AND o.commission = 0 AND o.client_id IS NULL
   AND (o.comment = COALESCE(b.comment, '') OR EXISTS (SELECT 1 FROM act a WHERE a.wallet = b.owner AND a.what = 'wallet.erased'))
  LEFT JOIN history i ON i.wallet = b.payer AND i.stream IN (1398, 1643) AND i.txn_id = r.txn_id
   AND i.stream - 1000 = b.currency AND i.provider = 7 AND i.account = '+' || CAST(r.owner AS TEXT)
   AND i.sum = r.amount AND (i.comment = COALESCE(b.comment, '') OR
        EXISTS (SELECT 1 FROM act a WHERE a.wallet = b.owner AND a.what = 'wallet.erased'))
 ORDER BY r.txn_id, r.owner, r.bill_id, r.refund_id;

-- name: audit_bill_keys
SELECT txn_id, owner, client_id, meaning FROM payment
 WHERE owner = -6337 AND (client_id LIKE 'bill:%' OR client_id LIKE 'bill-refund:%')
 ORDER BY txn_id, client_id;
