"""
Guarantee: whoever holds a receiver's lease begins no attempt that could last until others may take the receiver.
"""

import asyncio
import time
from typing import Any

import pytest

from kalita.clock import Clock
from kalita.outbound import deliver
from kalita.outbound.client import Answer
from kalita.outbound.deliver import Deliverer, Letter, Receiver

TIMEOUT_S = 2.0
TO = Receiver(79110000001, 1, "one", "http://127.0.0.1/", 3, "", "", 0)


class Way:
    """A way out that counts what is posted."""

    posted = 0

    async def post(self, *sent: Any) -> Answer:
        """Take a message."""
        self.posted += 1
        return Answer(200, b"", True)


class Channel:
    """A channel with one message that is always due."""

    timeout_s = TIMEOUT_S
    connect_s = None

    async def due(self, receiver: Receiver, now: int, limit: int) -> list[Letter]:
        """Return what is due."""
        return [Letter(1, 0, 0, lambda at: (b"{}", {}))]

    def delay(self, attempts: int, since: int, now: int) -> int | None:
        """Give up at once."""
        return None


@pytest.mark.parametrize(("left_s", "posted"), [(0.3, 0), (3.0, 1)])
def test_a_place_that_comes_too_late_is_not_used(left_s: float, posted: int) -> None:
    """One that failed waits 0.6 s for a place: it is sent to only when the lease lasts beyond the attempt."""

    async def work() -> tuple[int, int]:
        way = Way()
        one = Deliverer(None, Clock(), way, {1: Channel()})  # type: ignore[arg-type]
        one._failing.add((TO.wallet, TO.channel))
        one._places = asyncio.Semaphore(1)
        back: list[Any] = []
        one._notes.release = back.append  # type: ignore[method-assign]
        await one._places.acquire()
        leased = time.monotonic() + TIMEOUT_S + deliver.MARGIN_S + left_s
        serving = asyncio.create_task(one._serve(TO, "me", leased))
        await asyncio.sleep(0.6)
        one._places.release()
        await serving
        return way.posted, len(back)

    assert asyncio.run(work()) == (posted, 1)
