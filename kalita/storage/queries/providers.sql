-- name: provider_changes
SELECT id, content FROM provider_change ORDER BY id;

-- name: provider_change_put
INSERT INTO provider_change (id, content, changed_at) VALUES ($1, $2, $3)
    ON CONFLICT (id) DO UPDATE SET content = excluded.content, changed_at = excluded.changed_at;

-- name: provider_epoch
SELECT value FROM meta WHERE name = 'provider_epoch';

-- name: provider_epoch_changed
INSERT INTO meta (name, value) VALUES ('provider_epoch', '1')
    ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT);

-- name: prefixes_all
SELECT kind, prefix, value FROM prefix;

-- name: prefixes_forget
DELETE FROM prefix WHERE kind = $1;

-- name: prefix_add
INSERT INTO prefix (kind, prefix, value) VALUES ($1, $2, $3);

-- name: prefix_epoch_changed
INSERT INTO meta (name, value) VALUES ('prefix_epoch', '1')
    ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT);
