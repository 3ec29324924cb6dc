"""
The database server itself fails: killed as by a power cut, full, copied while it is written to.

Invariants I1 to I4: what was answered is there once it is back, everything else may be asked for again, and the
processes of the server live through it all without help. On PostgreSQL, with two processes.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import postgres
from tests.fault.load import Load, agree, ask_again, settled
from tests.fault.town import DATABASES, Line, audit, build, children, seed, serve
from tests.postgres import Postgres
from tests.servers import Demo, stop

CLIENTS = 16
KILLS = 3 if "KALITA_LONG" not in os.environ else 20
FUNDS = [1_000_000_00] * CLIENTS + [0] * 16
SEGMENT = 1024 * 1024
LITTLE = 8192


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server of PostgreSQL for this test alone; its log is in files of 1 MB."""
    server = Postgres(wal_segment_mb=1).start()
    yield server
    server.remove()


def database(own: Postgres, name: str = "town") -> str:
    """Make an empty database, reached over TCP."""
    postgres.statement(own, f"CREATE DATABASE {name}")
    return own.url(name, tcp=True)


def test_database_is_killed_under_sixteen_payers(tmp_path: Path, own: Postgres) -> None:
    """Three times all its processes at once; payments wait or are a 503, and go on as soon as it is back."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS, database=database(own))
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    server = serve(tmp_path)
    started = children(server.pid)
    load.begin(server)
    try:
        for _ in range(KILLS):
            time.sleep(random_.uniform(0.5, 1.5))
            own.kill()
            time.sleep(random_.uniform(0, 1.5))
            own.start()
            settled(server, load)
            audit(tmp_path)
        answers = load.end()
        agree(server, citizens, answers)
        ask_again(server, citizens, random_.sample([one for one in answers if one.txn_id], 100))
        assert children(server.pid) == started, "a process did not live through it"
    finally:
        load.over.set()
        assert stop(server) == 0
    audit(tmp_path)
    print(f"{len(answers)} answers through {KILLS} kills")


def space(own: Postgres, size: int) -> None:
    """
    Bound the size of files that the database may write; -1 gives the space back.

    The kernel's bound stands for a volume that is full, as in test_full_disk.py; who runs the database sets it.
    """
    assert own.process is not None
    bound = f"--fsize={size if size >= 0 else 'unlimited'}:unlimited"
    for pid in (own.process.pid, *children(own.process.pid)):
        subprocess.run(["prlimit", "--pid", str(pid), bound], user=own.user, capture_output=True)
    limit = Path(f"/proc/{own.process.pid}/limits").read_text("ascii")
    assert re.search(rf"Max file size +{size if size >= 0 else 'unlimited'} ", limit)


def refusal(server: Demo, line: Line, payee: int, client_id: int) -> None:
    """A payment is refused as clearly as can be, and the server says how it is."""
    refused = line.pay(payee, client_id, 1_00)
    assert refused.status == 503
    assert refused.json["errorCode"] == "service.unavailable"
    assert refused.json["traceId"] in refused.json["description"]
    begun = time.monotonic()
    assert line.ask("GET", "/health").status in (200, 503)
    assert time.monotonic() - begun < 1.5


def test_volume_of_the_data_is_full(tmp_path: Path, own: Postgres) -> None:
    """Tables cannot grow: payments are refused, balances are shown; with space again all goes on by itself."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS, database=database(own))
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    server = serve(tmp_path)
    load.begin(server)
    try:
        with closing(Line(server.address, citizens[0])) as line:
            until_large(own)
            space(own, SEGMENT)
            time.sleep(1)
            refusal(server, line, citizens[-1].number, 10**15)
            assert line.ask("GET", f"/funding-sources/v2/persons/{citizens[0].number}/accounts").status == 200
            space(own, -1)
        settled(server, load)
        answers = load.end()
        agree(server, citizens, answers)
        audit(tmp_path)
    finally:
        load.over.set()
        assert stop(server) == 0
    assert "Traceback" not in server.log.read_text("utf-8")


def until_large(own: Postgres) -> None:
    """Wait until a table is larger than what will be allowed."""
    text = "SELECT pg_relation_size('history')"
    ends = time.monotonic() + 60
    while postgres.statement(own, text, "town")[0][0] < SEGMENT + LITTLE:
        assert time.monotonic() < ends
        time.sleep(0.2)


def test_volume_of_the_log_is_full(tmp_path: Path, own: Postgres) -> None:
    """The database panics and stays down; started again with space, it has all that was answered."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS, database=database(own))
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    server = serve(tmp_path)
    load.begin(server)
    try:
        with closing(Line(server.address, citizens[0])) as line:
            load.more(2 * CLIENTS)
            space(own, LITTLE)
            time.sleep(1)
            refusal(server, line, citizens[-1].number, 10**15)
        space(own, -1)
        own.kill(signal.SIGQUIT)
        own.start()
        settled(server, load)
        answers = load.end()
        agree(server, citizens, answers)
        audit(tmp_path)
    finally:
        load.over.set()
        assert stop(server) == 0
    assert "PANIC" in own.log.read_text("utf-8")


def test_a_copy_made_while_payments_are_written_is_whole(tmp_path: Path, own: Postgres) -> None:
    """A dump is one moment: proven by its own audit, with every payment answered before it was begun, and it serves."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS, database=database(own))
    server = serve(tmp_path)
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    load.begin(server)
    restored, dump = tmp_path / "restored", tmp_path / "dump"
    (restored / "data").mkdir(parents=True)
    try:
        load.more(200)
        begun = time.time_ns() // 1_000_000
        run(own, "pg_dump", "-Fc", "-f", str(dump), DATABASES[tmp_path])
        answers = load.end()
    finally:
        load.over.set()
        assert stop(server) == 0
    DATABASES[restored] = database(own, "restored")
    run(own, "pg_restore", "-d", DATABASES[restored], str(dump))
    shutil.copy(server.data / "secret.key", restored / "data")
    audit(restored)
    before = [one for one in answers if one.txn_id and one.answered < begun]
    assert len(answers) > len(before) > 100
    again = serve(restored)
    try:
        ask_again(again, citizens, before)
    finally:
        assert stop(again) == 0
    audit(restored)
    audit(tmp_path)


def run(own: Postgres, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs."""
    subprocess.run([str(own.bin / program), *arguments], check=True, capture_output=True, timeout=60)
