"""
How payments that wait, succeed and fail look in history, in both languages. Source: history.md 7, access.md 6.
"""

from typing import Any

import pytest

from kalita.ledger.accounts import Direction
from kalita.ledger.holds import Held, post, void
from kalita.refusals import PAYMENT_REFUSALS
from tests.api.house import House
from tests.books import bill
from tests.servers import Wallet

RUB = 643
UNKNOWN = (13, 74, 130, 999_999)
"""Codes that stand in no table: a connector may report any number."""


def held(house: House, owner: Wallet, amount: int) -> Held:
    """Let a payment to an outside provider begin."""
    accepted = house.run(house.app.writer.submit(bill(owner.number, amount)))
    return Held(owner.number, Direction.OUT, RUB, accepted.txn_id, amount, 0)


def shown(house: House, owner: Wallet, payment: Held, language: str) -> dict[str, Any]:
    """Return the payment as the list shows it, which is how it is shown alone."""
    listed = house.get(
        f"/payment-history/v2/persons/{owner.number}/payments?rows=50&operation=OUT", owner, accept_language=language
    ).json["data"]
    (item,) = [one for one in listed if one["txnId"] == payment.txn_id]
    alone = house.get(f"/payment-history/v2/transactions/{payment.txn_id}", owner, accept_language=language)
    assert alone.json == item
    return item


@pytest.mark.parametrize(("language", "text"), [("ru", "Запрос обрабатывается"), ("en", "In progress")])
def test_waiting_has_no_error_and_no_receipt(house: House, language: str, text: str) -> None:
    """WAITING has code 0 like a success; its receipt is not ready."""
    owner = house.wallet(RUB=100_00)
    item = shown(house, owner, held(house, owner, 7_00), language)
    assert (item["status"], item["statusText"], item["errorCode"], item["error"]) == ("WAITING", text, 0, None)
    assert item["features"]["chequeReady"] is False


@pytest.mark.parametrize(("language", "text"), [("ru", "Успешно"), ("en", "Success")])
def test_waiting_becomes_success(house: House, language: str, text: str) -> None:
    """A posted payment keeps its id and date, and its receipt is ready."""
    owner = house.wallet(RUB=100_00)
    payment = held(house, owner, 7_00)
    before = shown(house, owner, payment, language)
    house.later(3600)
    house.run(house.app.writer.submit(post(payment, 1, 0)))
    item = shown(house, owner, payment, language)
    assert (item["status"], item["statusText"], item["errorCode"], item["error"]) == ("SUCCESS", text, 0, None)
    assert item["features"]["chequeReady"] is True
    changed = {"status", "statusText", "features"}
    assert {name: item[name] for name in item if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("code", [*sorted(PAYMENT_REFUSALS), *UNKNOWN])
def test_every_code_has_its_text(house: House, code: int, language: str) -> None:
    """A failed payment shows its code and the text of the table; an unknown code passes under the text of 300."""
    owner = house.wallet(RUB=100_00)
    payment = held(house, owner, 9_00)
    house.run(house.app.writer.submit(void(payment, code)))
    item = shown(house, owner, payment, language)
    known = PAYMENT_REFUSALS.get(code) or PAYMENT_REFUSALS[300]
    assert (item["status"], item["errorCode"]) == ("ERROR", code)
    assert item["error"] == (known.en if language == "en" else known.ru)
    assert item["statusText"] == ("Error" if language == "en" else "Ошибка")
    assert item["features"]["chequeReady"] is False
