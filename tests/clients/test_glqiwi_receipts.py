"""
glQiwiApi, unmodified: receipts, and a history whose pages end inside a conversion.
"""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.house import payment
from tests.api.test_receipts import picture_of, text_of
from tests.clients.test_glqiwi import PYTHON
from tests.servers import demo

CONVERT = "/sinap/api/v2/terms/1099/payments"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[dict[str, Any]]:
    """What the library understood, on a wallet that converted."""
    with demo(tmp_path_factory.mktemp("glqiwi"), engine=engine) as server:
        with server.client() as owner:
            for currency in ("840", "978", "840"):
                own = payment(server.wallets[0].number, 1, sum={"amount": 1, "currency": currency})
                assert owner.post(CONVERT, json=own).status_code == 200
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name("glqiwi_receipts.py")],
            input=(server.data / "demo.json").read_bytes(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        yield json.loads(done.stdout)


def file(told: dict[str, Any], name: str) -> httpx.Response:
    """Return a file that the library got."""
    return httpx.Response(200, content=base64.b64decode(told["files"][name]))


def test_it_gets_receipts(told: dict[str, Any]) -> None:
    """PDF and JPEG, of either side."""
    for name, words in (("pdf", "Итого списано 12,50 ₽"), ("payee", "Итого зачислено 12,50 ₽")):
        text = text_of(file(told, name))
        assert words in text
        assert f"Квитанция № {told['txn']}" in text
    assert picture_of(file(told, "jpeg")).width > 500


@pytest.mark.parametrize("name", ["wrong_side", "unknown"])
def test_it_takes_a_refusal_for_the_file(told: dict[str, Any], name: str) -> None:
    """Its own fault: it never looks at the status here, so what it would save is the body of the 404."""
    assert file(told, name).json()["errorCode"] == "payment.history.not.found"


def test_it_walks_over_conversions(told: dict[str, Any]) -> None:
    """The library reads a token's date and writes it anew: no record is lost or shown twice all the same."""
    walked = [one for page in told["walked"] for one in page]
    assert walked == told["whole"]
    assert [len(page) for page in told["walked"][:-1]] == [2] * (len(told["walked"]) - 1)
