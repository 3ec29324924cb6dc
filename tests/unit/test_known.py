"""
What is kept in memory of tokens and levels: a change that was answered is never missed, however reads overlap.

Guarantee: a token is blocked, and a level lowered, at once (design: the access epoch).
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from kalita.access.tokens import CHANGED, Tokens
from kalita.clock import Clock
from kalita.limits.bind import Limits
from kalita.people.wallets import Level
from kalita.storage.engine import Row, Step
from kalita.storage.sqlite.engine import SqliteEngine
from kalita.wire.endpoint import Permission
from tests.books import ALICE, BOB, Books


class Late(SqliteEngine):
    """An engine one of whose reads comes back late, as over a network: what it found is old by then."""

    late = ""
    read: asyncio.Event
    go_on: asyncio.Event

    async def one(self, query: str, *args: Any) -> Row | None:
        """Read; the late one waits before it returns."""
        row = await super().one(query, *args)
        if query == self.late:
            self.late = ""
            self.read.set()
            await self.go_on.wait()
        return row


def _overlapping(folder: Path, work: Callable[[Late], Awaitable[None]]) -> None:
    async def main() -> None:
        engine = Late(folder / "kalita.db")
        engine.read, engine.go_on = asyncio.Event(), asyncio.Event()
        books = Books(engine)
        await books.writer.start()
        await books.wallet(ALICE)
        await books.wallet(BOB)
        await work(engine)
        await books.writer.stop()
        await engine.close()

    asyncio.run(main())


def test_a_token_that_was_revoked_during_its_look_up_stays_dead(tmp_path: Path) -> None:
    """The first call may still pass; none after the revocation was answered does, whoever else was seen meanwhile."""

    async def work(engine: Late) -> None:
        tokens = Tokens(engine, Clock())
        mine, other = [await tokens.issue(wallet, Permission.HISTORY) for wallet in (ALICE, BOB)]
        engine.late = "caller_by_token"
        first = asyncio.create_task(tokens.bearer(mine))
        await engine.read.wait()
        assert await tokens.revoke(ALICE)
        assert await tokens.bearer(other) is not None
        engine.go_on.set()
        await first
        assert await tokens.bearer(mine) is None

    _overlapping(tmp_path, work)


def test_a_level_that_was_lowered_during_its_look_up_is_low(tmp_path: Path) -> None:
    """The same for what limits are chosen by."""

    async def work(engine: Late) -> None:
        limits = Limits(engine, Clock())
        await engine.change(Step("wallet_set_level", (ALICE, Level.FULL)), CHANGED)
        engine.late = "wallet_level"
        first = asyncio.create_task(limits.level(ALICE))
        await engine.read.wait()
        await engine.change(Step("wallet_set_level", (ALICE, Level.SIMPLE)), CHANGED)
        await limits.level(BOB)
        engine.go_on.set()
        assert await first == Level.FULL
        assert await limits.level(ALICE) == Level.SIMPLE

    _overlapping(tmp_path, work)
