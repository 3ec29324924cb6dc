"""
Connections as old clients hold them: cut short, kept, filled ahead, opened in the manner of HTTP/1.0.
"""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.clients.wire import ask, line, request
from tests.servers import Demo, demo

PROFILE = "/person-profile/v1/profile/current"
PAY = "/sinap/api/v2/terms/99/payments"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Demo]:
    """A demonstration of this module's own."""
    with demo(tmp_path_factory.mktemp("connections"), engine=engine) as running:
        yield running


def token(server: Demo) -> str:
    """Return the header that lets in."""
    return f"Authorization: Bearer {server.wallets[0].token}"


def body_of(number: int, amount: str = "1") -> bytes:
    """Return the body of a payment to the second wallet."""
    body = {
        "id": str(1_600_000_000_000 + number),
        "sum": {"amount": amount, "currency": "643"},
        "paymentMethod": {"type": "Account", "accountId": "643"},
        "fields": {"account": "+79994445566"},
    }
    return json.dumps(body).encode()


def payment(server: Demo, number: int, *more: str) -> bytes:
    """Return a payment as it goes over the line."""
    return request("POST", PAY, "Host: edge.qiwi.com", token(server), *more, body=body_of(number))


def test_head_and_body_come_in_the_first_segment(server: Demo) -> None:
    """T15: some clients close before they read; all they ever see is what the first segment brought."""
    history = f"/payment-history/v2/persons/{server.wallets[0].number}/payments?rows=20"
    get = [request("GET", target, "Host: a", token(server)) for target in (PROFILE, history, "/no/such/path")]
    with line(server) as opened:
        for number in range(60):
            for asked in (*get, payment(server, 1000 + number)) if number < 30 else (payment(server, 1000 + number),):
                opened.send(asked)
                answer = opened.answer()
                assert answer.first == (answer.first[1], answer.first[1])


def test_a_connection_is_kept(server: Demo) -> None:
    """Many calls on one connection, refusals among them."""
    with line(server) as opened:
        for number in range(20):
            opened.send(payment(server, 2000 + number))
            assert opened.answer().status == 200
            opened.send(request("GET", "/nowhere", "Host: a"))
            assert opened.answer().status == 404
            opened.send(request("GET", PROFILE, "Host: a", body=b"ignored"))
            assert opened.answer().status == 401


def test_requests_sent_ahead_are_answered_in_order(server: Demo) -> None:
    """Pipelining: the slow ones before the quick ones, all in one write."""
    with line(server) as opened:
        asked = b"".join(
            payment(server, 3000 + number) + request("GET", PROFILE, "Host: a", token(server)) for number in range(10)
        )
        opened.send(asked)
        for number in range(10):
            paid, profile = opened.answer(), opened.answer()
            assert (paid.status, paid.json["id"]) == (200, str(1_600_000_003_000 + number))
            assert profile.json["contractInfo"]["contractId"] == server.wallets[0].number


def test_a_client_that_asks_before_it_sends(server: Demo) -> None:
    """`Expect: 100-continue`: told to go on, then answered; one that does not wait is answered too."""
    body = body_of(4000)
    with line(server) as opened:
        whole = payment(server, 4000, "Expect: 100-continue")
        opened.send(whole.removesuffix(body))
        assert opened.head()[0].split(" ")[1] == "100"
        opened.send(body)
        assert opened.answer().status == 200
    with line(server) as opened:
        opened.send(payment(server, 4001, "Expect: 100-continue"))
        first, _ = opened.head()
        while first.split(" ")[1] == "100":
            first, _ = opened.head()
        assert first.split(" ")[1] == "200"
    with line(server) as opened:
        opened.send(request("POST", PAY, token(server), "Expect: 100-continue", body=body_of(4002), version="1.0"))
        assert opened.answer().status == 200, "HTTP/1.0 knows no 100"


def test_a_client_that_would_rather_speak_http_2(server: Demo) -> None:
    """Java's own client asks for h2c with every call over plain HTTP: it pays in HTTP/1.1 on a kept connection."""
    wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA")
    body = body_of(4100)
    in_chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with line(server) as opened:
        for number in range(3):
            opened.send(payment(server, 4101 + number, *wish))
            assert opened.answer().json["id"] == str(1_600_000_004_101 + number)
        opened.send(request("POST", PAY, token(server), *wish, "Transfer-Encoding: chunked", body=in_chunks))
        assert opened.answer().json["id"] == str(1_600_000_004_100)
        opened.send(payment(server, 4104, *wish, "Expect: 100-continue").removesuffix(body_of(4104)))
        assert opened.head()[0].split(" ")[1] == "100"
        opened.send(body_of(4104) + request("GET", PROFILE, token(server), *wish) * 50)
        assert [opened.answer().status for _ in range(51)] == [200] * 51


def test_http_1_0(server: Demo) -> None:
    """No Host, no kept connection: one answer with its length, then the end."""
    with line(server) as opened:
        opened.send(request("GET", PROFILE, token(server), version="1.0"))
        assert opened.answer().status == 200
        assert opened.ended()
    with line(server) as opened:
        opened.send(request("GET", PROFILE, token(server), "Connection: keep-alive", version="1.0"))
        assert opened.answer().status == 200


def test_connection_close(server: Demo) -> None:
    """The answer comes whole, then the connection ends."""
    with line(server) as opened:
        opened.send(payment(server, 5000, "Connection: close"))
        answer = opened.answer()
        assert answer.status == 200
        assert opened.ended()


def test_a_client_that_stops_sending_still_gets_its_answer(server: Demo) -> None:
    """A half-closed connection is no reason to drop the answer of a payment that was made."""
    for number in range(5):
        with line(server) as opened:
            opened.send(payment(server, 5500 + number))
            opened.socket.shutdown(socket.SHUT_WR)
            assert opened.answer().status == 200


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_request_in_crumbs(server: Demo, size: int) -> None:
    """However small the pieces are in which it comes."""
    whole = payment(server, 6000 + size)
    with line(server) as opened:
        for start in range(0, len(whole), size):
            opened.send(whole[start : start + size])
        assert opened.answer().status == 200


def test_a_body_in_chunks(server: Demo) -> None:
    """A body without a length."""
    body = body_of(7000)
    chunks = (
        b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:10], body[10:11], body[11:])) + b"0\r\n\r\n"
    )
    with line(server) as opened:
        opened.send(request("POST", PAY, "Host: a", token(server), "Transfer-Encoding: chunked", body=chunks))
        assert opened.answer().status == 200


def test_what_stands_behind_chunks_is_no_header(server: Demo) -> None:
    """Nobody gets in by a trailer, and none spoils a request."""
    body = body_of(7100)
    for behind, before, status in ((token(server), "X: 1", 401), ("Authorization: Bearer x", token(server), 200)):
        chunks = b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(body), body, behind.encode())
        answer = ask(server, "POST", PAY, "Host: a", before, "Transfer-Encoding: chunked", body=chunks)
        assert answer.status == status


def test_a_client_that_leaves_before_the_answer_has_paid_once(server: Demo) -> None:
    """It closes at once, comes back with the same id, and gets the answer of the payment that was made."""
    asked = payment(server, 8000)
    for _ in range(5):
        with line(server) as opened:
            opened.send(asked)
    answers = set()
    for _ in range(3):
        with line(server) as opened:
            opened.send(asked)
            answers.add(opened.answer().body)
    assert len(answers) == 1
    history = f"/payment-history/v2/persons/{server.wallets[0].number}/payments?rows=50&operation=OUT"
    page = ask(server, "GET", history, "Host: a", token(server)).json
    assert [one["trmTxnId"] for one in page["data"]].count("1600000008000") == 1
