"""
Migrations: numbered forward-only SQL files, each applied once in a transaction of its own.

A database newer than the code is refused: an old program must not write what it does not understand.
"""

import re
from collections.abc import Iterable
from importlib.resources import files
from typing import NamedTuple

from kalita.storage.queries import hinted


class Migration(NamedTuple):
    """One numbered file: its statements run together or not at all."""

    number: int
    name: str
    statements: tuple[str, ...]


class NewerDatabase(Exception):  # noqa: N818 - named for what is wrong
    """The database was written by a newer Kalita; install that one, or restore an older copy."""


TABLE = (
    "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)"
)


def load() -> list[Migration]:
    """Read the migrations, in order of their numbers, without a gap."""
    found = []
    for file in files("kalita.storage").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, statements(file.read_text("utf-8"))))
    found.sort()
    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    return found


def statements(text: str) -> tuple[str, ...]:
    """Split a file into statements: one ends where a line ends with a semicolon outside a comment."""
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        code = line.split("--", 1)[0].rstrip()
        if code:
            parts[-1].append(code)
            if code.endswith(";"):
                parts.append([])
    return tuple("\n".join(part) for part in parts if part)


def for_sqlite(statement: str) -> str:
    """Return a statement of a migration as SQLite is to see it."""
    return hinted(statement, "sqlite")


def for_postgres(statement: str) -> str:
    """
    Return a statement of a migration in PostgreSQL's words.

    Whole numbers have 64 bits there too. Texts compare byte by byte, as they do in SQLite: the order of an index must
    not depend on the machine's language.
    """
    text = _STRICT.sub("", hinted(statement, "postgres"))
    return _TEXT.sub(r'\1TEXT COLLATE "C"', re.sub(r"\bINTEGER\b", "BIGINT", text))


_STRICT = re.compile(r"\bSTRICT\b(, WITHOUT ROWID\b)?")
_TEXT = re.compile(r"^(\s*(?:ALTER TABLE \w+ ADD COLUMN )?\w+\s+)TEXT\b", re.MULTILINE)


def pending(known: list[Migration], applied: Iterable[int]) -> list[Migration]:
    """Return what is still to be applied, or refuse a database that knows more than the code."""
    last = max(applied, default=0)
    if last > len(known):
        raise NewerDatabase(
            f"the database has migration {last}, this program knows {len(known)}: install the newer Kalita"
        )
    return known[last:]
