"""
Periods, zones and cursors of the list over real HTTP. Source: history.md 1, access.md 1 and 9.
"""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.api.house import House
from tests.api.live import Live, live
from tests.api.past import DATES, NEWEST_FIRST
from tests.api.test_history import V2, shown
from tests.servers import Demo

FIRST_OF_MARCH, LAST_OF_MAY = "2025-03-01T00:00:00+03:00", "2025-05-30T23:59:59+03:00"


@pytest.fixture(scope="module")
def owner(server: Demo, people: House) -> Iterator[Live]:
    """The owner of a wallet with a past."""
    with live(server, people.token(DATES)) as opened:
        yield opened


def test_ends_are_inclusive_to_the_second(owner: Live) -> None:
    """A record in the second of either end is in; a second further it is out."""
    exact = {"startDate": "2025-03-15T23:59:59+03:00", "endDate": "2025-03-20T08:00:00+03:00"}
    assert shown(owner, **exact) == ["tenge", "euro", "dollar"]
    inner = {"startDate": "2025-03-16T00:00:00+03:00", "endDate": "2025-03-20T07:59:59+03:00"}
    assert shown(owner, **inner) == ["euro"]
    second = dict.fromkeys(("startDate", "endDate"), "2025-03-16T00:00:00+03:00")
    assert shown(owner, **second) == ["euro"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-03-15T20:59:59Z", "2025-03-15T21:00:00Z"),
        ("2025-03-15T20:59:59Z", "2025-03-15T21:00:00+00:00"),
        ("2025-03-15T15:59:59-05:00", "2025-03-15T16:00:00-05:00"),
        ("2025-03-16T02:29:59+05:30", "2025-03-16T02:30:00+05:30"),
        ("2025-03-15T23:59:59", "2025-03-16T00:00:00"),
        ("2025-03-15T23:59:59", "2025-03-16T00:00:00+03:00"),
        ("2025-03-15T23:59:59.999+03:00", "2025-03-16T00:00:00.001+03:00"),
        ("2025-03-15T23:59:59 03:00", "2025-03-16T00:00:00 03:00"),
    ],
)
def test_any_zone_names_the_same_moments(owner: Live, start: str, end: str) -> None:
    """Offsets of either sign, Z, none (Moscow), a fraction, a blank for the plus: all mean the same two records."""
    assert len(owner.told(V2, rows="50", startDate=start, endDate=end)["data"]) == 2


def test_raw_plus_in_the_address_is_a_plus(owner: Live) -> None:
    """`+03:00` written without encoding arrives as a blank and is understood."""
    period = "startDate=2025-03-15T23:59:59+03:00&endDate=2025-03-16T00:00:00+03:00"
    assert len(owner.told(f"{V2}?rows=50&{period}")["data"]) == 2


@pytest.mark.parametrize(
    ("zone", "date"),
    [
        ("+03:00", "2025-03-16T00:00:00+03:00"),
        ("Z", "2025-03-15T21:00:00+00:00"),
        ("-05:00", "2025-03-15T16:00:00-05:00"),
        ("+05:45", "2025-03-16T02:45:00+05:45"),
    ],
)
def test_dates_come_in_the_zone_of_the_request(owner: Live, zone: str, date: str) -> None:
    """Items have the zone of startDate; the token of the next page is always Moscow time."""
    told = owner.told(
        V2,
        rows="1",
        sources="QW_EUR,QW_USD",
        startDate=f"2025-03-10T00:00:00{zone}",
        endDate=f"2025-03-18T00:00:00{zone}",
    )
    assert told["data"][0]["date"] == date
    assert told["nextTxnDate"] == "2025-03-15T23:59:59+03:00"


def test_no_dates_no_bound(owner: Live) -> None:
    """Without dates the list counts back from now, however old the records are; empty dates are no dates."""
    assert len(shown(owner)) == len(NEWEST_FIRST)
    assert len(shown(owner, startDate="", endDate="", nextTxnId="", nextTxnDate="")) == len(NEWEST_FIRST)


def test_future_end_is_allowed(owner: Live) -> None:
    """A period may end later than now."""
    assert shown(owner, startDate="2099-01-01T00:00:00Z", endDate="2099-03-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (FIRST_OF_MARCH, LAST_OF_MAY),
        ("2019-04-12T00:00:00Z", "2019-07-11T23:59:59Z"),
        ("2025-03-01T23:59:59+03:00", "2025-05-30T00:00:00+03:00"),
    ],
)
def test_ninety_days_by_the_calendar_pass(owner: Live, start: str, end: str) -> None:
    """90 days are counted in dates, as in the documentation's sample, not by the clock."""
    assert owner.get(V2, rows="1", startDate=start, endDate=end).status_code == 200


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"startDate": FIRST_OF_MARCH, "endDate": "2025-05-31T00:00:00+03:00"}, "endDate"),
        ({"startDate": "2019-04-12T23:59:59Z", "endDate": "2019-07-12T00:00:00Z"}, "endDate"),
        ({"startDate": LAST_OF_MAY, "endDate": FIRST_OF_MARCH}, "startDate"),
        ({"startDate": "2025-03-16T00:00:01Z", "endDate": "2025-03-16T00:00:00Z"}, "startDate"),
        ({"startDate": FIRST_OF_MARCH, "endDate": "2025-03-02T00:00:00Z"}, "endDate"),
        ({"startDate": "2025-03-01T00:00:00", "endDate": "2025-03-02T00:00:00+04:00"}, "endDate"),
        ({"startDate": FIRST_OF_MARCH}, "endDate"),
        ({"endDate": FIRST_OF_MARCH}, "startDate"),
        ({"startDate": FIRST_OF_MARCH, "endDate": ""}, "endDate"),
        ({"nextTxnId": "1"}, "nextTxnDate"),
        ({"nextTxnDate": FIRST_OF_MARCH}, "nextTxnId"),
        ({"nextTxnDate": FIRST_OF_MARCH, "nextTxnId": "-1"}, "nextTxnId"),
        ({"nextTxnDate": FIRST_OF_MARCH, "nextTxnId": "9223372036854775808"}, "nextTxnId"),
        ({"nextTxnDate": "yesterday", "nextTxnId": "1"}, "nextTxnDate"),
    ],
)
def test_periods_against_the_rules_are_refused(owner: Live, query: dict[str, str], named: str) -> None:
    """More than 90 days, ends swapped, two zones, one of a pair alone: 400 names the parameter."""
    assert owner.refused(V2, rows="5", **query) == (400, "validation.error", [named])


@pytest.mark.parametrize(
    "date",
    [
        "2025-03-01", "2025-03-01T00:00", "2025-03-01 00:00:00+03:00", "2025-W09-6T00:00:00Z", "01.03.2025",
        "2025-03-01T00:00:00+0300", "2025-03-01T00:00:00+03", "2025-03-01T00:00:00z", "2025-03-01t00:00:00Z",
        "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-03-01T24:00:00Z", "2025-03-01T00:60:00Z",
        "2025-03-01T00:00:60Z", "2025-03-01T00:00:00+25:00", "2025-03-01T00:00:00.Z", "1740776400", "now",
        "0000-00-00T00:00:00Z", "٢٠٢٥-03-01T00:00:00Z", "2025-03-01T00:00:00Z\0", "2025-03-01T00:00:00Z ",
    ],
)  # fmt: skip
def test_other_forms_of_dates_are_refused(house: House, date: str) -> None:
    """A date without time, a week date, a zone without colon, small letters, days that do not exist: 400."""
    owner = house.wallet()
    path = f"/payment-history/v2/persons/{owner.number}/payments"
    answer = house.get(f"{path}?rows=5&startDate={quote(date)}&endDate=2025-03-02T00:00:00Z", owner)
    assert (answer.status, answer.code, list(answer.json["cause"])) == (400, "validation.error", ["startDate"])


def test_cursor_is_inclusive(owner: Live) -> None:
    """The record that the tokens name is the first of the page; in one second the id decides."""
    three = owner.told(V2, rows="3", operation="OUT", startDate="2025-03-10T00:00:00", endDate="2025-03-11T00:00:00")
    third, second, first = (item["txnId"] for item in three["data"])
    noon = "2025-03-10T12:00:00+03:00"
    assert shown(owner, nextTxnId=str(second), nextTxnDate=noon) == ["second", "first", "cash"]
    assert shown(owner, nextTxnId=str(third), nextTxnDate="2025-03-10T09:00:00Z") == [
        "third",
        "second",
        "first",
        "cash",
    ]
    assert shown(owner, nextTxnId=str(first - 1), nextTxnDate=noon) == ["cash"]
    assert shown(owner, nextTxnId="0", nextTxnDate="2025-03-10T12:00:01+03:00") == ["third", "second", "first", "cash"]
    assert shown(owner, nextTxnId=str(2**63 - 1), nextTxnDate="2025-03-10T11:59:59+03:00") == ["cash"]
    assert shown(owner, nextTxnId="5", nextTxnDate="1999-01-01T00:00:00Z") == []


def test_cursor_and_changed_filters(owner: Live) -> None:
    """A cursor with another filter or period is simply applied."""
    page = owner.told(V2, rows="5")
    tokens = {"nextTxnId": str(page["nextTxnId"]), "nextTxnDate": page["nextTxnDate"]}
    assert shown(owner, **tokens) == ["tenge", "euro", "dollar", "third", "second", "first", "cash"]
    assert shown(owner, operation="IN", sources="QW_RUB", **tokens) == ["cash"]
    april = {"startDate": "2025-04-01T00:00:00+03:00", "endDate": "2025-04-30T00:00:00+03:00"}
    assert shown(owner, **april, **tokens) == []
