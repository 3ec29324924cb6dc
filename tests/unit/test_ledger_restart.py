"""
A ledger process that does not start, hangs, or dies at the wrong moment: another is started, and none is left behind.

What was answered is in the books; what was not may be sent again.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from kalita.ledger import frames, remote
from kalita.ledger.order import Accepted
from kalita.ledger.remote import RemoteWriter
from kalita.storage.engine import Unavailable
from tests.books import ALICE, BOB, ENGINES, Books, books, pay

SECRET = bytes(range(32))
HANGS = "import time; time.sleep(60)"
DIES = "raise SystemExit(3)"
READY = frames.framed(frames.Ready(0))
DIES_READY = f"import socket, sys; socket.socket(fileno=int(sys.argv[1])).sendall({READY!r})"

Command = Callable[[int], list[str]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the bounds short; a start has to stay possible."""
    monkeypatch.setattr(remote, "RETRY_S", 0.05)
    monkeypatch.setattr(remote, "END_S", 0.3)


@pytest.fixture
def pids(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Every process that was started, by its id: all are gone in the end."""
    started: list[int] = []
    popen = remote.subprocess.Popen

    def noted(*args, **rest):
        process = popen(*args, **rest)
        started.append(process.pid)
        return process

    monkeypatch.setattr(remote.subprocess, "Popen", noted)
    yield started
    assert [pid for pid in started if _alive(pid)] == []


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _first(monkeypatch: pytest.MonkeyPatch, *scripts: str | Exception) -> None:
    """Let the next starts run these scripts, or fail like this, before real ones work again."""
    real, waiting = remote._command, list(scripts)

    def command(end: int) -> list[str]:
        if not waiting:
            return real(end)
        script = waiting.pop(0)
        if isinstance(script, Exception):
            raise script
        return [sys.executable, "-c", script, str(end)]

    monkeypatch.setattr(remote, "_command", command)


def _run(folder: Path, work: Callable[[Books, RemoteWriter], Awaitable[None]]) -> None:
    """Run work on books with a ledger process that runs."""

    async def main() -> None:
        async with books(folder) as on:
            await on.wallet(ALICE, RUB=1_000)
            await on.wallet(BOB)
        at = Books(ENGINES["sqlite"](folder))
        writer = RemoteWriter(frames.Hello(str(folder / "kalita.db"), SECRET, 0, 128))
        await writer.start()
        try:
            await work(at, writer)
            await at.proven()
        finally:
            await writer.stop()
            await at.engine.close()

    asyncio.run(main())


async def _paid_at_last(writer: RemoteWriter, client_id: str) -> Accepted:
    """Send a payment until it is answered."""
    ends = asyncio.get_running_loop().time() + 20
    while asyncio.get_running_loop().time() < ends:
        try:
            outcome = await asyncio.wait_for(writer.submit(pay(ALICE, BOB, 1, client_id=client_id)), 10)
        except Unavailable:
            await asyncio.sleep(0.02)
        else:
            assert isinstance(outcome, Accepted)
            return outcome
    raise AssertionError("the ledger did not come back")


def _kill(writer: RemoteWriter) -> None:
    assert writer._process is not None
    os.kill(writer._process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "trouble",
    [
        (OSError("too many processes"), OSError("no memory")),
        (RuntimeError("something nobody thought of"), ValueError("and another")),
        (DIES, DIES, DIES),
        (DIES_READY, DIES_READY),
        (RuntimeError("odd"), DIES, DIES_READY, OSError("full")),
    ],
    ids=["the system refuses", "an odd error", "it dies at once", "it dies when ready", "one after the other"],
)
def test_lost_ledger_is_started_until_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pids: list[int], trouble: tuple[str | Exception, ...]
) -> None:
    """Whatever keeps it from starting, the next attempt follows, and a payment is done once in the end."""

    async def work(at: Books, writer: RemoteWriter) -> None:
        _first(monkeypatch, *trouble)
        _kill(writer)
        await _paid_at_last(writer, "one")
        again = await _paid_at_last(writer, "one")
        assert (again.repeated, await at.balance(BOB)) == (True, 1)

    _run(tmp_path, work)


def test_hanging_start_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pids: list[int]) -> None:
    """A process that never says it is ready is killed, not left behind, and another one is tried."""

    async def work(at: Books, writer: RemoteWriter) -> None:
        monkeypatch.setattr(remote, "START_S", 3)
        _first(monkeypatch, HANGS)
        _kill(writer)
        await _paid_at_last(writer, "one")
        assert len(pids) == 3
        assert [pid for pid in pids if _alive(pid)] == [pids[-1]]

    _run(tmp_path, work)


@pytest.mark.parametrize("script", [HANGS, DIES], ids=["hangs", "dies"])
def test_first_start_that_fails_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pids: list[int], script: str
) -> None:
    """A server whose ledger does not start does not start either, and leaves no process."""
    monkeypatch.setattr(remote, "START_S", 0.5)

    async def work() -> None:
        _first(monkeypatch, script, *[DIES] * 50)
        writer = RemoteWriter(frames.Hello(str(tmp_path / "kalita.db"), SECRET, 0, 128))
        with pytest.raises(Unavailable, match="did not start"):
            await writer.start()
        await asyncio.wait_for(writer.stop(), 5)

    asyncio.run(work())


def test_stop_during_a_start_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pids: list[int]) -> None:
    """A server that is stopped while its ledger hangs in a start does not wait for it for ever."""

    async def work(at: Books, writer: RemoteWriter) -> None:
        _first(monkeypatch, HANGS)
        _kill(writer)
        while len(pids) < 2:
            await asyncio.sleep(0.01)
        await asyncio.wait_for(writer.stop(), 5)
        assert [pid for pid in pids if _alive(pid)] == []

    _run(tmp_path, work)


def test_stopped_ledger_is_not_started_again(tmp_path: Path, pids: list[int]) -> None:
    """The end of the process is no loss when it was asked for."""

    async def work(at: Books, writer: RemoteWriter) -> None:
        await writer.stop()
        await asyncio.sleep(0.3)
        assert len(pids) == 1
        with pytest.raises(Unavailable):
            await writer.submit(pay(ALICE, BOB, 1))

    _run(tmp_path, work)
