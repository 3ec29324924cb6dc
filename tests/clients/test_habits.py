"""
What real clients were seen to put on the wire is understood. Source: client-compatibility.md 1 to 4.

Requests go over a raw socket, so that no library of ours tidies them up.
"""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.clients.wire import Answer, ask
from tests.servers import Demo, demo

PROFILE = "/person-profile/v1/profile/current"
OLD_BALANCES = "/funding-sources/v1/accounts/current"
PAY = "/sinap/api/v2/terms/99/payments"
numbers = itertools.count(1_600_000_000_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Demo]:
    """A demonstration of this module's own."""
    with demo(tmp_path_factory.mktemp("habits"), engine=engine) as running:
        yield running


def usual(server: Demo, wallet: int = 0) -> tuple[str, ...]:
    """Return the headers every client sends in some form."""
    return "Host: edge.qiwi.com", "Accept: application/json", f"Authorization: Bearer {server.wallets[wallet].token}"


def get(server: Demo, target: str, *more: str, body: bytes = b"") -> Answer:
    """Ask for something of the first wallet; `{w}` stands for its number."""
    return ask(server, "GET", target.format(w=server.wallets[0].number), *usual(server), *more, body=body)


def payment(**changes: Any) -> dict[str, Any]:
    """Return the body of a payment to the second wallet with some members changed; None takes one out."""
    body = {
        "id": str(next(numbers)),
        "sum": {"amount": 1, "currency": "643"},
        "paymentMethod": {"type": "Account", "accountId": "643"},
        "fields": {"account": "+79994445566"},
    } | changes
    return {name: value for name, value in body.items() if value is not None}


def pay(server: Demo, body: Any, path: str = PAY, content_type: str | None = "application/json") -> Answer:
    """Send a payment of the first wallet."""
    more = [] if content_type is None else [f"Content-Type: {content_type}"]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(server, "POST", path, *usual(server), *more, body=raw)


HISTORY = "/payment-history/v2/persons/{w}/payments"
ADDRESSES = (
    PROFILE, "/" + PROFILE, PROFILE + "/", "//person-profile///v1/profile//current//",
    PROFILE + "/?authInfoEnabled=true",
    "/funding-sources/v2/persons/{w}/accounts", "//funding-sources/v2/persons/{w}/accounts/",
    "/funding-sources/v2/persons/+{w}/accounts", "/funding-sources/v2/persons/%2B{w}/accounts",
    OLD_BALANCES, OLD_BALANCES + "/?timeout=1000", HISTORY + "?rows=5", HISTORY + "/?rows=5", "/" + HISTORY + "?rows=5",
    "/payment-history/v1/persons/{w}/payments", "/payment-history/v1/persons/{w}/payments/?operation=IN",
)  # fmt: skip


@pytest.mark.parametrize("target", ADDRESSES)
def test_slashes_and_pluses_in_the_address_do_not_matter(server: Demo, target: str) -> None:
    """T3, T4: runs of slashes, one at the end, a plus before the number; answered at once, never redirected."""
    answer = get(server, target)
    assert answer.status == 200, answer
    assert answer.headers["content-type"].lower().startswith("application/json")


@pytest.mark.parametrize("host", ["edge.qiwi.com", "qiwi.com", "api.qiwi.com", "oplata.qiwi.com", "x.example:81", ""])
def test_any_host_will_do(server: Demo, host: str) -> None:
    """T1, T2: routing looks at the path alone."""
    token = f"Authorization: Bearer {server.wallets[0].token}"
    assert ask(server, "GET", PROFILE, f"Host: {host}", token).status == 200


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200), ("*/*", 200), ("", 200), ("application/json", 200), ("Application/JSON; charset=utf-8", 200),
        ("text/html, application/json;q=0.9", 200), ("text/xml", 400),
    ],
)  # fmt: skip
def test_accept(server: Demo, accept: str | None, status: int) -> None:
    """T5: absent, any, JSON; another type is the documented 400."""
    token = f"authorization: Bearer {server.wallets[0].token}"
    more = [] if accept is None else [f"Accept: {accept}"]
    assert ask(server, "GET", PROFILE, "Host: edge.qiwi.com", token, *more).status == status


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Authorization: Bearer {}", 200), ("authorization: Bearer {}", 200), ("AUTHORIZATION: bearer {}", 200),
        ("authorization: bearer {}", 200), ("Authorization: BEARER  {}", 200), ("Authorization: {}", 401),
        ("Authorization: Basic {}", 401), ("X-Nothing: {}", 401),
    ],
)  # fmt: skip
def test_authorization_in_any_case(server: Demo, header: str, status: int) -> None:
    """T14: neither the header's name nor the scheme minds case; what is no bearer is a 401 in the service's shape."""
    answer = ask(server, "GET", PROFILE, "Host: edge.qiwi.com", header.format(server.wallets[0].token))
    assert answer.status == status
    if status == 401:
        members = {"serviceName", "errorCode", "description", "userMessage", "dateTime", "traceId"}
        assert set(answer.json) == members
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 200), ("application/json", 200), ("application/json;charset=UTF-8", 200),
        ("application/json;charser=UTF-8", 200), ("APPLICATION/JSON", 200), ("Application/Json ; Charset=utf8", 200),
        ("text/plain", 400), ("application/x-www-form-urlencoded", 400),
    ],
)  # fmt: skip
def test_content_type_of_a_payment(server: Demo, content_type: str | None, status: int) -> None:
    """T6: absent, with a charset, with the charset misspelt, in any case; another type is the documented 400."""
    assert pay(server, payment(), content_type=content_type).status == status


def test_bodies_of_calls_that_take_none_are_ignored(server: Demo) -> None:
    """T7, T8: JSON as the type of nothing, an empty body, the query once more as a form labelled JSON, rubbish."""
    txn_id = pay(server, payment()).json["transaction"]["id"]
    label = "Content-Type: application/json"
    one = f"/payment-history/v1/transactions/{txn_id}?transaction_id={txn_id}&type=OUT"
    assert get(server, PROFILE, label).status == 200
    assert get(server, PROFILE, label, "Content-Length: 0").status == 200
    answer = get(server, one, label, body=f"transaction_id={txn_id}&type=OUT".encode())
    assert (answer.status, answer.json["txnId"]) == (200, int(txn_id))
    assert get(server, one, label, body=b"\xff{{{").status == 200
    assert get(server, one, "Content-Type: text/plain", body=b"x" * 3000).status == 200


@pytest.mark.parametrize("word", ["OUT", "None", "", None])
def test_the_type_of_a_transaction_may_be_missing(server: Demo, word: str | None) -> None:
    """The word None, an empty value and no parameter at all mean the same; both versions answer alike."""
    txn_id = pay(server, payment()).json["transaction"]["id"]
    query = "" if word is None else f"?type={word}"
    first, second = (
        get(server, f"/payment-history/{version}/transactions/{txn_id}{query}") for version in ("v1", "v2")
    )
    assert first.status == 200
    assert first.json == second.json
    assert first.json["type"] == "OUT"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "acu"), ("authInfoEnabled=True&contractInfoEnabled=False&userInfoEnabled=FALSE", "a"),
        ("authInfoEnabled=true&authInfoEnabled=False", "cu"), ("authInfoEnabled=false&authInfoEnabled=True", "acu"),
        ("authInfoEnabled=&contractInfoEnabled=false", "au"), ("nothing=known&userInfoEnabled=tRUE", "acu"),
    ],
)  # fmt: skip
def test_booleans_of_the_profile(server: Demo, query: str, shown: str) -> None:
    """T10, T11: any case, the last of two wins, an empty one counts as absent; a part left out stays as null."""
    profile = get(server, f"{PROFILE}?{query}").json
    assert set(profile) == {"authInfo", "contractInfo", "userInfo"}
    assert "".join(name[0] for name in sorted(profile) if profile[name] is not None) == shown


SOURCES = (
    "sources[0]=QW_USD", "sources%5B0%5D=QW_USD", "source[1]=QW_USD", "source%5B1%5D=QW_USD&source%5B2%5D=QW_EUR",
    "sources[5]=QW_USD&sources[2]=QW_EUR", "sources=QW_USD&sources=QW_EUR", "sources=QW_USD QW_EUR".replace(" ", "+"),
    "sources=QW_USD%20QW_EUR", "sources=QW_USD,QW_EUR", "sources[]=QW_USD&sources[]=CARD", "source=QW_USD",
)  # fmt: skip


@pytest.mark.parametrize("sources", SOURCES)
def test_lists_in_the_query(server: Demo, sources: str) -> None:
    """T12: every way to write a list that clients have chooses the same balances, in history and in totals."""
    wanted = {840, 978} if "EUR" in sources else {840}
    page = get(server, f"{HISTORY}?rows=50&{sources}").json
    assert {one["sum"]["currency"] for one in page["data"]} == wanted
    total = get(server, f"{HISTORY}/total?{_today('%2B03:00')}&{sources}").json
    assert {one["currency"] for one in total["incomingTotal"]} == wanted


def _today(zone: str, form: str = "%Y-%m-%dT%H:%M:%S") -> str:
    """Return a period of two days around now, in a zone as a client writes it."""
    away = timedelta(hours=3) if "03" in zone else timedelta()
    now = datetime.now(UTC) + away
    start, end = ((now + timedelta(days=days)).strftime(form) + zone for days in (-1, 1))
    return f"startDate={start}&endDate={end}"


@pytest.mark.parametrize("zone", ["%2B03:00", "%2B03%3A00", "+03:00", "%2003:00", "Z", "%2B00:00", ".123Z", ""])
def test_dates_in_the_query(server: Demo, zone: str) -> None:
    """T13: a plus that became a blank, Z, milliseconds, colons encoded or not, no zone at all."""
    for target in (f"{HISTORY}?rows=5&operation=IN&{_today(zone)}", f"{HISTORY}/total?{_today(zone)}"):
        answer = get(server, target)
        assert answer.status == 200, answer.body
        assert answer.json.get("data", answer.json.get("incomingTotal"))


def test_empty_continuation_means_none_and_a_real_one_goes_on(server: Demo) -> None:
    """T11: `nextTxnId=&nextTxnDate=`; then the tokens as the answer has them, the date percent-encoded or raw."""
    pay(server, payment())
    first = get(server, f"{HISTORY}?rows=1&nextTxnId=&nextTxnDate=&startDate=&endDate=").json
    tokens = first["nextTxnId"], first["nextTxnDate"]
    following = [
        get(server, f"{HISTORY}?rows=1&nextTxnId={tokens[0]}&nextTxnDate={date}").json["data"][0]["txnId"]
        for date in (quote(tokens[1]), tokens[1], tokens[1].replace("+", "%20"))
    ]
    assert following == [tokens[0]] * 3
    assert first["data"][0]["txnId"] > tokens[0]


def test_the_last_page_has_both_tokens_as_null(server: Demo) -> None:
    """Clients index them; several insist on the key."""
    page = get(server, f"{HISTORY}?rows=50&operation=IN").json
    assert page["nextTxnId"] is None
    assert page["nextTxnDate"] is None
    assert page["data"]


PAYMENTS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("id a number", {"id": 1_500_000_000_001}, "1"),
    ("id of ten digits", {"id": "1500000002"}, "1"),
    ("id of sixteen digits", {"id": "1500000000000003"}, "1"),
    ("amount a text", {"sum": {"amount": "10", "currency": "643"}}, "10"),
    ("amount a text with kopecks", {"sum": {"amount": "1.00", "currency": "643"}}, "1"),
    ("amount with the noise of a float", {"sum": {"amount": 297.29999999999995, "currency": "643"}}, "297.29"),
    ("currency a number", {"sum": {"amount": 1.5, "currency": 643}}, "1.5"),
    ("accountId a number", {"paymentMethod": {"type": "Account", "accountId": 643}}, "1"),
    ("account without plus", {"fields": {"account": "79994445566"}}, "1"),
    ("account a number", {"fields": {"account": 79994445566}}, "1"),
    ("a field more", {"fields": {"account": "+79994445566", "extra": "x", "none": None}}, "1"),
    ("comment empty", {"comment": ""}, "1"),
    ("comment in Russian", {"comment": "за обед ☕"}, "1"),
    ("unknown members", {"kwargs": {}, "source": "account_643", "nested": {"a": [1, {}]}}, "1"),
    ("first generation, source only", {"source": "account_643", "paymentMethod": None}, "1"),
)


@pytest.mark.parametrize(("changes", "amount"), [row[1:] for row in PAYMENTS], ids=[row[0] for row in PAYMENTS])
def test_payments_as_clients_write_them(server: Demo, changes: dict[str, Any], amount: str) -> None:
    """Section 4: numbers and texts change places, members are missing or too many; the answer has one form."""
    body = payment(**changes)
    path = "/sinap/terms/99/payments" if "source" in body else PAY
    answer = pay(server, body, path)
    assert answer.status == 200, answer.body
    told = answer.json
    assert told["id"] == str(body["id"])
    assert told["terms"] == "99"
    assert told["fields"]["account"] == str(body["fields"]["account"])
    assert f'"amount":{amount},'.encode() in answer.body
    assert told["sum"]["currency"] == "643"
    assert told["transaction"]["id"].isdigit()
    assert told["transaction"]["state"] == {"code": "Accepted"}
    assert told["source"] == "account_643"
    assert told.get("comment") == body.get("comment")
    assert not {"code", "errorCode"} & set(told)


def test_comment_null_is_no_comment(server: Demo) -> None:
    """One client always sends the member."""
    body = json.dumps(payment()).replace("}}", '},"comment":null}').encode()
    answer = pay(server, body)
    assert answer.status == 200, answer.body
    assert "comment" not in answer.json


def test_the_same_id_is_answered_again_and_another_payment_under_it_refused(server: Demo) -> None:
    """Clients repeat after a timeout, and some make equal ids within a second."""
    body = payment(sum={"amount": "3.30", "currency": "643"})
    first = pay(server, body)
    again = pay(
        server, body | {"id": int(body["id"]), "sum": {"amount": 3.3, "currency": 643}}, "//sinap/terms/99/payments/"
    )
    assert (again.status, again.body) == (200, first.body)
    other = pay(server, body | {"sum": {"amount": "3.31", "currency": "643"}})
    assert other.status == 400
    assert set(other.json) == {"code", "message"}
    assert other.json["code"] == "QWPRC-202"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "0b0ff0a1-5ea9-4a54-a7e6-fd0b1b6ec6a4"},
        {"paymentMethod": {"payment_type": "Account", "account_id": "643"}},
        {"sum": {"amount": 1, "currency": {"code": "RUB", "isoformat": "643"}}},
        {"fields": None}, {"sum": {"amount": None, "currency": "643"}}, {"fields": {"account": ["+79994445566"]}},
    ],
)  # fmt: skip
def test_what_cannot_be_a_payment_gets_a_clean_400(server: Demo, changes: dict[str, Any]) -> None:
    """Bank details as one client writes them, a UUID as the id: 400 in the service's shape that names the field."""
    answer = pay(server, payment(**changes))
    assert answer.status == 400
    assert answer.json["errorCode"] == "validation.error"
    assert answer.json["cause"]


def test_success_never_looks_like_an_error(server: Demo) -> None:
    """T18: no `code` on top of a success, `errorCode` only where it is documented; T16: JSON in UTF-8."""
    txn_id = pay(server, payment(comment="привет")).json["transaction"]["id"]
    for target in (PROFILE, OLD_BALANCES, f"{HISTORY}?rows=1", f"{HISTORY}/total?{_today('Z')}"):
        answer = get(server, target)
        assert answer.status == 200
        assert not {"code", "errorCode"} & set(answer.json), target
        assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    one = get(server, f"/payment-history/v2/transactions/{txn_id}")
    assert one.json["errorCode"] == 0
    assert "привет" in one.body.decode("utf-8")
