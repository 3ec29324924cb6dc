"""Counters lie in the account's row: one month, exact, and what no program wrote is not read."""

import msgspec
import pytest

from kalita.ledger.counters import add, month_in, read, written


def test_counters_come_back_as_they_were_written() -> None:
    """Nothing is nothing; the rest comes back whatever the order it was added in."""
    assert (written({}), read("")) == ("", {})
    counters = {(202611, 1): (5, 1), (202611, 0): (7, 2), (20261124, 3): (-1, 0)}
    assert read(written(counters)) == counters
    assert written(counters) == "[[202611,0,7,2],[202611,1,5,1],[20261124,3,-1,0]]"


def test_newer_month_makes_room() -> None:
    """Days belong to their month; what comes back to a month that is gone changes nothing."""
    counters: dict[tuple[int, int], tuple[int, int]] = {}
    add(counters, 202611, 0, 10, 1)
    add(counters, 20261130, 3, 10, 1)
    add(counters, 202611, 0, -3, -1)
    assert counters == {(202611, 0): (7, 0), (20261130, 3): (10, 1)}
    add(counters, 20261201, 3, 1, 1)
    add(counters, 202611, 0, -7, 0)
    add(counters, 20261130, 3, -10, -1)
    assert counters == {(20261201, 3): (1, 1)}
    assert (month_in(202612), month_in(20261231)) == (202612, 202612)


@pytest.mark.parametrize("text", ["[[", "{}", "[[1,2,3]]", '[["1",2,3,4]]', "null", "[[1.5,2,3,4]]"])
def test_what_no_program_wrote_is_not_read(text: str) -> None:
    """A counter that cannot be read stops the payment; it is not taken for nothing."""
    with pytest.raises(msgspec.DecodeError):
        read(text)
