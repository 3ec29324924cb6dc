"""Books in order, and a hand that may spoil them."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.books import ENGINES, Factory, books
from tests.unit.tampering import fill


@pytest.fixture(params=ENGINES.values(), ids=ENGINES)
def factory(request: pytest.FixtureRequest) -> Factory:
    """Every engine there is, one after the other."""
    return request.param


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of books that are in order."""
    folder = tmp_path_factory.mktemp("books")

    async def run() -> None:
        async with books(folder) as on:
            await fill(on)

    asyncio.run(run())
    return folder / "kalita.db"


@pytest.fixture
def db(filled: Path) -> Iterator[sqlite3.Connection]:
    """Return the books, open for one who writes past the program; whatever he does is undone."""
    connection = sqlite3.connect(filled, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.execute("ROLLBACK")
    connection.close()
