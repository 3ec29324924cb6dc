"""
Transfers by nickname and conversions over real HTTP. Source: payments.md 4.2, 4.3, 8.

Guarantee: a nickname hides the number; a conversion moves both currencies in one commit, at a rate that is kept.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.commands import kalita
from tests.servers import Demo, demo

NICK, CONVERT = "/sinap/api/v2/terms/99999/payments", "/sinap/api/v2/terms/1099/payments"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Demo]:
    """A demonstration of its own: its books are audited at the end."""
    with demo(tmp_path_factory.mktemp("kinds"), engine=engine) as running:
        yield running


@pytest.fixture(scope="module")
def people(server: Demo) -> Iterator[House]:
    """Whoever makes wallets there."""
    opened = House(server.data, create=False, database=server.database)
    opened.hand.now = time.time_ns()
    yield opened
    opened.close()


@pytest.fixture
def payer(server: Demo, people: House) -> Iterator[Live]:
    """A payer with roubles and dollars."""
    with live(server, people.wallet(RUB=10_000_00, USD=100_00)) as opened:
        yield opened


@pytest.fixture
def payee(server: Demo, people: House) -> Iterator[Live]:
    """A payee with roubles only."""
    with live(server, people.wallet(RUB=0)) as opened:
        yield opened


def balances(owner: Live) -> dict[int, float]:
    """Return the balances by currency."""
    accounts = owner.told("/funding-sources/v1/accounts/current")["accounts"]
    return {one["currency"]: one["balance"]["amount"] for one in accounts}


def records(owner: Live) -> list[tuple[Any, ...]]:
    """Return what history shows, newest first: type, provider, account, sum, currency."""
    page = owner.told("/payment-history/v2/persons/{w}/payments?rows=10")["data"]
    return [
        (one["type"], one["provider"]["id"], one["account"], one["sum"]["amount"], one["sum"]["currency"])
        for one in page
        if one["account"] != "Cash"
    ]


@pytest.mark.parametrize("change", [str, str.lower, str.upper])
@pytest.mark.parametrize("more", [{}, {"accountType": "nickname"}])
def test_a_nickname_is_paid_and_hides_the_number(payer: Live, payee: Live, change: Any, more: dict[str, str]) -> None:
    """In any case; neither the answer nor the payer's history tells whose it is."""
    nickname = payee.told("/qw-nicknames/v1/persons/{w}/nickname")["nickname"]
    answer = payer.pay(payment(fields={"account": change(nickname), **more}, amount=10, comment="hi"), NICK)
    assert answer.status_code == 200, answer.text
    assert answer.json()["fields"] == {"account": change(nickname), **more}
    assert (balances(payer)[643], balances(payee)[643]) == (9990, 10)
    assert records(payer) == [("OUT", 99999, nickname, 10, 643)]
    assert records(payee) == [("IN", 7, f"+{payer.number}", 10, 643)]
    assert str(payee.number) not in answer.text + str(records(payer))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"account": "NOBODY12345"}, 5), ({"account": "x"}, 4), ({}, 4), ({"accountType": "nickname"}, 4),
        ({"account": "NOBODY12345", "accountType": "zzz"}, 202), ({"account": "79994445566", "accountType": ""}, 202),
        ({"account": "79994445566", "accountType": "NICKNAME"}, 202), ({"account": "NOBODY12345\u2028"}, 4),
        ({"account": "NICK", "accountType": "phone"}, 4), ({"account": "79994445566", "accountType": "nickname"}, 5),
    ],
)  # fmt: skip
def test_nicknames_that_lead_nowhere(payer: Live, fields: dict[str, str], code: int) -> None:
    """Unknown: 5; neither phone nor nickname, or a phone that is none: 4; another type: 202."""
    answer = payer.pay(payment(fields=fields, amount=10), NICK)
    assert (answer.status_code, answer.json()["code"]) == (400, f"QWPRC-{code}")


def test_a_phone_does_as_well(payer: Live) -> None:
    """With and without the word; one's own is refused."""
    for fields in ({"account": "+79994445566"}, {"account": "79994445566", "accountType": "phone"}):
        assert payer.pay(payment(fields=fields), NICK).status_code == 200
    own = payer.pay(payment(payer.number), NICK)
    assert own.json()["code"] == "QWPRC-319"


def convert(payer: Live, to: int, amount: Any, currency: str, pay_from: str) -> Any:
    """Convert and pay; return the answer."""
    method = {"type": "Account", "accountId": pay_from}
    return payer.pay(payment(to, sum={"amount": amount, "currency": currency}, paymentMethod=method), CONVERT)


def test_a_conversion_of_ones_own(payer: Live, server: Demo) -> None:
    """What leaves is the price rounded up; two records under one id; the rate is kept."""
    rates = {(one["from"], one["to"]): one["rate"] for one in payer.told("/sinap/crossRates")["result"]}
    answer = convert(payer, payer.number, 7.77, "840", "643")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["sum"], answer.json()["source"]) == ({"amount": 7.77, "currency": "840"}, "account_643")
    price = -(-round(777 * rates["643", "840"] * 10**8) // 10**8) / 100
    assert balances(payer) == {643: round(10_000 - price, 2), 840: 107.77}
    own = f"+{payer.number}"
    assert sorted(records(payer)) == [("IN", 1099, own, 7.77, 840), ("OUT", 1099, own, price, 643)]
    shown = payer.told(f"/payment-history/v2/transactions/{answer.json()['transaction']['id']}")
    assert (shown["type"], shown["sum"]["currency"]) == ("OUT", 643)
    assert shown["currencyRate"] == rates["643", "840"]


def test_a_conversion_for_another_opens_a_balance_for_him(payer: Live, payee: Live) -> None:
    """Two transactions appear: the conversion, then the transfer; nothing stays behind."""
    before = balances(payer)
    assert convert(payer, payee.number, 300, "398", "840").status_code == 200
    after = balances(payer)
    assert after[398] == 0
    assert after[840] < before[840]
    assert balances(payee) == {643: 0, 398: 300}
    other = f"+{payee.number}"
    assert sorted(records(payer))[1:] == [
        ("OUT", 99, other, 300, 398),
        ("OUT", 1099, other, round(before[840] - after[840], 2), 840),
    ]
    assert records(payee) == [("IN", 7, f"+{payer.number}", 300, 398)]


def test_there_and_back_never_gains(payer: Live) -> None:
    """Ten times: less than before at the end, never more."""
    before = balances(payer)
    for _ in range(10):
        assert convert(payer, payer.number, 1, "840", "643").status_code == 200
        assert convert(payer, payer.number, 70, "643", "840").status_code == 200
    after = balances(payer)
    assert after[643] + after[840] * 70 < before[643] + before[840] * 70


@pytest.mark.parametrize(
    ("to", "amount", "currency", "pay_from", "code"),
    [
        (None, 1, "643", "643", 1002), (None, 1, "756", "643", 1002), (None, 1, "840", "756", 1002),
        (None, 0, "840", "643", 241), (None, 200, "840", "643", 220), (None, 1, "840", "978", 1002),
        ("x", 1, "840", "643", 4),
    ],
)  # fmt: skip
def test_conversions_that_are_refused(
    payer: Live, to: Any, amount: Any, currency: str, pay_from: str, code: int
) -> None:
    """Own number in the same currency, currencies that no balance has, no such balance, not enough."""
    before = balances(payer)
    answer = convert(payer, to or payer.number, amount, currency, pay_from)
    assert (answer.status_code, answer.json()["code"]) == (400, f"QWPRC-{code}")
    assert balances(payer) == before


def test_the_books_are_proven(server: Demo) -> None:
    """The audit finds nothing."""
    done = kalita("audit", *server.place)
    assert done.code == 0, done.out
