"""The writer alone: orders from 64 waiting callers, no HTTP."""

import asyncio
import contextlib
import itertools
import random
import shutil
import sqlite3
import time
from pathlib import Path

from kalita.app import App
from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.order import Accepted, Order, Record, Transfer
from kalita.money import RUB
from kalita.settings import Settings

CALLERS = 64
WALLETS = range(79_000_000_000, 79_000_010_000)


def count(database: Path, table: str) -> int:
    """Return how many rows a table has."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(rows)


def rate(data: Path, largest_group: int, orders: int) -> float:
    """Return orders a second of a fresh installation."""
    shutil.rmtree(data, ignore_errors=True)
    try:
        return asyncio.run(_rate(data, largest_group, orders))
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def _rate(data: Path, largest_group: int, orders: int) -> float:
    app = await App.open(Settings(data=data), create=True)
    await app.start()
    await asyncio.gather(*(app.wallets.create(number) for number in WALLETS))
    await asyncio.gather(*(app.wallets.top_up(number, 10**9, RUB, None, "bench") for number in WALLETS))
    await app.close()
    app = await App.open(Settings(data=data, largest_group=largest_group))
    await app.start()
    numbers = itertools.count(1)

    async def caller() -> None:
        while (number := next(numbers)) <= orders:
            outcome = await app.writer.submit(order_of(number, *random.sample(WALLETS, 2)))
            assert isinstance(outcome, Accepted), outcome

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    seconds = time.perf_counter() - begun
    await app.close()
    return orders / seconds


def order_of(number: int, payer: int, payee: int) -> Order:
    """Return a transfer as the API makes it."""
    source, target = account_id(payer, Kind.WALLET, RUB), account_id(payee, Kind.WALLET, RUB)
    paid = Record(payer, Direction.OUT, RUB, 99, f"+{payee}", 100, 0, "bench", str(number))
    received = Record(payee, Direction.IN, RUB, 7, f"+{payer}", 100, 0, "bench", None)
    answer = (
        f'{{"id":"{number}","terms":"99","fields":{{"account":"+{payee}"}},"sum":{{"amount":1,"currency":"643"}},'
        '"transaction":{"id":"',
        '","state":{"code":"Accepted"}},"source":"account_643","comment":"bench"}',
    )
    return Order(
        owner=payer,
        client_id=str(number),
        meaning="0" * 32,
        transfers=(Transfer(source, target, 100),),
        records=(paid, received),
        answer=answer,
    )
