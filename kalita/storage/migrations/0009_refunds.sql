-- Which bill a payment has paid, where it was given back: what limits count leaves those out.

CREATE INDEX bill_refunded ON bill (payer, txn_id) WHERE refunded > 0;
