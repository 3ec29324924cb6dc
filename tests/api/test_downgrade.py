"""
Downgrade, restrictions, nickname. Source: profile.md 4 to 6, 9 and 10.
"""

from typing import Any

import pytest

from kalita.people.wallets import Level
from tests.api.house import House, payment
from tests.api.test_identification import acts, level_of
from tests.servers import Wallet

DAY = 86_400


def operations(who: Wallet) -> str:
    """Return the address of somebody's downgrades."""
    return f"/qw-ident-downgrade-api/v1/persons/{who.number}/identification-downgrade/operations"


def lower(house: House, who: Wallet, confirm: Any = None) -> list[str]:
    """Ask for the lower level and confirm it; return the two statuses that are told."""
    created = house.call("POST", operations(who), who, {"identificationLevel": "VERIFIED"})
    assert created.status == 200
    number = created.json["downgradeOperationId"]
    confirmed = house.call("PUT", f"{operations(who)}/{number}/confirm", who, confirm)
    assert confirmed.json["downgradeOperation"]["downgradeOperationId"] == number
    after = house.get(f"{operations(who)}/{number}", who)
    return [one.json["downgradeOperation"]["status"]["type"] for one in (confirmed, after)]


@pytest.mark.parametrize("confirm", [None, {}])
def test_full_level_can_be_lowered(house: House, confirm: Any) -> None:
    """The level and its limits change at once, though the first answer says that it goes on."""
    who = house.wallet(RUB=60_000_00)
    assert lower(house, who, confirm) == ["IN_PROGRESS", "SUCCESS"]
    assert level_of(house, who) == "VERIFIED"
    limits = house.get(f"/qw-limits/v1/persons/{who.number}/actual-limits?types=TURNOVER", who)
    assert limits.json["limits"]["RU"][0]["max"] == 200_000
    assert lower(house, who) == ["IN_PROGRESS", "FAIL"]
    assert set(acts(house, who)) >= {"downgrade.asked", "downgrade.confirmed"}


def test_level_that_cannot_be_lowered(house: House) -> None:
    """Another level than full, or a balance above what the lower one may hold."""
    for who in (house.wallet(level=Level.SIMPLE), house.wallet(level=Level.VERIFIED)):
        assert lower(house, who) == ["IN_PROGRESS", "FAIL"]
    rich = house.wallet(RUB=60_000_01)
    assert lower(house, rich) == ["IN_PROGRESS", "FAIL"]
    assert level_of(house, rich) == "FULL"


def test_downgrade_is_confirmed_once_and_in_time(house: House) -> None:
    """A repeat tells what became of it; after 24 hours it is too late."""
    who = house.wallet()
    number = house.call("POST", operations(who), who, {"identificationLevel": "VERIFIED"}).json["downgradeOperationId"]
    waits = house.get(f"{operations(who)}/{number}", who)
    assert waits.json["downgradeOperation"]["status"]["type"] == "IN_PROGRESS"
    house.later(DAY)
    for method, target in (("GET", ""), ("PUT", "/confirm"), ("GET", "")):
        late = house.call(method, f"{operations(who)}/{number}{target}", who)
        assert late.json["downgradeOperation"]["status"]["type"] == "FAIL"
    assert level_of(house, who) == "FULL"
    number = house.call("POST", operations(who), who, {"identificationLevel": "VERIFIED"}).json["downgradeOperationId"]
    confirm = f"{operations(who)}/{number}/confirm"
    assert house.call("PUT", confirm, who).json["downgradeOperation"]["status"]["type"] == "IN_PROGRESS"
    house.run(house.app.wallets.set_level(who.number, Level.FULL))
    assert house.call("PUT", confirm, who).json["downgradeOperation"]["status"]["type"] == "SUCCESS"
    assert level_of(house, who) == "FULL"


def test_downgrade_of_somebody_else_is_not_found(house: House) -> None:
    """Unknown and foreign numbers look alike; another level than VERIFIED is refused."""
    who, other = house.wallet(), house.wallet()
    number = house.call("POST", operations(who), who, {"identificationLevel": "VERIFIED"}).json["downgradeOperationId"]
    for target in (f"{operations(other)}/{number}", f"{operations(other)}/{number[:-4]}0000"):
        for method, end in (("GET", ""), ("PUT", "/confirm")):
            answer = house.call(method, target + end, other)
            assert (answer.status, answer.code) == (404, "downgrade.operation.not.found")
    assert house.get(f"{operations(who)}/{number.upper()}", who).json["downgradeOperation"] == {
        "downgradeOperationId": number,
        "status": {"type": "IN_PROGRESS"},
    }
    for wrong in ("1", "x", number[:-1], number + "0", number.replace("-", ""), "%00", "%FF" * 36):
        for method, end in (("GET", ""), ("PUT", "/confirm")):
            answer = house.call(method, f"{operations(who)}/{wrong}{end}", who)
            assert (answer.status, answer.code) == (404, "downgrade.operation.not.found")
            assert not answer.json.get("cause")
    for level in ("FULL", "SIMPLE", "verified", ""):
        answer = house.call("POST", operations(who), who, {"identificationLevel": level})
        assert (answer.status, list(answer.json["cause"])) == (400, ["identificationLevel"])


def test_restriction_binds_and_is_shown(house: House) -> None:
    """While it is set nothing can be paid, what comes in arrives; lifted, it is gone."""
    who, other = house.wallet(RUB=100_00, USD=1), house.wallet(RUB=100_00)
    where = f"/person-profile/v1/persons/{who.number}/status/restrictions"
    assert house.get(where, who).json == []
    assert house.run(house.app.restrictions.put(who.number, True, False, "wallet.restricted")) is None
    text = "Исходящие платежи заблокированы"
    assert house.get(where, who).json == [{"restrictionCode": "OUTGOING_PAYMENTS", "restrictionDescription": text}]
    english = house.get(where, who, accept_language="en").json
    assert english[0]["restrictionDescription"] == "Outgoing payments are blocked"
    assert house.pay(who, payment(other.number)).code == "QWPRC-1021"
    assert house.pay(other, payment(who.number)).status == 200
    assert house.run(house.app.restrictions.put(who.number, False, True, "wallet.blocked")) is None
    assert house.get("/person-profile/v1/profile/current", who).json["contractInfo"]["blocked"] is True
    assert len(house.get(where, who).json) == 1
    assert house.get(f"/qw-nicknames/v1/persons/{who.number}/nickname", who).json["canUse"] is False
    assert house.run(house.app.restrictions.put(who.number, False, False, "wallet.unblocked")) is None
    assert house.get(where, who).json == []
    assert house.pay(who, payment(other.number)).status == 200


def test_nickname(house: House) -> None:
    """Ten letters and digits, the same as in the profile."""
    who = house.wallet()
    nickname = house.get(f"/qw-nicknames/v1/persons/{who.number}/nickname", who).json
    profile = house.get("/person-profile/v1/profile/current", who).json["contractInfo"]["nickname"]
    assert nickname == profile
    assert nickname == {"nickname": nickname["nickname"], "canChange": True, "canUse": True, "description": ""}
