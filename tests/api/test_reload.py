"""
SIGHUP to a server of one process: it starts anew with the settings as they are now, in the same process.

Guarantee: no call is refused meanwhile, and whatever is wrong with the new settings, the server goes on with the old.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.commands import kalita
from tests.fault.town import children
from tests.servers import Demo, demo, stop

PATIENCE_S = 20


@pytest.fixture
def server(tmp_path: Path, engine: str) -> Iterator[Demo]:
    """A demonstration of one process."""
    with demo(tmp_path, "--processes", "1", engine=engine) as running:
        yield running


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)


def told(server: Demo, event: str) -> int:
    """Return how often the server logged an event."""
    return sum(f" {event} " in f"{line} " for line in server.log.read_text("utf-8").splitlines())


def hang_up(server: Demo, event: str) -> None:
    """Send SIGHUP and wait until the server logged what came of it."""
    before = told(server, event)
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: told(server, event) > before)


def balances(server: Demo) -> int:
    """Ask for balances on a connection of its own; return the status."""
    with server.client() as client:
        return client.get(f"/funding-sources/v2/persons/{server.wallets[0].number}/accounts").status_code


def test_new_settings_hold_and_nobody_is_refused(server: Demo) -> None:
    """Calls of all the while are answered; the process is the same, its ledger a new one; a stop still ends it well."""
    statuses: list[int] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            statuses.append(httpx.get(f"{server.url}/health", timeout=PATIENCE_S).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    ledger = children(server.pid)
    (server.data / "kalita.toml").write_text("requests_a_minute = 3\n")
    hang_up(server, "reloaded")
    over.set()
    asking.join()
    assert set(statuses) == {200}
    assert [balances(server) for _ in range(5)] == [200] * 3 + [423] * 2
    assert len(children(server.pid)) == 1
    assert children(server.pid) != ledger
    assert stop(server) == 0
    assert kalita("audit", *server.place).code == 0


def test_wrong_settings_leave_the_server_at_work(server: Demo) -> None:
    """Those that cannot be read, and those that it cannot start with; and then good ones are taken."""
    file = server.data / "kalita.toml"
    file.write_text("requests_a_minute = many\n")
    hang_up(server, "not_reloaded")
    assert balances(server) == 200
    file.write_text('secret_key = "' + "5a" * 32 + '"\n')
    hang_up(server, "not_reloaded")
    until(lambda: told(server, "reloaded") + told(server, "listening") > 1)
    assert balances(server) == 200
    file.write_text('log_level = "debug"\n')
    hang_up(server, "reloaded")
    assert balances(server) == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stop_after_hang_up_stops(server: Demo, how: signal.Signals) -> None:
    """Whoever asks for an end while the server finishes what is under way gets it; that is answered all the same."""
    with socket.create_connection(server.address, PATIENCE_S) as line:
        line.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        assert httpx.get(f"{server.url}/health").status_code == 200
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(0.5)
        os.kill(server.pid, how)
        time.sleep(0.2)
        line.sendall(b"}")
        assert b"connection: close" in line.recv(65536)
    assert server.process.wait(PATIENCE_S) == 0
    assert told(server, "reloaded") == 0


def test_hang_up_of_a_terminal_leaves_the_ledger_at_work(server: Demo) -> None:
    """Its SIGHUP goes to every process; the ledger's is the server's business."""
    (ledger,) = children(server.pid)
    os.kill(ledger, signal.SIGHUP)
    time.sleep(0.2)
    assert children(server.pid) == [ledger]
