"""
What an owner takes along and what is left of him: `wallet export` and `wallet erase`.

Guarantee: all that is kept comes out, without anything that opens something; what is personal goes, the books stay.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import PAY, live
from tests.api.table import PERSON
from tests.commands import kalita, past_the_program
from tests.servers import Demo, Wallet, database_of, place

HOOKS = "/payment-notifier/v1/hooks?hookType=1&param=http://93.184.216.34/&txnType=2"
CUSTOMER = {"phone": "79990007788", "email": "payer@example.org", "account": "client-7"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation that identifies anybody, at the hour of the machine's clock, as commands are."""
    folder = tmp_path_factory.mktemp("leaving")
    opened = House(folder, settings={"identification": "anybody"}, database=database_of(folder, engine))
    opened.hand.now = time.time_ns()
    yield opened
    opened.close()


@pytest.fixture
def owner(house: House) -> Wallet:
    """Who has a person, a hook, a pair of keys, and a bill with what he knows of its payer; another asks him to pay."""
    who = house.wallet(RUB=0)
    where = f"/identification/v1/persons/{who.number}/identification"
    passport = f"{who.number % 10**10:010d}"
    assert house.call("POST", where, who, PERSON | {"passport": passport}).status == 200
    assert house.call("PUT", HOOKS, who).status == 200
    _issue(house, house.secret(who), {"customer": CUSTOMER, "comment": "for Ivan", "customFields": {"a": "b"}})
    _issue(house, house.secret(house.wallet()), {"customer": {"phone": str(who.number)}})
    return who


def _issue(house: House, shop: Wallet, more: dict[str, Any]) -> None:
    body = {"amount": {"value": "10.00", "currency": "RUB"}} | more
    assert house.call("PUT", f"/partner/bill/v1/bills/bill-{shop.number}", shop, body).status == 200


def exported(house: House, number: int) -> Any:
    """Return the document of a wallet."""
    return kalita("wallet", "export", str(number), *place(house.data, house.database)).json


def test_export_has_what_an_owner_set_up_and_issued(house: House, owner: Wallet) -> None:
    """Hook, pairs, bills that he issued and that wait for him; no key with which anybody could sign or spend."""
    told = exported(house, owner.number)
    assert (told["hook"]["url"], told["hook"]["type"]) == ("http://93.184.216.34/", "both")
    assert [(one["name"], one["may_spend"]) for one in told["pairs"]] == [("shop", False)]
    (bill,), (asked,) = told["bills"], told["bills_to_pay"]
    assert (bill["id"], bill["amount"], bill["currency"]) == (f"bill-{owner.number}", "10", "RUB")
    assert (bill["state"], bill["comment"], bill["custom"]) == ("waiting", "for Ivan", {"a": "b"})
    assert bill["customer"] == CUSTOMER
    assert asked["owner"] != owner.number
    names = json.dumps(told)
    assert "secret" not in names
    assert owner.token not in names


def test_export_has_what_was_given_with_a_payment(server: Demo, people: House) -> None:
    """The fields of a payment to the outside, where history shows its account alone."""
    who = people.wallet(RUB=100_00)
    fields = {"account": "9261112233"}
    with live(server, who) as payer:
        assert payer.pay(payment(None, 5, fields=fields), PAY.replace("99", "1")).status_code == 200
    (paid,) = [one for one in exported(people, who.number)["payments"] if one["type"] == "out"]
    assert paid["fields"] == fields


def test_erased_bills_say_nothing_of_their_payers(house: House, owner: Wallet) -> None:
    """Amount and state of the bill stay, and another's bill; no hash of a passport stays either."""
    (owners,) = past_the_program(house.data, house.database, "SELECT COUNT(*) FROM person_owner")
    assert house.run(house.app.leaving.close(owner.number)) is None
    assert house.run(house.app.leaving.erase(owner.number)) is None
    told = exported(house, owner.number)
    (bill,) = told["bills"]
    assert (bill["customer"], bill["comment"], bill["custom"]) == (None, None, None)
    assert (bill["amount"], bill["state"]) == ("10", "waiting")
    assert (told["bills_to_pay"], told["pairs"], told["hook"], told["person"]) == ([], [], None, None)
    assert past_the_program(house.data, house.database, "SELECT COUNT(*) FROM person_owner") == [(owners[0] - 1,)]
    assert house.run(house.app.leaving.erase(owner.number)) is None
    house.proven()


def test_owner_of_two_wallets_is_still_counted(house: House) -> None:
    """One of them is erased: the row that counts his wallets stays."""
    two = [house.wallet() for _ in range(2)]
    passport = f"{two[0].number % 10**10:010d}"
    for one in two:
        where = f"/identification/v1/persons/{one.number}/identification"
        assert house.call("POST", where, one, PERSON | {"passport": passport}).json["type"] != "SIMPLE"
    (before,) = past_the_program(house.data, house.database, "SELECT COUNT(*) FROM person_owner")
    assert house.run(house.app.leaving.close(two[0].number)) is None
    assert house.run(house.app.leaving.erase(two[0].number)) is None
    assert past_the_program(house.data, house.database, "SELECT COUNT(*) FROM person_owner") == [before]


def test_erased_token_does_not_tell_from_where_it_could_be_used(house: House) -> None:
    """Its networks are its owner's addresses."""
    number = house.wallet(RUB=0).number
    more = ("--all", "--from", "192.0.2.0/24", *place(house.data, house.database))
    assert kalita("token", "issue", str(number), *more).code == 0
    caps = f"SELECT COUNT(caps) FROM token WHERE wallet = {number}"
    assert past_the_program(house.data, house.database, caps) == [(1,)]
    assert house.run(house.app.leaving.close(number)) is None
    assert house.run(house.app.leaving.erase(number)) is None
    assert past_the_program(house.data, house.database, caps) == [(0,)]


def test_use_that_is_still_to_be_written_does_not_come_back(house: House) -> None:
    """A server writes down from where a token was used a little later; of an erased wallet it does not."""
    who = house.wallet(RUB=0)
    assert house.get("/person-profile/v1/profile/current", who).status == 200
    assert house.run(house.app.leaving.close(who.number)) is None
    assert house.run(house.app.leaving.erase(who.number)) is None
    house.run(house.app.tokens.write_uses())
    assert [one["last_used_from"] for one in exported(house, who.number)["tokens"]] == [None]
