"""
glQiwiApi 2.18.3, unmodified, pays a mobile number, cards and a bank account. Source: client-compatibility.md 4.

Guarantee: what its commission calls said is what was then debited.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import demo

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-glqiwi" / "bin" / "python"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[dict[str, Any]]:
    """What the library understood."""
    with demo(tmp_path_factory.mktemp("outside"), engine=engine) as server:
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name("glqiwi_outside.py")],
            input=(server.data / "demo.json").read_bytes(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        yield json.loads(done.stdout)


def test_it_finds_whose_a_number_is(told: dict[str, Any]) -> None:
    """A phone's operator, a card's provider."""
    assert (told["operator"], told["card_id"]) == ("1", "1963")


@pytest.mark.parametrize(
    ("what", "provider", "amount", "extra"),
    [("mobile", 1, 50, 0), ("card", 1963, 1001, 0), ("abroad", 1960, 200, 0), ("bank", 870, 300, 25)],
)
def test_what_was_quoted_is_what_left(
    told: dict[str, Any], what: str, provider: int, amount: float, extra: int
) -> None:
    """To the kopeck; urgency alone comes on top, since a quote knows no fields."""
    quote, made = told[f"{what}_quote"], told[what]
    assert quote["provider_id"] == provider
    assert float(quote["enrollment_sum"]["amount"]) == amount
    assert made["left"] == float(quote["withdraw_sum"]["amount"]) + extra
    record = made["record"]
    assert record["status"] == "SUCCESS"
    assert record["provider"]["id"] == provider


def test_cards_are_masked(told: dict[str, Any]) -> None:
    """In the answer and in history."""
    for what in ("card", "abroad"):
        assert told[what]["answer"]["fields"]["account"] == "4256********1115"
        assert told[what]["record"]["to_account"] == "4256********1115"
    assert told["by_method"]["fields"]["account"] == "4256********1115"


def test_what_a_provider_refuses(told: dict[str, Any]) -> None:
    """At once, as the library's own error; later, as the state of the record, and the money is back."""
    assert (told["wrong_card"]["status"], told["wrong_card"]["code"]) == (400, "542")
    assert told["refused"]["record"]["status"] == "ERROR"
    assert told["refused"]["left"] == 0


def test_rates_are_understood(told: dict[str, Any]) -> None:
    """Every row has both currencies."""
    assert len(told["rates"]) > 10
    assert all(row["rate"] > 0 for row in told["rates"])
