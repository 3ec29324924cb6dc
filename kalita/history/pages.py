"""
Read an owner's payments: pages, totals, one transaction.

History lies in streams, one for each direction and balance, in the order of transaction ids. Every filter of the API
is a choice of streams and of a range of ids, so a page costs the same in a short and in a long history. Each record
carries the running total of its stream, so the total of a period is the difference of two look-ups.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import zip_longest
from operator import itemgetter
from typing import NamedTuple

from kalita import ids
from kalita.clock import SECOND, micros
from kalita.ledger.accounts import Direction, account_range, stream
from kalita.providers.catalogue import CONVERSION
from kalita.storage.engine import Engine, Row

DONE, WAITING, FAILED = 0, 1, 2
MOST_RECORDS = 4
"""No transaction has more records in one wallet."""


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


def token_moment(page: list[Shown], following: Shown, skip: int) -> int:
    """
    Return the moment that goes with the id of the next page's first record.

    It is the record's own second. Where the page ends between the records that one transaction has in one wallet (a
    conversion), it is a second later for each of them that was shown: the id alone would show them twice.
    skip  how many of its first transaction the page left out, see History.cursor
    """
    if page[-1].txn_id != following.txn_id:
        return ids.moment_of(following.txn_id)
    shown = sum(one.txn_id == following.txn_id for one in page)
    before = skip if page[0].txn_id == following.txn_id else 0
    return ids.moment_of(following.txn_id) + (before + shown) * SECOND


class History:
    """Read history for its owner."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def page(
        self,
        wallet: int,
        directions: Iterable[Direction],
        currencies: Iterable[int] | None,
        span: Span,
        rows: int,
        skip: int = 0,
    ) -> tuple[list[Shown], Shown | None]:
        """
        Return one page, newest first, and the first record of the next page if there is one.

        currencies  of the balances moved; None: all
        rows        at least 1
        skip        of the transaction at the span's end this many records are left out
        """
        found: list[Row] = []
        low, most = span.low, rows + skip
        streams = await self._streams(wallet, directions, currencies)
        for one, other in zip_longest(streams[::2], streams[1::2], fillvalue=0):  # there is no stream 0
            merged = await self._engine.all("history_merged", wallet, one, other, low, span.high, most + 1)
            found = sorted(found + merged, key=_newest_first, reverse=True) if found else merged
            if len(found) > most:
                low = found[most][0]  # what is older cannot be on this page
        if skip:
            found = found[sum(row[0] == span.high for row in found[:skip]) :]
        shown = list(map(_as_shown, found[: rows + 1]))
        return shown[:rows], shown[rows] if len(shown) > rows else None

    async def cursor(self, wallet: int, moment: datetime, txn_id: int) -> tuple[Span, int]:
        """Return the ids at or before a cursor, and how many records of its transaction were shown (token_moment)."""
        if txn_id <= ids.LARGEST:
            shown = (micros(moment) - ids.moment_of(txn_id)) // SECOND
            if 0 < shown < MOST_RECORDS and await self._records(wallet, txn_id) > shown:
                return Span(0, txn_id), shown
        return from_cursor(moment, txn_id), 0

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
        streams = await self._streams(wallet, (direction,) if direction else Direction, None)
        best: Shown | None = None
        for number in sorted(streams, key=lambda number: _ASKED_FIRST[number // 1000]):
            if best is not None and number // 1000 != best.stream // 1000:
                break
            row = await self._engine.one("history_page", wallet, number, txn_id, txn_id, 1)
            found = Shown._make(row) if row else None
            if found is not None and found.client_id is not None:
                return found  # what the owner asked for, not what followed from it
            best = best or found
        return best

    async def rates(self, wallet: int, rows: Iterable[Shown]) -> dict[int, Decimal]:
        """Return the rates of the conversions among some records, by transaction."""
        found = {}
        for txn_id in {row.txn_id for row in rows if row.provider == CONVERSION}:
            kept = await self._engine.one("conversion_rate", wallet, txn_id)
            if kept is not None:
                found[txn_id] = Decimal(kept[0])
        return found

    async def moved(self, wallet: int, currency: int, txn_id: int) -> int:
        """Return by how much a transaction changed a balance as history tells it, minor units; what failed counts."""
        total = 0
        for direction in Direction:
            row = await self._engine.one("history_page", wallet, stream(direction, currency), txn_id, txn_id, 1)
            if row is not None:
                record = Shown._make(row)
                change = record.sum + record.commission
                total += change if direction is Direction.IN else -change
        return total

    async def _records(self, wallet: int, txn_id: int) -> int:
        streams = await self._streams(wallet, Direction, None)
        return sum([len(await self._engine.all("history_page", wallet, one, txn_id, txn_id, 1)) for one in streams])

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
_as_shown: Callable[[Row], Shown] = partial(tuple.__new__, Shown)
"""What Shown._make does, without its check of the length: a fifth of the time, and pages are made of it."""
_ASKED_FIRST: dict[int, int] = {Direction.OUT: 0, Direction.CARD: 1, Direction.IN: 2}
