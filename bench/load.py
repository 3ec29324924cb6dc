"""
Put load on a server with wrk and read what came of it.
"""

import itertools
import subprocess
import time
from pathlib import Path

import msgspec

LUA = Path(__file__).with_name("load.lua")
CONNECTIONS = 64
_runs = itertools.count(1)


class Result(msgspec.Struct):
    """What one run came to: answered requests, those with a bad status, socket errors, latencies in milliseconds."""

    requests: int
    seconds: float
    bad: int
    socket: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return (self.requests - self.bad) / self.seconds


def run(
    url: str, mode: str, wallets: Path, seconds: int, payee: int | None = None, delay_ms: int = 0,
    providers: tuple[int, ...] = (),
) -> Result:  # fmt: skip
    """
    Run wrk with 64 connections.

    mode      pay or page
    payee     everybody pays this wallet; None: anybody
    delay_ms  how long a connection waits before each request
    providers pay these, in turn by chance, instead of wallets
    """
    base = f"{time.time_ns() // 1_000_000_000}{next(_runs):03d}"
    words = [mode, str(wallets), base]
    words += ["payee", str(payee)] if payee else []
    words += ["delay", str(delay_ms)] if delay_ms else []
    words += ["providers", " ".join(map(str, providers))] if providers else []
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(LUA), url, "--", *words],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    result = msgspec.json.decode(line.removeprefix("RESULT "), type=Result)
    assert not result.socket, f"{result.socket} socket errors"
    assert not result.bad, f"{result.bad} answers were not 200"
    return result
