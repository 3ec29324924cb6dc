"""
Delivery: every process takes receivers that something is due for, one lease each, and sends to each in order.

A receiver that is slow or dead holds up nobody but itself: each has a task of its own, and those that failed last
share places apart from the others. What came of an attempt is written for many of them in one commit; a process that
is killed in between sends again, under the same id. Source: webhooks.md 3; reliability-programme.md I6.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from kalita.clock import DAY, HOUR, SECOND, Clock
from kalita.observe import DELIVERIES, log
from kalita.outbound.client import Answer, Failure, Outbound
from kalita.outbound.follow import Follower
from kalita.outbound.notes import Attempt, Back, Notes, Over, Told
from kalita.outbound.pace import Pace
from kalita.storage.engine import Engine, Step, Unavailable

MOST_AT_ONCE, MOST_FAILING, MOST_CLAIMED = 1000, 200, 100
AT_A_TIME = 50
TURN_S, LEASE_S, MARGIN_S = 5.0, 20, 1.0
POLL_S, GATHER_S, FOLLOW_S = 0.1, 0.005, 0.04
LARGEST_ANSWER = 4096
KEPT = 30 * DAY

Write = Callable[[int], tuple[bytes, dict[str, str]]]


class Receiver(NamedTuple):
    """Whom something is sent to. secret, old_secret: sealed."""

    wallet: int
    channel: int
    id: str
    url: str
    kinds: int
    secret: str
    old_secret: str
    old_until: int


class Letter(NamedTuple):
    """
    One message that is due.

    write  writes and signs it for a moment; None: it is not to be sent any more
    since  when what it tells of happened
    once   one attempt is all it gets
    first  it is out of history, and has no event
    """

    caused_by: int
    stream: int
    attempts: int
    write: Write | None
    since: int = 0
    once: bool = False
    first: bool = False
    kind: int = 0
    txn_id: int = 0


class Post(Protocol):
    """
    What a channel sends, and when it tries again.

    timeout_s  for one attempt, all in all; connect_s: for its connection, None: as long
    """

    timeout_s: float
    connect_s: float | None

    async def due(self, receiver: Receiver, now: int, limit: int) -> list[Letter]:
        """Return what is to be sent now, in order, at most so many."""

    def delay(self, attempts: int, since: int, now: int) -> int | None:
        """Return how many microseconds to wait after so many attempts; None: given up. since: see Letter."""


class Deliverer:
    """Deliver what is due, on every channel, until told to stop."""

    def __init__(self, engine: Engine, clock: Clock, outbound: Outbound, posts: Mapping[int, Post]) -> None:
        self._engine, self._clock, self._outbound, self._posts = engine, clock, outbound, posts
        self._name = secrets.token_hex(6)
        self._claims = 0
        self._follower, self._follow_at, self._behind = Follower(engine), 0.0, False
        self._pace = Pace()
        self._notes = Notes(engine, self._pace)
        self._running: set[asyncio.Task[None]] = set()
        self._failing: set[tuple[int, int]] = set()
        self._places = asyncio.Semaphore(MOST_FAILING)
        self._forgot_at = self._last_at = self._latest = 0

    async def run(self) -> None:
        """Work until cancelled; what was sent by then is written down."""
        writing = asyncio.create_task(self._notes.run())
        try:
            while True:
                try:
                    busy = await self._claim()
                    await self._forget()
                except Unavailable as problem:
                    log.warning("delivery_waits", reason=str(problem))
                    busy = False
                await asyncio.sleep(GATHER_S if busy else POLL_S)
        finally:
            for task in list(self._running):
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await self._notes.write()

    async def _claim(self) -> bool:
        # Who was woken stays due when the clock is set back.
        now = self._latest = max(self._latest, self._clock.now())
        machine = time.time_ns() // 1000
        free = min(MOST_AT_ONCE - len(self._running), MOST_CLAIMED - self._pace.waiting)
        if free < MOST_CLAIMED // 2:
            return True  # many at a time: each claim is a commit
        if time.monotonic() > self._follow_at:
            self._follow_at = time.monotonic() + FOLLOW_S
            self._behind = await self._follower.follow(now)
        if await self._engine.one("receivers_any_due", now, machine) is None:
            return self._behind
        self._claims += 1
        leased = time.monotonic() + LEASE_S
        holder, until = f"{self._name}-{self._claims}", machine + LEASE_S * SECOND
        (count,) = await self._engine.change(Step("receivers_claim", (holder, until, now, machine, free)))
        rows = await self._engine.all("receivers_claimed", holder, now, count)
        for row in rows:
            task = asyncio.create_task(self._serve(Receiver(*row), holder, leased))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return self._behind or bool(rows)

    async def _serve(self, to: Receiver, holder: str, leased: float) -> None:
        """
        Send what is due for a receiver, a while long; then give it back.

        leased  monotonic seconds when others may take it: no attempt is begun that could last until then
        """
        try:
            post = self._posts[to.channel]
            await self._pace.turn()
            last = leased - post.timeout_s - MARGIN_S
            ends = min(time.monotonic() + TURN_S, last)
            while letters := await post.due(to, self._clock.now(), AT_A_TIME):
                for letter in letters:
                    if time.monotonic() > ends:
                        return
                    if not await self._send(post, to, letter, last):
                        return
                    if letter.first:
                        self._notes.told(Told(to.wallet, letter.stream, to.id, letter.caused_by))
                    await self._pace.turn()
                if len(letters) < AT_A_TIME:
                    return  # what came meanwhile is found when the receiver is given back
                await self._notes.written()
        except Unavailable as problem:
            log.warning("delivery_waits", reason=str(problem))
        except Exception as problem:
            log.error("delivery_failed", channel=to.channel, exc_info=problem)
            await asyncio.sleep(TURN_S)  # what cannot even be written must not be tried without a pause
        finally:
            self._notes.release(Back(to.wallet, to.channel, holder, self._clock.now()))

    async def _send(self, post: Post, to: Receiver, letter: Letter, last: float) -> bool:
        """Send a letter, or note that none is to be sent; False: no place came free until `last`, monotonic seconds."""
        if letter.write is None:
            if not letter.first:
                self._over(to, letter, 3, letter.attempts, self._clock.now())
        elif (to.wallet, to.channel) in self._failing:
            async with self._places:
                if time.monotonic() > last:
                    return False
                await self._attempt(post, to, letter, letter.write)
        else:
            await self._attempt(post, to, letter, letter.write)
        return True

    async def _attempt(self, post: Post, to: Receiver, letter: Letter, write: Write) -> None:
        at, begun = self._clock.now(), time.perf_counter_ns()
        body, headers = write(at)
        result = await self._outbound.post(to.url, body, headers, post.timeout_s, LARGEST_ANSWER, post.connect_s)
        took, now, number = (time.perf_counter_ns() - begun) // 1000, self._clock.now(), letter.attempts + 1
        done = isinstance(result, Answer) and result.status == 200
        self._note(to, letter, at, took, number, result)
        if done:
            self._failing.discard((to.wallet, to.channel))
            if not letter.first:
                self._over(to, letter, 1, number, now)
            return
        self._failing.add((to.wallet, to.channel))
        delay = None if letter.once else post.delay(number, letter.since, now)
        self._over(to, letter, 2 if delay is None else 0, number, now if delay is None else now + delay)

    def _note(self, to: Receiver, letter: Letter, at: int, took: int, number: int, result: Answer | Failure) -> None:
        status = result.status if isinstance(result, Answer) else 0
        failure = f"{result.reason}: {result.detail}" if isinstance(result, Failure) else ""
        outcome = str(status) if status else failure.partition(":")[0]
        DELIVERIES.labels(str(to.channel), outcome).inc()
        self._last_at = max(at, self._last_at + 1)  # no two alike: they are the log's pages
        said = failure[:200].replace("\0", " ").encode("utf-8", "replace").decode()
        self._notes.attempted(
            Attempt(
                to.wallet, to.channel, self._last_at, letter.caused_by, letter.stream, to.id, number, took, status,
                said, letter.kind, letter.txn_id,
            )
        )  # fmt: skip

    def _over(self, to: Receiver, letter: Letter, state: int, attempts: int, due_at: int) -> None:
        what = to.wallet, to.channel, letter.caused_by, letter.stream, letter.kind, letter.txn_id, to.id
        self._notes.over(Over(*what, state, attempts, due_at))

    async def _forget(self) -> None:
        """Drop what is older than it is kept, once an hour."""
        now = self._clock.now()
        if now - self._forgot_at > HOUR:
            self._forgot_at = now
            await self._engine.change(Step("events_forget", (now - KEPT,)), Step("attempts_forget", (now - KEPT,)))
