"""
The audit of what was turned into tenge, on either engine. Source: profile.md 7, payments.md 8.

Guarantee: both counters, of whom it went out from and of whom it came to, are what the conversions come to.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from kalita.exchange.rates import read_rates
from kalita.ledger.audit_rows import Findings
from kalita.limits.audit import counters
from tests.api.house import House, payment
from tests.commands import past_the_program
from tests.servers import Wallet, database_of

RATES = b"2026-01-20\nUSD,1,75.4137\nKZT,100,16.66\n"
OUT, IN = 5, 6


def convert(house: House, payer: Wallet, payee: Wallet, balance: int, amount: float) -> None:
    """Turn money of a balance into tenge."""
    body = payment(
        payee.number, amount, sum={"amount": amount, "currency": "398"},
        paymentMethod={"type": "Account", "accountId": str(balance)},
    )  # fmt: skip
    answer = house.pay(payer, body, "1099")
    assert answer.status == 200, answer.body


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[tuple[House, Wallet, Wallet]]:
    """An installation where tenge were bought for oneself and for another, with a commission and without."""
    folder = tmp_path_factory.mktemp("tenge")
    house = House(folder, settings={"tenge_balances": True}, database=database_of(folder, engine))
    house.at("2026-01-20T12:00:00+03:00")
    house.run(house.app.exchange.put(read_rates(RATES), "test"))
    payer, payee = house.wallet(RUB=50_000_00, USD=1_000_00), house.wallet(RUB=50_000_00)
    providers = {one.id: one for one in house.app.catalogue.all()}
    for percent in ("0", "1.7"):
        terms = replace(providers[1099].terms, percent=Decimal(percent))
        house.app.catalogue.replace(providers | {1099: replace(providers[1099], terms=terms)})
        for amount in (0.01, 12.34, 777.77):
            for balance in (643, 840):
                convert(house, payer, payer, balance, amount)
                convert(house, payer, payee, balance, amount)
            convert(house, payee, payee, 643, amount)
    yield house, payer, payee
    house.close()


def found(house: House) -> set[tuple[str, str]]:
    """Audit the counters; return what is wrong, and of which wallet."""

    async def run() -> Findings:
        findings = Findings()
        async with house.app.engine.snapshot() as snapshot:
            await counters(snapshot, findings, (99, 99999))
        return findings

    told = house.run(run()).first
    return {(re.search(r"wallet (\d+)", one.key)[1], re.match(r"the (.*) is", one.what)[1]) for one in told}


def test_conversions_are_counted_as_history_shows_them(people: tuple[House, Wallet, Wallet]) -> None:
    """Nothing is found in what the program wrote, and the books are in order beside."""
    house, _, _ = people
    assert found(house) == set()
    house.proven()


@pytest.mark.parametrize("what", ["another sum", "another number", "gone"])
@pytest.mark.parametrize(("who", "category", "name"), [
    ("payer", OUT, "money turned into tenge"), ("payer", IN, "money that came as tenge"),
    ("payee", OUT, "money turned into tenge"), ("payee", IN, "money that came as tenge"),
])  # fmt: skip
def test_changed_counter_is_named(
    people: tuple[House, Wallet, Wallet], who: str, category: int, name: str, what: str
) -> None:
    """Whoever makes room for himself past the program is found, and which counter he touched."""
    house, payer, payee = people
    number = payer.number if who == "payer" else payee.number
    place = house.data, house.database
    rows = past_the_program(*place, "SELECT id, spent FROM account WHERE owner = $1 AND spent <> ''", number)
    row = next(row for row in rows if re.search(rf"\[\d+,{category},", row[1]))
    amount, times = (int(text) for text in re.search(rf"\[\d+,{category},(\d+),(\d+)\]", row[1]).groups())
    new = {"another sum": (amount - 10, times), "another number": (amount, times + 1), "gone": (0, 0)}[what]
    text = re.sub(rf"(\[\d+,{category}),\d+,\d+\]", rf"\1,{new[0]},{new[1]}]", row[1])
    past_the_program(*place, "UPDATE account SET spent = $1 WHERE id = $2", text, row[0])
    try:
        assert found(house) == {(str(number), name)}
    finally:
        past_the_program(*place, "UPDATE account SET spent = $1 WHERE id = $2", row[1], row[0])
    assert found(house) == set()
