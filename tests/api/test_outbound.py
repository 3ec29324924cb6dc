"""
Guarantee: the guarded client connects to no inner address, whatever the name, the number or the redirect says, and
is bounded in time and bytes. Every connection of these tests goes through a counting hand, see `Hand`.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import httpcore
import pytest

from kalita.bills.notify import Notices
from kalita.outbound.addresses import LOOPBACK
from kalita.outbound.client import Answer, Failure, Outbound
from tests.receivers import OK, Receiver, receiver, status
from tests.unit.test_outbound_targets import BAD_URLS, GOOD, HOSTILE_LINKS, HOSTILE_NUMBERS, ODD_NUMBERS

Work = Callable[[Outbound], Awaitable[Any]]


class Hand(httpcore.AsyncNetworkBackend):
    """Counts what is connected to, and connects to a receiver on loopback in its place."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connected: list[str] = []
        self._below = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *rest: Any) -> httpcore.AsyncNetworkStream:
        """Connect (httpcore)."""
        self.connected.append(host)
        return await self._below.connect_tcp("127.0.0.1", self.port, *rest)


class Zone:
    """A resolver under the tests' control: what each name stands for, in turn when there are several."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = names
        self.asked: list[str] = []

    async def __call__(self, name: str) -> list[str]:
        """Resolve."""
        self.asked.append(name)
        turns = self.names.get(name.split(".")[0])
        if turns is None:
            raise OSError("unknown")
        return turns.pop(0) if len(turns) > 1 else turns[0]


def run(work: Work, **how: Any) -> Any:
    """Run something with a client made for it."""

    async def whole() -> Any:
        out = Outbound(**how)
        try:
            return await work(out)
        finally:
            await out.close()
            await asyncio.sleep(0.01)  # let the connections close

    return asyncio.run(whole())


def post(url: str, timeout_s: float = 2.0, max_bytes: int = 4096) -> Work:
    """Return what posts to an address."""
    return lambda out: out.post(url, b"{}", {"Content-Type": "application/json"}, timeout_s, max_bytes)


def test_hostile_addresses_are_never_connected_to() -> None:
    """As numbers in the address and as what a name stands for: refused when looked at and again when sent to."""
    numbers = [*HOSTILE_NUMBERS, *HOSTILE_LINKS]
    zone = Zone(**{f"h{index}": [[number]] for index, number in enumerate(numbers)})
    zone.names["mixed"] = [["8.8.8.8", "10.0.0.1"]]
    plain = [f"http://[{one}]/" if ":" in one else f"http://{one}/" for one in HOSTILE_NUMBERS]
    urls = [*BAD_URLS, *ODD_NUMBERS, *plain, *(f"https://h{index}.test/" for index in range(len(numbers)))]
    urls.append("http://mixed.test/")
    assert len(urls) >= 150

    async def work(out: Outbound) -> None:
        for url in urls:
            assert await out.check(url), url
            failure = await out.post(url, b"{}", {}, 2.0, 10)
            assert isinstance(failure, Failure), url
            assert (failure.reason, failure.sent) == ("address", False), url

    with receiver() as there:
        hand = Hand(there.port)
        run(work, resolver=zone, below=hand)
        assert (hand.connected, there.got) == ([], [])


def test_good_addresses_are_delivered_to() -> None:
    """Twenty of them, each connected to by the number that was looked at, resolved once for each delivery."""
    zone = Zone(**{f"g{index}": [[number]] for index, number in enumerate(GOOD)})

    async def work(out: Outbound) -> None:
        for index in range(len(GOOD)):
            assert await out.check(f"http://g{index}.test/") is None
            answer = await out.post(f"http://g{index}.test/x", b'{"a":1}', {"X-A": "b"}, 2.0, 10)
            assert answer == Answer(200, b"ok", True)

    with receiver() as there:
        hand = Hand(there.port)
        run(work, resolver=zone, below=hand)
        assert hand.connected == GOOD
        assert [one.body for one in there.got] == [b'{"a":1}'] * len(GOOD)
        assert [one.headers["host"] for one in there.got] == [f"g{index}.test" for index in range(len(GOOD))]
        assert {one.headers["x-a"] for one in there.got} == {"b"}
        assert zone.asked == [f"g{index}.test" for index in range(len(GOOD)) for _ in range(2)]


def test_a_name_that_changes_between_look_and_connect_is_refused() -> None:
    """Good when it was registered, inner when it is sent to."""
    zone = Zone(turn=[["8.8.8.8"], ["169.254.169.254"]])

    async def work(out: Outbound) -> Any:
        assert await out.check("http://turn.test/") is None
        return await post("http://turn.test/")(out)

    with receiver() as there:
        hand = Hand(there.port)
        failure = run(work, resolver=zone, below=hand)
        assert (failure.reason, hand.connected) == ("address", [])


def test_redirects_are_answers() -> None:
    """Nobody is led on to the address a receiver names."""
    with receiver(lambda got: status(302, "Location: http://127.0.0.1:1/")) as there:
        assert run(post(there.url()), networks=LOOPBACK) == Answer(302, b"", True)
        assert len(there.got) == 1


@pytest.mark.parametrize("number", ["127.0.0.1", "[::1]", "10.0.0.1", "localhost"])
def test_a_closed_network_is_opened_by_name_only(number: str) -> None:
    """Loopback in a demonstration, and nothing else inner with it."""
    expected = number == "10.0.0.1"
    url = f"http://{number}:9/"
    assert bool(run(lambda out: out.check(url.replace(":9/", ":9000/")), networks=LOOPBACK)) is expected
    assert run(lambda out: out.check(url.replace(":9/", ":9000/"))) is not None


def test_a_name_that_does_not_resolve_may_be_registered_in_a_demonstration_only() -> None:
    """And a delivery to it fails without having been sent."""
    url = "http://nowhere.test/"
    assert run(lambda out: out.check(url), resolver=Zone())
    assert run(lambda out: out.check(url), resolver=Zone(), unresolved=True) is None
    failure = run(post(url), resolver=Zone(), unresolved=True)
    assert (failure.reason, failure.sent) == ("unresolved", False)


class Deaf(Hand):
    """Nobody answers at some addresses."""

    def __init__(self, port: int, deaf: tuple[str, ...]) -> None:
        super().__init__(port)
        self._deaf = deaf

    async def connect_tcp(self, host: str, port: int, *rest: Any) -> httpcore.AsyncNetworkStream:
        """Connect (httpcore)."""
        if host in self._deaf:
            self.connected.append(host)
            await asyncio.sleep(rest[0])
            raise httpcore.ConnectTimeout
        return await super().connect_tcp(host, port, *rest)


def test_a_connection_that_does_not_come_about_leaves_time_for_the_next_address() -> None:
    """Notifications of bills give it half of their time; that none came about is said. Source: invoices.md 7.2."""
    assert (Notices.connect_s, Notices.timeout_s) == (5.0, 10.0)
    addresses = ["93.184.216.34", "93.184.216.35"]
    with receiver(lambda got: OK) as there:

        def tried(*deaf: str) -> tuple[Any, list[str]]:
            hand = Deaf(int(there.url().split(":")[2].rstrip("/")), deaf)
            answer = run(
                lambda out: out.post("http://shop.test/", b"{}", {}, 2.0, 4096, 0.1),
                resolver=Zone(shop=[addresses]), below=hand,
            )  # fmt: skip
            return answer, hand.connected

        answer, connected = tried(addresses[0])
        assert (answer.status, connected) == (200, addresses)
        failure, connected = tried(*addresses)
        assert (failure.reason, failure.detail, failure.sent) == ("timeout", "no connection within 0.1 s", False)
        assert connected == addresses


def test_an_endless_body_is_cut() -> None:
    """No more than the bound is kept, and the connection is not used again."""
    with receiver(lambda got: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"fffff\r\n" * 9) as there:
        answer = run(post(there.url(), max_bytes=5), networks=LOOPBACK)
        assert (answer.status, len(answer.body), answer.whole) == (200, 5, False)


def test_a_status_in_time_is_an_answer_whatever_becomes_of_the_body() -> None:
    """It is not whole, though, and the connection is not used again. Source: webhooks.md 3."""
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"

    async def work(out: Outbound) -> Any:
        return [await post(there.url(), 0.3)(out) for _ in range(2)]

    for reply in (begun, begun + b"ok"):
        with receiver(lambda got, reply=reply: reply) as there:  # type: ignore[misc]
            assert run(work, networks=LOOPBACK) == [Answer(200, b"", False)] * 2
            assert there.connections == 2


def test_a_kept_connection_that_ends_is_replaced_once() -> None:
    """As a receiver may end it just when the next request arrives; a new one that ends is a failure."""
    replies = [OK, None, OK, None, None, OK]

    async def work(out: Outbound) -> Any:
        return [await post(there.url())(out) for _ in range(3)]

    with receiver(lambda got: replies[len(there.got) - 1]) as there:
        first, second, third = run(work, networks=LOOPBACK)
        assert first == second == Answer(200, b"ok", True)
        assert (third.reason, third.sent) == ("broken", True)
        assert len(there.got) == 5


def test_nothing_is_decompressed() -> None:
    """A bomb stays small: its bytes are what they are."""
    bomb = status(200, "Content-Encoding: gzip", body=b"\x1f\x8b" + b"x" * 50)
    with receiver(lambda got: bomb) as there:
        assert run(post(there.url()), networks=LOOPBACK).body == b"\x1f\x8b" + b"x" * 50
        assert there.got[0].headers["accept-encoding"] == "identity"


def test_failures_tell_whether_the_request_was_sent() -> None:
    """Late, dropped, broken: perhaps. Nobody listens, no name: certainly not."""
    with receiver(lambda got: 3.0 if got.path == "/late" else None if got.path == "/drop" else b"nonsense") as there:
        late = run(post(there.url("/late"), 0.3), networks=LOOPBACK)
        drop = run(post(there.url("/drop")), networks=LOOPBACK)
        broken = run(post(there.url("/junk"), 0.3), networks=LOOPBACK)
        port = there.port
    gone = run(post(f"http://127.0.0.1:{port}/"), networks=LOOPBACK)
    assert [(one.reason, one.sent) for one in (late, drop, gone)] == [
        ("timeout", True), ("broken", True), ("unreachable", False),
    ]  # fmt: skip
    assert broken.sent


def test_a_slow_name_server_is_bounded_too() -> None:
    """The look-up counts against the time of the whole exchange, and is asked once for all who wait."""

    async def never(name: str) -> list[str]:
        asked.append(name)
        await asyncio.sleep(60)
        return ["8.8.8.8"]

    async def work(out: Outbound) -> Any:
        return await asyncio.gather(*(post("http://slow.test/", 0.2)(out) for _ in range(5)))

    asked: list[str] = []
    failures = run(work, resolver=never)
    assert {(one.reason, one.sent) for one in failures} == {("timeout", False)}
    assert asked == ["slow.test"]


def test_certificates_are_looked_at() -> None:
    """What speaks no TLS, or with a certificate of nobody's, gets no request."""
    with receiver() as there:
        failure = run(post(f"https://127.0.0.1:{there.port}/"), networks=LOOPBACK, verify=ssl.create_default_context())
        assert (failure.sent, there.got) == (False, [])


def test_a_connection_is_used_again() -> None:
    """For the same receiver, one after the other."""

    async def work(out: Outbound) -> None:
        for _ in range(5):
            assert (await post(there.url())(out)).status == 200

    there: Receiver
    with receiver(lambda got: OK) as there:
        run(work, networks=LOOPBACK)
        assert (len(there.got), there.connections) == (5, 1)
