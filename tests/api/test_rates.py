"""
How often one may ask. Source: access.md 7.
"""

from pathlib import Path

import pytest

from kalita.wire.endpoint import ALL_PERMISSIONS, Permission
from tests.api.house import House, payment
from tests.api.live import live
from tests.servers import Demo, Wallet

PAGE = "/payment-history/v2/persons/{w}/payments?rows=1"
HISTORY = (
    PAGE, "/payment-history/v1/persons/{w}/payments", "/payment-history/v1/persons/{w}/payments/total",
    "/payment-history/v2/persons/{w}/payments/total?startDate=2026-01-01T00:00:00Z&endDate=2026-01-02T00:00:00Z",
    "/payment-history/v2/transactions/1", "/payment-history/v1/transactions/1",
)  # fmt: skip
OTHERS = (
    "/person-profile/v1/profile/current",
    "/funding-sources/v2/persons/{w}/accounts",
    "/funding-sources/v1/accounts/current",
)


def statuses(house: House, owner: Wallet, times: int, path: str = PAGE) -> list[int]:
    """Ask several times; return the statuses."""
    return [house.get(path.format(w=owner.number), owner).status for _ in range(times)]


def test_hundred_and_first_is_blocked(server: Demo, people: House) -> None:
    """On a real server 100 calls within a minute pass, the next is 423 with Retry-After and the documented body."""
    with live(server, people.wallet()) as owner:
        assert {owner.get(PAGE).status_code for _ in range(100)} == {200}
        answer = owner.get(PAGE, {"Accept-Language": "en"})
        told = answer.json()
        assert (answer.status_code, told["errorCode"], told["serviceName"]) == (
            423,
            "request.blocked",
            "payment-history",
        )
        assert told["userMessage"] == "request blocked, try again later"
        assert 295 <= int(answer.headers["retry-after"]) <= 300
        assert {owner.get(path).status_code for path in HISTORY} == {423}
        assert {owner.get(path).status_code for path in OTHERS} == {200}
    with live(server, people.token(owner.number)) as again:
        assert again.get(PAGE).status_code == 423, "a new token is no way round: the wallet counts"
    with live(server, people.wallet()) as other:
        assert other.get(PAGE).status_code == 200


def test_block_ends_after_five_minutes(house: House) -> None:
    """Calls during the block neither count nor prolong it; after 300 seconds the counter is empty."""
    owner = house.wallet()
    assert statuses(house, owner, 101) == [200] * 100 + [423]
    house.later(150)
    assert statuses(house, owner, 200) == [423] * 200
    assert house.get(PAGE.format(w=owner.number), owner).headers["retry-after"] == "150"
    house.later(149.9)
    assert house.get(PAGE.format(w=owner.number), owner).headers["retry-after"] == "1"
    house.later(0.1)
    assert statuses(house, owner, 101) == [200] * 100 + [423]


def test_minute_slides(house: House) -> None:
    """Calls count for 60 seconds each, wherever the minute of the clock begins."""
    owner = house.wallet()
    assert statuses(house, owner, 60) == [200] * 60
    house.later(40)
    assert statuses(house, owner, 40) == [200] * 40
    house.later(20)
    assert statuses(house, owner, 60) == [200] * 60
    assert statuses(house, owner, 1) == [423]


def test_every_path_of_history_counts_together(house: House) -> None:
    """Lists, totals and transactions of both forms share one counter; refused calls that knew the wallet count too."""
    owner = house.wallet()
    paths = (*HISTORY, "/payment-history/v2/persons/{w}/payments?rows=abc", "/payment-history/v2/transactions/abc")
    for number in range(100):
        assert statuses(house, owner, 1, paths[number % len(paths)]) != [423]
    assert statuses(house, owner, 1, HISTORY[4]) == [423]


def test_foreign_wallet_counts_for_the_caller(house: House) -> None:
    """A 403 for a foreign wallet is the caller's own call, not the other's."""
    caller, other = house.wallet(), house.wallet()
    assert statuses(house, caller, 100, PAGE.format(w=other.number)) == [403] * 100
    assert statuses(house, caller, 1) == [423]
    assert statuses(house, other, 1) == [200]


def test_calls_before_the_wallet_is_known_do_not_count(house: House) -> None:
    """Without a token, without the permission, with a wrong Accept: nothing counts."""
    owner = house.wallet()
    page = PAGE.format(w=owner.number)
    for _ in range(110):
        assert house.get(page).status == 401
        assert house.get(page, owner, accept="text/xml").status == 400
        assert house.call("PUT", page, owner).status == 405
    poor = house.wallet(ALL_PERMISSIONS & ~Permission.HISTORY)
    assert statuses(house, poor, 110) == [403] * 110
    assert statuses(house, house.token(poor.number), 101) == [200] * 100 + [423]
    assert statuses(house, owner, 101) == [200] * 100 + [423]


def test_general_figure(tmp_path: Path) -> None:
    """Elsewhere an operator's figure a minute holds for one wallet: 423 under its own name, until there is room."""
    house = House(tmp_path, settings={"requests_a_minute": 5, "bad_tokens_a_minute": 3})
    try:
        owner = house.wallet(RUB=100_00)
        assert [house.get(OTHERS[0], owner).status for _ in range(4)] == [200] * 4
        assert house.pay(owner, payment()).status == 200
        answer = house.pay(owner, payment())
        assert (answer.status, answer.json["serviceName"], answer.headers["retry-after"]) == (423, "sinap", "60")
        assert house.get(PAGE.format(w=owner.number), owner).status == 200
        house.later(60)
        assert house.pay(owner, payment()).status == 200
        assert [house.get(OTHERS[0]).status for _ in range(4)] == [401] * 3 + [423]
        assert house.get(OTHERS[0], owner).status == 200, "a good token is not held up by bad ones"
    finally:
        house.close()


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json"])
def test_calls_without_a_token_are_not_counted(house: House, path: str) -> None:
    """Pages for everybody have no figure."""
    assert {house.get(path).status for _ in range(150)} == {200}
