"""
glQiwiApi, unmodified: identification, limits, restrictions, nickname, balances. What it gets wrong itself is named.
"""

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_glqiwi import PAYEE, PAYER, PYTHON
from tests.servers import demo


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[dict[str, Any]]:
    """What the library understood."""
    with demo(tmp_path_factory.mktemp("glqiwi"), engine=engine) as server:
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name("glqiwi_people.py")],
            input=(server.data / "demo.json").read_bytes(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        yield json.loads(done.stdout)


def test_it_reads_who_owns_the_wallet(told: dict[str, Any]) -> None:
    """Names in full, documents masked, the level by its name."""
    person = told["identification"]
    assert (person["identification_id"], person["type"], person["first_name"]) == (PAYER, "FULL", "Анна")
    assert person["passport"] == "44***22"


def test_its_own_identification_never_reaches_the_server(told: dict[str, Any]) -> None:
    """The library fails before it sends anything, whatever the server is: its method reads its own fields wrongly."""
    assert told["authenticate"]


def test_it_reads_limits(told: dict[str, Any]) -> None:
    """Roubles under their country, numbers that add up."""
    limits = told["limits"]["RU"]
    assert len(limits) == 6
    for limit in limits:
        assert Decimal(str(limit["max_limit"])) == Decimal(str(limit["rest"])) + Decimal(str(limit["spent"]))


def test_it_reads_restrictions_and_nickname(told: dict[str, Any]) -> None:
    """None, and a name that may be used."""
    assert told["restrictions"] == []
    assert told["nickname"]["can_use"] is True
    assert len(told["nickname"]["nickname"]) == 10


def test_it_opens_a_balance(told: dict[str, Any]) -> None:
    """What is on offer can be opened, once; refusals become its own exceptions."""
    assert [one["alias"] for one in told["offer"]] == ["qw_wallet_usd", "qw_wallet_eur"]
    assert told["created"] == {}
    assert (told["created_again"]["status"], told["created_again"]["class"]) == (422, "ObjectAlreadyExistsError")
    assert told["not_offered"]["status"] == 422
    assert [one["alias"] for one in told["balances"]] == ["qw_wallet_rub", "qw_wallet_usd"]


def test_default_is_moved_though_it_cannot_read_a_204(told: dict[str, Any]) -> None:
    """The library raises on every 204; the documentation says 204, and the balance is the default all the same."""
    assert told["default"]
    assert told["default_unknown"]["class"] == "ObjectNotFoundError"
    assert told["profile"]["contract_info"]["contract_id"] == PAYEE
    assert told["profile"]["user_info"]["default_pay_account_alias"] == "qw_wallet_usd"
