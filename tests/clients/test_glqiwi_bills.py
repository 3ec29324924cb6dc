"""
The hooks and bills of glQiwiApi 2.18.3, unmodified. Source: webhooks.md, invoices.md, client-compatibility.md 5 and 7.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.journeys import python
from tests.receivers import OK, Got, Receiver, receiver, status
from tests.servers import demo


@pytest.fixture(scope="module")
def there(engine: str) -> Iterator[Receiver]:
    """Who is told. It says at /arrived whether the test message came."""

    def reply(got: Got) -> bytes:
        return OK if got.path != "/arrived" or told_of(running) else status(404)

    with receiver(reply) as running:
        yield running


def told_of(there: Receiver) -> list[Got]:
    """What came to the hook."""
    return [got for got in there.got if got.path == "/hook"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, engine: str, there: Receiver) -> Iterator[Any]:
    """What the library understood on its journey."""
    with demo(tmp_path_factory.mktemp("glqiwi-bills"), engine=engine) as server:
        order = json.loads((server.data / "demo.json").read_text("utf-8"))
        order |= {
            "what": "go",
            "hook": there.url("/hook"),
            "arrived": there.url("/arrived"),
            "bills": there.url("/bills"),
            "payer": str(server.wallets[1].number),
        }
        found = python(".venv-glqiwi", "glqiwi_bills_journey.py", order)
        there.wait(4, where=lambda got: got.path == "/hook")  # the test message, two payments out, a bill paid
        yield found


def test_hooks_are_bound_and_their_keys_read(told: Any, there: Receiver) -> None:
    """None at first; one with its words; a second is refused; a new key stays; an inner address is refused."""
    hooks = told["hooks"]
    assert (hooks["none"]["class"], hooks["none"]["status"], hooks["none"]["code"]) == (
        "ObjectNotFoundError", 404, "hook.not.found",
    )  # fmt: skip
    assert (hooks["first"]["type"], hooks["first"]["txn_type"]) == ("WEB", "BOTH")
    assert hooks["first"]["hook_parameters"]["url"] == there.url("/hook")
    assert (hooks["second"]["status"], hooks["second"]["code"]) == (422, "hook.already.exists")
    assert hooks["changed"] == hooks["again"] != hooks["key"]
    assert hooks["current"] == hooks["first"]
    assert (hooks["wrong"]["status"], hooks["wrong"]["code"]) == (422, "hook.validation.error")
    assert hooks["bound"]["id"] != hooks["first"]["id"]
    assert hooks["bound_key"] not in (hooks["key"], hooks["changed"])


def test_messages_verify_by_its_own_check(told: Any, there: Receiver) -> None:
    """Its models read every message, the empty test one too; the hash of a payment verifies with the key it read."""
    bound = told["hooks"]["bound"]["id"]
    bodies = [got.body.decode() for got in told_of(there) if got.json["test"] or got.json["hookId"] == bound]
    order = {"what": "check", "bodies": bodies, "key": told["hooks"]["bound_key"]}
    checked = python(".venv-glqiwi", "glqiwi_bills_journey.py", order)
    assert len(checked["good"]) == 3
    assert all(checked["good"])
    assert checked["test"].count(True) == 1
    wrong = python(".venv-glqiwi", "glqiwi_bills_journey.py", order | {"key": told["hooks"]["key"]})
    assert not any(wrong["good"])


def test_bills_are_issued_paid_and_rejected(told: Any) -> None:
    """With keys it made itself; the link's last 36 characters lead to the payment."""
    bills = told["bills"]
    made = bills["made"]
    assert (made["id"], made["amount"]["value"], made["status"]["value"]) == ("gl-1", 100.5, "WAITING")
    assert made["custom_fields"] == {"pay_sources_filter": "qw,card", "theme_code": "Ivan-KaLi"}
    assert made["customer"]["phone_number"] == "79120000002"
    assert bills["status"] == ["WAITING", "PAID"]
    assert bills["paid"] == {"invoice_status": "PAID_STATUS", "is_sms_confirm": False, "pay_results": {}}
    assert bills["was_paid"] is True
    assert bills["rejected"]["status"]["value"] == bills["read"]["status"]["value"] == "REJECTED"
    assert bills["unpaid"] == []


def test_refusals_become_its_own_exceptions(told: Any) -> None:
    """Each by its code. Its refunds never reach the server: it fails before it asks."""
    found = {name: (told["bills"][name]["class"], told["bills"][name]["code"]) for name in (
        "unknown", "exists", "unknown_invoice",
    )}  # fmt: skip
    assert found == {
        "unknown": ("ObjectNotFoundError", "api.invoice.not.found"),
        "exists": ("ObjectAlreadyExistsError", "api.invoice.already.exists"),
        "unknown_invoice": ("ObjectNotFoundError", "api.invoice.not.found"),
    }
