"""
The commands about hooks: `hook list|log|redeliver` beside a live server, and `listen` for developers of receivers.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.hooked import HOOKS, deliver, ids, pay, register, told
from tests.api.house import House
from tests.clients.shop import KEYS
from tests.commands import kalita, refused, wrong
from tests.receivers import OK, receiver, status
from tests.servers import KALITA, Demo

__all__ = ["told"]


def at(house: House) -> list[str]:
    """Return the options that lead a command to an installation."""
    return ["--data", str(house.data), *(["--database", house.database] if house.database else [])]


def test_hooks_are_listed_and_their_log_is_shown(told: House) -> None:
    """As a table for people, as JSON for machines; an empty log is no error."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    with receiver(lambda got: status(500)) as there:
        hook = register(told, payer, there.url(), 1)
        pay(told, payer, payee)
        deliver(told, 0.4)
        (one,) = kalita("hook", "list", "--json", *at(told)).json
        assert one | {"created_at": ""} == {
            "wallet": payer.number, "id": hook, "url": there.url(), "payments": "OUT", "created_at": "",
        }  # fmt: skip
        shown = kalita("hook", "list", *at(told)).out
        assert hook in shown
        assert "TELLS OF" in shown
        (attempt,) = kalita("hook", "log", payer.number, "--json", *at(told)).json
        assert (attempt["attempt"], attempt["answer"], attempt["state"]) == (1, 500, "WAITING")
        assert attempt["message"] == ids(there)[0]
        assert attempt["message"] in kalita("hook", "log", payer.number, *at(told)).out
        assert kalita("hook", "log", payee.number, "--json", *at(told)).json == []


def test_messages_are_sent_again(told: House) -> None:
    """One by its id, a period, those given up; under the same ids."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    with receiver(lambda got: OK) as there:
        register(told, payer, there.url())
        pay(told, payer, payee)
        pay(told, payer, payee)
        deliver(told, 0.4)
        first, second = ids(there)
        assert kalita("hook", "redeliver", payer.number, "--message", first, *at(told)).code == 0
        deliver(told, 0.4)
        assert ids(there)[2:] == [first]
        day = "--from", "2026-01-01T00:00:00", "--till", "2030-01-01T00:00:00"
        assert kalita("hook", "redeliver", payer.number, *day, "--json", *at(told)).json["messages"] == 2
        deliver(told, 0.4)
        assert ids(there)[3:] == [first, second]
        assert "0 messages" in kalita("hook", "redeliver", payer.number, "--failed", *at(told)).out


def test_what_cannot_be_sent_again(told: House) -> None:
    """No hook, no such message, nothing named, no moment: one line each."""
    owner = told.wallet()
    refused(kalita("hook", "redeliver", owner.number, "--failed", *at(told)), "has no hook")
    with receiver() as there:
        hook = register(told, owner, there.url())
        refused(kalita("hook", "redeliver", owner.number, "--message", hook, *at(told)), "no message")
    wrong(kalita("hook", "redeliver", owner.number, *at(told)), "--message")
    wrong(kalita("hook", "redeliver", owner.number, "--message", hook, "--failed", *at(told)), "--message")
    wrong(kalita("hook", "redeliver", owner.number, "--from", "soon", *at(told)), "--from")


class Listener:
    """`kalita listen` as a process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr
        assert process.stdin
        self.process, self.said = process, process.stderr
        self.url = self.said.readline().split()[2]

    def say(self, text: str) -> None:
        """Type a line."""
        assert self.process.stdin
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def told(self) -> list[Any]:
        """Return what it printed once it has ended."""
        out, _ = self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        return [json.loads(line) for line in out.splitlines()]


@contextmanager
def listening(*arguments: str) -> Iterator[Listener]:
    """Run `kalita listen` until the block ends."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen([KALITA, "listen", "--port", "0", "--json", *arguments], text=True, **pipes)
    try:
        yield Listener(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_listen_checks_hooks_and_notifications(server: Demo) -> None:
    """Good with the right keys; the second wallet pays a bill of the first, who has a hook and a pair of keys here."""
    with server.client() as client, server.client(1) as payer:
        with listening("--count", "1") as quick:
            hook = client.put(HOOKS, params={"hookType": 1, "param": quick.url, "txnType": 0}).json()["hookId"]
            key = client.get(f"{HOOKS}/{hook}/key").json()["key"]
            client.get(f"{HOOKS}/test")
            (one,) = quick.told()
            assert one["signatures"] == {"webhook-signature": "not checked"}
            client.delete(f"{HOOKS}/{hook}")
        with receiver() as mine, listening("--count", "2", "--forward", mine.url("/mine")) as ear:
            hook = client.put(HOOKS, params={"hookType": 1, "param": ear.url, "txnType": 0}).json()["hookId"]
            pair = client.post(KEYS, json={"keysPairName": "ear", "serverNotificationsUrl": ear.url}).json()
            heads = {"Authorization": f"Bearer {pair['SecretKey']}"}
            sent = {"amount": {"value": "3.50", "currency": "RUB"}}
            link = client.put("/partner/bill/v1/bills/ear", json=sent, headers=heads).json()["payUrl"]
            paid = payer.post("/checkout-api/invoice/pay/wallet", json={"invoice_uid": link[-36:], "currency": "643"})
            assert paid.status_code == 200
            mine.wait(2)
            found = ear.told()
            assert [list(one["signatures"]) for one in sorted(found, key=lambda one: len(one["signatures"]))] == [
                ["X-Api-Signature-SHA256"], ["webhook-signature", "hash"],
            ]  # fmt: skip
            key = client.get(f"{HOOKS}/{hook}/key").json()["key"]
            client.delete(f"{HOOKS}/{hook}")
        with receiver() as mine:
            checks = ("--key", key, "--secret", pair["SecretKey"], "--forward", mine.url(), "--count", "3")
            with listening(*checks) as ear:
                for one in found:
                    assert httpx.post(ear.url, content=one["body"].encode(), headers=_heads(one)).status_code == 200
                ear.say("1")
                mine.wait(3)
                assert mine.got[2].body == mine.got[0].body
                httpx.post(ear.url, content=found[0]["body"].replace("3.5", "3.6").encode(), headers=_heads(found[0]))
                good, also, bad = ear.told()
            assert set(good["signatures"].values()) == set(also["signatures"].values()) == {"good"}
            assert set(bad["signatures"].values()) == {"wrong"}


def _heads(one: Any) -> dict[str, str]:
    return {name: text for name, text in one["headers"].items() if name not in ("host", "content-length")}


def test_listen_answers_what_it_is_told_to() -> None:
    """To see how retries look."""
    with listening("--status", "503", "--count", "1") as ear:
        assert httpx.post(ear.url, content=b"nonsense").status_code == 503
        assert ear.told()[0]["signatures"] == {"body": "is no JSON object"}


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--key", "no Base64!"),
        ("--forward", "127.0.0.1:3000"),
        ("--forward", "ftp://127.0.0.1/hook"),
        ("--forward", "http://"),
        ("--forward", "http://127.0.0.1:port/"),
    ],
)
def test_listen_refuses_what_it_could_never_use(option: str, text: str) -> None:
    """Before the first message comes."""
    wrong(kalita("listen", "--port", "0", option, text), option)


@pytest.mark.parametrize("port", ["http", "70000"])
def test_listen_needs_a_port(port: str, tmp_path: Path) -> None:
    """A wrong command line."""
    wrong(kalita("listen", "--port", port), "--port")
