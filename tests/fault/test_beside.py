"""
Beside a busy server: operators' commands that write, and copies of the database.
"""

import random
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.commands import kalita
from tests.fault.load import Load, agree, ask_again
from tests.fault.town import audit, build, kopecks, seed, serve
from tests.servers import stop

CLIENTS = 8
FUNDS = [100_000_00] * CLIENTS + [0] * 8
TOP_UPS = 4


def test_two_commands_write_beside_a_busy_server(tmp_path: Path, engine: str) -> None:
    """Top-ups from two other processes all the while: each arrives once, a repeat moves nothing, nobody fails."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS, engine)
    server = serve(tmp_path)
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    failed: list[str] = []

    def top_up(desk: int) -> None:
        for number in range(TOP_UPS):
            words = ("topup", f"{citizens[desk].number}", "10.01", "--id", f"desk-{desk}-{number}", "--note", "Town")
            for _ in range(2):
                done = kalita(*words, *server.place)
                if done.code:
                    failed.append(done.err)

    load.begin(server)
    desks = [threading.Thread(target=top_up, args=(desk,)) for desk in range(2)]
    try:
        for desk in desks:
            desk.start()
        for desk in desks:
            desk.join()
        answers = load.end()
        assert not failed
        topped = [replace(one, funds=one.funds + TOP_UPS * 10_01) for one in citizens[:2]]
        agree(server, [*topped, *citizens[2:]], answers)
        audit(tmp_path)
    finally:
        load.over.set()
        assert stop(server) == 0
    assert sum(one.asked > 1 for one in answers) == 0


def _vacuum(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as database:
        database.execute("VACUUM INTO ?", (str(target),))


def _backup(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(target)) as copy:
        database.backup(copy, pages=50, sleep=0.001)


@pytest.mark.parametrize("copy", [_vacuum, _backup], ids=["VACUUM INTO", "backup"])
def test_a_copy_made_while_payments_are_written_is_whole(tmp_path: Path, copy: Callable[[Path, Path], None]) -> None:
    """
    The copy is proven by its own audit; it holds every payment that was answered before it was begun, and serves.

    What was paid while it was made is there or is not, as a whole; the server never refuses anything meanwhile.
    """
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS)
    server = serve(tmp_path)
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    load.begin(server)
    restored = tmp_path / "restored"
    (restored / "data").mkdir(parents=True)
    try:
        load.more(200)
        begun = time.time_ns() // 1_000_000
        copy(server.data / "kalita.db", restored / "data" / "kalita.db")
        load.more(CLIENTS)
        answers = load.end()
    finally:
        load.over.set()
        assert stop(server) == 0
    shutil.copy(server.data / "secret.key", restored / "data")
    audit(restored)
    assert sum(one.asked > 1 for one in answers) == 0
    before = [one for one in answers if one.txn_id and one.answered < begun]
    assert len(answers) > len(before) > 100
    again = serve(restored)
    try:
        ask_again(again, citizens, before)
    finally:
        assert stop(again) == 0
    audit(restored)
    audit(tmp_path)


def test_kopecks() -> None:
    """What these tests read amounts with."""
    assert [kopecks(text) for text in ("0", "1", "1.5", "1.05", "12.34")] == [0, 100, 150, 105, 1234]
