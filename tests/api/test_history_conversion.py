"""
A conversion between two balances of one wallet: two records under one transaction id. Source: history.md 1 and 3.

A page that ends between the two loses none of them and shows none twice.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.order import Accepted, Opening, Order, Record, Transfer
from tests.api.house import House, payment
from tests.api.live import PAY, Live, live
from tests.api.test_receipts import address_in
from tests.servers import Demo

RUB, USD, EUR = 643, 840, 978
LIST, TOTAL = "/payment-history/v2/persons/{w}/payments", "/payment-history/v2/persons/{w}/payments/total"
ONE = "/payment-history/v2/transactions"


def conversion(wallet: int, pay: tuple[int, int], *gets: tuple[int, int]) -> Order:
    """Return the order that turns money of one currency into others. Pairs: amount in minor units, currency."""
    legs = [(pay, account_id(wallet, Kind.WALLET, pay[1]), account_id(house(0, 0), Kind.LIQUIDITY, pay[1]))]
    legs += [
        (one, account_id(house(0, 0), Kind.LIQUIDITY, one[1]), account_id(wallet, Kind.WALLET, one[1])) for one in gets
    ]
    records = [(pay, Direction.OUT)] + [(one, Direction.IN) for one in gets]
    return Order(
        wallet,
        transfers=tuple(Transfer(source, target, money[0]) for money, source, target in legs),
        openings=tuple(Opening(house(0, 0), Kind.LIQUIDITY, money[1]) for money, *_ in legs),
        records=tuple(
            Record(wallet, direction, money[1], 1099, f"+{wallet}", money[0], 0, "", "own" if money is pay else None)
            for money, direction in records
        ),
    )


@pytest.fixture(scope="module")
def owner(server: Demo, people: House) -> Iterator[Live]:
    """The owner of a wallet that converted, between ordinary records."""
    who = people.wallet(RUB=1_000_00, USD=1_00, EUR=1_00)
    for order in (
        conversion(who.number, (90_00, RUB), (1_00, USD)),
        conversion(who.number, (200_00, RUB), (1_00, USD), (1_00, EUR)),
        conversion(who.number, (1_00, EUR), (100_00, RUB)),
    ):
        assert isinstance(people.run(people.app.writer.submit(order)), Accepted)
    with live(server, who) as opened:
        yield opened


def keys(items: list[dict[str, Any]]) -> list[tuple[int, str, int]]:
    """Return what tells records apart."""
    return [(item["txnId"], item["type"], item["sum"]["currency"]) for item in items]


def test_conversion_is_two_records_of_one_transaction(owner: Live) -> None:
    """What left one balance and what came to the other, each in its currency, each filter with its own side."""
    out, came = owner.told(LIST, rows="2")["data"]
    assert out["txnId"] == came["txnId"]
    assert (out["type"], out["sum"]) == ("OUT", {"amount": 1, "currency": EUR})
    assert (came["type"], came["sum"]) == ("IN", {"amount": 100, "currency": RUB})
    assert (out["trmTxnId"], came["trmTxnId"]) == ("own", str(came["txnId"]))
    assert keys(owner.told(LIST, rows="1", sources="QW_RUB")["data"]) == keys([came])
    assert keys(owner.told(LIST, rows="1", operation="OUT", sources="QW_EUR")["data"]) == keys([out])


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("filters", [{}, {"operation": "ALL", "sources": "QW_EUR,QW_RUB"}])
def test_pages_may_end_inside_a_transaction(owner: Live, rows: int, filters: dict[str, str]) -> None:
    """Full pages, each record once, and the token names the first record of the next page by its id."""
    whole = owner.told(LIST, rows="50", **filters)["data"]
    seen: list[Any] = []
    tokens: dict[str, str] = {}
    while True:
        told = owner.told(LIST, rows=str(rows), **filters, **tokens)
        if tokens:
            assert str(told["data"][0]["txnId"]) == tokens["nextTxnId"]
        seen += told["data"]
        if told["nextTxnId"] is None:
            break
        assert len(told["data"]) == rows
        tokens = {"nextTxnId": str(told["nextTxnId"]), "nextTxnDate": told["nextTxnDate"]}
    assert seen == whole


def test_period_that_ends_before_the_cursor_wins(owner: Live) -> None:
    """A cursor inside a transaction with a period that ends earlier: the period is simply applied."""
    told = owner.told(LIST, rows="1")
    tokens = {"nextTxnId": str(told["nextTxnId"]), "nextTxnDate": told["nextTxnDate"]}
    past = {"startDate": "2020-01-01T00:00:00Z", "endDate": "2020-01-02T00:00:00Z"}
    assert owner.told(LIST, rows="5", **past, **tokens)["data"] == []


def test_type_chooses_the_side_and_out_is_the_default(owner: Live) -> None:
    """One transaction asked for without a type is the OUT record; with one, that side; a third is not there."""
    out, came = owner.told(LIST, rows="2")["data"]
    for form in (ONE, ONE.replace("v2", "v1")):
        assert owner.told(f"{form}/{out['txnId']}") == out
        assert owner.told(f"{form}/{out['txnId']}", type="OUT") == out
        assert owner.told(f"{form}/{out['txnId']}", type="IN") == came
        assert owner.refused(f"{form}/{out['txnId']}", type="QIWI_CARD")[:2] == (404, "payment.history.not.found")


def test_totals_have_each_side_in_its_currency(owner: Live) -> None:
    """Both sides of conversions count, by currency, in ascending order."""
    now = owner.told(LIST, rows="1")["data"][0]["date"]
    told = owner.told(TOTAL, startDate=f"{now[:10]}T00:00:00+03:00", endDate=f"{now[:10]}T23:59:59+03:00")
    assert told == {
        "incomingTotal": [
            {"amount": 1100, "currency": RUB}, {"amount": 3, "currency": USD}, {"amount": 2, "currency": EUR},
        ],
        "outgoingTotal": [{"amount": 290, "currency": RUB}, {"amount": 1, "currency": EUR}],
    }  # fmt: skip


@pytest.fixture(scope="module")
def converter(server: Demo, people: House) -> Iterator[Live]:
    """An owner who converts by the API: for himself, and for a friend."""
    who, friend = people.wallet(RUB=100_000_00), people.wallet()
    with live(server, who) as opened:
        for to in (who.number, friend.number):
            body = payment(to, 10, sum={"amount": 10, "currency": "840"}, comment="trip")
            answer = opened.pay(body, PAY.replace("99", "1099"))
            assert answer.status_code == 200, answer.text
        yield opened


def test_conversion_shows_its_rate(converter: Live) -> None:
    """
    Both records of a conversion carry the rate it was made at; what was sent on and everything else has the integer 1.
    """
    listed = converter.told(LIST, rows="50")["data"]
    rates = {(item["type"], item["provider"]["id"], item["sum"]["currency"]): item["currencyRate"] for item in listed}
    assert rates["IN", 7, RUB] == rates["OUT", 99, USD] == 1
    assert rates["OUT", 1099, RUB] == rates["IN", 1099, USD] > 1
    for item in listed:
        found = converter.told(f"{ONE}/{item['txnId']}", type=item["type"])
        assert found["currencyRate"] in (item["currencyRate"], rates["OUT", 1099, RUB])


def test_what_the_owner_asked_for_is_the_answer(converter: Live) -> None:
    """A conversion that is sent on leaves two OUT records under one id: the one with the owner's own id is meant."""
    newest = converter.told(LIST, rows="3")["data"]
    assert len({item["txnId"] for item in newest}) == 1
    for query in ({}, {"type": "OUT"}):
        found = converter.told(f"{ONE}/{newest[0]['txnId']}", **query)
        assert (found["provider"]["id"], found["sum"]["currency"]) == (1099, RUB)


@pytest.mark.parametrize("kind", ["IN", "OUT"])
def test_receipt_of_a_conversion_is_right(converter: Live, kind: str) -> None:
    """Each side has its receipt, and the books agree: also where what came in was sent on at once."""
    for txn in {item["txnId"] for item in converter.told(LIST, rows="5")["data"]}:
        path = f"/payment-history/v1/transactions/{txn}/cheque/file"
        answer = converter.get(path, type=kind, format="JPEG")
        assert "Книги подтверждают" in httpx.get(address_in(answer)).text
