"""
Balances over real HTTP, both forms. Source: balances.md 1 and 5.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.books import bill
from tests.servers import Demo

NEW, OLD = "/funding-sources/v2/persons/{w}/accounts", "/funding-sources/v1/accounts/current"


@pytest.fixture(scope="module")
def owner(server: Demo, people: House) -> Iterator[Live]:
    """The owner of a wallet with three balances, roubles opened last."""
    with live(server, people.wallet(USD=1, EUR=123_45, RUB=100_00)) as opened:
        yield opened


def accounts(owner: Live, path: str = NEW, **query: str) -> list[dict[str, Any]]:
    """Return the accounts."""
    told = owner.told(path, **query)
    assert list(told) == ["accounts"]
    return told["accounts"]


@pytest.mark.parametrize("path", [NEW, OLD])
def test_list_has_roubles_first_and_every_member(owner: Live, path: str) -> None:
    """Roubles come first, then the others as they were opened; amounts have their shortest form."""
    told = accounts(owner, path)
    wallet = {"id": "WALLET", "title": "QIWI Wallet"}
    assert told == [
        {
            "alias": alias, "fsAlias": "qb_wallet", "bankAlias": "QIWI", "title": "WALLET", "type": wallet,
            "hasBalance": True, "balance": {"amount": amount, "currency": currency}, "currency": currency,
            "defaultAccount": currency == 643,
        }
        for alias, currency, amount in (
            ("qw_wallet_rub", 643, 100), ("qw_wallet_usd", 840, 0.01), ("qw_wallet_eur", 978, 123.45),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("alias", "shown"),
    [
        ("qw_wallet_rub", ["qw_wallet_rub"]),
        ("qw_wallet_eur,qw_wallet_rub", ["qw_wallet_rub", "qw_wallet_eur"]),
        ("qw_wallet_kzt", []),
        ("mc_beeline_rub", []),
        ("nonsense", []),
        ("", ["qw_wallet_rub", "qw_wallet_usd", "qw_wallet_eur"]),
    ],
)
def test_alias_chooses(owner: Live, alias: str, shown: list[str]) -> None:
    """Only the named accounts are listed; an unknown or unopened one gives an empty list."""
    assert [account["alias"] for account in accounts(owner, alias=alias)] == shown


@pytest.mark.parametrize("timeout", ["0", "1000", "10000", ""])
def test_timeout_in_range_is_taken(owner: Live, timeout: str) -> None:
    """The balance is there at the first call, whatever time the client grants."""
    assert accounts(owner, timeout=timeout, alias="qw_wallet_rub")[0]["balance"] == {"amount": 100, "currency": 643}


@pytest.mark.parametrize("timeout", ["10001", "-1", "1.5", "01", "abc", "1e3", "٣", "+5"])
def test_timeout_out_of_range_is_refused(owner: Live, timeout: str) -> None:
    """400 names the parameter."""
    assert owner.refused(NEW, timeout=timeout) == (400, "validation.error", ["timeout"])


def test_old_form_takes_no_parameters(owner: Live) -> None:
    """What the new form would refuse or filter by is unknown to the old one."""
    assert len(accounts(owner, OLD, timeout="abc", alias="qw_wallet_rub")) == 3


def test_payment_changes_the_balance_at_once(server: Demo, people: House) -> None:
    """The answer to a payment goes out after the commit, so the next balance has it on both sides."""
    payer, payee = people.wallet(RUB=500), people.wallet()
    with live(server, payer) as one, live(server, payee) as other:
        assert one.pay(payment(payee.number, 2.5)).status_code == 200
        assert (one.balance(), other.balance()) == (2.5, 2.5)


def test_money_on_hold_is_not_available(house: House) -> None:
    """Balance means what can be spent: what a waiting payment set aside is not in it."""
    owner = house.wallet(RUB=100_00)
    house.run(house.app.writer.submit(bill(owner.number, 30_00, fee=50)))
    told = house.get(NEW.format(w=owner.number), owner).json["accounts"]
    assert [account["balance"]["amount"] for account in told] == [69.5]
