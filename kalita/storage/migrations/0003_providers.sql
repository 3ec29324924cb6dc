-- What an operator changed of the catalogue that comes with the program, and what payments to outside providers became.

CREATE TABLE provider_change (
    id         INTEGER PRIMARY KEY,
    content    TEXT    NOT NULL,     -- canonical JSON: the changed columns, a password as ciphertext
    changed_at INTEGER NOT NULL
) STRICT;
