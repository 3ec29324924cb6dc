"""The real command, run as a process of its own."""

import json
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests import forked, postgres
from tests.servers import KALITA

WITHIN_S = 60


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, what it wrote where."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document it answered with `--json`."""
        return json.loads(self.out)


def kalita(*arguments: str | Path, environment: dict[str, str] | None = None) -> Done:
    """Run a command to its end. environment: on top of the test's own, which has no settings of Kalita."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KALITA_")}
    command, own_words = [KALITA, *map(str, arguments)], all(name.startswith("KALITA_") for name in environment or {})
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = (forked.run if own_words else _started)(
            command, own | {"COLUMNS": "100"} | (environment or {}), out, err, WITHIN_S
        )
        done = Done(code, _text(out), _text(err))
    assert "Traceback" not in done.err, done.err
    return done


def _started(
    command: list[str], environment: Mapping[str, str], out: IO[bytes], err: IO[bytes], within_s: float
) -> int:
    """Start the script, as an operator does."""
    done = subprocess.run(
        command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, timeout=within_s, env=dict(environment)
    )
    return done.returncode


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def installed(data: Path, wallet: str) -> Path:
    """Make an installation with one wallet."""
    assert kalita("init", "--data", data).code == 0
    assert kalita("wallet", "create", wallet, "--data", data).code == 0
    return data


def refused(done: Done, *words: str) -> None:
    """A refusal is exit code 1, an empty answer, and one line that says why."""
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: ")
    assert len(done.err.splitlines()) == 1
    assert all(word in done.err for word in words), done.err


def wrong(done: Done, *words: str) -> None:
    """A wrong command line is exit code 2, an empty answer, and the name of what is wrong."""
    assert (done.code, done.out) == (2, "")
    assert all(word in done.err for word in words), done.err


def rows(data: Path, name: str, database: str = "") -> list[tuple[object, ...]]:
    """Return all rows of a table. database: its address when it is on PostgreSQL"""
    return past_the_program(data, database, f"SELECT * FROM {name}")


def past_the_program(data: Path, database: str, text: str, *args: int | str | None) -> list[tuple[object, ...]]:
    """Run a statement with `$1` parameters on an installation's database; return its rows."""
    if database:
        return postgres.ask(database, text, *args)
    with closing(sqlite3.connect(data / "kalita.db")) as db, db:
        return db.execute(text.replace("$", "?"), args).fetchall()
