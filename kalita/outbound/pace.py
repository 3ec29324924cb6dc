"""
A pace for work that can wait, in a process that answers requests: requests come first, the work gets what they leave.

Who waits gets a turn with the others of a tick. Every tick looks at how much of its core the thread has used since the
last, and how late it came: when the core is short half as many begin with the next one, else a few more; where one is
too many already, ticks get longer. Where one for each of the longest is too many, a few begin at once, seldom: that
costs less than one at a time, which finds its code and data gone from the core's memory. The core is short sooner while
requests come.
"""

import asyncio
from collections import deque
from time import monotonic, thread_time

from kalita.observe import ROUTES

TICK_S, LONGEST_TICK_S, LATE_S = 0.004, 0.016, 0.004
ALONE, BESIDE = 0.9, 0.5
"""The part of a core that is used, by requests and the work together, before the work holds back."""
REQUESTS_A_TICK = 1
MOST_A_TICK, MORE = 128, 2
AT_ONCE, SELDOM_S = 4, 0.128
"""Where a core is wholly used so many begin at once, and then none for so long."""


class Pace:
    """One pace for all the work of a kind."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._ticking: asyncio.Task[None] | None = None
        self._most, self._tick_s, self._seldom = MOST_A_TICK // 4, TICK_S, False
        self.beside = False
        """Whether requests come meanwhile."""

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._waiting)

    async def turn(self) -> None:
        """Wait for a turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())
        await turn

    async def _tick(self) -> None:
        try:
            while self._waiting:
                self._begin()
                begun, used, answered = monotonic(), thread_time(), ROUTES.answered
                tick_s = SELDOM_S if self._seldom else self._tick_s
                await asyncio.sleep(tick_s)
                lasted = monotonic() - begun
                self.beside = ROUTES.answered - answered >= REQUESTS_A_TICK
                room = BESIDE if self.beside else ALONE
                self._adapt(lasted > tick_s + LATE_S or thread_time() - used > room * lasted)
        finally:
            self._ticking = None

    def _adapt(self, short: bool) -> None:
        if short and self._most > 1:
            self._most //= 2
        elif short:
            self._seldom = self._tick_s >= LONGEST_TICK_S
            self._tick_s = min(LONGEST_TICK_S, self._tick_s * 2)
        elif self._seldom:
            self._seldom = False
        elif self._tick_s > TICK_S:
            self._tick_s = max(TICK_S, self._tick_s / 2)
        else:
            self._most = min(MOST_A_TICK, self._most + MORE)

    def _begin(self) -> None:
        for _ in range(min(AT_ONCE if self._seldom else self._most, len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
