"""Migrations: numbered, forward only, whole or not at all."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kalita.storage import migrate
from kalita.storage.migrate import Migration, NewerDatabase, pending, statements
from kalita.storage.postgres.engine import PostgresEngine
from kalita.storage.sqlite.engine import connect, migrated
from tests import postgres

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
import asyncio, os, signal, sys
from pathlib import Path
from kalita.storage.postgres.address import read
from kalita.storage.postgres.connection import connect
from kalita.storage.postgres.migrated import migrated
from kalita.storage.sqlite import engine

class Dying:
    def __init__(self, db, left):
        self.db, self.left = db, left

    def __getattr__(self, name):
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return getattr(self.db, name)

async def on_postgres(url, left):
    await migrated(Dying(await connect(read(url), {}, True), left))

def die(place, left):
    if place.startswith("postgresql"):
        asyncio.run(on_postgres(place, left))
    else:
        engine.migrated(Dying(engine.connect(Path(place)), left))

left = 0
for place in sys.stdin.read().split():
    pid = os.fork()
    if not pid:
        die(place, left)
        os._exit(0)
    if not os.waitpid(pid, 0)[1]:
        break
    left += 1
print(left)
"""


def killed(places: list[str]) -> int:
    """Migrate one place after the other, killed before a step later each time; return how many steps there are."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=os.environ | {"PYTHONPATH": os.getcwd()}, input="\n".join(places),
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return int(done.stdout)


def _steps() -> int:
    """Return more than there are steps in migrating an empty database."""
    return sum(len(one.statements) + 12 for one in migrate.load())


def _whole(tables: set[str], applied: list[int]) -> None:
    assert applied == list(range(1, len(applied) + 1))
    assert tables - {"migration"} == _books(len(applied))


def test_killed_before_any_statement_leaves_a_database_that_can_be_opened(tmp_path: Path) -> None:
    """The real migrations, killed before each statement of theirs: each is there as a whole or not at all."""
    paths = [tmp_path / f"{left}.db" for left in range(_steps())]
    count = killed([str(path) for path in paths])
    assert sum(len(one.statements) for one in migrate.load()) < count < len(paths)
    for path in paths[:count]:
        _whole(_tables(path), _applied(path) if "migration" in _tables(path) else [])
    for path in paths[:count:3]:
        _migrate(path)
        _whole(_tables(path), [one.number for one in migrate.load()])


def test_killed_before_any_statement_on_postgres_leaves_a_database_that_can_be_opened() -> None:
    """The same there, each time in a schema of its own."""
    url = postgres.database(made=False)
    names = [f"killed_{left}" for left in range(_steps())]
    postgres.ask(url, f"DO $$ BEGIN {' '.join(f'CREATE SCHEMA {name};' for name in names)} END $$")
    count = killed([f"{url}&search_path={name}" for name in names])
    assert sum(len(one.statements) for one in migrate.load()) < count < len(names)
    for name in names[:count]:
        _whole(*_found(url, name))
    for name in names[:count:6]:
        asyncio.run(_opened(f"{url}&search_path={name}"))
        _whole(*_found(url, name))


def _found(url: str, schema: str) -> tuple[set[str], list[int]]:
    """Return the tables of a schema and the migrations that were applied to it."""
    rows = postgres.ask(url, "SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
    tables = {name for (name,) in rows}
    text = f"SELECT number FROM {schema}.migration ORDER BY number"
    return tables, [row[0] for row in postgres.ask(url, text)] if "migration" in tables else []


async def _opened(url: str) -> None:
    engine = PostgresEngine(url)
    await engine.open()
    await engine.close()


def _books(migrations: int | None = None) -> set[str]:
    """Return the tables after so many migrations."""
    db = sqlite3.connect(":memory:")
    for migration in migrate.load()[:migrations]:
        for statement in migration.statements:
            db.execute(migrate.for_sqlite(statement))
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    return names


def test_processes_that_start_at_once_migrate_postgres_once() -> None:
    """Four at a time on an empty database: each migration is applied once, nobody fails."""

    async def work(url: str) -> None:
        await asyncio.gather(*(_opened(url) for _ in range(4)))

    url = postgres.database(made=False)
    asyncio.run(work(url))
    applied = [row[0] for row in postgres.ask(url, "SELECT number FROM migration ORDER BY number")]
    assert applied == [migration.number for migration in migrate.load()]
    postgres.ask(url, "INSERT INTO migration VALUES (999, 'later', 0)")
    with pytest.raises(NewerDatabase):
        asyncio.run(_opened(url))


def test_two_programs_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    """The second one finds the work done."""
    path = tmp_path / "a.db"
    one, other = connect(path), connect(path)
    migrated(one)
    migrated(other)
    assert _applied(path) == [migration.number for migration in migrate.load()]
    one.close()
    other.close()


def test_hooks_of_an_older_database_are_told_what_comes() -> None:
    """What is in history by then counts as told; what was noted of attempts keeps what it was about."""
    db = sqlite3.connect(":memory:")
    before, after = migrate.load()[:10], migrate.load()[10:11]
    for statement in [statement for migration in before for statement in migration.statements]:
        db.execute(migrate.for_sqlite(statement))
    wallet = 79110000001
    for kind, currency, last in ((0, 643, 700), (1, 643, 900), (0, 840, 800)):
        number = wallet * 8192 + currency * 8 + kind
        db.execute(
            f"INSERT INTO account VALUES ({number}, {wallet}, {kind}, {currency}, 0, 0, 0, 1, {last}, 0, 0, 0, '', 1)"
        )
    db.execute(f"INSERT INTO receiver VALUES ({wallet}, 1, 'hook', 'http://x', 3, '', '', 0, 1, 0, '', 0)")
    db.execute(f"INSERT INTO event VALUES ({wallet}, 1, 700, 2643, 2, 600, 'hook', '', 1, 5, 1)")
    db.execute(f"INSERT INTO attempt VALUES ({wallet}, 1, 4, 700, 2643, 'hook', 1, 10, 200, '')")
    for statement in after[0].statements:
        db.execute(migrate.for_sqlite(statement))
    told = [(d * 1000 + c, at, at) for d in (1, 2, 3) for c, at in ((643, 700), (840, 800))]
    assert db.execute("SELECT stream, since, txn_id FROM told ORDER BY stream").fetchall() == told
    assert db.execute("SELECT kind, txn_id FROM attempt").fetchall() == [(2, 600)]
    db.close()
