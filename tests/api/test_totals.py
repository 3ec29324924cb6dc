"""
Totals over real HTTP, both forms. Source: history.md 2 and 8.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.api.past import TOTALS
from tests.servers import Demo

V2, V1 = "/payment-history/v2/persons/{w}/payments/total", "/payment-history/v1/persons/{w}/payments/total"
SPRING = {"startDate": "2025-03-01T00:00:00+03:00", "endDate": "2025-05-30T23:59:59+03:00"}


@pytest.fixture(scope="module")
def owner(server: Demo, people: House) -> Iterator[Live]:
    """The owner of a wallet with a past."""
    with live(server, people.token(TOTALS)) as opened:
        yield opened


def both(told: Any) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return the incoming and the outgoing amounts by currency."""
    assert list(told) == ["incomingTotal", "outgoingTotal"]
    sides = tuple({one["currency"]: one["amount"] for one in told[side]} for side in told)
    assert all(list(side) == sorted(side) for side in sides)
    return sides


@pytest.mark.parametrize("path", [V2, V1])
def test_totals_sum_what_succeeded(owner: Live, path: str) -> None:
    """
    Sum and commission of successes, one object per currency in ascending order, payments by card among the outgoing.

    4 + 11.11 + 10.5 + 3 + 2 + 1: what waits and what failed is left out.
    """
    assert both(owner.told(path, **SPRING)) == ({398: 5, 643: 1000, 840: 50, 978: 20}, {643: 31.61})


@pytest.mark.parametrize(
    ("filters", "incoming", "outgoing"),
    [
        ({"operation": "ALL"}, {398: 5, 643: 1000, 840: 50, 978: 20}, {643: 31.61}),
        ({"operation": "IN"}, {398: 5, 643: 1000, 840: 50, 978: 20}, {}),
        ({"operation": "OUT"}, {}, {643: 21.11}),
        ({"operation": "QIWI_CARD"}, {}, {643: 10.5}),
        ({"sources": "QW_USD QW_RUB"}, {643: 1000, 840: 50}, {643: 31.61}),
        ({"sources[0]": "QW_EUR", "sources[1]": "QW_KZT"}, {398: 5, 978: 20}, {}),
        ({"sources": "CARD"}, {}, {}),
        ({"operation": "OUT", "sources": "QW_USD"}, {}, {}),
    ],
)
def test_filters_narrow_totals(owner: Live, filters: dict[str, str], incoming: Any, outgoing: Any) -> None:
    """Operation and sources choose as in the list; a side without anything is empty."""
    assert both(owner.told(V2, **SPRING, **filters)) == (incoming, outgoing)


@pytest.mark.parametrize(
    ("start", "end", "outgoing"),
    [
        ("2025-03-10T12:00:00+03:00", "2025-03-10T12:00:00+03:00", {643: 6}),
        ("2025-03-10T12:00:01+03:00", "2025-03-31T23:59:59+03:00", {}),
        ("2025-03-10T09:00:00Z", "2025-03-31T20:59:59Z", {643: 6}),
        ("2025-04-01T00:00:00+03:00", "2025-04-03T12:00:00+03:00", {643: 10.5}),
        ("2025-04-02T00:00:00+03:00", "2025-04-03T23:59:59+03:00", {}),
    ],
)
def test_period_is_inclusive_to_the_second(owner: Live, start: str, end: str, outgoing: Any) -> None:
    """Both ends belong to the period."""
    assert both(owner.told(V2, startDate=start, endDate=end))[1] == outgoing


def test_totals_agree_with_the_list(owner: Live) -> None:
    """The sum of the list's totals is the total."""
    listed = owner.told(V2.removesuffix("/total"), rows="50", operation="OUT", **SPRING)["data"]
    sums = [item["total"]["amount"] for item in listed if item["status"] == "SUCCESS"]
    assert both(owner.told(V2, operation="OUT", **SPRING))[1] == {643: round(sum(sums), 2)}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "startDate"),
        ({"startDate": SPRING["startDate"]}, "endDate"),
        ({"endDate": SPRING["endDate"]}, "startDate"),
        ({"startDate": "", "endDate": ""}, "startDate"),
        ({"startDate": SPRING["endDate"], "endDate": SPRING["startDate"]}, "startDate"),
        ({"startDate": SPRING["startDate"], "endDate": "2025-05-31T00:00:00+03:00"}, "endDate"),
        ({"startDate": SPRING["startDate"], "endDate": "2025-03-02T00:00:00Z"}, "endDate"),
        ({**SPRING, "startDate": "2025-03-01"}, "startDate"),
        ({**SPRING, "operation": "out"}, "operation"),
        ({**SPRING, "sources": "RUB"}, "sources"),
    ],
)
def test_totals_keep_the_rules_of_dates(owner: Live, query: dict[str, str], named: str) -> None:
    """Dates are required; swapped ends, two zones, 91 days are refused: 400 names the parameter."""
    assert owner.refused(V2, **query) == (400, "validation.error", [named])


def test_old_form_takes_the_current_month(house: House) -> None:
    """Without dates v1 sums from the first of the current Moscow month; one date alone is refused."""
    house.at("2026-01-31T23:59:59+03:00")
    owner = house.wallet(RUB=100_00)
    total = f"/payment-history/v1/persons/{owner.number}/payments/total"
    house.pay(owner, payment(amount=5))
    assert both(house.get(total, owner).json) == ({643: 100}, {643: 5})
    house.at("2026-02-01T00:00:00+03:00")
    assert both(house.get(total, owner).json) == ({}, {})
    house.pay(owner, payment(amount=7))
    assert both(house.get(total, owner).json) == ({}, {643: 7})
    answer = house.get(f"{total}?endDate=2026-02-01T00:00:00Z", owner)
    assert (answer.status, list(answer.json["cause"])) == (400, ["startDate"])
