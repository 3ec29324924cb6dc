"""
A writer that is killed at a chosen step of its work: `python -m tests.fault.dying PLACE LEFT STAGE`.

The fail point lies at the wrapper around the database: before each statement of a group, its BEGIN and its COMMIT among
them, and after the last. Both engines.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kalita.ledger.accounts import Kind, account_id
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import Check, Count, Extra, Guard, Order
from kalita.storage.engine import Engine
from kalita.storage.postgres import engine as postgres_engine
from kalita.storage.postgres.engine import PostgresEngine
from kalita.storage.sqlite.engine import SqliteEngine
from tests.books import ALICE, BOB, CAROL, RUB, USD, Books, bar, bill, pay

MONTH = 202601


def first() -> list[Order]:
    """Orders of every kind that brings rows in, in one group."""
    paid = pay(ALICE, BOB, 100, fee=3, client_id="first")
    counted = Count(account_id(ALICE, Kind.WALLET, RUB), MONTH, 0, 100, 1, (Check(1, 10**6, 705),))
    return [
        replace(paid, counts=(counted,), extras=(Extra("meta_put", ("noted", "yes")),)),
        pay(ALICE, CAROL, 50, client_id="opens a wallet"),
        pay(ALICE, CAROL, 7, currency=USD, client_id="opens an account"),
        bill(ALICE, 900, fee=9, client_id="holds"),
        bill(ALICE, 800, client_id="holds another"),
        replace(pay(BOB, ALICE, 1, client_id="guarded"), guard=Guard("meta_get", ("key",))),
    ]


def second(held: list[Held]) -> list[Order]:
    """Orders that end what waits, and bar somebody."""
    return [post(held[0], 1, 0), void(held[1], 300), bar(BOB, 1)]


class Dying:
    """A connection whose process is killed once so many statements were begun. left: None: not yet"""

    left: int | None = None

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)
        return self._counted(method) if name in ("execute", "executemany", "fetch") else method

    @staticmethod
    def _counted(method: Any) -> Any:
        def call(*args: Any) -> Any:
            Dying.step()
            return method(*args)

        return call

    @staticmethod
    def step() -> None:
        """Count a step, and die at the last."""
        if Dying.left is not None:
            if not Dying.left:
                os.kill(os.getpid(), signal.SIGKILL)
            Dying.left -= 1


def opened(place: str) -> Engine:
    """Open an engine whose connections die. place: an address, or a file"""
    if not place.startswith("postgresql"):
        engine = SqliteEngine(Path(place))
        engine._writer = Dying(engine._writer)
        return engine
    connect = postgres_engine.connect

    async def dying(*args: Any) -> Any:
        return Dying(await connect(*args))

    postgres_engine.connect = dying
    return PostgresEngine(place)


async def _write(place: str, left: int, orders: list[Order]) -> None:
    on = Books(opened(place))
    await on.writer.start()
    await on.engine.one("access_epoch")
    Dying.left = left
    await asyncio.gather(*map(on.submit, orders))
    Dying.step()
    Dying.left = None
    await on.writer.stop()
    await on.engine.close()


def main() -> None:
    """Write the orders of a stage; exit 0 when all steps were done before the fail point."""
    place, left, *held = sys.argv[1:]
    orders = second([Held(*map(int, one.split(","))) for one in held]) if held else first()
    asyncio.run(_write(place, int(left), orders))


if __name__ == "__main__":
    main()
