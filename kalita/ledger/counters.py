"""
Counters: what was spent of a wallet's limits, kept on the account that it was spent from.

They lie in the row that the payment writes anyway, so that a limit costs no row of its own. Only the newest month is
kept, with its days: no limit looks further back. They are not part of the books; the audit recounts them from history.
"""

import msgspec

Counters = dict[tuple[int, int], tuple[int, int]]
"""By period and category: minor units, number of payments."""

LAST_MONTH = 999_912
"""Larger numbers of periods are days."""

_decode = msgspec.json.Decoder(list[tuple[int, int, int, int]]).decode
_encode = msgspec.json.Encoder().encode


def read(text: str) -> Counters:
    """
    Read an account's counters.

    raises  msgspec.DecodeError for what no program wrote
    """
    return {(period, category): (amount, number) for period, category, amount, number in _decode(text)} if text else {}


def written(counters: Counters) -> str:
    """Write counters as they are stored: nothing when there are none."""
    return _encode([(*key, *counters[key]) for key in sorted(counters)]).decode() if counters else ""


def month_in(period: int) -> int:
    """Return the month that a period is or lies in."""
    return period // 100 if period > LAST_MONTH else period


def add(counters: Counters, period: int, category: int, amount: int, number: int) -> None:
    """Add to a counter; an older month makes room for a newer one, and what comes back to it is forgotten with it."""
    month = month_in(period)
    newest = month_in(next(iter(counters))[0]) if counters else 0
    if month < newest:
        return
    if month > newest:
        counters.clear()
    before = counters.get((period, category), (0, 0))
    counters[period, category] = (before[0] + amount, before[1] + number)
