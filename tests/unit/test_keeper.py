"""The log of SQLite goes home beside the writer: no commit does it, none waits long for it, and it begins anew."""

import os
import sqlite3
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from kalita.storage.sqlite import keeper
from kalita.storage.sqlite.engine import LONGEST_WAL, connect
from kalita.storage.sqlite.flush import flush
from kalita.storage.sqlite.keeper import Keeper

FRAME = 2048 + 24


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """A connection that writes; the log counts as long after 2,000 rows."""
    monkeypatch.setattr(keeper, "LONGEST_LOG", 2_000)
    connection = connect(tmp_path / "kalita.db")
    connection.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, text TEXT)")
    return connection


def _write(writer: sqlite3.Connection, count: int) -> None:
    writer.execute("BEGIN IMMEDIATE")
    writer.executemany("INSERT INTO row (text) VALUES (?)", [("x" * 1_500,)] * count)
    writer.execute("COMMIT")


def _looked(kept: Keeper) -> None:
    """Look until what was begun is ended."""
    for _ in range(200):
        kept.look()
        if kept._copying is None:
            return
        time.sleep(0.02)
    raise AssertionError("the log was not brought home in four seconds")


def test_log_begins_anew_again_and_again(tmp_path: Path, writer: sqlite3.Connection) -> None:
    """However much is written, the log stays as long as one round makes it, and every row is in the file."""
    kept = Keeper(partial(connect, tmp_path / "kalita.db"), writer)
    for _ in range(30):
        _write(writer, 500)
        _looked(kept)
    kept.close()
    assert (tmp_path / "kalita.db-wal").stat().st_size < 6_000 * FRAME < LONGEST_WAL * FRAME
    writer.close()
    with sqlite3.connect(tmp_path / "kalita.db") as again:
        assert again.execute("SELECT count(*), max(number) FROM row").fetchone() == (15_000, 15_000)


def test_copying_does_not_keep_the_writer_waiting(tmp_path: Path, writer: sqlite3.Connection) -> None:
    """While the other connection is held up for as long as it likes, commits go on."""
    held, go_on = threading.Event(), threading.Event()

    def slow() -> sqlite3.Connection:
        held.set()
        assert go_on.wait(10)
        return connect(tmp_path / "kalita.db")

    kept = Keeper(slow, writer)
    _write(writer, 2_500)
    kept.look()
    assert held.wait(10)
    for _ in range(10):
        _write(writer, 10)
        kept.look()
    go_on.set()
    _looked(kept)
    kept.close()
    assert writer.execute("SELECT count(*) FROM row").fetchone() == (2_600,)


def test_what_fails_is_tried_again(tmp_path: Path, writer: sqlite3.Connection) -> None:
    """A connection that cannot be opened costs nothing but a longer log; the next round brings it home."""
    problems = [sqlite3.OperationalError("disk I/O error")]

    def opened() -> sqlite3.Connection:
        if problems:
            raise problems.pop()
        return connect(tmp_path / "kalita.db")

    kept = Keeper(opened, writer)
    for _ in range(2):
        _write(writer, 2_500)
        kept.look()
        _looked(kept)
    kept.close()
    _write(writer, 1)
    assert writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1] < 100


def test_what_is_not_on_the_disk_yet_stays_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While copied pages go to the disk bit by bit, the log is neither wholly at home nor begun anew."""
    path, seen = tmp_path / "kalita.db", list[tuple[int, int]]()
    monkeypatch.setattr(keeper, "flush", lambda file: seen.append(_backfilled(file)))
    with ThreadPoolExecutor(1) as pool, closing(connect(path)) as writer:
        writer.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, text TEXT)")
        for _ in range(20):
            begun, was = len(seen), _backfilled(path)[1]
            round_ = pool.submit(_round, path)
            while not round_.done():
                _write(writer, 3)
            assert len(seen) == begun + 1
            assert seen[-1][0] < seen[-1][1]
            assert _backfilled(path)[1] > was


def _round(path: Path) -> int:
    with closing(connect(path)) as copier, closing(connect(path)) as reader:
        return keeper._round(copier, reader)


def _backfilled(path: Path) -> tuple[int, int]:
    """Return how many frames of the log are at home, and how many there are: words 24 and 4 of the index of the log."""
    words = struct.unpack("=25I", Path(f"{path}-shm").read_bytes()[:100])
    return words[24], words[4]


def test_nobody_commits(tmp_path: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log goes home as a whole and is synced at once: there is nobody to hold up."""
    monkeypatch.setattr(keeper, "flush", lambda file: pytest.fail("there was no further commit"))
    _write(writer, 100)
    _round(tmp_path / "kalita.db")
    done, frames = _backfilled(tmp_path / "kalita.db")
    assert done == frames > 50


def test_changed_pages_go_to_the_disk(tmp_path: Path) -> None:
    """Of a file that is open here; no descriptor is opened for it. A file that is not open is left alone."""
    path = tmp_path / "file"
    with path.open("wb", buffering=0) as file:
        file.write(b"x" * 3_000_000)
        before = os.listdir("/proc/self/fd")
        flush(path)
        assert os.listdir("/proc/self/fd") == before
    flush(path)
