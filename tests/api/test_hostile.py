"""
Hostile connections: what is no HTTP, never ends, comes in drips or swells. Afterwards the server still answers.

Source: reliability-programme.md, "Too big" and "Slow-loris"; access.md 2 and 9.
"""

import contextlib
import json
import random
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.api.house import House, payment
from tests.clients.wire import Answer, line, request
from tests.servers import Demo

SEED = 20201017
HEALTH_S = 1
PAY = b"POST /sinap/api/v2/terms/99/payments HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
CLOSING = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

REFUSED = {
    "garbage": (b"\x00\x01\x02 nonsense\r\n\r\n", 400),
    "TLS": (bytes.fromhex("16030100c8010000c40303") + b"\x00" * 200, 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a method of its own": (b"BREW /health HTTP/1.1\r\n\r\n", 400),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "letters as a length": (PAY + b"Content-Length: abc\r\n\r\n", 400),
    "a negative length": (PAY + b"Content-Length: -5\r\n\r\n", 400),
    "an endless length": (PAY + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", 400),
    "two lengths": (PAY + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400),
    "length and chunks": (PAY + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "letters as a chunk": (PAY + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", 400),
    "an endless chunk": (PAY + CHUNKED + b"f" * 40 + b"\r\n", 400),
    "a folded header": (b"GET /health HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
    "a header without a colon": (b"GET /health HTTP/1.1\r\nHost\r\n\r\n", 400),
    "NUL in a header": (b"GET /health HTTP/1.1\r\nX: a\0b\r\n\r\n", 400),
    "a line break alone": (b"GET /health HTTP/1.1\nHost: x\n\n", 400),
    "raw bytes in the address": (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "100 KB of address": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "100 KB of a header": (CLOSING + b"X: " + b"a" * 100_000 + b"\r\n\r\n", 431),
    "10 000 headers": (CLOSING + b"X: 1\r\n" * 10_000 + b"\r\n", 431),
    "a length past the bound": (PAY + b"Content-Length: 65537\r\n\r\n", 413),
    "endless words behind chunks": (PAY + CHUNKED + b"0\r\nX: " + b"a" * 1_000_000, 413),
    "endless lines behind chunks": (PAY + CHUNKED + b"0\r\n" + b"X: 1\r\n" * 200_000, 413),
    "endless words beside a chunk": (PAY + CHUNKED + b"1;" + b"a" * 1_000_000, 413),
    "another protocol and a length past the bound": (PAY + UPGRADE + b"Content-Length: 65537\r\n\r\n", 413),
    "chunks past the bound": (PAY + CHUNKED + (b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 2 + b"1\r\n ", 413),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _well_afterwards(server: Demo) -> Iterator[None]:
    """Whatever a test did, the server answers within a second and is the same process."""
    yield
    assert server.process.poll() is None
    begun = time.monotonic()
    assert httpx.get(f"{server.url}/health").json() == {"status": "ok"}
    assert time.monotonic() - begun < HEALTH_S


def spoken(server: Demo, sent: bytes) -> Answer | None:
    """Send bytes and read one answer; None when the server only ended the connection."""
    with line(server) as opened:
        with contextlib.suppress(ConnectionError):
            opened.send(sent)
        try:
            return opened.answer()
        except (EOFError, ConnectionError):
            return None


@pytest.mark.parametrize("name", REFUSED)
def test_what_never_becomes_a_request(server: Demo, name: str) -> None:
    """It is refused with an error body like any other, and the connection ends."""
    sent, status = REFUSED[name]
    answer = spoken(server, sent)
    assert answer is not None
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert set(answer.json) >= {"serviceName", "errorCode", "description", "userMessage", "dateTime", "traceId"}
    assert answer.json["traceId"] == answer.headers["x-trace-id"]


def test_broken_call_for_a_bill(server: Demo) -> None:
    """Its refusal names the service that refusals about bills name. Source: access.md 5.1, 9."""
    for broken, status in ((b"/a HTTP/1.1\r\nHost\r\n\r\n", 400), (b"/a?" + b"a" * 100_000, 414)):
        answer = spoken(server, b"GET /partner/bill/v1/bills" + broken)
        assert answer is not None
        assert (answer.status, answer.json["serviceName"]) == (status, "invoicing-api")


def test_random_bytes(server: Demo) -> None:
    """500 connections with noise, and with good requests that noise got into: no 5xx, nothing hangs."""
    noise = random.Random(SEED)
    good = request("GET", "/person-profile/v1/profile/current?authInfoEnabled=true", "Host: x", "Accept: */*")
    for _ in range(250):
        with line(server) as opened, contextlib.suppress(ConnectionError):
            opened.send(noise.randbytes(noise.randrange(1, 300)))
        broken = bytearray(good)
        for _ in range(noise.randrange(1, 4)):
            broken[noise.randrange(len(broken))] = noise.randrange(256)
        with line(server) as opened:
            opened.send(bytes(broken))
            opened.socket.shutdown(socket.SHUT_WR)
            with contextlib.suppress(EOFError, ConnectionError):
                assert opened.answer().status < 500


def test_half_requests_that_are_left(server: Demo) -> None:
    """Clients that leave anywhere within a request do no harm, and nothing is paid."""
    token = server.wallets[1].token
    body = json.dumps(payment(79991112233)).encode()
    whole = request("POST", "/sinap/terms/99/payments", "Host: x", f"Authorization: Bearer {token}", body=body)
    with server.client(1) as client:
        before = client.get("/funding-sources/v1/accounts/current").json()
        for cut in range(1, len(whole), 7):
            with line(server) as opened:
                opened.send(whole[:cut])
        assert client.get("/funding-sources/v1/accounts/current").json() == before


def test_slow_clients_hold_nobody_up(server: Demo) -> None:
    """200 connections that drip a byte at a time; others are answered as ever."""
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(line(server)) for _ in range(200)]
        for letter in b"GET /health HTTP/1.1\r\nX: ":
            for one in slow:
                one.send(bytes([letter]))
        begun = time.monotonic()
        with server.client() as client:
            for _ in range(20):
                assert client.get("/person-profile/v1/profile/current").status_code == 200
        assert time.monotonic() - begun < 2
        for one in slow:
            one.send(b"1\r\n\r\n")
        assert {one.answer().status for one in slow} == {200}


def test_many_requests_sent_ahead(server: Demo, people: House) -> None:
    """1 000 requests on one connection, sent before any answer is read, are answered in their order."""
    owner = people.wallet(RUB=1_000_00)
    bodies = [json.dumps(payment(amount=1)).encode() for _ in range(300)]
    head = ("Host: x", f"Authorization: Bearer {owner.token}", "Content-Type: application/json")
    ahead = b"".join(request("POST", "/sinap/terms/99/payments", *head, body=body) for body in bodies)
    with line(server) as opened:
        opened.send(ahead + request("GET", "/funding-sources/v1/accounts/current", *head) * 700)
        answers = [opened.answer() for _ in range(1000)]
    assert {answer.status for answer in answers} == {200}
    assert [answer.json["id"] for answer in answers[:300]] == [json.loads(body)["id"] for body in bodies]
    assert {answer.json["accounts"][0]["balance"]["amount"] for answer in answers[300:]} == {700}


def test_good_request_before_garbage_is_answered(server: Demo) -> None:
    """What came whole is answered; what follows it and is no request ends the connection."""
    with line(server) as opened:
        opened.send(request("GET", "/health", "Host: x"))
        assert opened.answer().status == 200
        opened.send(b"\x00\x01\r\n\r\n")
        assert opened.answer().status == 400
        assert opened.ended()


def test_body_that_is_smuggled_is_no_request(server: Demo) -> None:
    """A body that a call ignores is not read as the next request."""
    inner = request("GET", "/nowhere", "Host: x")
    with line(server) as opened:
        opened.send(request("GET", "/health", "Host: x", body=inner) + request("GET", "/health", "Host: x"))
        assert [opened.answer().status for _ in range(2)] == [200, 200]
        opened.send(request("GET", "/health", "Host: x", "Connection: close"))
        assert opened.answer().status == 200
        assert opened.ended()


def test_upgrade_is_not_taken(server: Demo) -> None:
    """Whoever asks for another protocol gets an answer in this one."""
    heads = (
        "Host: x",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: x",
        "Sec-WebSocket-Version: 13",
    )
    answer = spoken(server, request("GET", "/health", *heads))
    assert answer is not None
    assert answer.status == 200
