"""
Kill -9 while payments are on their way to the outside.

Guarantee: every payment that was accepted ends, once; what was debited is what reached the provider, or it is back; the
books of both sides are proven and their lists of the day agree.
"""

import json
import os
import random
import socket
import time
from pathlib import Path
from typing import Any

import httpx

from tests.commands import kalita
from tests.fault.test_kill import kill
from tests.fault.town import children, seed
from tests.servers import Demo, start, stop

ROUNDS = 20 if "KALITA_LONG" in os.environ else 6
A_ROUND = 12
WITHIN_S = 60
SIMULATED = ("1", "0000200300", "0000300002", "0000400002", "0000100300", "0000202000")
"""Done at once, after a while, unknown at first and then done or refused, refused, done after two seconds."""
PAYEE = "79994445566"


def test_kills_of_a_server_that_pays_the_outside(tmp_path: Path, engine: str) -> None:
    """At random moments, with payments in every state; the next server ends them all."""
    random_ = random.Random(seed())
    server, paid = start(tmp_path, engine=engine), dict[str, str]()
    before = balance(server, 0)
    try:
        for round_ in range(ROUNDS):
            for number in range(A_ROUND):
                paid[f"{round_}{number:03}"] = random_.choice(SIMULATED)
                pay(server, f"{round_}{number:03}", paid[f"{round_}{number:03}"])
            time.sleep(random_.uniform(0, 0.7))
            kill([server.pid, *children(server.pid)])
            server.process.wait()
            server = start(tmp_path, engine=engine)
        ends = all_ended(server, len(paid))
        good = [client_id for client_id, account in paid.items() if account[:5] not in ("00004", "00001")]
        assert sorted(client_id for client_id, status in ends.items() if status == "SUCCESS") == sorted(good)
        assert round(before - balance(server, 0), 2) == len(good)
        proven(server)
    finally:
        stop(server)


def test_kills_of_either_of_two_that_pay_each_other(tmp_path: Path) -> None:
    """One is the network, the other the provider: nothing is lost between them, nothing is there twice."""
    random_ = random.Random(seed())
    port = free_port()
    places = {"payer": tmp_path / "payer", "provider": tmp_path / "provider"}
    for place in places.values():
        place.mkdir()
    options = {"payer": (), "provider": ("--port", str(port))}
    servers = {name: start(places[name], *options[name]) for name in places}
    try:
        agent = kalita("agent", "create", "net", "--overdraft", "9000", "--json", *servers["provider"].place).json
        secret = ("--login", agent["login"], "--password", agent["password"])
        connect = ("provider", "set", "674", "--connector", "osmp", "--url", agent["url"], *secret)
        assert kalita(*connect, *servers["payer"].place).code == 0
        time.sleep(2)
        for round_ in range(ROUNDS):
            for number in range(A_ROUND):
                pay(servers["payer"], f"{round_}{number:03}", PAYEE)
            time.sleep(random_.uniform(0, 0.3))
            victim = random_.choice(sorted(servers))
            kill([servers[victim].pid, *children(servers[victim].pid)])
            servers[victim].process.wait()
            servers[victim] = start(places[victim], *options[victim])
            if victim == "provider":
                kalita("clock", "advance", "2m", *servers["payer"].place)
        kalita("clock", "advance", "2h", *servers["payer"].place)
        ends = all_ended(servers["payer"], ROUNDS * A_ROUND)
        assert set(ends.values()) == {"SUCCESS"}
        agree(servers, tmp_path / "registry.csv", ROUNDS * A_ROUND)
        for server in servers.values():
            proven(server)
    finally:
        for server in servers.values():
            stop(server)


def pay(server: Demo, client_id: str, account: str) -> None:
    """Pay one rouble; a payment that is accepted must end."""
    body = {
        "id": client_id, "sum": {"amount": 1, "currency": "643"},
        "paymentMethod": {"type": "Account", "accountId": "643"}, "fields": {"account": account},
    }  # fmt: skip
    answer = call(server, "POST", "/sinap/api/v2/terms/674/payments", json=body)
    assert answer.status_code == 200, answer.text


def call(server: Demo, method: str, target: str, wallet: int = 0, **rest: Any) -> httpx.Response:
    """Call with a wallet's token."""
    return httpx.request(method, server.url + target, headers=server.wallets[wallet].headers, timeout=20, **rest)


def all_ended(server: Demo, count: int) -> dict[str, str]:
    """Wait until no payment waits any more; return the status of each by its client's id."""
    ends = time.monotonic() + WITHIN_S
    while True:
        found = kalita("payment", "list", "--limit", "1000", "--json", *server.place).json["payments"]
        if not found:
            break
        assert time.monotonic() < ends, found
        time.sleep(1)
    shown = history(server)
    assert len(shown) == count
    return shown


def history(server: Demo) -> dict[str, str]:
    """Return the status of each payment to provider 674, by its client's id."""
    wallet, shown, cursor = server.wallets[0].number, dict[str, str](), ""
    while True:
        target = f"/payment-history/v2/persons/{wallet}/payments?rows=50&operation=OUT{cursor}"
        page = call(server, "GET", target).json()
        for one in page["data"]:
            assert one["trmTxnId"] not in shown
            shown[one["trmTxnId"]] = one["status"]
        if page["nextTxnId"] is None:
            return shown
        cursor = f"&nextTxnId={page['nextTxnId']}&nextTxnDate={page['nextTxnDate'].replace('+', '%2B')}"


def balance(server: Demo, wallet: int) -> float:
    """Return the roubles of a wallet."""
    accounts = call(server, "GET", "/funding-sources/v1/accounts/current", wallet).json()["accounts"]
    return accounts[0]["balance"]["amount"]


def agree(servers: dict[str, Demo], file: Path, count: int) -> None:
    """The day's lists of both sides are the same, and no shorter than what was paid."""
    days = {time.strftime("%Y%m%d", time.gmtime(time.time() + 3 * 3600 + ahead)) for ahead in (-7200, 0, 7200, 14400)}
    total = 0
    for day in days:
        file.write_text(kalita("registry", "provider", "674", day, *servers["payer"].place).out, "utf-8")
        done = kalita("registry", "agent", "net", day, "--against", file, *servers["provider"].place)
        assert done.code == 0, done.out
        total += json.loads(done.out)["ours"]
    assert total == count


def proven(server: Demo) -> None:
    """The audit finds nothing."""
    done = kalita("audit", *server.place)
    assert done.code == 0, done.out


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
