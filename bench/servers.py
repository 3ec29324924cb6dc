"""
Start and stop the servers under load, and prepare their wallets.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from kalita.access.tokens import LIFE_DAYS, token_hash
from kalita.app import App
from kalita.clock import DAY
from kalita.money import RUB
from kalita.people.wallets import Level
from kalita.settings import Settings
from kalita.storage.engine import Step
from kalita.web.listen import bind

WALLETS = 10_000
FIRST = 79_000_000_000
FUNDS = 100_000_00
KALITA = Path(sys.executable).with_name("kalita")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with bind("127.0.0.1", 0) as bound:
        port: int = bound.getsockname()[1]
        return port


@contextlib.contextmanager
def started(command: list[str], url: str) -> Iterator[int]:
    """Start a server, wait until it answers, yield its process id, end it."""
    log = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def place(data: Path, database: str) -> list[str]:
    """Return the options that lead to an installation."""
    return ["--data", str(data), *(["--database", database] if database else [])]


@contextlib.contextmanager
def kalita(data: Path, database: str = "", processes: int = 1, **environment: str) -> Iterator[tuple[str, int]]:
    """Serve an installation as production does; yield its address and process id."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    os.environ.update(environment)
    command = [str(KALITA), "serve", *place(data, database), "--port", str(port), "--metrics-port", "-1"]
    command += ["--processes", str(processes)] if processes > 1 else []
    with started(command, url) as pid:
        yield url, pid


@contextlib.contextmanager
def bare(tokens: Path) -> Iterator[str]:
    """Serve the yardstick to the holders of some tokens; yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with started([sys.executable, "-m", "bench.bare", str(port), str(tokens)], url):
        yield url


@contextlib.contextmanager
def still(pid: int) -> Iterator[None]:
    """Hold a process and those it started still."""
    family = [pid, *_children(pid)]
    for one in family:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in reversed(family):
            os.kill(one, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and of those it started, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024
    return own + sum(memory_mb(child) for child in _children(pid))


def prepare(data: Path, database: str = "") -> Path:
    """Make an installation with 10,000 funded wallets and a token each; return the file of their tokens."""
    return asyncio.run(_prepare(Settings(data=data, database=database)))


async def _prepare(settings: Settings) -> Path:
    app = await App.open(settings, create=True)
    await app.start()
    numbers = range(FIRST, FIRST + WALLETS)
    for begin in range(0, WALLETS, 2_000):
        some = numbers[begin : begin + 2_000]
        await asyncio.gather(*(app.wallets.create(number, Level.FULL) for number in some))
        await asyncio.gather(*(app.wallets.top_up(number, FUNDS, RUB, None, "bench") for number in some))
    now = app.clock.now()
    tokens = {number: secrets.token_hex(16) for number in numbers}
    steps = [
        Step("token_add", (token_hash(token), number, token[:4], 31, now, now + LIFE_DAYS * DAY, None))
        for number, token in tokens.items()
    ]
    await app.engine.change(*steps)
    await app.close()
    file = settings.data / "tokens.txt"
    file.write_text("".join(f"{number} {token}\n" for number, token in tokens.items()))
    return file
