"""
Who may pay the outside: levels, restrictions, limits, what the operator switched off. Source: payments.md 3.1, 3.4.

Guarantee: the rules bind payments to the outside as they bind transfers, in the documented order.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kalita.people.wallets import Level
from kalita.providers.cards import masked
from tests.api.house import House, payment
from tests.commands import rows
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


def restricted(house: House, level: Level = Level.FULL) -> Wallet:
    """Return somebody whose payments are restricted."""
    owner = house.wallet(RUB=1_000_00, level=level)
    house.run(house.app.restrictions.put(owner.number, True, False, "test"))
    return owner


@pytest.mark.parametrize(
    ("provider", "amount", "refused"), [(674, 0, 241), (99, 0, 241), (1099, 0, 241), (32170, 51, 242)]
)
def test_a_restriction_comes_before_the_sum(house: House, provider: int, amount: int, refused: int) -> None:
    """Step 7 before step 8: 1021, whether it is paid or only looked at; anybody else is told of the sum."""
    house.run(house.app.providers.change({32170: {"max_sum": "50"}}))
    fields, other = {"account": "79994445566"}, house.wallet(RUB=1_000_00)
    currency = {"amount": amount, "currency": "840" if provider == 1099 else "643"}
    for owner, expected in ((restricted(house), 1021), (other, refused)):
        body = payment(fields=fields, sum=currency)
        assert house.pay(owner, body, str(provider)).code == f"QWPRC-{expected}"
        looked = house.call("POST", f"/sinap/terms/{provider}/validations", owner, body)
        assert looked.json["data"]["body"]["code"] == f"QWPRC-{expected}"


def test_a_restriction_comes_before_the_level(house: House) -> None:
    """A level that would do does not help him."""
    house.run(house.app.providers.change({23729: {"level": "verified"}}))
    assert code(house, restricted(house, Level.SIMPLE), 23729) == "QWPRC-1021"
    house.run(house.app.providers.change({23729: {"level": "simple"}}))


@pytest.mark.parametrize("provider", [1, 1963, 99, 99999, 27292])
def test_the_currency_comes_before_the_fields(house: House, provider: int) -> None:
    """Step 5 before step 6: a balance in a currency that the provider does not take."""
    owner = house.wallet(RUB=1_000_00, USD=1_000_00)
    sent = "398" if provider == 27292 else "643"
    body = payment(
        fields={"account": "!"},
        sum={"amount": 1, "currency": sent},
        paymentMethod={"type": "Account", "accountId": "840"},
    )
    assert house.pay(owner, body, str(provider)).code == "QWPRC-1002"


def test_the_level_comes_after_the_fields(house: House) -> None:
    """Step 6 before step 7: the fields are looked at first, also those of a preparatory call."""
    house.run(house.app.providers.change({1: {"level": "verified"}, 27292: {"level": "verified"}}))
    owner = house.wallet(RUB=1_000_00, KZT=1_000_00, level=Level.SIMPLE)
    assert code(house, owner, 1, account="!") == "QWPRC-303"
    assert code(house, owner, 1, account="9161234567") == "QWPRC-166"
    body = payment(
        fields=SAMPLES[27292][0],
        sum={"amount": 1, "currency": "398"},
        paymentMethod={"type": "Account", "accountId": "398"},
    )
    assert house.pay(owner, body, "27292").code == "QWPRC-522"
    house.run(house.app.providers.change({1: {"level": "simple"}, 27292: {"level": "simple"}}))


@pytest.mark.parametrize(("provider", "field"), [(99, "purpose"), (1099, "purpose"), (99999, "purpose")])
def test_an_operators_form_counts_inside_too(house: House, provider: int, field: str) -> None:
    """Transfers and conversions ask for what the operator's form asks for."""
    rules = [{"name": "account", "required": True}, {"name": field, "required": True, "enum": ["gift"]}]
    house.run(house.app.providers.change({provider: {"form": json.dumps(rules)}}))
    owner = house.wallet(RUB=1_000_00)
    told = [
        house.pay(owner, payment(fields={"account": "79994445566"} | more, amount=1), str(provider)).code
        for more in ({}, {field: "x"}, {field: "gift"})
    ]
    assert told == ["QWPRC-202", "QWPRC-202", ""]
    house.run(house.app.providers.change({provider: {"form": "nickname" if provider == 99999 else "wallet"}}))


@pytest.mark.parametrize("mark", ["\r", "\t", "\x1f", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize(("provider", "account"), [(674, "a"), (99, "79994445566")])
def test_fields_are_lines_of_text(house: House, provider: int, account: str, mark: str) -> None:
    """4 for control characters and what else ends a line, in values and in names, whoever asks for them or does not."""
    owner = house.wallet(RUB=1_000_00)
    for fields in ({"account": f"a{mark}b"}, {"account": account, "more": mark}, {"account": account, f"a{mark}": "x"}):
        assert code(house, owner, provider, **fields) == "QWPRC-4"
    assert code(house, owner, provider, account=account, more="\u200b \xa0 ;") == ""


def test_an_account_that_nobody_asks_for_is_answered_all_the_same(house: House) -> None:
    """Empty: clients require it among the fields."""
    columns = {"name_ru": "Касса", "name_en": "Box", "kind": "service", "currencies": "643", "form": "[]"}
    house.run(house.app.providers.change({9000510: columns}))
    owner = house.wallet(RUB=1_000_00)
    for fields, shown in (({}, {"account": ""}), ({"more": "x"}, {"account": "", "more": "x"})):
        answer = house.pay(owner, payment(fields=fields), "9000510")
        assert (answer.status, answer.json["fields"]) == (200, shown), answer.body


@pytest.mark.parametrize("provider", [674, 99])
def test_a_card_that_nobody_asked_for_is_masked(house: House, provider: int) -> None:
    """In the answer, in what is kept, and wherever it is shown."""
    owner, american = house.wallet(RUB=1_000_00), "378282246310005"
    fields = {"account": "79994445566", "my card": VISA, "another": american, "number": "1234567890123"}
    answer = house.pay(owner, payment(fields=fields), str(provider))
    assert answer.json["fields"] == fields | {"my card": masked(VISA), "another": "3782*******0005"}
    kept = rows(house.data, "payment", house.database) + rows(house.data, "payout", house.database)
    assert VISA not in str(kept)
    assert american not in str(kept)


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
        owner, sample = house.wallet(RUB=1_000_00), SAMPLES[1717][0]
        good = sample | {"to_inn": "7707083893", "account": "40702810200000000001"}
        assert code(house, owner, 1717, 10, **good) == ""
        for name in ("to_inn", "account"):
            assert code(house, owner, 1717, 10, **good | {name: sample[name]}) == "QWPRC-4"
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
