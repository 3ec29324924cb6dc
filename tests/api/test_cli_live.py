"""
The `kalita` command beside a server that runs.

Guarantee: commands are writers like any other; what they do holds from the server's next answer on, and the books stay
proven.
"""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from signal import Signals

import httpx
import pytest

from tests.commands import kalita
from tests.servers import KALITA, Demo, demo, start, stop

NUMBER = "79990000001"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demonstration that runs."""
    with demo(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture(scope="module")
def wallet(server: Demo) -> str:
    """A wallet made beside the server."""
    assert kalita("wallet", "create", NUMBER, "--data", server.data).code == 0
    return NUMBER


def get(server: Demo, token: str, path: str) -> httpx.Response:
    """Call with a token."""
    return httpx.get(server.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_a_token_holds_from_the_next_request_on(server: Demo, wallet: str) -> None:
    """Issued: it works, for what it allows and no more. Replaced or revoked: 401 at once."""
    accounts, history = "/funding-sources/v1/accounts/current", f"/payment-history/v2/persons/{wallet}/payments?rows=1"
    issue = ["token", "issue", wallet, "--data", server.data]
    first = kalita(*issue, "--permission", "balance").out.strip()
    assert get(server, first, accounts).status_code == 200
    assert get(server, first, history).status_code == 403
    second = kalita(*issue, "--all").out.strip()
    assert get(server, first, accounts).status_code == 401
    assert get(server, second, history).status_code == 200
    assert kalita("token", "revoke", wallet, "--data", server.data).code == 0
    assert get(server, second, accounts).status_code == 401


def test_a_topup_is_there_at_once_and_shows_in_history(server: Demo, wallet: str) -> None:
    """The owner sees the money, who it came from, and the transaction that the command named."""
    token = kalita("token", "issue", wallet, "--all", "--data", server.data).out.strip()
    command = ["topup", wallet, "100.50", "--id", "desk-1", "--note", "Касса 3", "--data", server.data, "--json"]
    done = kalita(*command).json
    assert kalita(*command).json == done | {"repeated": True}
    (account,) = get(server, token, "/funding-sources/v1/accounts/current").json()["accounts"]
    assert account["balance"] == {"amount": 100.5, "currency": 643}
    (payment,) = get(server, token, f"/payment-history/v2/persons/{wallet}/payments?rows=10").json()["data"]
    assert (payment["txnId"], payment["type"], payment["status"]) == (done["transaction"], "IN", "SUCCESS")
    assert (payment["account"], payment["sum"]) == ("Касса 3", {"amount": 100.5, "currency": 643})


def test_commands_and_payments_write_at_the_same_time(server: Demo) -> None:
    """Neither side waits for the other to end, none of them loses anything, and the audit proves it meanwhile."""
    payee = server.wallets[1]
    ends, answers = threading.Event(), []

    def pay() -> None:
        with server.client() as client:
            while not ends.is_set():
                number = len(answers) + 1
                body = {
                    "id": str(number),
                    "sum": {"amount": 1, "currency": "643"},
                    "paymentMethod": {"type": "Account", "accountId": "643"},
                    "fields": {"account": f"+{payee.number}"},
                }
                answers.append(client.post("/sinap/api/v2/terms/99/payments", json=body).status_code)

    before = available(server, payee.number)
    paying = threading.Thread(target=pay)
    paying.start()
    try:
        done = [kalita("topup", str(payee.number), "7", "--data", server.data).code for _ in range(3)]
        audits = [kalita("audit", "--data", server.data) for _ in range(2)]
    finally:
        ends.set()
        paying.join()
    assert done == [0, 0, 0]
    assert [audit.code for audit in audits] == [0, 0], audits
    assert set(answers) == {200}
    assert available(server, payee.number) == before + 21 + len(answers)
    assert kalita("audit", "--data", server.data).code == 0


def available(server: Demo, wallet: int) -> int:
    """Return whole roubles of a wallet."""
    shown = kalita("wallet", "show", str(wallet), "--data", server.data, "--json").json
    return int(shown["balances"][0]["available"])


def test_a_taken_port_is_one_line_and_exit_code_1(server: Demo, tmp_path: Path) -> None:
    """The line names the port and the option; nothing is left running."""
    port = str(server.address[1])
    for command in (
        ["demo", "--port", port, "--data", tmp_path / "a"],
        ["demo", "--port", "0", "--metrics-port", port, "--data", tmp_path / "a"],
        ["serve", "--port", port, "--metrics-port", "-1", "--data", server.data],
    ):
        done = kalita(*command)
        option = "--metrics-port" if "0" in command else "--port"
        assert (done.code, done.out) == (1, "")
        assert done.err.splitlines() == [
            f"Error: cannot listen on 127.0.0.1, port {port}: address already in use. "
            f"Stop what listens there, or choose another {option}"
        ]


def test_a_demonstration_listens_within_two_seconds(tmp_path: Path) -> None:
    """From the command to the file that announces it, books made on the way; the best of three on a shared machine."""
    took = []
    for folder in map(str, range(3)):
        (tmp_path / folder).mkdir()
        begun = time.monotonic()
        running = start(tmp_path / folder)
        took.append(time.monotonic() - begun)
        try:
            assert httpx.get(running.url + "/health").json() == {"status": "ok"}
        finally:
            assert stop(running) == 0
    assert min(took) < 2


def test_a_demonstration_opens_again_with_the_same_wallets_and_tokens(tmp_path: Path) -> None:
    """Clients that were set up go on; money is not given twice."""
    with demo(tmp_path) as first:
        before = available(first, first.wallets[0].number)
    with demo(tmp_path) as again:
        assert again.wallets == first.wallets
        assert available(again, again.wallets[0].number) == before
        assert get(again, again.wallets[1].token, "/funding-sources/v1/accounts/current").status_code == 200


@pytest.mark.parametrize("signal", [Signals.SIGTERM, Signals.SIGINT])
def test_production_serves_what_the_commands_made(tmp_path: Path, signal: Signals) -> None:
    """init, wallet, token, topup, serve: the road of the README, without a demonstration."""
    data = tmp_path / "data"
    kalita("init", "--data", data)
    kalita("wallet", "create", NUMBER, "--level", "full", "--data", data)
    token = kalita("token", "issue", NUMBER, "--all", "--data", data).out.strip()
    kalita("topup", NUMBER, "12", "--data", data)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Served(data, port)
    try:
        (account,) = running.get(token, "/funding-sources/v1/accounts/current").json()["accounts"]
    finally:
        assert running.stop(signal) == 0
    assert account["balance"]["amount"] == 12
    assert kalita("audit", "--data", data).code == 0


class Served:
    """`kalita serve` on a port, until it is stopped."""

    def __init__(self, data: Path, port: int) -> None:
        command = [KALITA, "serve", "--port", str(port), "--metrics-port", "-1", "--data", str(data)]
        self._url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def get(self, token: str, path: str) -> httpx.Response:
        """Call with a token as soon as the server listens."""
        ends = time.monotonic() + 20
        while True:
            try:
                return httpx.get(self._url + path, headers={"Authorization": f"Bearer {token}"})
            except httpx.ConnectError:
                assert time.monotonic() < ends
                time.sleep(0.05)

    def stop(self, signal: Signals) -> int:
        """End it by its process id; return its exit code."""
        self._process.send_signal(signal)
        return self._process.wait(30)
