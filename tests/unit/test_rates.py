"""How often one may ask. Source: access.md 7."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalita.access import rates
from kalita.access.rates import Rates, Window
from kalita.access.shared import SharedWindow
from kalita.clock import HOUR, MINUTE, SECOND


def test_101st_history_call_in_a_minute_starts_a_block_of_five_minutes() -> None:
    """A hundred pass; the next is refused, and every call for five minutes; then a hundred pass again."""
    window, now = Rates(0, 0).history, 10**15
    assert [window.wait_s(1, now + number) for number in range(100)] == [0] * 100
    assert window.wait_s(1, now + 59 * SECOND) == 300
    blocked = now + 59 * SECOND
    assert window.wait_s(1, blocked + 299 * SECOND) == 1
    assert window.wait_s(2, blocked) == 0, "another wallet is not blocked"
    assert [window.wait_s(1, blocked + 300 * SECOND) for _ in range(101)] == [0] * 100 + [300]


@pytest.mark.parametrize("kind", [Window, SharedWindow])
def test_a_clock_that_was_set_back_blocks_nobody_for_longer(kind: type[Window]) -> None:
    """Nobody waits for a moment that was an hour ahead: not the blocked one, nor who had used his calls up."""
    window, now = kind(2, 300 * SECOND), 10**15
    assert [window.wait_s(1, now) for _ in range(3)] == [0, 0, 300]
    assert [window.wait_s(2, now) for _ in range(2)] == [0, 0]
    assert [window.wait_s(key, now - HOUR) for key in (1, 2)] == [0, 0]


def test_window_slides() -> None:
    """Calls count for 60 seconds each, not by minutes of the clock."""
    window = Window(2)
    assert [window.wait_s("a", at * SECOND) for at in (0, 30)] == [0, 0]
    assert window.wait_s("a", 59 * SECOND) == 1
    assert window.wait_s("a", 60 * SECOND) == 0
    assert window.wait_s("a", 61 * SECOND) == 29


def test_no_figure_no_limit() -> None:
    """0 lets everything pass."""
    assert not any(Window(0).wait_s("a", 5) for _ in range(1_000))


@given(st.lists(st.integers(0, 30 * SECOND), max_size=200), st.integers(1, 5))
def test_no_more_than_the_figure_in_any_minute(gaps: list[int], figure: int) -> None:
    """Whatever the rhythm, and a refused caller is told when to come back."""
    window, now, passed = Window(figure), 0, list[int]()
    for gap in gaps:
        now += gap
        wait = window.wait_s("a", now)
        if wait:
            assert window.wait_s("a", now + wait * SECOND) == 0
            now += wait * SECOND
        passed.append(now)
        assert sum(1 for call in passed if call > now - MINUTE) <= figure


def test_memory_is_bounded(monkeypatch) -> None:
    """A flood of addresses is forgotten a minute after it ends."""
    monkeypatch.setattr(rates, "MOST_KEYS", 100)
    window = Window(1, 300 * SECOND)
    for key in range(1_000):
        window.wait_s(key, key * SECOND)
        window.wait_s(key, key * SECOND)
    assert len(window._calls) <= 2 * 100
    assert len(window._blocked) <= 2 * 300


def test_flood_of_new_keys_costs_each_a_little(monkeypatch) -> None:
    """However many keys are alive, a new one does not look at all of them: looked at are a few for each that came."""
    monkeypatch.setattr(rates, "MOST_KEYS", 100)
    looked = 0

    class Counted(dict):
        def items(self):
            nonlocal looked
            looked += len(self)
            return super().items()

    window = Window(1, 300 * SECOND)
    for key in range(20_000):
        if type(window._calls) is dict:
            window._calls = Counted(window._calls)
        window.wait_s(key, 10**15 + key)
    assert looked <= 2 * 20_000
