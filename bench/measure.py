"""
The rows of the speed table, each measured with both sides in one run.
"""

import contextlib
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import histories, ledger, load, servers

ROUNDS = 3


@dataclass(frozen=True)
class Row:
    """
    One line of the table.

    less   the smaller the better
    detail both sides, in words
    """

    name: str
    value: float
    must: float
    aim: float
    less: bool
    detail: str

    @property
    def holds(self) -> bool:
        """Whether the must is met."""
        return self.value <= self.must if self.less else self.value >= self.must


@dataclass
class Bench:
    """
    What the measurements share.

    seconds   length of one load run; say: shows progress
    database  an address of PostgreSQL; '': a file of `data`
    """

    data: Path
    seconds: int
    big: int
    say: Callable[[str], None]
    database: str = ""

    def tokens(self) -> Path:
        """Prepare the installation once; return the file of its tokens."""
        file = self.data / "tokens.txt"
        if not file.exists():
            self.say(f"preparing {servers.WALLETS} wallets")
            servers.prepare(self.data, self.database)
        return file

    @contextlib.contextmanager
    def both(self, processes: int = 1) -> Iterator[tuple[str, str, int]]:
        """Start the yardstick and Kalita; yield their addresses and Kalita's process id; check the books after."""
        tokens = self.tokens()
        with servers.bare(tokens) as bare, servers.kalita(self.data, self.database, processes) as (url, pid):
            load.run(url, "pay", tokens, 1)
            yield bare, url, pid
        command = [servers.KALITA, "audit", *servers.place(self.data, self.database)]
        proven = subprocess.run(command, capture_output=True, text=True)
        assert proven.returncode == 0, proven.stdout


def http(bench: Bench) -> list[Row]:
    """Measure everything that goes over HTTP."""
    tokens, seconds, say = bench.tokens(), bench.seconds, bench.say
    with bench.both() as (bare, url, pid):
        alone = partial(alone_beside, pid, bare, tokens, seconds)
        paid = payments_in(bench.data)
        while paid < 100_000:
            say(f"{paid} payments of 100000")
            load.run(url, "pay", tokens, seconds)
            paid = payments_in(bench.data)
        memory = servers.memory_mb(pid)
        pay, page, payee = [], [], []
        for turn in range(1, ROUNDS + 1):
            say(f"round {turn} of {ROUNDS}: bare, payments, one payee, history")
            pay.append((load.run(url, "pay", tokens, seconds).rate, alone("pay")))
            one = load.run(url, "pay", tokens, seconds, payee=servers.FIRST).rate
            payee.append((one, load.run(url, "pay", tokens, seconds).rate))
            page.append((load.run(url, "page", tokens, seconds).rate, alone("page")))
        half = half_load(bench, url, statistics.median(ours for ours, _ in pay))
    return [
        ratio("HTTP payments ÷ bare ASGI", pay, 0.25, 0.50),
        ratio("one payee ÷ uniform payees", payee, 0.9, 1.0),
        half,
        ratio("history GET (10 rows) ÷ bare ASGI", page, 0.3, 0.6),
        Row("resident memory, MB", memory, 200, 120, True, f"server and ledger process after {paid} payments"),
    ]


def alone_beside(pid: int, bare: str, tokens: Path, seconds: int, mode: str) -> float:
    """Return what the yardstick comes to while Kalita is held still: it may have messages to send."""
    with servers.still(pid):
        return load.run(bare, mode, tokens, seconds).rate


def half_load(bench: Bench, url: str, rate: float) -> Row:
    """Return the row of the slowest answers at half of a rate: the median of some runs."""
    delay_ms, halves = round(load.CONNECTIONS / (rate / 2) * 1000), []
    for turn in range(1, ROUNDS + 1):
        bench.say(f"half load, round {turn} of {ROUNDS}")
        halves.append(load.run(url, "pay", bench.tokens(), bench.seconds, delay_ms=delay_ms))
    half = sorted(halves, key=lambda result: result.p99_ms)[ROUNDS // 2]
    fsync_ms = fdatasync_ms(bench.data)
    return Row(
        "p99 at half load ÷ (10 fdatasync + 10 ms)",
        half.p99_ms / (10 * fsync_ms + 10),
        1.0,
        (3 * fsync_ms + 5) / (10 * fsync_ms + 10),
        True,
        f"p99 {half.p99_ms:.1f} ms at {half.rate:.0f}/s, one fdatasync {fsync_ms:.2f} ms",
    )


def ratio(name: str, pairs: list[tuple[float, float]], must: float, aim: float) -> Row:
    """Return the row of the median of some ratios."""
    middle = sorted(pairs, key=lambda pair: pair[0] / pair[1])[len(pairs) // 2]
    return Row(name, middle[0] / middle[1], must, aim, False, f"{middle[0]:.0f}/s ÷ {middle[1]:.0f}/s")


def groups(bench: Bench) -> list[Row]:
    """Measure the writer below HTTP: up to 128 orders a commit against one."""
    pairs = []
    for turn in range(1, ROUNDS + 1):
        bench.say(f"round {turn} of {ROUNDS}: commits of up to 128 orders, commits of one")
        grouped = ledger.rate(bench.data / f"grouped{turn}", 128, 2_500 * bench.seconds)
        single = ledger.rate(bench.data / f"single{turn}", 1, 1_000 * bench.seconds)
        pairs.append((grouped, single))
    return [ratio("group commit ÷ commit of one order", pairs, 4, 8)]


def pages(bench: Bench) -> list[Row]:
    """Measure pages and totals of a long history against a short one."""
    return [
        Row(
            f"history {name}: {bench.big} payments ÷ 1000",
            long / short,
            1.5,
            1.1,
            True,
            f"{long:.0f} µs ÷ {short:.0f} µs",
        )
        for name, long, short in histories.measure(bench.data / "long", bench.big, bench.say)
    ]


def fdatasync_ms(folder: Path) -> float:
    """Return the median time of an fdatasync after 8 kB, in milliseconds."""
    path = folder / "fsync.tmp"
    times = []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(os.urandom(8192))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begun) * 1000)
    path.unlink()
    return statistics.median(times)


def payments_in(data: Path) -> int:
    """Return how many payments the database holds."""
    return ledger.count(data / "kalita.db", "payment")
