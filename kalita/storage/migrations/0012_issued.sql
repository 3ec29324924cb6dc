-- Bills by who issued them, newest first.

CREATE INDEX bill_issued ON bill (owner, created_at, number);
