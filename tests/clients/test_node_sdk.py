"""
@qiwi/bill-payments-node-js-sdk 3.2.1, unmodified, asks for money as if the server were the original.

Source: invoices.md 3 and 7, client-compatibility.md 7.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.clients.journeys import node
from tests.clients.shop import Shop, open_shop
from tests.receivers import receiver
from tests.servers import demo

PAID, CANCELLED = "cc961e8d-d4d6-4f02-b737-2297e51fb48e", "cancelled-1"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Shop]:
    """A shop on a server of its own."""
    with demo(tmp_path_factory.mktemp("node"), engine=engine) as server, receiver() as there:
        yield open_shop(server, there)


@pytest.fixture(scope="module")
def told(shop: Shop) -> Any:
    """What the SDK understood while it issued bills."""
    return node("node_journey.js", shop.order | {"what": "bills", "paid": PAID, "cancelled": CANCELLED})


def test_the_sdk_is_the_one_that_is_installed(told: Any) -> None:
    """Its version and its host are its own."""
    assert told["version"] == "3.2.1"
    assert {one["host"] for one in told["seen"]} == {"api.qiwi.com"}
    assert {one["path"].split("/bills/")[0] for one in told["seen"]} == {"/partner/bill/v1"}


def test_it_issues_and_reads_bills(shop: Shop, told: Any) -> None:
    """Two decimals, its own marks among the custom fields and nothing added, a link that it may append to."""
    made = told["made"]
    assert made["amount"] == {"currency": "RUB", "value": "200.34"} or made["amount"]["value"] == "200.35"
    assert made["customFields"] == {"apiClient": "node_sdk", "apiClientVersion": "3.2.1", "city": "Москва"}
    assert made["customer"] == {"phone": shop.order["payer"], "email": "m@example.org", "account": "client4563"}
    assert (made["billId"], made["comment"], made["status"]["value"]) == (PAID, "test", "WAITING")
    link, _, after = made["payUrl"].partition("&")
    assert len(link.partition("invoice_uid=")[2]) == 36
    assert after == "successUrl=https%3A%2F%2Fexample.org%2F%3Fok%3D1"
    assert told["again"] == made
    assert told["info"] | {"payUrl": made["payUrl"]} == made
    assert datetime.fromisoformat(made["expirationDateTime"]) == datetime.fromisoformat(told["lifetime"])


def test_it_cancels(told: Any) -> None:
    """The answer is the bill, rejected."""
    assert told["cancelled"]["status"]["value"] == "REJECTED"
    assert told["cancelled"]["billId"] == CANCELLED


def test_refusals_reach_it_as_they_are_documented(told: Any) -> None:
    """By status and code: unknown, used, worth nothing, not given back, another's key."""
    found = {
        name: (told[name]["status"], told[name]["error"]["errorCode"])
        for name in ("unknown", "other", "nothing", "refund", "refunded", "stranger")
    }
    assert found == {
        "unknown": (404, "api.invoice.not.found"),
        "other": (409, "api.invoice.already.exists"),
        "nothing": (400, "validation.error"),
        "refund": (404, "api.refund.not.found"),
        "refunded": (404, "api.refund.not.found"),
        "stranger": (401, "auth.unauthorized"),
    }


def test_it_verifies_the_notification_with_its_own_check(shop: Shop, told: Any) -> None:
    """Of a bill that was paid; with another key the check fails."""
    shop.pay(told["made"]["payUrl"])
    (got,) = shop.there.wait(1, where=lambda one: one.json["bill"]["billId"] == PAID)
    order = shop.order | {"paid": PAID, "notification": got.json, "signature": got.headers["x-api-signature-sha256"]}
    checked = node("node_journey.js", order | {"what": "check"})
    assert (checked["good"], checked["wrong"]) == (True, False)
    assert checked["info"]["status"]["value"] == "PAID"
