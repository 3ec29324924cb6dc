"""What every suite shares: the engines that behaviour is tested on, and the lanes a suite may run in side by side."""

import pytest

from tests.servers import ENGINES


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the lane to run."""
    parser.addoption("--lane", choices=["postgres", "rest"], help="run only what is tested on PostgreSQL, or the rest")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other lane's tests to it: the two lanes together are the suite."""
    lane = config.getoption("--lane")
    if lane is not None:
        items[:] = [item for item in items if (_engine_of(item) == "postgres") == (lane == "postgres")]


def _engine_of(item: pytest.Item) -> str | None:
    return (
        item.callspec.params.get("engine") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
    )


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine there is, one after the other: its name, as tests.servers.demo takes it."""
    return request.param
