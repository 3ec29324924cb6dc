"""
Several processes behind one address, on PostgreSQL.

Guarantee: whatever one of them, or a command, changed holds for the next call through any other; nobody notices that
one died, or that new ones took over; all end when they are asked to, and when their parent is gone.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.house import payment
from tests.api.live import PAY
from tests.commands import kalita, wrong
from tests.fault.town import alive, children, connections
from tests.servers import Demo, demo, start

PROCESSES = 2
PATIENCE_S = 10


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Demo]:
    """A demonstration of two processes."""
    with demo(tmp_path, "--processes", str(PROCESSES), engine="postgres") as running:
        yield running


@contextmanager
def lines(server: Demo) -> Iterator[list[httpx.Client]]:
    """Open connections until every process has some."""
    with ExitStack() as stack:
        opened: list[httpx.Client] = []
        for _ in range(200):
            opened.append(stack.enter_context(server.client()))
            assert opened[-1].get("/health").status_code == 200
            if len(opened) >= 8 and all(connections(pid, server) > 1 for pid in children(server.pid)):
                yield opened
                return
        raise AssertionError("one process gets no connections")


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_revoked_token_is_dead_in_every_process_at_once(server: Demo) -> None:
    """The next call through any connection is refused, though each process had known the token."""
    wallet = server.wallets[0]
    target = f"/funding-sources/v2/persons/{wallet.number}/accounts"
    with lines(server) as opened:
        assert {client.get(target).status_code for client in opened} == {200}
        assert kalita("token", "revoke", str(wallet.number), *server.place).code == 0
        assert {client.get(target).status_code for client in opened} == {401}


def test_history_calls_of_all_processes_are_counted_together(server: Demo) -> None:
    """200 calls spread over both are cut at 100; the block holds in both. Source: access.md 7."""
    target = f"/payment-history/v2/persons/{server.wallets[0].number}/payments?rows=1"
    with lines(server) as opened:
        answers = [opened[number % len(opened)].get(target).status_code for number in range(200)]
    assert answers == [200] * 100 + [423] * 100


def test_tests_of_a_hook_are_counted_together(server: Demo) -> None:
    """Ten a minute, however many processes are asked. Source: webhooks.md 4.6."""
    with lines(server) as opened:
        made = opened[0].put(
            "/payment-notifier/v1/hooks", params={"hookType": 1, "param": "https://example.org/", "txnType": 2}
        )
        assert made.status_code == 200
        answers = [
            opened[number % len(opened)].get("/payment-notifier/v1/hooks/test").status_code for number in range(12)
        ]
    assert answers == [200] * 10 + [423] * 2


def test_change_of_the_catalogue_is_taken_up_within_two_seconds(server: Demo) -> None:
    """By every process, without a word to any."""
    assert kalita("provider", "set", "99", "--min-sum", "2", *server.place).code == 0
    with lines(server) as opened:
        ends = time.monotonic() + 2
        time.sleep(max(ends - time.monotonic(), 0))
        assert {client.post(PAY, json=payment()).json()["code"] for client in opened} == {"QWPRC-241"}


def test_dead_process_is_started_again(server: Demo) -> None:
    """New connections are answered all the while, by those that live."""
    before = children(server.pid)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(set(children(server.pid)) - set(before)) == 1)
    with lines(server) as opened:
        assert len(opened) >= 8
    assert before[1] in children(server.pid)


def test_new_settings_come_with_new_processes(server: Demo) -> None:
    """SIGHUP: new processes take over; wrong settings leave the old ones at work."""
    before, file = children(server.pid), server.data / "kalita.toml"
    file.write_text("requests_a_minute = 3\n")
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: not set(before) & set(children(server.pid)))
    target = f"/funding-sources/v2/persons/{server.wallets[0].number}/accounts"
    with lines(server) as opened:
        assert [client.get(target).status_code for client in opened[:5]] == [200] * 3 + [423] * 2
    now = children(server.pid)
    file.write_text("requests_a_minute = many\n")
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: "not_reloaded" in server.log.read_text("utf-8"))
    assert children(server.pid) == now


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    """However it ended."""
    server = start(tmp_path, "--processes", str(PROCESSES), engine="postgres")
    started = children(server.pid)
    assert len(started) == PROCESSES
    server.process.kill()
    server.process.wait()
    until(lambda: not any(alive(pid) for pid in started))


def test_each_process_has_metrics_of_its_own(tmp_path: Path) -> None:
    """Their sum is the server's: a scraper adds them up."""
    with demo(tmp_path, "--processes", "2", "--metrics-port", "0", engine="postgres") as server:
        told = [line.split("address=")[1] for line in server.log.read_text("utf-8").splitlines() if "metrics " in line]
        assert len(told) == PROCESSES
        target = f"/funding-sources/v2/persons/{server.wallets[0].number}/accounts"
        with lines(server) as opened:
            for client in opened:
                assert client.get(target).status_code == 200
        mark = 'kalita_requests_total{route="/funding-sources/v2/persons/{wallet}/accounts",status="200"}'
        found = [httpx.get(address.split()[0]).text for address in told]
        counted = [float(line.rpartition(" ")[2]) for text in found for line in text.splitlines() if mark in line]
        assert len(counted) == PROCESSES
        assert sum(counted) == len(opened)


def test_several_processes_need_postgresql(tmp_path: Path) -> None:
    """A file has one server."""
    wrong(kalita("serve", "--data", tmp_path, "--processes", "2"), "processes", "PostgreSQL", "--database")
    wrong(kalita("serve", *("--database", "postgresql:///x"), "--processes", "61"), "processes", "1 to 60")


@pytest.mark.parametrize(
    ("processes", "wanted", "kept"), [("1", "true", True), ("1", "false", False), ("2", "true", False)]
)
def test_lone_ledger_keeps_to_a_core(tmp_path: Path, processes: str, wanted: str, kept: bool) -> None:
    """The ledger of a server of one process stays on one core in a session of its own, unless a setting says no."""
    several = ("--processes", processes)
    with demo(tmp_path, *several, environment={"KALITA_LEDGER_CORE": wanted}, engine="postgres") as server:
        parent = children(server.pid)[0] if processes == "2" else server.pid
        (ledger,) = children(parent)
        mine = os.sched_getaffinity(0)
        assert len(os.sched_getaffinity(ledger)) == (1 if kept and len(mine) > 1 else len(mine))
        assert (os.getsid(ledger) == ledger) == (kept and len(mine) > 1)
