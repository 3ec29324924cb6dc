"""
What holds for every call before its handler runs: addresses, methods, heads, sizes, error bodies.

Source: access.md 1, 2, 5 and 9; client-compatibility.md 1 and 2. Over real HTTP, by hand where a library would tidy up.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kalita.storage.engine import Unavailable
from tests.api.house import House, payment
from tests.api.live import PAY, Live, live
from tests.clients.wire import Answer, ask, line, request
from tests.servers import Demo

PROFILE = "/person-profile/v1/profile/current"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+03:00")


@pytest.fixture(scope="module")
def owner(server: Demo, people: House) -> Iterator[Live]:
    """Somebody with ten roubles."""
    with live(server, people.wallet(RUB=10_00)) as opened:
        yield opened


def raw(server: Demo, method: str, target: str, *headers: str, body: bytes = b"") -> Answer:
    """Send heads as they are, with the token of the first wallet."""
    return ask(
        server, method, target, "Host: x", f"Authorization: Bearer {server.wallets[0].token}", *headers, body=body
    )


def test_service_error_has_the_documented_members(owner: Live) -> None:
    """Every member that clients look for, with `cause` where a parameter is wrong; the trace id is in the head too."""
    answer = owner.get(PROFILE, authInfoEnabled="x")
    told = answer.json()
    assert told == {
        "serviceName": "person-profile", "errorCode": "validation.error", "description": told["description"],
        "userMessage": "Ошибка в запросе", "dateTime": told["dateTime"], "traceId": answer.headers["x-trace-id"],
        "cause": {"authInfoEnabled": ["true or false is needed"]},
    }  # fmt: skip
    assert told["description"]
    assert MOMENT.fullmatch(told["dateTime"])
    assert re.fullmatch("[0-9a-f]{16}", told["traceId"])
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"


def test_success_has_a_trace_id_too(owner: Live) -> None:
    """Each answer names its line in the log."""
    assert re.fullmatch("[0-9a-f]{16}", owner.get(PROFILE).headers["x-trace-id"])


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401), ("", 401), ("Bearer", 401), ("Bearer ", 401), ("Basic {token}", 401), ("{token}", 401),
        ("Bearer x{token}", 401),
        ("Bearer {token}x", 401), ("Bearer " + "0" * 32, 401), ("Bearer " + "a" * 5000, 401), ("Bearer \u00e9", 401),
        ("bearer {token}", 200), ("BEARER {token}", 200), ("Bearer  {token} ", 200),
    ],
)  # fmt: skip
def test_bad_tokens_are_all_alike(server: Demo, authorization: str | None, status: int) -> None:
    """Missing, unknown, malformed: the same 401 with the same words; the scheme's case does not matter."""
    heads = [] if authorization is None else [f"Authorization: {authorization.format(token=server.wallets[0].token)}"]
    answer = ask(server, "GET", PROFILE, "Host: x", *heads)
    assert answer.status == status
    if status == 401:
        told = answer.json
        assert (told["errorCode"], told["userMessage"]) == ("auth.unauthorized", "Требуется действующий токен")
        assert told["description"] == "the token is missing, unknown, expired or blocked"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_two_authorization_headers_are_refused(server: Demo) -> None:
    """Which of them counts would be a guess: 400."""
    answer = raw(server, "GET", PROFILE, f"Authorization: Bearer {server.wallets[0].token}")
    assert (answer.status, answer.json["errorCode"]) == (400, "validation.error")


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/person-profile", PROFILE + "/more", "/sinap/terms/99", "/%2e%2e/health", "/docs/../health"],
)
def test_unknown_address(server: Demo, path: str) -> None:
    """404, without a look at the token."""
    answer = ask(server, "GET", path, "Host: x")
    assert (answer.status, answer.json["errorCode"]) == (404, "resource.not.found")
    assert answer.json["serviceName"] == ([part for part in path.split("/") if part] or ["kalita"])[0].replace(
        "%2e", "."
    )


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/nowhere/79991112233?hidden", 404), ("DELETE", "/health?hidden", 405), ("GET", "/hidden hidden", 400)],
)
def test_refusals_without_a_route_are_logged(server: Demo, method: str, target: str, status: int) -> None:
    """Whoever asks with a trace id finds its line; nothing of the address is in it."""
    answer = ask(server, method, target, "Host: x")
    assert answer.status == status
    trace, ends = answer.headers["x-trace-id"], time.monotonic() + 10
    while trace not in (said := server.log.read_text("utf-8")):
        assert time.monotonic() < ends
        time.sleep(0.05)
    (line_,) = (one for one in said.splitlines() if trace in one)
    assert f"status={status}" in line_
    assert "hidden" not in line_


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", PROFILE, "GET, HEAD"), ("OPTIONS", PROFILE, "GET, HEAD"), ("DELETE", PROFILE, "GET, HEAD"),
        ("TRACE", PROFILE, "GET, HEAD"), ("GET", PAY, "POST"), ("HEAD", PAY, "POST"), ("OPTIONS", PAY, "POST"),
        ("PUT", PAY, "POST"),
    ],
)  # fmt: skip
def test_other_methods_are_refused_before_the_token_is_seen(server: Demo, method: str, path: str, allow: str) -> None:
    """405 with the methods there are; the token, the types and the size do not matter yet."""
    for heads in ((), ("Authorization: Bearer nonsense",), ("Accept: text/xml",)):
        with_body = [] if method in ("HEAD",) else ["Content-Length: 0"]
        answer = _head_or_whole(server, method, path, "Host: x", *heads, *with_body)
        assert (answer.status, answer.headers["allow"]) == (405, allow)


def _head_or_whole(server: Demo, method: str, path: str, *heads: str) -> Answer:
    with line(server) as opened:
        opened.send(request(method, path, *heads, "Connection: close"))
        first, headers = opened.head()
        return Answer(int(first.split(" ")[1]), first, headers, b"")


def test_head_is_get_without_a_body(server: Demo) -> None:
    """HEAD has the head of GET, with the length its body would have, and nothing after it."""
    token = f"Authorization: Bearer {server.wallets[0].token}"
    whole = ask(server, "GET", PROFILE, "Host: x", token)
    with line(server) as opened:
        opened.send(request("HEAD", PROFILE, "Host: x", token, "Connection: close"))
        first, headers = opened.head()
        assert first.split(" ")[1] == "200"
        assert headers["content-length"] == whole.headers["content-length"]
        assert opened.ended()


@pytest.mark.parametrize(
    ("accept", "path", "status"),
    [
        ("text/xml", PROFILE, 400), ("text/html, image/*", PROFILE, 400), ("application/json;q=0", PROFILE, 400),
        ("text/xml, */*;q=0.1", PROFILE, 200), ("text/xml, application/*;q=0.5", PROFILE, 200),
        ("APPLICATION/JSON; indent=2", PROFILE, 200),
        ("application/vnd.qiwi.v2+json", PROFILE, 400), ("application/vnd.qiwi.v1+json", PAY, 200),
        ("application/vnd.qiwi.v2+json", PAY, 200), ("application/vnd.qiwi.v3+json", PAY, 400),
        ("text/xml", PAY, 400),
        ("text/html", "/docs", 200), ("text/*", "/docs", 200), ("application/json", "/docs", 200),
        ("image/png", "/docs", 400),
        ("text/css", "/docs/reference.css", 200), ("text/html", "/openapi.json", 400),
    ],
)  # fmt: skip
def test_accept(owner: Live, accept: str, path: str, status: int) -> None:
    """JSON has to be let through, or the type that the row answers with; vendor types only for payments."""
    answer = owner.pay(payment(), headers={"Accept": accept}) if path == PAY else owner.get(path, {"Accept": accept})
    assert answer.status_code == status
    if status == 400:
        assert list(answer.json()["cause"]) == ["Accept"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "text/json",
        "application/jsonx",
        "multipart/form-data; boundary=x",
    ],
)
def test_body_of_another_type(owner: Live, content_type: str) -> None:
    """Only JSON is read where a body is read."""
    answer = owner.pay(json.dumps(payment()).encode(), headers={"Content-Type": content_type})
    assert (answer.status_code, list(answer.json()["cause"])) == (400, ["Content-Type"])
    assert owner.get(PROFILE, {"Content-Type": content_type}).status_code == 200


GOOD = json.dumps(payment()).encode()


def _nested(depth: int) -> bytes:
    return GOOD[:-1] + b',"more":' + b"[" * depth + b"]" * depth + b"}"


BROKEN = {
    "BOM": b"\xef\xbb\xbf" + GOOD,
    "empty": b"", "blank": b" ", "text": b"hello", "cut": GOOD[:-1],
    "rest": GOOD + b"{}", "list": b"[]", "null": b"null", "string": b'"a"', "number": b"1",
    "key twice": b'{"id":"1",' + GOOD[1:],
    "unknown key twice": b'{"a":1,"a":1,' + GOOD[1:],
    "key twice, escaped": b'{"a":1,"\\u0061":1,' + GOOD[1:],
    "key twice, inside": b'{"a":[{"b":1,"b":2}],' + GOOD[1:],
    "33 deep": _nested(32), "100 000 deep": b"[" * 30_000 + b"]" * 30_000, "deep in an unknown member": _nested(30_000),
    "NUL": b'{"a":"\\u0000",' + GOOD[1:],
    "NUL in a key": b'{"\\u0000":1,' + GOOD[1:],
    "NUL, raw": b'{"a":"\0",' + GOOD[1:],
    "lone surrogate": b'{"a":"\\ud800",' + GOOD[1:],
    "lone low surrogate": b'{"a":"\\udc00",' + GOOD[1:],
    "surrogate, raw": b'{"a":"\xed\xa0\x80",' + GOOD[1:],
    "not UTF-8": b'{"a":"\xff",' + GOOD[1:],
    "UTF-16": GOOD.decode().encode("utf-16"),
    "comment": b"/* */" + GOOD, "single quotes": b"{'id':'1'}",
    "trailing comma": b'{"id":"1",}',
    "tab in a string": b'{"a":"\t",' + GOOD[1:],
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_json(owner: Live, name: str) -> None:
    """A body that is no proper JSON object is 400, whoever would have ignored the place it is broken at."""
    answer = owner.pay(BROKEN[name])
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "validation.error")


def test_what_only_looks_broken_is_taken(owner: Live) -> None:
    """Nesting of 32, pairs of surrogates, escaped quotes with colons, blanks around: all proper."""
    for member in (
        '"more":' + "[" * 31 + "]" * 31,
        '"a":"\\ud83d\\ude42"',
        '"a":"\\":1,\\"a\\":"',
        '"a b":"{\\"a\\":1}"',
    ):
        body = json.dumps(payment()).encode()
        assert owner.pay(b" \n{" + member.encode() + b"," + body[1:] + b"\r\n ").status_code == 200


def test_body_past_the_bound(owner: Live) -> None:
    """64 KiB pass, one byte more is 413 in the family of the path, also where a body is ignored."""
    body = json.dumps(payment()).encode()
    assert owner.pay(body + b" " * (64 * 1024 - len(body))).status_code == 200
    for size in (64 * 1024 + 1, 1024 * 1024):
        answer = owner.pay(body + b" " * (size - len(body)))
        assert (answer.status_code, answer.json()["errorCode"]) == (413, "request.too.large")
        assert answer.json()["serviceName"] == "sinap"


def test_address_past_the_bound(owner: Live) -> None:
    """Path and query of 8 KiB pass, more is 414, before the address is looked up."""
    path = PROFILE + "?x="
    assert owner.get(path + "a" * (8 * 1024 - len(path))).status_code == 200
    for address in (path + "a" * (8 * 1024 - len(path) + 1), "/nowhere/" + "a" * 9000):
        answer = owner.get(address)
        assert (answer.status_code, answer.json()["errorCode"]) == (414, "request.too.large")


def test_heads_past_the_bound(owner: Live) -> None:
    """15 KiB of headers pass, 17 KiB are 431."""
    assert owner.get(PROFILE, {"X-Filler": "a" * 15 * 1024}).status_code == 200
    answer = owner.get(PROFILE, {"X-Filler": "a" * 17 * 1024})
    assert (answer.status_code, answer.json()["errorCode"]) == (431, "request.too.large")


def test_too_many_parameters(owner: Live) -> None:
    """200 parameters pass, more are 400."""
    assert owner.get(PROFILE + "?" + "&".join(["x=1"] * 200)).status_code == 200
    assert owner.refused(PROFILE + "?" + "&".join(["x=1"] * 201)) == (400, "validation.error", [])


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (None, "ru"), ("", "ru"), ("en", "en"), ("EN-us", "en"), ("ru", "ru"), ("de", "ru"), ("*", "ru"),
        ("de, en;q=0.5", "en"),
        ("ru, en", "ru"), ("en, ru", "en"), ("ru;q=0.4, en;q=0.6", "en"), ("en; q=0.1, ru; q=0.9", "ru"),
        ("en;q=0", "ru"), ("en;q=x", "ru"),
    ],
)  # fmt: skip
def test_language(server: Demo, wanted: str | None, language: str) -> None:
    """English where it is asked for before Russian, Russian otherwise."""
    heads = [] if wanted is None else [f"Accept-Language: {wanted}"]
    told = ask(server, "GET", "/nowhere", "Host: x", *heads).json
    assert told["userMessage"] == {"ru": "Такого адреса нет", "en": "Resource not found"}[language]


def test_language_of_what_cannot_be_read(server: Demo) -> None:
    """414, 431 and two tokens are told in the language that was asked for too."""
    twice = (f"Authorization: Bearer {server.wallets[0].token}",) * 2
    for path, heads, status, text in (
        (PROFILE + "?" + "a" * 9000, (), 414, "Request address is too long"),
        (PROFILE, ("X-Filler: " + "a" * 17_000,), 431, "Request headers are too large"),
        (PROFILE, twice, 400, "Validation error"),
    ):
        answer = ask(server, "GET", path, "Host: x", *heads, "Accept-Language: en")
        assert (answer.status, answer.json["userMessage"]) == (status, text)
        answer = ask(server, "GET", path, "Host: x", *heads, "Accept-Language: " + "en," * 9000)
        assert answer.status in (status, 431)


def test_order_of_checks(owner: Live, server: Demo) -> None:
    """Method, then size, then types, then token, then permission, then wallet, then parameters, then body."""

    def status(method: str, target: str, *heads: str, body: bytes = b"") -> int:
        return ask(server, method, target, "Host: x", *heads, body=body).status

    big, bad, xml = b" " * 70_000, "Authorization: Bearer x", "Accept: text/xml"
    mine = f"Authorization: Bearer {server.wallets[0].token}"
    assert status("PUT", PAY, bad, xml) == 405
    assert status("POST", PAY, bad, xml, body=big) == 413
    assert status("POST", PAY, bad, xml, body=b"{") == 400
    assert status("POST", PAY, bad, "Content-Type: text/plain", body=b"{") == 400
    assert status("POST", PAY, bad, body=b"{") == 401
    foreign = f"/payment-history/v2/persons/{owner.number}/payments?rows=abc"
    assert status("GET", foreign, bad) == 401
    assert status("GET", foreign, mine) == 403
    assert status("GET", "/payment-history/v2/persons/123/payments?rows=abc", mine) == 400


def test_database_that_is_away_is_503(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with a reference and when to repeat; a bug is 500 with a reference and none of its own words."""
    owner = house.wallet(RUB=10_00)

    async def away(_order: Any) -> Any:
        raise Unavailable("disk is full")

    async def bug(_order: Any) -> Any:
        raise AssertionError("secret inside")

    monkeypatch.setattr(house.app.writer, "submit", away)
    answer = house.pay(owner, payment())
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "service.unavailable", "1")
    assert answer.json["traceId"] in answer.json["description"]
    monkeypatch.setattr(house.app.writer, "submit", bug)
    answer = house.pay(owner, payment())
    assert (answer.status, answer.code) == (500, "internal.error")
    assert answer.json["traceId"] in answer.json["description"]
    assert b"secret" not in answer.body
