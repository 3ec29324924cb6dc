"""What every suite shares: the engines that behaviour is tested on."""

import pytest

from tests.servers import ENGINES


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine there is, one after the other: its name, as tests.servers.demo takes it."""
    return request.param
