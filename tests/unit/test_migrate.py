"""Migrations: numbered, forward only, whole or not at all."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kalita.storage import migrate
from kalita.storage.migrate import Migration, NewerDatabase, pending, statements
from kalita.storage.sqlite.engine import connect, migrated

FIRST = Migration(1, "one", ("CREATE TABLE a (x INTEGER)", "INSERT INTO a VALUES (1)"))
SECOND = Migration(
    2, "two", ("ALTER TABLE a ADD COLUMN y INTEGER", "INSERT INTO a VALUES (2, 2)", "CREATE TABLE b (z)")
)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[Migration]:
    """Return the migrations that the code knows; a test adds to them."""
    found = [FIRST]
    monkeypatch.setattr(migrate, "load", lambda: found)
    return found


def _tables(path: Path) -> set[str]:
    db = sqlite3.connect(path)
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    return names


def _applied(path: Path) -> list[int]:
    db = sqlite3.connect(path)
    numbers = [number for (number,) in db.execute("SELECT number FROM migration ORDER BY number")]
    db.close()
    return numbers


def _migrate(path: Path) -> None:
    db = connect(path)
    try:
        migrated(db)
    finally:
        db.close()


def test_file_is_cut_into_statements() -> None:
    """A statement ends where a line does with a semicolon; comments may hold some."""
    text = "-- one; two;\nCREATE TABLE a (  -- first;\n  x INTEGER\n);\n\nINSERT INTO a VALUES (1); -- done\n"
    assert statements(text) == ("CREATE TABLE a (\n  x INTEGER\n);", "INSERT INTO a VALUES (1);")


def test_only_what_is_missing_is_applied(tmp_path: Path, known: list[Migration]) -> None:
    """A database is brought up to the code, each file once, in order."""
    path = tmp_path / "a.db"
    _migrate(path)
    assert _applied(path) == [1]
    _migrate(path)
    known.append(SECOND)
    _migrate(path)
    assert _applied(path) == [1, 2]
    db = sqlite3.connect(path)
    assert db.execute("SELECT * FROM a").fetchall() == [(1, None), (2, 2)]
    db.close()


def test_newer_database_is_refused(tmp_path: Path, known: list[Migration]) -> None:
    """An old program must not write what it does not understand."""
    path = tmp_path / "a.db"
    known.append(SECOND)
    _migrate(path)
    known.pop()
    with pytest.raises(NewerDatabase, match="migration 2, this program knows 1"):
        _migrate(path)
    with pytest.raises(NewerDatabase):
        pending([], [1])


def test_failing_migration_leaves_nothing_half(tmp_path: Path, known: list[Migration]) -> None:
    """A statement that fails takes its whole file back; mended, the file is applied whole."""
    path = tmp_path / "a.db"
    _migrate(path)
    known.append(SECOND._replace(statements=(*SECOND.statements, "INSERT INTO nothing VALUES (1)")))
    with pytest.raises(sqlite3.OperationalError):
        _migrate(path)
    assert _applied(path) == [1]
    assert "b" not in _tables(path)
    known[1] = SECOND
    _migrate(path)
    assert _applied(path) == [1, 2]


KILLED = """
import os, signal, sys
from pathlib import Path
from kalita.storage.sqlite import engine
db = engine.connect(Path(sys.argv[1]))
left = int(sys.argv[2])

class Dying:
    def execute(self, *args):
        global left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return db.execute(*args)

engine.migrated(Dying())
"""


def test_killed_before_any_statement_leaves_a_database_that_can_be_opened(tmp_path: Path) -> None:
    """The real migrations, killed before each statement of theirs: each is there as a whole or not at all."""
    path, left = tmp_path / "a.db", 0
    done = -signal.SIGKILL
    while done:
        path.unlink(missing_ok=True)
        command = [sys.executable, "-c", KILLED, str(path), str(left)]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": os.getcwd()}, check=False, timeout=30).returncode
        assert done in (0, -signal.SIGKILL)
        applied = _applied(path) if "migration" in _tables(path) else []
        assert applied == list(range(1, len(applied) + 1))
        assert _tables(path) - {"migration"} == _books(len(applied))
        _migrate(path)
        assert _tables(path) - {"migration"} == _books()
        left += 1
    assert left > sum(len(one.statements) for one in migrate.load())


def _books(migrations: int | None = None) -> set[str]:
    """Return the tables after so many migrations."""
    db = sqlite3.connect(":memory:")
    for migration in migrate.load()[:migrations]:
        for statement in migration.statements:
            db.execute(migrate.for_sqlite(statement))
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    return names


def test_two_programs_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    """The second one finds the work done."""
    path = tmp_path / "a.db"
    one, other = connect(path), connect(path)
    migrated(one)
    migrated(other)
    assert _applied(path) == [migration.number for migration in migrate.load()]
    one.close()
    other.close()
