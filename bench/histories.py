"""
A long and a short history in one database: what a page costs in each.

The payments are real orders through the real writer; its clock is moved so that they spread over 90 days.
"""

import asyncio
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from bench.ledger import order_of
from kalita import ids
from kalita.app import App
from kalita.clock import MOSCOW, SECOND, Clock, at_zone
from kalita.history.api import HistoryApi
from kalita.history.shapes import Shapes
from kalita.money import RUB
from kalita.settings import Settings
from kalita.wire.endpoint import Call

LONG, SHORT, PAYEES = 79_000_000_001, 79_000_000_002, range(79_000_000_100, 79_000_000_140)
SHORT_LENGTH = 1_000
DAYS = 90
START = datetime(2026, 1, 1, tzinfo=MOSCOW)
CALLS = 200
BATCH = 1_000


class _Moving:
    """A clock of nanoseconds that a bench sets."""

    def __init__(self) -> None:
        self.ns = int(START.timestamp()) * 1_000_000_000

    def __call__(self) -> int:
        return self.ns


def measure(data: Path, big: int, say: Callable[[str], None]) -> list[tuple[str, float, float]]:
    """Return, for each kind of page, its median microseconds in the long and in the short history."""
    shutil.rmtree(data, ignore_errors=True)
    try:
        return asyncio.run(_measure(data, big, say))
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def _measure(data: Path, big: int, say: Callable[[str], None]) -> list[tuple[str, float, float]]:
    moving = _Moving()
    app = await App.open(Settings(data=data, largest_group=1024), Clock(source=moving), create=True)
    await app.start()
    for number in (LONG, SHORT, *PAYEES):
        await app.wallets.create(number)
    for number in (LONG, SHORT):
        await app.wallets.top_up(number, 10**12, RUB, None, "bench")
    await _fill(app, moving, big, say)
    api = HistoryApi(app.history, Shapes(app.catalogue), app.clock)
    found = []
    for name, call in _calls(api).items():
        say(f"history: {name}")
        sides: dict[int, list[float]] = {LONG: [], SHORT: []}
        for _ in range(CALLS):
            for wallet, times in sides.items():
                await asyncio.sleep(0)
                begun = time.perf_counter()
                await call(wallet)
                times.append((time.perf_counter() - begun) * 1e6)
        found.append((name, statistics.median(sides[LONG]), statistics.median(sides[SHORT])))
    await app.close()
    return found


async def _fill(app: App, moving: _Moving, big: int, say: Callable[[str], None]) -> None:
    """Let both wallets pay through 90 days: the long one evenly, the short one a thousand times in between."""
    step, rare = DAYS * 86_400 * 1_000_000_000 // big, big // SHORT_LENGTH
    for begin in range(0, big, BATCH):
        if begin % 50_000 == 0:
            say(f"long history: {begin:,} payments of {big:,}")
        batch = range(begin, min(begin + BATCH, big))
        orders = [order_of(number, LONG, PAYEES[number % len(PAYEES)]) for number in batch]
        orders += [order_of(number, SHORT, PAYEES[number % len(PAYEES)]) for number in batch if number % rare == 0]
        await asyncio.gather(*map(app.writer.submit, orders))
        moving.ns += step * len(batch)


def _calls(api: HistoryApi) -> dict[str, Callable[[int], Awaitable[bytes]]]:
    end = START + timedelta(days=DAYS - 1)
    deep = START + timedelta(days=DAYS // 2)
    nothing = {"startDate": None, "endDate": None, "nextTxnDate": None, "nextTxnId": None, "sources": []}
    page = {**nothing, "rows": 10, "operation": "ALL"}
    cursor = {"nextTxnDate": deep, "nextTxnId": ids.first_of_second(int(deep.timestamp()) * SECOND)}
    inside = {"startDate": START + timedelta(hours=7), "endDate": end}

    def asking(
        handler: Callable[[Call], Awaitable[bytes]], query: dict[str, object]
    ) -> Callable[[int], Awaitable[bytes]]:
        return lambda wallet: handler(Call(wallet, "ru", {}, query, None, ""))

    assert at_zone(0)
    return {
        "first page": asking(api.page, page),
        "deep page": asking(api.page, page | cursor),
        "rare type": asking(api.page, page | {"operation": "IN"}),
        "totals": asking(api.totals, {**inside, "operation": "ALL", "sources": []}),
    }
