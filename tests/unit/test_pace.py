"""Work that can wait begins in its order, and as fast as requests leave room for it."""

import asyncio
from time import monotonic

import pytest

from kalita.observe import ROUTES
from kalita.outbound import pace
from kalita.outbound.pace import MOST_A_TICK, Pace

WORK = 3 * MOST_A_TICK


async def _work(under: Pace, asked: bool) -> list[int]:
    """Let work of a number wait; return the order it began in. asked: requests are answered meanwhile"""
    begun: list[int] = []

    async def one(number: int) -> None:
        await under.turn()
        begun.append(number)
        ROUTES.answered += asked

    await asyncio.gather(*map(one, range(WORK)))
    return begun


@pytest.mark.parametrize(
    ("used", "asked", "slow"), [(0.1, True, False), (0.7, False, False), (0.7, True, True), (0.97, False, True)]
)
def test_work_begins_as_there_is_room(monkeypatch: pytest.MonkeyPatch, used: float, asked: bool, slow: bool) -> None:
    """Nothing is left out or overtaken; where the core is short, sooner beside requests, less begins at a time."""
    monkeypatch.setattr(pace, "thread_time", lambda: monotonic() * used)
    monkeypatch.setattr(pace, "LATE_S", 60)
    monkeypatch.setattr(pace, "SELDOM_S", 0.03)
    under = Pace()
    assert asyncio.run(_work(under, asked)) == list(range(WORK))
    assert (under._most < pace.MOST_A_TICK // 16) == slow
    assert under.waiting == 0


def test_work_holds_back_when_the_loop_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may use the core: then the thread has used little of it, and yet comes late."""
    monkeypatch.setattr(pace, "thread_time", lambda: 0.0)
    monkeypatch.setattr(pace, "LATE_S", -1)
    monkeypatch.setattr(pace, "SELDOM_S", 0.03)
    under = Pace()
    assert asyncio.run(_work(under, False)) == list(range(WORK))
    assert under._most < pace.MOST_A_TICK // 16


def test_a_core_that_is_wholly_used_gets_a_few_at_a_time() -> None:
    """One a tick, longer ticks, then a few at once and seldom; room makes all of it undone in turn."""
    under = Pace()
    while under._most > 1 or under._tick_s < pace.LONGEST_TICK_S:
        under._adapt(short=True)
    assert not under._seldom
    under._adapt(short=True)
    assert under._seldom
    under._adapt(short=False)
    assert (under._seldom, under._tick_s) == (False, pace.LONGEST_TICK_S)
    while under._most < MOST_A_TICK:
        under._adapt(short=False)
    assert under._tick_s == pace.TICK_S


def test_work_goes_on_when_some_of_it_is_given_up() -> None:
    """Who is cancelled while he waits takes no turn from the others."""

    async def run() -> None:
        under = Pace()
        waiting = [asyncio.ensure_future(under.turn()) for _ in range(WORK)]
        await asyncio.sleep(0)
        for one in waiting[::2]:
            one.cancel()
        await asyncio.wait(waiting)
        assert all(one.done() and not one.cancelled() for one in waiting[1::2])

    asyncio.run(run())
