"""
Who may pay the outside: levels, restrictions, limits, what the operator switched off. Source: payments.md 3.1, 3.4.

Guarantee: the rules bind payments to the outside as they bind transfers, in the documented order.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kalita.people.wallets import Level
from tests.api.house import House, payment
from tests.samples import SAMPLES, VISA
from tests.servers import Wallet, database_of


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """A demonstration in this process."""
    folder: Path = tmp_path_factory.mktemp("rules")
    opened = House(folder, settings={"demo": True}, database=database_of(folder, engine))
    yield opened
    opened.close()


def code(house: House, owner: Wallet, provider: int, amount: float = 10, **fields: str) -> str:
    """Pay; return the refusal's code, or nothing."""
    return house.pay(owner, payment(fields=fields or {"account": "1"}, amount=amount), str(provider)).code


def test_a_level_that_the_operator_asks_for(house: House) -> None:
    """166 below it; nothing at it."""
    house.run(house.app.providers.change({120: {"level": "verified"}}))
    simple, verified = (house.wallet(RUB=1_000_00, level=level) for level in (Level.SIMPLE, Level.VERIFIED))
    assert code(house, simple, 120) == "QWPRC-166"
    assert code(house, verified, 120) == ""
    assert code(house, simple, 674) == ""


def test_an_outgoing_restriction(house: House) -> None:
    """1021, and the money stays."""
    owner = house.wallet(RUB=1_000_00)
    house.run(house.app.restrictions.put(owner.number, True, False, "test"))
    assert code(house, owner, 674) == "QWPRC-1021"
    house.run(house.app.restrictions.put(owner.number, False, False, "test"))
    assert code(house, owner, 674) == ""


def test_balances_that_money_opens_are_barred_too(house: House) -> None:
    """Dollars that come into a restricted wallet cannot leave it; none come into a wallet that was closed."""
    giver, kept, closed = house.wallet(RUB=1_000_00, USD=100_00), house.wallet(RUB=1_000_00), house.wallet()
    house.run(house.app.restrictions.put(kept.number, True, False, "test"))
    assert house.run(house.app.leaving.close(closed.number)) is None

    def dollars(payer: Wallet, to: int) -> str:
        method = {"type": "Account", "accountId": "840"}
        body = payment(to, sum={"amount": 5, "currency": "840"}, paymentMethod=method)
        return house.pay(payer, body, "1099").code

    assert dollars(giver, kept.number) == ""
    assert dollars(kept, giver.number) == "QWPRC-1021"
    assert dollars(giver, closed.number) == "QWPRC-167"
    house.run(house.app.restrictions.put(kept.number, False, False, "test"))
    assert dollars(kept, giver.number) == ""


def test_limits_of_the_level(house: House) -> None:
    """One operation, payouts of a month; a failed payment gives its part back."""
    owner = house.wallet(RUB=60_000_00, level=Level.SIMPLE)
    assert code(house, owner, 674, 15_000.01) == "QWPRC-558"
    assert code(house, owner, 870, 10_000, **SAMPLES[870][0]) == ""
    assert code(house, owner, 1963, 9_000, account=VISA) == "QWPRC-711"
    assert code(house, owner, 674, 10_000, account="0000100300") == ""
    assert code(house, owner, 674, 15_000) == ""
    assert code(house, owner, 674, 10_000) == "QWPRC-704"
    work(house)
    assert code(house, owner, 674, 10_000) == ""


def work(house: House) -> None:
    """Let dispatch do what is due."""

    async def once() -> None:
        await house.app.dispatch.round()
        await house.app.dispatch.settled()

    house.run(once())


@pytest.mark.parametrize("status", ["suspended", "disabled", "history"])
def test_a_provider_that_is_switched_off(house: House, status: str) -> None:
    """155 for whatever reason."""
    owner = house.wallet(RUB=1_000_00)
    house.run(house.app.providers.change({23729: {"status": status}}))
    assert code(house, owner, 23729) == "QWPRC-155"
    house.run(house.app.providers.change({23729: {"status": "active"}}))
    assert code(house, owner, 23729) == ""


def test_a_price_is_the_only_sum(house: House) -> None:
    """Less is too small, more too large."""
    columns = {"name_ru": "Билет", "name_en": "Ticket", "kind": "service", "currencies": "643", "form": "identifier"}
    house.run(house.app.providers.change({9000500: columns | {"price": "250"}}))
    owner = house.wallet(RUB=1_000_00)
    assert [code(house, owner, 9000500, amount) for amount in (249.99, 250.01, 250)] == ["QWPRC-241", "QWPRC-242", ""]


def test_strict_mode(tmp_path: Path) -> None:
    """Check digits of requisites are looked at only where the operator wants it."""
    house = House(tmp_path, settings={"demo": True, "strict_requisites": True})
    try:
        owner, fields = house.wallet(RUB=1_000_00), SAMPLES[1717][0]
        assert code(house, owner, 1717, 10, **fields) == "QWPRC-4"
        assert code(house, owner, 1717, 10, **fields | {"to_inn": "7707083893"}) == ""
    finally:
        house.close()


def test_without_a_connector_nobody_is_paid(tmp_path: Path) -> None:
    """Outside a demonstration no simulator stands in."""
    house = House(tmp_path)
    try:
        owner = house.wallet(RUB=1_000_00)
        assert code(house, owner, 674) == "QWPRC-155"
        house.run(house.app.providers.change({674: {"connector": "simulator"}}))
        assert code(house, owner, 674) == ""
    finally:
        house.close()
