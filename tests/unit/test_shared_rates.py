"""Counters that several processes share count as one process would, and outlive any of them."""

import os
import signal

from hypothesis import given
from hypothesis import strategies as st

from kalita.access.rates import Window
from kalita.access.shared import NEIGHBOURS, SharedWindow, _number
from kalita.clock import MINUTE, SECOND

CALLS = st.lists(st.tuples(st.sampled_from(("a", "b", 7)), st.integers(0, 40)), max_size=80)


@given(CALLS, st.integers(1, 5), st.sampled_from((0, 20 * SECOND)))
def test_it_counts_as_one_process_does(calls: list[tuple[str | int, int]], figure: int, block: int) -> None:
    """Whoever calls, whenever: the same calls pass, and the others are told the same seconds."""
    one, shared, now = Window(figure, block), SharedWindow(figure, block), 10**15
    for key, later in calls:
        now += later * SECOND
        assert shared.wait_s(key, now) == one.wait_s(key, now)


def test_no_figure_lets_all_pass() -> None:
    """0 means no bound."""
    window = SharedWindow(0)
    assert {window.wait_s(1, 10**15) for _ in range(1_000)} == {0}


def test_processes_count_together() -> None:
    """Four processes that call at once pass a hundred times in all."""
    window, ends = SharedWindow(100, 5 * MINUTE), []
    for _ in range(4):
        come, go = os.pipe()
        if not os.fork():
            passed = sum(not window.wait_s(79_991_112_233, 10**15 + number) for number in range(200))
            os.write(go, bytes((passed,)))
            os._exit(0)
        os.close(go)
        ends.append(come)
    passed = [os.read(end, 1)[0] for end in ends]
    assert sum(passed) == 100
    assert window.wait_s(79_991_112_233, 10**15 + 2 * SECOND) in (298, 299)
    for end in ends:
        os.close(end)
        os.wait()


def test_killed_process_locks_nobody_out() -> None:
    """A lock goes back to the kernel with its holder."""
    window = SharedWindow(100)
    pid = os.fork()
    if not pid:
        with window._locked(_number(1) % window._slots // NEIGHBOURS):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert window.wait_s(1, 10**15) == 0


def test_memory_is_bounded_and_the_quietest_makes_room(monkeypatch) -> None:
    """With more keys than slots, those that called last and those that are blocked are remembered."""
    monkeypatch.setattr("kalita.access.shared.MOST_SLOTS", NEIGHBOURS)
    window, now = SharedWindow(1, MINUTE), 10**15
    assert [window.wait_s("blocked", now) for _ in range(2)] == [0, 60]
    for number in range(100):
        assert window.wait_s(number, now + number * 1_000) == 0
    assert window.wait_s("blocked", now + SECOND) == 59
    assert window.wait_s(99, now + SECOND) == 60
