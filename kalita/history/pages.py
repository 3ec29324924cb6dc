"""
Read an owner's payments: pages, totals, one transaction.

History lies in streams, one for each direction and balance, in the order of transaction ids. Every filter of the API
is a choice of streams and of a range of ids, so a page costs the same in a short and in a long history. Each record
carries the running total of its stream, so the total of a period is the difference of two look-ups.
"""

from collections.abc import Iterable
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from kalita import ids
from kalita.clock import SECOND, micros
from kalita.ledger.accounts import Direction, account_range, stream
from kalita.storage.engine import Engine, Row

DONE, WAITING, FAILED = 0, 1, 2


class Shown(NamedTuple):
    """What is shown of a history row (storage/rows.py), with the code it failed with: None when it did not."""

    txn_id: int
    stream: int
    provider: int
    account: str
    sum: int
    commission: int
    comment: str
    client_id: str | None
    state: int
    error_code: int | None


class Span(NamedTuple):
    """A range of transaction ids, both ends included."""

    low: int
    high: int


EVERYTHING = Span(0, ids.LARGEST)


def span_of(start: datetime, end: datetime) -> Span:
    """Return the ids of a period, both ends included to the second."""
    return Span(ids.first_of_second(micros(start)), ids.first_of_second(micros(end) + SECOND) - 1)


def from_cursor(moment: datetime, txn_id: int) -> Span:
    """Return the ids at or before a cursor: an earlier second, or the same second and no larger id."""
    same_second = ids.first_of_second(micros(moment) + SECOND) - 1
    earlier = ids.first_of_second(micros(moment)) - 1
    return Span(0, max(earlier, min(txn_id, same_second)))


class History:
    """Read history for its owner."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def page(
        self, wallet: int, directions: Iterable[Direction], currencies: Iterable[int] | None, span: Span, rows: int
    ) -> tuple[list[Shown], Shown | None]:
        """
        Return one page, newest first, and the first record of the next page if there is one.

        currencies  of the balances moved; None: all
        rows        at least 1
        """
        found: list[Row] = []
        low = span.low
        for number in await self._streams(wallet, directions, currencies):
            found += await self._engine.all("history_page", wallet, number, low, span.high, rows + 1)
            found.sort(key=_newest_first, reverse=True)
            if len(found) > rows:
                low = found[rows][0]  # what is older cannot be on this page
        return list(map(Shown._make, found[:rows])), Shown._make(found[rows]) if len(found) > rows else None

    async def totals(
        self, wallet: int, directions: Iterable[Direction], currencies: Iterable[int] | None, span: Span
    ) -> dict[tuple[Direction, int], int]:
        """Return, for each direction and currency with any, the sum in minor units of what succeeded in the period."""
        totals: dict[tuple[Direction, int], int] = {}
        for number in await self._streams(wallet, directions, currencies):
            total = await self._running(wallet, number, span.high) - await self._running(wallet, number, span.low - 1)
            row = await self._engine.one("history_undone", wallet, number, span.low, span.high)
            assert row is not None
            if total - row[0]:
                totals[Direction(number // 1000), number % 1000] = total - row[0]
        return totals

    async def transaction(self, wallet: int, txn_id: int, direction: Direction | None) -> Shown | None:
        """Return one record of a wallet; of several with the same id the OUT one, unless a direction is asked for."""
        directions = (direction,) if direction else (Direction.OUT, Direction.CARD, Direction.IN)
        for number in await self._streams(wallet, directions, None):
            row = await self._engine.one("history_page", wallet, number, txn_id, txn_id, 1)
            if row:
                return Shown._make(row)
        return None

    async def _running(self, wallet: int, number: int, txn_id: int) -> int:
        row = await self._engine.one("history_running", wallet, number, txn_id)
        return row[0] if row else 0

    async def _streams(
        self, wallet: int, directions: Iterable[Direction], currencies: Iterable[int] | None
    ) -> list[int]:
        """Return the streams that are asked for and hold anything."""
        wanted = None if currencies is None else set(currencies)
        found = []
        for _, currency, _, *sums in await self._engine.all("accounts_between", *account_range(wallet)):
            if wanted is None or currency in wanted:
                found += [stream(direction, currency) for direction in directions if sums[direction - 1]]
        return found


_newest_first = itemgetter(0, 1)
