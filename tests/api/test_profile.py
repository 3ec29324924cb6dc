"""
The profile over real HTTP. Source: profile.md 1.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.servers import Demo

PATH = "/person-profile/v1/profile/current"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+03:00")
PARTS = ("authInfo", "contractInfo", "userInfo")


@pytest.fixture(scope="module")
def owner(server: Demo) -> Iterator[Live]:
    """The owner of the first wallet of the demonstration."""
    with live(server, server.wallets[0]) as opened:
        yield opened


def profile(owner: Live, **query: str) -> Any:
    """Return the profile."""
    return owner.told(PATH, **query)


def test_profile_has_the_documented_members(owner: Live) -> None:
    """Every member is there, also those that only clients know of, and no other."""
    told = profile(owner)
    assert list(told) == list(PARTS)
    assert set(told["authInfo"]) == {
        "boundEmail", "emailSettings", "ip", "lastLoginDate", "mobilePinInfo", "passInfo", "personId", "pinInfo",
        "registrationDate",
    }  # fmt: skip
    assert set(told["authInfo"]["emailSettings"]) == {"use-for-security", "use-for-promo"}
    assert set(told["authInfo"]["mobilePinInfo"]) == {"lastMobilePinChange", "mobilePinUsed", "nextMobilePinChange"}
    assert set(told["authInfo"]["passInfo"]) == {"lastPassChange", "nextPassChange", "passwordUsed"}
    assert set(told["contractInfo"]) == {
        "blocked", "contractId", "creationDate", "features", "identificationInfo", "nickname", "smsNotification",
        "priorityPackage",
    }  # fmt: skip
    assert set(told["contractInfo"]["nickname"]) == {"nickname", "canChange", "canUse", "description"}
    assert set(told["userInfo"]) == {
        "defaultPayCurrency", "defaultPaySource", "defaultPayAccountAlias", "email", "firstTxnId", "integrationHashes",
        "language", "operator", "phoneHash", "promoEnabled",
    }  # fmt: skip


def test_profile_tells_the_wallet(owner: Live, server: Demo) -> None:
    """Numbers are JSON numbers, the level is the wallet's, service members have their constants."""
    told, number = profile(owner), server.wallets[0].number
    assert told["authInfo"]["personId"] == told["contractInfo"]["contractId"] == number
    assert told["contractInfo"]["blocked"] is False
    assert told["contractInfo"]["features"] == []
    level = {"bankAlias": "QIWI", "identificationLevel": "FULL", "passportExpired": False}
    assert told["contractInfo"]["identificationInfo"] == [level]
    nothing = {"amount": 0, "currency": 643}
    assert told["contractInfo"]["smsNotification"] == {
        "price": nothing, "enabled": False, "active": False, "endDate": None,
    }  # fmt: skip
    assert told["contractInfo"]["priorityPackage"] == {
        "price": nothing, "enabled": False, "autoRenewalActive": False, "endDate": None,
    }  # fmt: skip
    user = told["userInfo"]
    assert (user["defaultPayCurrency"], user["defaultPaySource"]) == (643, 7)
    assert user["defaultPayAccountAlias"] == "qw_wallet_rub"
    assert user["integrationHashes"] is user["promoEnabled"] is user["email"] is None
    assert re.fullmatch("[0-9a-f]{16}", user["phoneHash"])


def test_dates_are_strings_in_moscow_seconds(owner: Live) -> None:
    """Dates that clients parse strictly are never null and have no fraction."""
    told = profile(owner)
    auth = told["authInfo"]
    dates = [
        auth["registrationDate"], told["contractInfo"]["creationDate"],
        auth["mobilePinInfo"]["lastMobilePinChange"], auth["mobilePinInfo"]["nextMobilePinChange"],
        auth["passInfo"]["lastPassChange"], auth["passInfo"]["nextPassChange"],
    ]  # fmt: skip
    assert all(DATE.fullmatch(date) for date in dates)
    assert auth["ip"] == "0.0.0.0"
    assert auth["lastLoginDate"] is None


def test_first_transaction_is_the_oldest_of_history(owner: Live) -> None:
    """`firstTxnId` names a record that history shows."""
    first, page = profile(owner)["userInfo"]["firstTxnId"], {}
    while True:
        shown = owner.told("/payment-history/v2/persons/{w}/payments", rows="50", **page)
        if not shown["nextTxnId"]:
            break
        page = {"nextTxnId": shown["nextTxnId"], "nextTxnDate": shown["nextTxnDate"]}
    assert first in [item["txnId"] for item in shown["data"]]


def test_first_transaction_is_after_the_registration(house: House) -> None:
    """What came in before the wallet had an owner does not count; 0 until there is another."""
    payer, number = house.wallet(RUB=100_00), house.number()
    assert house.pay(payer, payment(number, 1)).status == 200
    house.later(1)
    owner = house.wallet(number=number)
    assert house.get(PATH, owner).json["userInfo"]["firstTxnId"] == 0
    first = int(house.pay(payer, payment(number, 1)).json["transaction"]["id"])
    assert house.pay(payer, payment(number, 1)).status == 200
    assert house.get(PATH, owner).json["userInfo"]["firstTxnId"] == first


@pytest.mark.parametrize("off", [(), PARTS[:1], PARTS[1:2], PARTS[2:], PARTS])
def test_parts_switched_off_are_null(owner: Live, off: tuple[str, ...]) -> None:
    """Each part is switched off alone; its key stays."""
    told = profile(owner, **{f"{part}Enabled": "false" for part in off})
    assert [part for part in PARTS if told[part] is None] == list(off)


@pytest.mark.parametrize("wrong", ["1", "yes", "null", "truefalse", "\0"])
@pytest.mark.parametrize("part", PARTS)
def test_flag_that_is_no_boolean_is_refused(owner: Live, part: str, wrong: str) -> None:
    """400, and `cause` names the parameter."""
    assert owner.refused(PATH, **{f"{part}Enabled": wrong}) == (400, "validation.error", [f"{part}Enabled"])


def test_second_wallet_sees_its_own(server: Demo) -> None:
    """The token decides whose profile it is."""
    with live(server, server.wallets[1]) as other:
        assert profile(other)["authInfo"]["personId"] == server.wallets[1].number
