"""
Several processes serve one address: the parent binds it, forks them, starts dead ones again, and drains them.

    SIGTERM, SIGINT   every process finishes its requests and ends, then the parent does
    SIGHUP            settings are read again; new processes take over, the old ones finish their requests
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn

import click

from kalita.observe import log

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
DRAIN_S = 60
"""How long processes have to end before they are killed."""
READY_S = 60
LOOK_S = 0.02
AGAIN_S = 1
"""Pause before a process that died young is started again."""


Work = Callable[[int, int, Callable[[], None]], None]
"""
What a process does until a signal asks it to stop.

Its arguments: its number, the end of a pipe that closes when the parent is gone, what to call once it serves.
"""


def _next(wanted: set[signal.Signals], seconds: float) -> int:
    """
    Wait for a blocked signal and take it; 0 when none came in time.

    Not sigtimedwait: when that is interrupted just as its time is over, CPython returns a signal that never came.
    """
    ends = time.monotonic() + seconds
    while not signal.sigpending() & wanted:
        left = ends - time.monotonic()
        if left <= 0:
            return 0
        time.sleep(min(left, LOOK_S))
    return signal.sigwait(wanted)


@dataclass
class _Child:
    """A process. leaving: when it is killed if it has not ended by itself; None: it serves."""

    pid: int
    number: int
    begun: float
    leaving: float | None = None


class Parent:
    """Watch over so many processes."""

    def __init__(self, count: int, work: Work) -> None:
        self._count, self._work = count, work
        self._children: dict[int, _Child] = {}
        self._told, self._tell = os.pipe()
        self._alive, self._life = os.pipe()
        os.set_blocking(self._told, False)

    def run(self, announce: Callable[[], None], again: Callable[[], Work | None]) -> int:
        """
        Serve until a signal asks to stop; return the exit code.

        announce  called once every process serves
        again     called on SIGHUP: the work of the processes that are to take over, or None
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self._start(range(self._count))
        if not self._all_serve():
            return self._stop(1)
        announce()
        while True:
            number = _next(SIGNALS, AGAIN_S)
            if number in (signal.SIGTERM, signal.SIGINT):
                return self._stop(0)
            if number == signal.SIGHUP:
                self._reload(again())
            self._replace()
            self._end_overdue()

    def _start(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            pid = os.fork()
            if not pid:
                self._be(number)
            self._children[pid] = _Child(pid, number, time.monotonic())

    def _be(self, number: int) -> NoReturn:
        """Be a process, to its end."""
        os.close(self._life)
        os.close(self._told)
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN if one == signal.SIGHUP else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        code = 1
        try:
            self._work(number, self._alive, self._say)
            code = 0
        except click.ClickException as problem:
            problem.show()
            code = problem.exit_code
        except Exception as problem:
            log.error("process_failed", number=number, exc_info=problem)
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _say(self) -> None:
        os.write(self._tell, b".")

    def _all_serve(self) -> bool:
        """Wait until all that were started serve; False when one of them ended, or a signal came first."""
        ends, serving = time.monotonic() + READY_S, 0
        while serving < self._count and time.monotonic() < ends:
            asked = _next({signal.SIGTERM, signal.SIGINT}, 0.01)
            if asked or any(child.leaving is None for child in self._reap()):
                return False
            serving += self._said()
        return serving >= self._count

    def _said(self) -> int:
        """Return how many processes said since the last look that they serve."""
        try:
            return len(os.read(self._told, 1024))
        except BlockingIOError:
            return 0

    def _reap(self) -> list[_Child]:
        """Return the processes that ended."""
        ended = []
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            child = self._children.pop(pid)
            ended.append(child)
            if child.leaving is None:
                log.error("process_lost", number=child.number, pid=pid, code=os.waitstatus_to_exitcode(status))
        return ended

    def _replace(self) -> None:
        """Start anew what ended; what died young waits a little, so that a fault does not spin."""
        if any(time.monotonic() - child.begun < AGAIN_S for child in self._reap() if child.leaving is None):
            time.sleep(AGAIN_S)
        serving = {child.number for child in self._children.values() if child.leaving is None}
        self._start(number for number in range(self._count) if number not in serving)

    def _reload(self, work: Work | None) -> None:
        """Let new processes take over; when they cannot serve, the old ones go on."""
        if work is None:
            return
        before, old = self._work, set(self._children)
        self._said()
        self._work = work
        self._start(range(self._count))
        taken_over = self._all_serve()
        if not taken_over:
            self._work = before
        self._leave([pid for pid in self._children if (pid in old) == taken_over])
        if taken_over:
            log.info("reloaded")
        else:
            log.error("not_reloaded")

    def _leave(self, pids: list[int]) -> None:
        """Ask processes to finish and end."""
        for pid in pids:
            child = self._children[pid]
            if child.leaving is None:
                child.leaving = time.monotonic() + DRAIN_S
                os.kill(pid, signal.SIGTERM)

    def _end_overdue(self) -> None:
        for child in self._children.values():
            if child.leaving is not None and child.leaving < time.monotonic():
                log.error("process_killed", number=child.number, pid=child.pid)
                os.kill(child.pid, signal.SIGKILL)

    def _stop(self, code: int) -> int:
        self._leave(list(self._children))
        while self._children:
            _next({signal.SIGCHLD}, 0.1)
            self._reap()
            self._end_overdue()
        return code
