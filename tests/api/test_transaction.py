"""
One transaction over real HTTP, both forms. Source: history.md 3.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.house import House
from tests.api.live import Live, live
from tests.api.past import FRIEND, TRANSACTION
from tests.servers import Demo, Wallet

V2, V1 = "/payment-history/v2/transactions", "/payment-history/v1/transactions"
LIST = "/payment-history/v2/persons/{w}/payments"
NOT_FOUND = (404, "payment.history.not.found", [])


@pytest.fixture(scope="module")
def token(people: House) -> Wallet:
    """The token of a wallet with a past."""
    return people.token(TRANSACTION)


@pytest.fixture(scope="module")
def owner(server: Demo, token: Wallet) -> Iterator[Live]:
    """The owner of that wallet."""
    with live(server, token) as opened:
        yield opened


@pytest.fixture(scope="module")
def items(owner: Live) -> list[dict[str, Any]]:
    """Everything the list shows."""
    return owner.told(LIST, rows="50")["data"]


@pytest.mark.parametrize("path", [V2, V1])
def test_transaction_is_the_object_of_the_list(owner: Live, items: list[dict[str, Any]], path: str) -> None:
    """Both forms answer what the list shows, with and without the right type."""
    for item in items[::3]:
        assert owner.told(f"{path}/{item['txnId']}") == item
        assert owner.told(f"{path}/{item['txnId']}", type=item["type"]) == item


def test_every_type_is_found_by_its_word(owner: Live, items: list[dict[str, Any]]) -> None:
    """`type` has to match; `None` and an empty text count as absent."""
    for kind in ("IN", "OUT", "QIWI_CARD"):
        item = next(one for one in items if one["type"] == kind)
        for word in ("IN", "OUT", "QIWI_CARD"):
            answer = owner.get(f"{V2}/{item['txnId']}", type=word)
            assert answer.status_code == (200 if word == kind else 404)
    for word in ("None", ""):
        assert owner.told(f"{V1}/{items[0]['txnId']}?type={word}") == items[0]


def test_date_is_moscow_time(owner: Live, items: list[dict[str, Any]]) -> None:
    """Whatever the zone of the list was, one transaction has Moscow time."""
    assert owner.told(f"{V2}/{items[0]['txnId']}")["date"] == "2025-05-30T09:00:00+03:00"


def test_each_side_has_its_own_record(server: Demo, people: House, owner: Live, items: list[dict[str, Any]]) -> None:
    """Payer and payee find the transfer under one id, as OUT and as IN."""
    txn = items[0]["txnId"]
    with live(server, people.token(FRIEND)) as friend:
        told = friend.told(f"{V2}/{txn}")
        assert (told["type"], told["personId"], told["account"]) == ("IN", FRIEND, f"+{TRANSACTION}")
        assert friend.refused(f"{V2}/{txn}", type="OUT") == NOT_FOUND
        assert friend.refused(f"{V2}/{items[1]['txnId']}") == NOT_FOUND


@pytest.mark.parametrize(
    "txn", ["1", "0", "10000000031", "9223372036854775807", "9999999999999999999", "0000000000000000001"]
)
def test_unknown_is_not_found(owner: Live, txn: str) -> None:
    """A well-formed id that is not there, or of somebody else, is 404."""
    assert owner.refused(f"{V2}/{txn}") == NOT_FOUND
    assert owner.refused(f"{V1}/{txn}", type="OUT") == NOT_FOUND


@pytest.mark.parametrize(
    "txn", ["abc", "-1", "1.0", "12345678901234567890", "+5", "1%20", "%D9%A5", "0x10", "1%00", "1e3"]
)
def test_id_of_another_form_is_refused(owner: Live, txn: str) -> None:
    """Not 1 to 19 digits: 400."""
    assert owner.refused(f"{V2}/{txn}") == (400, "validation.error", ["transactionId"])


@pytest.mark.parametrize("kind", ["out", "ALL", "null", "OUT,IN", "none"])
def test_unknown_type_is_refused(owner: Live, items: list[dict[str, Any]], kind: str) -> None:
    """400 names the parameter."""
    assert owner.refused(f"{V2}/{items[0]['txnId']}", type=kind) == (400, "validation.error", ["type"])


def test_refusal_in_both_languages(owner: Live) -> None:
    """The text for a person follows the language; the code stays."""
    texts = [
        owner.get(f"{V2}/1", {"Accept-Language": language}).json()["userMessage"]
        for language in ("ru", "en-GB, ru;q=0.9")
    ]
    assert texts == ["Платёж не найден", "Payment history not found"]
