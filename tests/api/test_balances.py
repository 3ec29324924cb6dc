"""
Balances over real HTTP, both forms. Source: balances.md 1 and 5.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from kalita.ledger.order import Accepted
from kalita.refusals import OUTGOING_RESTRICTED
from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.books import bill, pay
from tests.servers import Demo, Wallet, database_of

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
    assert [account["balance"]["amount"] for account in told if account["hasBalance"]] == [69.5]


CREATE = "/funding-sources/v2/persons/{w}/accounts"


def of(who: Wallet, more: str = "") -> str:
    """Return the address of somebody's balances."""
    return CREATE.format(w=who.number) + more


def aliases(house: House, who: Wallet) -> list[str]:
    """Return the aliases of somebody's balances, that of his phone number left out."""
    return [account["alias"] for account in house.get(of(who), who).json["accounts"] if account["hasBalance"]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation that offers tenge and lists accounts of phone numbers."""
    folder = tmp_path_factory.mktemp("offers")
    settings = {"tenge_balances": True, "phone_accounts": True}
    opened = House(folder, settings=settings, database=database_of(folder, engine))
    yield opened
    opened.close()


@pytest.mark.parametrize("name", ["alias", "accountAlias"])
def test_balance_is_opened(house: House, name: str) -> None:
    """201 with an empty object; it is in the list, off the offer, and money can come in."""
    who, payer = house.wallet(), house.wallet(EUR=5_00)
    offer = house.get(of(who, "/offer"), who)
    assert offer.json == [
        {"alias": "qw_wallet_usd", "currency": 840}, {"alias": "qw_wallet_eur", "currency": 978},
        {"alias": "qw_wallet_kzt", "currency": 398},
    ]  # fmt: skip
    made = house.call("POST", of(who), who, {name: "qw_wallet_eur"})
    assert (made.status, made.json, made.headers["content-type"]) == (201, {}, "application/json;charset=UTF-8")
    assert aliases(house, who) == ["qw_wallet_rub", "qw_wallet_eur"]
    assert [one["alias"] for one in house.get(of(who, "/offer"), who).json] == ["qw_wallet_usd", "qw_wallet_kzt"]
    assert isinstance(house.run(house.app.writer.submit(pay(payer.number, who.number, 5_00, currency=978))), Accepted)


def test_what_cannot_be_opened(house: House) -> None:
    """What is open, what is not on offer, and no alias at all."""
    who = house.wallet()
    for alias, code in (
        ("qw_wallet_rub", "account.already.exists"), ("mc_beeline_rub", "account.not.offered"),
        ("nonsense", "account.not.offered"), ("", "account.not.offered"),
    ):  # fmt: skip
        answer = house.call("POST", of(who), who, {"alias": alias, "accountAlias": "qw_wallet_usd"})
        assert (answer.status, answer.code) == (422, code)
    for body in ({}, {"alias": None}, {"alias": 5}):
        answer = house.call("POST", of(who), who, body)
        assert (answer.status, list(answer.json["cause"])) == (400, ["alias"])


def test_tenge_is_only_offered_where_the_operator_does(server: Demo, people: House) -> None:
    """The setting is off unless it is switched on."""
    who = people.wallet()
    with live(server, who) as owner:
        assert [one["alias"] for one in owner.told(NEW + "/offer")] == ["qw_wallet_usd", "qw_wallet_eur"]
        answer = owner.client.post(CREATE.format(w=who.number), json={"alias": "qw_wallet_kzt"})
        assert (answer.status_code, answer.json()["errorCode"]) == (422, "account.not.offered")
        assert owner.client.post(CREATE.format(w=who.number), json={"alias": "qw_wallet_usd"}).status_code == 201


def test_of_many_that_open_the_same_one_succeeds(house: House) -> None:
    """One 201, the others 422."""
    who = house.wallet()
    answers = house.together(who, of(who), [{"alias": "qw_wallet_usd"}] * 8)
    assert sorted(answer.status for answer in answers) == [201] + [422] * 7
    assert {answer.code for answer in answers} == {"", "account.already.exists"}
    assert aliases(house, who) == ["qw_wallet_rub", "qw_wallet_usd"]


def test_balance_of_a_restricted_wallet_is_restricted(house: House) -> None:
    """A new balance is no way around a restriction."""
    who, other = house.wallet(), house.wallet(USD=5_00)
    house.run(house.app.restrictions.put(who.number, True, False, "wallet.restricted"))
    assert house.call("POST", of(who), who, {"alias": "qw_wallet_usd"}).status == 201
    assert isinstance(house.run(house.app.writer.submit(pay(other.number, who.number, 5_00, currency=840))), Accepted)
    refusal = house.run(house.app.writer.submit(pay(who.number, other.number, 1_00, currency=840)))
    assert refusal == OUTGOING_RESTRICTED


@pytest.mark.parametrize("body", [None, {"defaultAccount": True}])
def test_default_is_moved(house: House, body: Any) -> None:
    """204 without a body, again likewise; list and profile show the one that pays."""
    who = house.wallet(RUB=0, USD=0)
    for _ in range(2):
        answer = house.call("PATCH", of(who, "/qw_wallet_usd"), who, body)
        assert (answer.status, answer.body) == (204, b"")
    told = house.get(of(who), who).json["accounts"]
    assert [one["alias"] for one in told if one["defaultAccount"]] == ["qw_wallet_usd"]
    user = house.get("/person-profile/v1/profile/current", who).json["userInfo"]
    assert (user["defaultPayCurrency"], user["defaultPayAccountAlias"]) == (840, "qw_wallet_usd")


def test_default_over_the_wire_has_no_body(server: Demo, people: House) -> None:
    """What real HTTP carries for a 204: no content, no length."""
    who = people.wallet(RUB=0, USD=0)
    with live(server, who) as owner:
        answer = owner.client.patch(CREATE.format(w=who.number) + "/qw_wallet_usd")
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-length" not in answer.headers
        assert owner.balance() == 0


def test_default_that_cannot_be(house: House) -> None:
    """An unopened or unknown balance, one without money of its own, and no default at all."""
    who = house.wallet(number=79031234567)
    for alias, status, code in (
        ("qw_wallet_eur", 404, "account.not.found"), ("nonsense", 404, "account.not.found"),
        ("mc_beeline_rub", 422, "account.not.offered"), ("mc_mts_rub", 404, "account.not.found"),
    ):  # fmt: skip
        answer = house.call("PATCH", of(who, f"/{alias}"), who, {"defaultAccount": True})
        assert (answer.status, answer.code) == (status, code), alias
    for body in ({}, {"defaultAccount": False}, {"defaultAccount": "true"}, {"defaultAccount": None}):
        answer = house.call("PATCH", of(who, "/qw_wallet_rub"), who, body)
        assert (answer.status, list(answer.json["cause"])) == (400, ["defaultAccount"])


def test_account_of_the_phone_number_is_listed_last(house: House) -> None:
    """As the contract shows it: no balance of the system; a number of no known operator has none."""
    who = house.wallet(number=79037654321, RUB=1, USD=1)
    shown = house.get(of(who), who).json["accounts"][-1]
    assert shown == {
        "alias": "mc_beeline_rub", "fsAlias": "qb_mc_beeline", "bankAlias": "QIWI", "title": "MC",
        "type": {"id": "MC", "title": "Счет мобильного кошелька"}, "hasBalance": False, "balance": None,
        "currency": 643, "defaultAccount": False,
    }  # fmt: skip
    other = house.wallet(number=99670000001)
    assert len(house.get(of(other), other).json["accounts"]) == 1
