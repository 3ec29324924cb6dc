"""
How often one may ask.

History: 100 requests in any 60 seconds for one wallet, the next one starts a block of 5 minutes. Other sections: an
operator's figure a minute for one wallet; one address issues as many bills by links of one pair of keys. Calls with
bad tokens: a figure a minute for one address. Test messages to a hook: 10 a minute for one wallet.
Source: access.md 7, webhooks.md 4.6.
"""

from collections import deque

from kalita.clock import MINUTE, SECOND
from kalita.refusals import BLOCKED, Refused

HISTORY_A_MINUTE = 100
BLOCK = 5 * MINUTE
TESTS_A_MINUTE = 10
MOST_KEYS = 100_000


class Window:
    """
    A sliding minute for each key; past the figure the key is refused.

    figure  how many calls a minute pass; 0: all pass
    block   microseconds a key stays refused once it went past; 0: until the window has room
    """

    def __init__(self, figure: int, block: int = 0) -> None:
        self._figure, self._block = figure, block
        self._calls: dict[int | str, deque[int]] = {}
        self._blocked: dict[int | str, int] = {}
        self._many_calls = self._many_blocked = MOST_KEYS

    def wait_s(self, key: int | str, now: int) -> int:
        """
        Count a call of a key.

        returns  0 when it may pass, else whole seconds until it may try again; refused calls are not counted
        """
        if not self._figure:
            return 0
        until = self._blocked.get(key)
        if until is not None:
            if now < until <= now + self._block + MINUTE:  # a later one is of a clock that was set back since
                return -((now - until) // SECOND)
            del self._blocked[key]
        calls = self._calls.get(key)
        if calls is None:
            self._forget(now)
            calls = self._calls[key] = deque(maxlen=self._figure)
        if calls and calls[-1] > now + MINUTE:
            calls.clear()
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        if len(calls) < self._figure:
            calls.append(now)
            return 0
        return self._refuse(key, calls, now)

    def _refuse(self, key: int | str, calls: deque[int], now: int) -> int:
        if self._block:
            self._blocked[key] = now + self._block
            del self._calls[key]
            return self._block // SECOND
        return max(1, -((now - calls[0] - MINUTE) // SECOND))

    def _forget(self, now: int) -> None:
        """
        Drop keys that have been quiet for a minute once there are many, so that memory stays bounded.

        The next time is when there are twice as many as were kept: a flood of new keys pays for each only a few times.
        """
        if len(self._calls) >= self._many_calls:
            self._calls = {key: calls for key, calls in self._calls.items() if calls and calls[-1] > now - MINUTE}
            self._many_calls = max(MOST_KEYS, 2 * len(self._calls))
        if len(self._blocked) >= self._many_blocked:
            self._blocked = {key: until for key, until in self._blocked.items() if until > now}
            self._many_blocked = max(MOST_KEYS, 2 * len(self._blocked))


def count(window: Window, key: int | str, now: int) -> None:
    """Count a call of a key; raise BLOCKED, with the seconds to wait, when it may not pass."""
    wait_s = window.wait_s(key, now)
    if wait_s:
        problem = Refused(BLOCKED, f"too many requests; try again in {wait_s} seconds")
        problem.headers["retry-after"] = str(wait_s)
        raise problem


class Rates:
    """The counters of a process. A figure of 0: all pass."""

    def __init__(self, general_a_minute: int, bad_tokens_a_minute: int) -> None:
        self.history = Window(HISTORY_A_MINUTE, BLOCK)
        self.tests = Window(TESTS_A_MINUTE)
        self.general = Window(general_a_minute)
        self.bad_tokens = Window(bad_tokens_a_minute)
