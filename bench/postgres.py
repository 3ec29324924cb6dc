"""
The rows of the speed table on PostgreSQL: a server of its own, the same for Kalita and for pgbench.
"""

import contextlib
import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench import load, servers
from bench.measure import ROUNDS, Bench, Row, alone_beside, half_load, ratio
from tests import postgres
from tests.postgres import Postgres

SCALE, QUICK_SCALE = 64, 8
SETTINGS = {"shared_buffers": "512MB", "min_wal_size": "3GB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}
LOG_AHEAD = """
DO $$ BEGIN FOR file IN 1..160 LOOP
    PERFORM pg_logical_emit_message(false, 'bench', 'a file that will be used again');
    PERFORM pg_switch_wal();
END LOOP; END $$
"""
"""
As on a server that has run for a while: files of its log are used again, as many as these runs need. One that is made
during a run, 16 MB of zeros and a flush, keeps every commit waiting for 50 ms.
"""


@dataclass
class _Server:
    """PostgreSQL under measurement: where it is, how long one run takes."""

    own: Postgres
    seconds: int

    def tpc_b(self) -> float:
        """Return what pgbench's own TPC-B comes to, in transactions a second. What it leaves unwritten is written."""
        words = ("-M", "prepared", "-c", "64", "-j", "2", "-T", str(self.seconds), "-n")
        found = re.search(r"tps = ([\d.]+)", self._pgbench(*words))
        os.sync()  # else the kernel writes it half a minute later, while another is measured
        assert found is not None
        return float(found[1])

    def make(self, scale: int) -> str:
        """Make pgbench's tables and an empty database for Kalita; return the address of that."""
        for name in ("bench", "kalita"):
            postgres.statement(self.own, f"CREATE DATABASE {name}")
        self._pgbench("-i", "-q", "-s", str(scale))
        postgres.statement(self.own, LOG_AHEAD)
        postgres.statement(self.own, "CHECKPOINT")
        return self.own.url("kalita")

    def _pgbench(self, *words: str) -> str:
        where = ("-h", str(self.own.folder), "-p", str(self.own.port), "-U", "kalita", "bench")
        command = [str(self.own.bin / "pgbench"), *words, *where]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout


@contextlib.contextmanager
def prepared(bench: Bench) -> Iterator[tuple[_Server, Bench]]:
    """Start a server of PostgreSQL for some measurements; yield it, and the bench on it."""
    own = Postgres(**SETTINGS).start()
    try:
        server = _Server(own, bench.seconds)
        bench.say("preparing pgbench's tables")
        database = server.make(QUICK_SCALE if bench.seconds == 1 else SCALE)
        folder = Path(tempfile.mkdtemp(prefix="postgres", dir=bench.data))
        yield server, replace(bench, data=folder, database=database)
    finally:
        own.remove()


def rows(bench: Bench) -> list[Row]:
    """Measure payments on PostgreSQL against TPC-B on the same server, and against bare ASGI."""
    with prepared(bench) as (server, on):
        found = one_process(server, on)
        return found + _two_processes(on)


def one_process(server: _Server, on: Bench) -> list[Row]:
    """Measure what one process comes to."""
    tokens, seconds = on.tokens(), on.seconds
    with on.both() as (bare, url, pid):
        tpc_b, pay, payee = [], [], []
        for turn in range(1, ROUNDS + 1):
            on.say(f"PostgreSQL, round {turn} of {ROUNDS}: bare, payments, one payee")
            pay.append((load.run(url, "pay", tokens, seconds).rate, alone_beside(pid, bare, tokens, seconds, "pay")))
            one = load.run(url, "pay", tokens, seconds, payee=servers.FIRST).rate
            payee.append((one, load.run(url, "pay", tokens, seconds).rate))
        half = half_load(on, url, statistics.median(ours for ours, _ in pay))
        for turn in range(1, ROUNDS + 1):  # last: it fills the server's memory with its own tables, to be written
            on.say(f"PostgreSQL, round {turn} of {ROUNDS}: payments, TPC-B")
            rate = load.run(url, "pay", tokens, seconds).rate
            with servers.still(pid):
                tpc_b.append((rate, server.tpc_b()))
        memory = servers.memory_mb(pid)
    return [
        ratio("PostgreSQL: HTTP payments ÷ pgbench TPC-B", tpc_b, 1.2, 2.5),
        ratio("PostgreSQL: HTTP payments ÷ bare ASGI", pay, 0.25, 0.55),
        ratio("PostgreSQL: one payee ÷ uniform, one process", payee, 0.9, 1.0),
        replace(half, name=f"PostgreSQL: {half.name}"),
        Row("PostgreSQL: resident memory, MB", memory, 200, 120, True, "one process, after these runs"),
    ]


def _two_processes(on: Bench) -> list[Row]:
    tokens, seconds, payee = on.tokens(), on.seconds, []
    with on.both(processes=2) as (_, url, _pid):
        for turn in range(1, ROUNDS + 1):
            on.say(f"PostgreSQL, two processes, round {turn} of {ROUNDS}: one payee, payments")
            one = load.run(url, "pay", tokens, seconds, payee=servers.FIRST).rate
            payee.append((one, load.run(url, "pay", tokens, seconds).rate))
    return [ratio("PostgreSQL: one payee ÷ uniform, two processes", payee, 0.6, 0.9)]
