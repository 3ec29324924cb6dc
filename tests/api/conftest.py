"""
What the tests of the API share: one real server, the hand that makes wallets on it, one installation in this process.
"""

import time
from collections.abc import Iterator

import pytest

from tests.api.house import House
from tests.api.past import lay_down
from tests.servers import Demo, database_of, demo


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Demo]:
    """A real server."""
    with demo(tmp_path_factory.mktemp("api"), engine=engine) as running:
        yield running


@pytest.fixture(scope="session")
def people(server: Demo) -> Iterator[House]:
    """Whoever makes wallets and tokens on the real server; some wallets have a past there, see past.py."""
    opened = House(server.data, create=False, database=server.database)
    lay_down(opened)
    opened.hand.now = time.time_ns()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation in this process that serves every row."""
    folder = tmp_path_factory.mktemp("house")
    opened = House(folder, settings={"oauth_renewal": True}, database=database_of(folder, engine))
    yield opened
    opened.close()
