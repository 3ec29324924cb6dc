"""
pyQiwiP2P 2.0.7, unmodified, asks for money as if the server were the original. Source: client-compatibility.md 2 and 7.

It refuses a secret key locally unless it is of the documented form, and parses every date of a bill and of an error.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.journeys import python
from tests.clients.shop import Shop, client_of, open_shop
from tests.receivers import receiver
from tests.servers import demo


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Shop]:
    """A shop on a server of its own."""
    with demo(tmp_path_factory.mktemp("pyqiwip2p"), engine=engine) as server, receiver() as there:
        yield open_shop(server, there)


@pytest.fixture(scope="module")
def told(shop: Shop) -> Any:
    """What the library understood on its journey."""
    return python(".venv-pyqiwip2p", "pyqiwip2p_journey.py", shop.order)


def test_the_library_is_the_one_that_is_installed(told: Any) -> None:
    """Its version, its host, its heads."""
    assert told["version"] == "2.0.7"
    assert {one["host"] for one in told["seen"]} == {"api.qiwi.com"}
    assert {one["accept"] for one in told["seen"]} == {"*/*", "application/json"}


def test_it_issues_and_reads_bills(told: Any) -> None:
    """With its own ids, colons in them, sources, themes and fields."""
    made = told["made"]
    assert (made["bill_id"], made["status"], made["amount"], made["currency"]) == ("py:1", "WAITING", "100.50", "RUB")
    assert made["comment"] == "Счёт"
    assert made["fields"] == {"city": "Москва", "paySourcesFilter": "qw,card", "themeCode": "Ivan-KaLi"}
    assert told["checked"] == made
    assert (told["default"]["amount"], told["default"]["fields"]) == ("100.00", None)
    assert told["default"]["bill_id"].startswith("WhiteApfel-PyQiwiP2P-")


def test_it_rejects_bills_with_either_face(told: Any) -> None:
    """The one that waits and the one that does not block."""
    assert (told["rejected"]["bill_id"], told["rejected"]["status"]) == ("py:2", "REJECTED")
    assert told["together"]["made"]["amount"] == "7.10"
    assert told["together"]["rejected"] == told["together"]["made"] | {"status": "REJECTED"}


def test_refusals_become_its_own_exceptions(told: Any) -> None:
    """With their codes; a wrong key is refused by the library itself."""
    found = {name: (told[name]["class"], told[name].get("code")) for name in ("unknown", "other", "crap")}
    assert found == {
        "unknown": ("QiwiError", "api.invoice.not.found"),
        "other": ("QiwiError", "api.invoice.already.exists"),
        "crap": ("ValueError", None),
    }
    assert told["unknown"]["text"] == "api.invoice.not.found - Invoice not found"


def test_what_it_issued_can_be_paid(shop: Shop, told: Any) -> None:
    """By its link; who asked is told."""
    assert shop.pay(told["made"]["pay_url"])["invoice_status"] == "PAID_STATUS"
    assert shop.there.wait(1)[0].json["bill"]["billId"] == "py:1"
    with client_of(shop) as client:
        assert client.get("/partner/bill/v1/bills/py:1").json()["status"]["value"] == "PAID"
