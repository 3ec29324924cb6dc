-- What a payment in another currency than roubles counted in its owner's limits, at the rate of that moment.

CREATE TABLE measured (
    wallet INTEGER NOT NULL,
    txn_id INTEGER NOT NULL,
    amount INTEGER NOT NULL,   -- minor units of what limits are kept in
    PRIMARY KEY (wallet, txn_id)
) STRICT, WITHOUT ROWID;
