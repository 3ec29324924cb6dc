-- Which wallet an owner had before: only a wallet that was made for another takes over its money.

ALTER TABLE wallet ADD COLUMN made_for INTEGER;
