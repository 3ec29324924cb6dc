-- Caps of tokens: how much they may spend, on whom, from where.

ALTER TABLE token ADD COLUMN caps TEXT;
