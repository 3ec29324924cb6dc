-- Whom a payment has to wake: a ledger that looks up two hooks for each must not read their addresses and keys.

CREATE INDEX receiver_woken ON receiver (wallet, next_at, channel);
