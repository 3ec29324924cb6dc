"""
What owners decide about themselves, as the profile shows it; who verifies over HTTP. Source: profile.md 0, 1, 10.
"""

import json
from typing import Any

import pytest

from kalita.messages.mail import is_address
from kalita.people.contacts import address_of
from kalita.people.wallets import Level
from tests.api.house import House
from tests.api.table import PERSON
from tests.receivers import Got, receiver, status
from tests.servers import Wallet

DAY = 86_400
PROFILE = "/person-profile/v1/profile/current"


def profile(house: House, who: Wallet) -> Any:
    """Return somebody's profile."""
    return house.get(PROFILE, who).json


def test_nickname_is_changed_once_in_thirty_days(house: House) -> None:
    """5 to 20 capitals and digits, nobody else's; `canChange` tells when."""
    who, other = house.wallet(), house.wallet()
    contacts = house.app.contacts
    where = f"/qw-nicknames/v1/persons/{who.number}/nickname"
    for wrong in ("", "ANNA", "anna01", "A" * 21, "ANNA 01", "АННА01", "ANNA-01"):
        assert house.run(contacts.nickname(who.number, wrong)), wrong
    name = f"ANNA{who.number % 10_000}"
    assert house.run(contacts.nickname(who.number, name)) is None
    assert house.get(where, who).json == {"nickname": name, "canChange": False, "canUse": True, "description": ""}
    assert house.run(contacts.nickname(other.number, name)) == "somebody else has it"
    house.later(30 * DAY - 1)
    assert house.run(contacts.nickname(who.number, name + "A")) == "it may be changed once in 30 days"
    house.later(1)
    assert house.get(where, who).json["canChange"] is True
    assert house.run(contacts.nickname(who.number, name + "A")) is None


def test_nickname_that_is_changed_during_a_move_goes_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new wallet gets the name that the old one had last: an earlier one may be somebody else's by then."""
    who, other, new = house.wallet(), house.wallet(), house.number()
    contacts, make_for = house.app.contacts, house.app.wallets.make_for
    names = [f"MOVES{who.number % 10_000}{letter}" for letter in "AB"]
    assert house.run(contacts.nickname(who.number, names[0])) is None
    house.later(31 * DAY)

    async def meanwhile(*args: Any) -> bool:
        assert await contacts.nickname(who.number, names[1]) is None
        assert await contacts.nickname(other.number, names[0]) is None
        return await make_for(*args)

    monkeypatch.setattr(house.app.wallets, "make_for", meanwhile)
    assert house.run(house.app.moving.move(who.number, new)) is None
    moved = [house.run(house.app.wallets.get(one)) for one in (who.number, other.number, new)]
    assert [one.nickname for one in moved] == [None, names[0], names[1]]
    house.later(31 * DAY)
    assert house.run(contacts.nickname(who.number, names[0] + "A")), "a closed wallet is called nothing"


def test_mail_and_language_are_shown(house: House) -> None:
    """In every place of the profile; unbound again they are gone."""
    who = house.wallet()
    contacts = house.app.contacts
    assert house.run(contacts.mail(who.number, "anna@example.org"))
    house.run(contacts.language(who.number, "en"))
    told = profile(house, who)
    assert told["authInfo"]["boundEmail"] == told["userInfo"]["email"] == "anna@example.org"
    assert told["authInfo"]["emailSettings"] == {"use-for-security": True, "use-for-promo": False}
    assert told["userInfo"]["language"] == "en"
    assert not house.run(contacts.mail(who.number, "no address"))
    assert house.run(contacts.mail(who.number, None))
    assert profile(house, who)["authInfo"]["boundEmail"] is None
    words = {one.what for one in house.run(house.app.acts.of_wallet(who.number))}
    assert {"mail.bound", "mail.unbound"} <= words


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("anna@example.org", True), ("a.b+c@mail.example.org", True), ("anna@example", False), ("@example.org", False),
        ("anna@@example.org", False), ("anna @example.org", False), ("a" * 65 + "@example.org", False),
        ("anna@example.org\nBcc: x@example.org", False), ("анна@example.org", False),
        ("a@" + "b" * 260 + ".org", False),
    ],
)  # fmt: skip
def test_forms_of_mail_addresses(text: str, right: bool) -> None:
    """Nothing that could become a second header or a second address."""
    assert is_address(text) is right


def test_sign_in_is_shown(house: House) -> None:
    """When and from where; whoever came into being by a payment has an owner and the level SIMPLE now."""
    number = house.number()
    payer = house.wallet(RUB=5_00)
    assert house.pay(payer, {
        "id": "1", "sum": {"amount": 5, "currency": "643"}, "fields": {"account": f"+{number}"},
        "paymentMethod": {"type": "Account", "accountId": "643"},
    }).status == 200  # fmt: skip
    who = house.token(number)
    before = profile(house, who)
    assert before["authInfo"]["lastLoginDate"] is None
    assert before["contractInfo"]["identificationInfo"][0]["identificationLevel"] == "ANONYMOUS"
    house.run(house.app.contacts.signed_in(number, "::ffff:192.0.2.17"))
    told = profile(house, who)
    assert told["authInfo"]["ip"] == "192.0.2.17"
    assert told["authInfo"]["lastLoginDate"] == told["authInfo"]["registrationDate"]
    assert told["contractInfo"]["identificationInfo"][0]["identificationLevel"] == "SIMPLE"
    assert house.run(house.app.wallets.get(number)).level == Level.SIMPLE


def test_addresses_of_clients() -> None:
    """IPv4 as it is or wrapped; whatever else is 0.0.0.0, which old clients can read."""
    assert address_of("192.0.2.1") == "192.0.2.1"
    assert address_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert address_of("2001:db8::1") == address_of("unix:") == address_of("") == "0.0.0.0"


def test_service_of_the_operator_verifies_over_http(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It gets the person as JSON; its verdict is the level; while it does not answer nothing is decided, and 503."""
    answers = iter((
        status(200, "Content-Type: application/json", body=b'{"accepted":true,"inn":"500100732259","full":false}'),
        status(200, body=b'{"accepted":false}'),
        status(500),
        status(200, body=b"no"),
    ))  # fmt: skip

    def reply(got: Got) -> bytes:
        return next(answers)

    with receiver(reply) as service:
        settings = {"identification": service.url("/verify"), "outbound_networks": "127.0.0.0/8"}
        house = House(tmp_path_factory.mktemp("asked"), settings=settings)
        first, second = house.wallet(level=Level.SIMPLE), house.wallet(level=Level.SIMPLE)

        def identify(who: Wallet) -> Any:
            path = f"/identification/v1/persons/{who.number}/identification"
            return house.call("POST", path, who, PERSON | {"passport": str(4_400_000_000 + who.number % 1000)})

        good = identify(first)
        assert (good.json["type"], good.json["inn"]) == ("VERIFIED", "500100732259")
        sent = json.loads(service.wait(1)[0].body)
        assert (sent["last"], sent["birth"]) == ("Петрова", "1990-02-11")
        assert identify(second).json["type"] == "SIMPLE"
        for _ in range(2):
            assert identify(second).status == 503
        house.close()
