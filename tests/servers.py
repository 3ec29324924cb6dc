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

KALITA = str(Path(sys.executable).with_name("kalita"))
START_S = 20
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
    """A server that runs: where, whose wallets, which process, where its data and its log lie."""

    url: str
    wallets: list[Wallet]
    process: subprocess.Popen[bytes]
    data: Path
    log: Path

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


@contextlib.contextmanager
def demo(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[Demo]:
    """
    Run `kalita demo` in a folder until the block ends; a folder that was used before is opened again.

    folder       its `data` holds the database, its `log` what the server wrote on standard error
    arguments    more of them for the command line
    environment  variables on top of the test's own
    """
    running = start(folder, *arguments, environment=environment)
    try:
        yield running
    finally:
        stop(running)


def start(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Demo:
    """Start `kalita demo` and wait until it listens."""
    data, log = folder / "data", folder / "log"
    announced = data / "demo.json"
    before = announced.stat().st_mtime_ns if announced.exists() else None
    command = [KALITA, "demo", "--port", "0", "--metrics-port", "-1", "--data", str(data), *arguments]
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
    return Demo(told["url"], wallets, process, data, log)


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
