-- Which bill a payment has paid, where it was given back: what limits count leaves those out.

CREATE INDEX bill_refunded ON bill (payer, txn_id) WHERE refunded > 0;

-- An owner with a new phone number: which wallet takes over.
ALTER TABLE wallet ADD COLUMN moved_to INTEGER;
