"""
What takes up changes beside a running server.

Guarantee: whatever one part meets, it is tried again, the others have their turn, and the log is told once.
"""

import asyncio
from contextlib import suppress

import structlog

from kalita.ledger.writer import Fault
from kalita.storage.engine import Unavailable
from kalita.storage.watch import Watch


async def _for_a_while(watch: Watch) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(watch.run(0.001), 0.2)


def test_nothing_ends_it() -> None:
    """Neither a fault of the ledger, nor a database that is away, nor what nobody thought of."""
    problems = [Fault("abc"), Fault("abc"), Unavailable("away"), ValueError("odd"), None, ValueError("odd"), None]
    left, others = iter(problems), 0

    async def fails() -> None:
        problem = next(left, None)
        if problem is not None:
            raise problem

    async def works() -> None:
        nonlocal others
        others += 1

    with structlog.testing.capture_logs() as logs:
        asyncio.run(_for_a_while(Watch({"one": fails, "other": works})))
    assert others > len(problems)
    assert next(left, "all were met") == "all were met"
    assert [entry["part"] for entry in logs if entry["event"] == "not_refreshed"] == ["one"] * 4
