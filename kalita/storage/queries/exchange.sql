-- name: rate_set_newest
SELECT valid_from, day, content FROM rate_set ORDER BY valid_from DESC LIMIT 1;

-- name: rate_set_add
INSERT INTO rate_set (valid_from, day, origin, content) VALUES ($1, $2, $3, $4)
    ON CONFLICT (valid_from) DO UPDATE SET day = excluded.day, origin = excluded.origin, content = excluded.content;

-- name: rate_sets
SELECT valid_from, day, origin FROM rate_set ORDER BY valid_from DESC LIMIT $1;
