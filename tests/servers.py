"""
Real servers for tests: started on any free port, ended by their process id.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests import postgres

KALITA = str(Path(sys.executable).with_name("kalita"))
ENGINES = ("sqlite", "postgres")
START_S = 60
STOP_S = 30


@dataclass(frozen=True)
class Wallet:
    """A wallet of the demonstration and its token, which has every permission."""

    number: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """The head that calls for this wallet."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Demo:
    """
    A server that runs: where, whose wallets, which process, where its data and its log lie.

    database  its address when it is on PostgreSQL; '': a file of `data`
    """

    url: str
    wallets: list[Wallet]
    process: subprocess.Popen[bytes]
    data: Path
    log: Path
    database: str = ""

    @property
    def place(self) -> tuple[str, ...]:
        """Options that let a command find the same installation."""
        return place(self.data, self.database)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self.process.pid

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for a raw socket."""
        url = httpx.URL(self.url)
        assert url.port
        return url.host, url.port

    def client(self, wallet: int = 0) -> httpx.Client:
        """Return a client that carries the token of a wallet: 0 the first, 1 the second."""
        return httpx.Client(base_url=self.url, headers=self.wallets[wallet].headers, timeout=10)


def place(data: Path, database: str = "") -> tuple[str, ...]:
    """Return the options that lead to an installation."""
    return ("--data", str(data), *(("--database", database) if database else ()))


def database_of(folder: Path, engine: str) -> str:
    """Return the address of the database that goes with a folder; '' when it is a file there."""
    return postgres.database_of(folder, made=False) if engine == "postgres" else ""


@contextlib.contextmanager
def demo(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None, engine: str = "sqlite"
) -> Iterator[Demo]:
    """
    Run `kalita demo` in a folder until the block ends; a folder that was used before is opened again.

    folder       its `data` holds the database, its `log` what the server wrote on standard error
    arguments    more of them for the command line
    environment  variables on top of the test's own
    engine       one of ENGINES; on PostgreSQL two processes serve, unless told otherwise
    """
    running = start(folder, *arguments, environment=environment, engine=engine)
    try:
        yield running
    finally:
        stop(running)


def start(folder: Path, *arguments: str, environment: dict[str, str] | None = None, engine: str = "sqlite") -> Demo:
    """Start `kalita demo` and wait until it listens."""
    data, log, database = folder / "data", folder / "log", database_of(folder, engine)
    announced = data / "demo.json"
    before = announced.stat().st_mtime_ns if announced.exists() else None
    several = ("--processes", "2") if database and "--processes" not in arguments else ()
    options = ("--port", "0", "--metrics-port", "-1", *place(data, database), *several, *arguments)
    command = [KALITA, "demo", *options]
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=os.environ | (environment or {})
        )
    ends = time.monotonic() + START_S
    while not announced.exists() or announced.stat().st_mtime_ns == before:
        if process.poll() is not None or time.monotonic() > ends:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not start:\n{log.read_text('utf-8')[-4000:]}")
        time.sleep(0.02)
    told = json.loads(announced.read_text("utf-8"))
    wallets = [Wallet(int(one["wallet"]), one["token"]) for one in told["wallets"]]
    return Demo(told["url"], wallets, process, data, log, database)


def stop(running: Demo, how: signal.Signals = signal.SIGTERM) -> int:
    """End a server by its process id; return its exit code. One that does not end in time is killed and fails."""
    if running.process.poll() is None:
        running.process.send_signal(how)
    try:
        return running.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        running.process.kill()
        running.process.wait()
        raise AssertionError(f"the server did not end within {STOP_S} s") from None
