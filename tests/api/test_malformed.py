"""
Route by malformed input: made from the table and from the schemas it describes itself with.

Every parameter and every member is made wrong in every way its schema excludes: 400, and `cause` names it.
"""

from typing import Any

import pytest

from kalita.app import ROWS
from kalita.cards.api import ALL_FOUR
from kalita.refusals import UNAUTHORIZED
from kalita.web.openapi import describe
from kalita.wire.endpoint import Caller, Family, Permission
from kalita.wire.params import Param
from tests.api.house import Answer, House
from tests.api.table import (
    ANYONES,
    OURS,
    SECRETS,
    Address,
    changed,
    foreign_values,
    members,
    types_of,
    with_pair,
    wrong_values,
)
from tests.servers import Wallet

ALL = OURS + SECRETS + ANYONES
SCHEMAS = describe(ROWS)["components"]["schemas"]
BODIES = [address for address in OURS + SECRETS if address.row.body]
QUERIES = [(address, param) for address in OURS + SECRETS for param in address.row.query]
SEGMENTS = [(address, param) for address in OURS + SECRETS for param in address.row.at]


@pytest.fixture
def owner(house: House) -> Wallet:
    """Somebody new for each test: history takes only 100 calls a minute for one wallet."""
    return house.wallet(RUB=10_00)


def call(house: House, address: Address, owner: Wallet, target: str = "", body: Any = None, **headers: str) -> Answer:
    """Call an address as its owner: with his token, or a secret key of his where only that is taken."""
    body = address.body() if body is None else body
    return house.call(
        address.row.method, target or address.at(owner.number), holder(house, address, owner), body, **headers
    )


def holder(house: House, address: Address, owner: Wallet) -> Wallet:
    """Return the owner with what he shows to an address."""
    return _secret(house, owner) if address.row.caller is Caller.SECRET else owner


_secrets: dict[Wallet, Wallet] = {}


def _secret(house: House, owner: Wallet) -> Wallet:
    if owner not in _secrets:
        _secrets[owner] = house.secret(owner)
    return _secrets[owner]


def named(answer: Answer) -> list[str]:
    """Return what a refusal names: in `cause`, or in the description of those that have none."""
    told = answer.json
    if told["serviceName"] == "invoicing-api" or told["errorCode"] != "validation.error":
        assert "cause" not in told
        return [told["description"].partition(":")[0]]
    return list(told["cause"])


def unread(address: Address) -> str:
    """Return the code of a body that cannot be read. Source: invoices.md 3 has one of its own."""
    return "http.message.conversion.failed" if address.row.family is Family.BILL else "validation.error"


def body_members(address: Address) -> list[tuple[tuple[str, ...], Any, bool]]:
    """Return every member of an address's body."""
    assert address.row.body
    return list(members(SCHEMAS[address.row.body.__name__], SCHEMAS))


def test_samples_are_good(house: House, owner: Wallet) -> None:
    """What the tests below make wrong is right to begin with."""
    for address in ALL:
        assert call(house, address, owner).code in address.codes, str(address)


@pytest.mark.parametrize(("address", "param"), QUERIES, ids=lambda one: getattr(one, "name", str(one)))
def test_wrong_parameter_is_named(house: House, owner: Wallet, address: Address, param: Param) -> None:
    """Each parameter of the query, with every wrong text."""
    for text in wrong_values(param):
        answer = call(house, address, owner, address.at(owner.number, **with_pair(param, text)))
        assert (answer.status, answer.code) == (param.refusal.status, param.refusal.code), text
        assert named(answer) == [param.name], text


@pytest.mark.parametrize(
    ("address", "param"), [one for one in QUERIES if one[1].required], ids=lambda one: getattr(one, "name", str(one))
)
def test_missing_parameter_is_named(house: House, owner: Wallet, address: Address, param: Param) -> None:
    """Each required parameter, left out and empty."""
    for text in (None, ""):
        answer = call(house, address, owner, address.at(owner.number, **{param.name: text}))
        assert (answer.status, named(answer)) == (400, [param.name])


@pytest.mark.parametrize(("address", "param"), SEGMENTS, ids=lambda one: getattr(one, "name", str(one)))
def test_wrong_segment_is_named(house: House, owner: Wallet, address: Address, param: Param) -> None:
    """Each named segment of the path; a provider that is no number is a 404 of its own."""
    for text in wrong_values(param):
        answer = call(house, address, owner, _with_segment(address, owner, param.name, text))
        if param.name == "id" and answer.status == 404:
            assert answer.code == "QWPRC-155", text
        else:
            assert (answer.status, named(answer)) == (param.refusal.status, [param.name]), text


def _with_segment(address: Address, owner: Wallet, name: str, text: str) -> str:
    path, mark, query = address.at(owner.number).partition("?")
    segments = path.split("/")
    segments[address.path.split("/").index(f"{{{name}}}")] = text
    return "/".join(segments) + mark + query


@pytest.mark.parametrize(
    "number",
    [
        "123456789",
        "1234567890123456",
        "0123456789",
        "%2B%2B79991112233",
        "7999111223a",
        "-79991112233",
        "%207999111223",
        "79991112233%00",
    ],
)
@pytest.mark.parametrize("address", [one for one in OURS if "{wallet}" in one.path], ids=str)
def test_path_wallet_of_another_form(house: House, owner: Wallet, address: Address, number: str) -> None:
    """Not 10 to 15 digits: 400 rather than 403."""
    path = address.at(owner.number).replace(str(owner.number), number)
    assert call(house, address, owner, path).status == 400


@pytest.mark.parametrize("address", BODIES, ids=str)
def test_member_of_a_wrong_type_is_named(house: House, owner: Wallet, address: Address) -> None:
    """Each member of the body, with every JSON type that its schema excludes; nothing is done."""
    tried = 0
    for path, schema, _ in body_members(address):
        for value in foreign_values(schema, SCHEMAS):
            answer = call(house, address, owner, body=changed(address.body(), path, value))
            assert (answer.status, answer.code) == (400, unread(address)), (path, value)
            assert named(answer)[0].startswith(".".join(path)), (path, value, answer.json)
            tried += 1
    assert tried >= 4 or not body_members(address)
    left = house.get("/funding-sources/v1/accounts/current", owner).json["accounts"][0]["balance"]["amount"]
    assert left == 10


@pytest.mark.parametrize("address", BODIES, ids=str)
def test_missing_member_is_named(house: House, owner: Wallet, address: Address) -> None:
    """Each required member, left out or null; an optional one may be missing or null."""
    for path, schema, required in body_members(address):
        answer = call(house, address, owner, body=changed(address.body(), path))
        if required:
            assert (answer.status, named(answer)) == (400, [".".join(path)])
        if "null" in types_of(schema, SCHEMAS):
            code = call(house, address, owner, body=changed(address.body(), path, None)).code
            assert code in {"validation.error", unread(address), *address.codes}


@pytest.mark.parametrize("address", [one for one in BODIES if "fields" in one.body()], ids=str)
def test_members_inside_fields(house: House, owner: Wallet, address: Address) -> None:
    """A value of `fields` that is neither text nor whole number names its field."""
    for value in (True, 1.5, -1, [], {}, [1], {"a": 1}):
        answer = call(house, address, owner, body=changed(address.body(), ("fields", "more"), value))
        assert (answer.status, named(answer)) == (400, ["fields.more"])


@pytest.mark.parametrize("address", BODIES, ids=str)
def test_broken_bodies(house: House, owner: Wallet, address: Address) -> None:
    """What is no JSON object, and what only a lenient reader takes."""
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":2}',
        b"[" * 50_000,
        b'{"a":"\\u0000"}',
        b'{"a":"\\ud800"}',
    ):
        if body or not address.row.bare:
            who = holder(house, address, owner)
            answer = house.call(address.row.method, address.at(owner.number), who, body)
            assert (answer.status, answer.code) == (400, unread(address)), body[:20]


@pytest.mark.parametrize("address", ALL, ids=str)
def test_heads_and_sizes(house: House, owner: Wallet, address: Address) -> None:
    """Every row has the same bounds and reads the same heads."""
    call(house, address, owner)
    good = call(house, address, owner).status  # the second time: some calls can be made once
    who = holder(house, address, owner)
    swollen = house.call(address.row.method, address.at(owner.number), who, b" " * 70_000, content_length="70000")
    assert (swollen.status, swollen.code) == (413, "request.too.large")
    long = address.at(owner.number) + ("&" if "?" in address.at(owner.number) else "?") + "x=" + "a" * 9000
    assert call(house, address, owner, long).status == 414
    assert call(house, address, owner, x_filler="a" * 17_000).status == 431
    bills = address.row.family is Family.BILL
    assert call(house, address, owner, accept="video/mp4").status == (406 if bills else 400)
    assert call(house, address, owner, authorization="Bearer x").status == 400
    other_type = call(house, address, owner, content_type="text/plain").status
    assert other_type == ((415 if bills else 400) if address.row.body and not address.row.any_type else good)
    assert call(house, address, owner, accept="*/*", x_unknown="\xff").status == good


@pytest.mark.parametrize("address", ALL, ids=str)
def test_other_methods(house: House, owner: Wallet, address: Address) -> None:
    """405 names the methods of the path; HEAD goes where GET goes."""
    same_path = {one.row.method for one in ALL if one.path == address.path}
    allowed = sorted(same_path | ({"HEAD"} if "GET" in same_path else set()))
    bodies = {one.row.method: one.body() for one in ALL if one.path == address.path}
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
        answer = house.call(
            method, address.at(owner.number), holder(house, address, owner), bodies.get(method, address.body())
        )
        if method in allowed:
            own = (401,) if UNAUTHORIZED in address.row.refusals else ()
            assert answer.status < 300 or answer.status in (404, 422, *own)
        else:
            assert (answer.status, answer.code, answer.headers["allow"]) == (
                405,
                "http.method.not.supported" if address.path.startswith("/partner/bill/") else "method.not.allowed",
                ", ".join(allowed),
            )


def test_every_permission_is_tried() -> None:
    """The matrices are not empty by mistake."""
    assert len(OURS) >= 12
    assert {address.row.permission for address in OURS} == set(Permission) - {Permission.CARDS} | {ALL_FOUR, None}
    assert len(QUERIES) > 25
