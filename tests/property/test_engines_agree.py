"""
Both engines write the same rows: whatever groups of orders come, at whatever time of a clock that jumps.

The groups are the same, so is the clock; what is left to differ is an engine's own, and nothing may.
"""

import asyncio
import os
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.group import Group, Unread, needs_of
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import (
    Accepted,
    Check,
    Count,
    Extra,
    Guard,
    Opening,
    Order,
    Outcome,
    Record,
    Transfer,
)  # fmt: skip
from kalita.storage import migrate
from kalita.storage.engine import Engine
from tests import postgres
from tests.books import ALICE, ENGINES, KEYS, RUB, USD, Hand, bar, bill, pay
from tests.commands import past_the_program
from tests.property.walk import seed

GROUPS = 600 if os.environ.get("KALITA_LONG") else 120
PEOPLE = [ALICE + number for number in range(8)]
OWN = {"lane": ("holder", "leased_until"), "migration": ("applied_at",)}
"""What is an engine's own: who holds a lane until when."""


class Twin:
    """One engine and the lane that is written in."""

    def __init__(self, engine: Engine, lane: int, hand: Hand) -> None:
        self._engine, self._lane, self._hand = engine, lane, hand

    async def write(self, orders: list[Order]) -> list[Outcome]:
        """Write one group."""
        beside: set[int] = set()
        while True:
            group = Group(orders, self._hand.now // 1000, KEYS.of("chain"), beside)
            try:
                await self._engine.group(needs_of(orders, self._lane, "twin", beside), group.judge)
            except Unread as unread:
                beside |= unread.owners
            else:
                return group.outcomes


@asynccontextmanager
async def _twins(folder: Path, hand: Hand) -> AsyncIterator[list[Twin]]:
    engines = [factory(folder) for factory in ENGINES.values()]
    try:
        yield [Twin(engine, await engine.lease("twin", 10_000), hand) for engine in engines]
    finally:
        for engine in engines:
            await engine.close()


class Draw:
    """Draws orders; what was accepted on hold is closed by later ones."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._held: list[Held] = []
        self._number = 0

    def orders(self) -> list[Order]:
        """Draw a group."""
        return [self._order() for _ in range(self._chance.choice((1, 1, 2, 5, 20, 60)))]

    def learn(self, orders: list[Order], outcomes: list[Outcome]) -> None:
        """Note what waits on hold now."""
        for order, outcome in zip(orders, outcomes, strict=True):
            waiting = [record for record in order.records if record.waiting]
            if waiting and isinstance(outcome, Accepted):
                record = waiting[0]
                self._held.append(
                    Held(record.wallet, Direction.OUT, record.currency, outcome.txn_id, record.sum, record.commission)
                )

    def _order(self) -> Order:
        chance = self._chance
        payer, payee = chance.sample(PEOPLE, 2)
        currency = chance.choice((RUB, RUB, USD))
        client_id = chance.choice((None, str(chance.randint(1, 400)), f"ж{chance.randint(1, 99)}"))
        kind = chance.random()
        if kind < 0.25:
            return _cash(payee, chance.randint(1, 10_000), currency, client_id)
        if kind < 0.6:
            fee = chance.choice((0, 7))
            order = pay(payer, payee, chance.randint(1, 5_000), fee=fee, currency=currency, client_id=client_id)
            return self._with_more(order, payer)
        if kind < 0.75:
            fee = chance.choice((0, 9))
            return bill(payer, chance.randint(1, 5_000), fee=fee, currency=currency, client_id=client_id)
        if kind < 0.9 and self._held:
            held = chance.choice(self._held[-20:])
            return post(held, 1, 0) if chance.random() < 0.5 else void(held, chance.choice((5, 300)))
        return bar(payer, chance.choice((0, 0, 0, 1, 2, 3))) if chance.random() < 0.5 else _cash(payer, 77, RUB, None)

    def _with_more(self, order: Order, payer: int) -> Order:
        """Let an order count, wait for a guard, or change rows of another room."""
        chance = self._chance
        if chance.random() < 0.5:
            check = Check(0b111, chance.choice((10**4, 10**6)), 705)
            count = Count(
                order.transfers[0].source, 202601, chance.randint(0, 2), order.transfers[0].amount, 1, (check,)
            )
            order = replace(order, counts=(count,))
        if chance.random() < 0.3:
            note = Extra("meta_put", (f"paid {chance.randint(1, 5)}", "yes"))
            order = replace(order, extras=(note, Extra("access_changed", ())))
        if chance.random() < 0.1:
            order = replace(order, guard=Guard("meta_get", (f"paid {chance.randint(1, 5)}",)))
        return order


def _cash(payee: int, amount: int, currency: int, client_id: str | None) -> Order:
    """Return an order that brings money in, and makes the wallet when there is none."""
    source = account_id(house(0, 0), Kind.AGENT, currency)
    return Order(
        owner=house(0, 0),
        client_id=client_id,
        meaning=f"{payee} {amount}",
        transfers=(Transfer(source, account_id(payee, Kind.WALLET, currency), amount),),
        openings=(Opening(house(0, 0), Kind.AGENT, currency), Opening(payee, Kind.WALLET, currency, 0)),
        records=(Record(payee, Direction.IN, currency, 7, "Касса", amount, 0, "", None),),
        answer=("<", ">"),
    )


def test_rows_are_the_same_on_every_engine(tmp_path: Path) -> None:
    """Outcomes agree group by group, all rows of all tables in the end."""
    chosen = seed()
    try:
        asyncio.run(_agree(tmp_path, random.Random(chosen)))
    except BaseException as problem:
        problem.add_note(f"run it again with KALITA_SEED={chosen}")
        raise
    one, other = rows_of(tmp_path, ""), rows_of(tmp_path, postgres.database_of(tmp_path))
    assert one.keys() == other.keys()
    for table, rows in one.items():
        assert rows == other[table], table
    assert all(one[table] for table in ("account", "entry", "payment", "history", "closing", "bar", "chain"))


async def _agree(folder: Path, chance: random.Random) -> None:
    hand, draw = Hand(), Draw(chance)
    async with _twins(folder, hand) as twins:
        for number in range(GROUPS):
            orders = draw.orders() if number else [_cash(one, 100_000, RUB, None) for one in PEOPLE]
            answers = [await twin.write(orders) for twin in twins]
            assert answers[0] == answers[1]
            draw.learn(orders, answers[0])
            hand.now += chance.choice((0, 10**6, 10**9, 10**12, -(10**10)))


def rows_of(folder: Path, database: str) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables in the order of their columns, without what is an engine's own."""
    found = {}
    for table, columns in tables().items():
        names = ", ".join(name for name in columns if name not in OWN.get(table, ()))
        rows = past_the_program(folder, database, f"SELECT {names} FROM {table}")
        found[table] = sorted(rows, key=str)
    return found


def tables() -> dict[str, list[str]]:
    """Return the tables as the migrations make them, with their columns."""
    db = sqlite3.connect(":memory:")
    for statement in (migrate.TABLE, *(text for one in migrate.load() for text in one.statements)):
        db.execute(migrate.for_sqlite(statement))
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {
        name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
        for name in names
        if not name.startswith("sqlite_")
    }
    db.close()
    return found
