"""Books in order, and a hand that may spoil them."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.books import ENGINES, Factory, books
from tests.unit.past import PASTS, Past
from tests.unit.tampering import fill


@pytest.fixture(params=ENGINES.values(), ids=ENGINES)
def factory(request: pytest.FixtureRequest) -> Factory:
    """Every engine there is, one after the other."""
    return request.param


@pytest.fixture(scope="session", params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Return the hand of somebody on books that are in order."""
    folder = tmp_path_factory.mktemp("books")

    async def run() -> None:
        async with books(folder, ENGINES[request.param]) as on:
            await fill(on)

    asyncio.run(run())
    past = PASTS[request.param](folder)
    yield past
    past.close()


@pytest.fixture
def db(filled: Past) -> Iterator[Past]:
    """Return the books, open for one who writes past the program; whatever he does is undone."""
    filled.begin()
    yield filled
    filled.undo()
