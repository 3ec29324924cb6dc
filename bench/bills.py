"""
The rows about bills, below HTTP: how many are issued and paid a second, against transfers between wallets.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from bench.measure import ROUNDS, Bench, Row, ratio
from kalita.app import App
from kalita.bills.bill import Bill, Wish
from kalita.money import RUB
from kalita.payments.request import Request
from kalita.people.wallets import Level
from kalita.refusals import Refusal
from kalita.settings import Settings

WALLETS, FIRST = 1_000, 79_400_000_000
AT_ONCE = 64
ASKED = Wish(100, RUB, "bench", None, None, None)


def rows(bench: Bench) -> list[Row]:
    """Measure bills on the embedded engine, the ledger in a process of its own."""
    return asyncio.run(_measured(bench, 500 * bench.seconds))


async def _measured(bench: Bench, count: int) -> list[Row]:
    app = await App.open(Settings(data=bench.data / "bills", sum_limits=False), create=True, serving=True)
    try:
        await app.start()
        wallets = range(FIRST, FIRST + WALLETS)
        await _all(lambda wallet: app.wallets.create(wallet, Level.FULL), wallets)
        await _all(lambda wallet: app.wallets.top_up(wallet, 10**9, RUB, None, "bench"), wallets)
        pair = (await app.key_pairs.create(FIRST, "bench")).id
        issued, paid = [], []
        for turn in range(1, ROUNDS + 1):
            bench.say(f"round {turn} of {ROUNDS}: {count} bills issued, paid, as many transfers")
            bills: list[Bill] = []
            numbers = range(turn * count, turn * count + count)
            issuing = await _all(partial(_issue, app, pair, bills), numbers)
            paying = await _all(partial(_pay, app), bills)
            moving = await _all(partial(_move, app), numbers)
            issued.append((count / issuing, count / moving))
            paid.append((count / paying, count / moving))
    finally:
        await app.close()
    return [
        ratio("bills issued ÷ transfers", issued, 0.1, 0.3),
        ratio("bills paid ÷ transfers", paid, 0.5, 0.8),
    ]


async def _all(work: Callable[[Any], Awaitable[object]], these: Iterable[Any]) -> float:
    """Do a piece of work for each, 64 at once; return the seconds it took."""
    waiting, begun = iter(these), time.perf_counter()

    async def hand() -> None:
        for one in waiting:
            await work(one)

    await asyncio.gather(*(hand() for _ in range(AT_ONCE)))
    return time.perf_counter() - begun


async def _issue(app: App, pair: str, bills: list[Bill], number: int) -> None:
    bills.append(await app.bills.issue(FIRST, pair, f"bench{number}", ASKED))


async def _pay(app: App, bill: Bill) -> None:
    done = await app.payers.pay(FIRST + random.randrange(1, WALLETS), bill, RUB)
    assert not isinstance(done, Refusal), done


async def _move(app: App, number: int) -> None:
    payer = FIRST + random.randrange(1, WALLETS)
    fields = {"account": f"+{FIRST}"}
    await app.payments.accept(Request(payer, 99, str(number), 100, RUB, RUB, "Account", fields, "bench"))
