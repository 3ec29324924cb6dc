"""
Many calls at the same moment, each on a connection of its own.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kalita.web.listen import KEEP_ALIVE_S
from tests.fault.town import Answer, Citizen, Line
from tests.servers import Demo


@dataclass(frozen=True)
class Wish:
    """A payment that somebody wants to make; amount in kopecks."""

    payer: Citizen
    payee: int
    client_id: int
    amount: int


class Crowd:
    """So many callers; what they wish for at once is sent at once."""

    def __init__(self, server: Demo, size: int) -> None:
        self._server, self._pool = server, ThreadPoolExecutor(size, "caller")
        self._own = threading.local()
        self._lines: list[Line] = []
        self.size = size

    def at_once(self, wishes: list[Wish]) -> list[Answer]:
        """Pay, all at the same moment; the answers are in the order of the wishes."""
        assert len(wishes) <= self.size
        together = threading.Barrier(len(wishes))
        return list(self._pool.map(lambda wish: self._pay(wish, together), wishes))

    def one_by_one(self, wishes: list[list[Wish]]) -> list[Answer]:
        """Let every caller pay a list of his own, one after the other. Return all answers."""
        assert len(wishes) <= self.size
        together = threading.Barrier(len(wishes))

        def pay(own: list[Wish]) -> list[Answer]:
            together.wait()
            return [self._pay(wish, None) for wish in own]

        return [answer for answers in self._pool.map(pay, wishes) for answer in answers]

    def _pay(self, wish: Wish, together: threading.Barrier | None) -> Answer:
        line = self._line(wish.payer)
        if together is not None:
            together.wait()
        return line.pay(wish.payee, wish.client_id, wish.amount)

    def _line(self, citizen: Citizen) -> Line:
        """Return the caller's own line for a citizen: a new one where the server may have ended one that was idle."""
        lines: dict[int, tuple[Line, float]] = self._own.__dict__
        line, used = lines.get(citizen.number, (None, 0.0))
        now = time.monotonic()
        if line is None or now - used > KEEP_ALIVE_S / 2:
            if line is not None:
                line.close()
            line = Line(self._server.address, citizen)
            self._lines.append(line)
        lines[citizen.number] = line, now
        return line

    def close(self) -> None:
        """Let everybody go."""
        self._pool.shutdown()
        for line in self._lines:
            line.close()


@contextlib.contextmanager
def crowd(server: Demo, size: int) -> Iterator[Crowd]:
    """Gather a crowd until the block ends."""
    gathered = Crowd(server, size)
    try:
        yield gathered
    finally:
        gathered.close()
