"""
Bills over HTTP, for who asks for the money. Source: invoices.md 2 and 3, client-compatibility.md 7.

Guarantee: what was asked for comes back as it was sent, and only what waits ever changes.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from kalita.app import ROWS
from kalita.clock import month_of
from kalita.people.wallets import Level
from kalita.web.openapi import describe
from tests.api.house import Answer, House
from tests.api.table import changed, foreign_values, members
from tests.servers import Demo, Wallet, database_of

BILLS = "/partner/bill/v1/bills"
KEYS = "/widgets-api/api/p2p/protected/keys/create"


@pytest.fixture(scope="module")
def shop(house: House) -> Wallet:
    """Somebody who asks for money; his token is the secret key."""
    return keys(house, house.wallet(RUB=0))


def keys(house: House, owner: Wallet, **more: Any) -> Wallet:
    """Return who holds a new secret key of a wallet."""
    answer = house.call("POST", KEYS, owner, {"keysPairName": "shop"} | more)
    assert answer.status == 200, answer.body
    return Wallet(owner.number, answer.json["SecretKey"])


def body(value: Any = "100.50", **more: Any) -> dict[str, Any]:
    """Return the body of a bill."""
    return {"amount": {"value": value, "currency": "RUB"}} | more


def put(house: House, shop: Wallet, name: str, sent: Any) -> Answer:
    """Issue a bill."""
    return house.call("PUT", f"{BILLS}/{name}", shop, sent)


def test_keys_have_both_shapes_and_the_form_that_clients_check(house: House) -> None:
    """The secret is Base64 of the JSON they take apart; the public one is base 58; each pair is another."""
    owner = house.wallet()
    first, second = (house.call("POST", KEYS, owner, {"keysPairName": "Пара"}).json for _ in range(2))
    assert first["PublicKey"] == first["result"]["publicKey"] != second["PublicKey"]
    assert first["SecretKey"] == first["result"]["secretKey"] != second["SecretKey"]
    assert first["result"]["name"] == "Пара"
    assert re.fullmatch(r"[1-9A-HJ-NP-Za-km-z]{120,127}", first["PublicKey"])
    told = json.loads(base64.b64decode(first["SecretKey"], validate=True))
    assert (told["version"], told["data"]["user_id"]) == ("P2P", str(owner.number))
    assert re.fullmatch(r"[0-9a-z]{6}-\d\d", told["data"]["payin_merchant_site_uid"])
    assert re.fullmatch(r"[0-9a-f]{64}", told["data"]["secret"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+03:00", first["result"]["createdDateTime"])


def test_only_the_identified_get_keys(house: House) -> None:
    """403 with a code of its own for the others."""
    for level, status in ((Level.SIMPLE, 403), (Level.VERIFIED, 200), (Level.FULL, 200)):
        answer = house.call("POST", KEYS, house.wallet(level=level), {"keysPairName": "x"})
        assert answer.status == status
        assert answer.code == ("identification.required" if status == 403 else "")


def test_keys_are_few_and_their_names_and_addresses_good(house: House) -> None:
    """20 live pairs; https on 443 in production, no inner address."""
    owner = house.wallet()
    for sent in (
        {"keysPairName": ""}, {"keysPairName": "x" * 101},
        *({"keysPairName": "x", "serverNotificationsUrl": url} for url in (
            "http://example.com/", "https://example.com:8443/", "https://10.0.0.1/", "https://127.0.0.1/", "nonsense",
            "https://example.com/" + "x" * 500,
        )),
    ):  # fmt: skip
        answer = house.call("POST", KEYS, owner, sent)
        assert (answer.status, answer.code) == (400, "validation.error"), sent
    for sent in ({"serverNotificationsUrl": None}, {"serverNotificationsUrl": ""}, *({} for _ in range(18))):
        assert house.call("POST", KEYS, owner, {"keysPairName": "x"} | sent).status == 200
    assert house.call("POST", KEYS, owner, {"keysPairName": "x"}).status == 400


def test_a_bill_is_what_was_asked_for(house: House, shop: Wallet) -> None:
    """To the letter: members, their forms, and nothing that was not given."""
    custom = {"paySourcesFilter": "card, qw", "themeCode": "Ivan-KaLi", "ы": "", "apiClient": "node_sdk"}
    customer = {"phone": "79120000002", "email": "a@example.org", "account": None}
    sent = body(customFields=custom, customer=customer, comment="Счёт 17", more=[1])
    told = put(house, shop, "order-2024-000017", sent).json
    site = json.loads(base64.b64decode(shop.token))["data"]["payin_merchant_site_uid"]
    link = told.pop("payUrl")
    assert re.fullmatch(r"http://[^/]+/form/\?invoice_uid=[0-9a-f-]{36}", link)
    assert UUID(link[-36:])
    dates = [told.pop("creationDateTime"), told["status"].pop("changedDateTime")]
    assert dates[0] == dates[1]
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}\+03:00", dates[0])
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\+03:00", told.pop("expirationDateTime"))
    assert told == {
        "siteId": site, "billId": "order-2024-000017", "amount": {"currency": "RUB", "value": "100.50"},
        "status": {"value": "WAITING"}, "customer": {"phone": "79120000002", "email": "a@example.org"},
        "customFields": custom, "comment": "Счёт 17",
    }  # fmt: skip
    assert list(told["customFields"]) == list(custom)
    bare = put(house, shop, "bare", body(customer={}, customFields=None, comment=None)).json
    assert not {"customer", "customFields", "comment"} & set(bare)
    assert house.get(f"{BILLS}/bare", shop).json == bare


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1.00", "1.00"), ("1", "1.00"), (1, "1.00"), (1.0, "1.00"), (400, "400.00"), (200.35, "200.35"),
     ("0.019", "0.01"), ("999999.99", "999999.99"), ("999999.999", "999999.99"), ("0.01", "0.01")],
)  # fmt: skip
def test_amounts_come_back_with_two_decimals(house: House, shop: Wallet, value: Any, shown: str) -> None:
    """Numbers and texts alike, rounded down."""
    assert put(house, shop, f"a{value}{type(value).__name__}", body(value)).json["amount"]["value"] == shown


@pytest.mark.parametrize("value", ["0", "0.00", "0.009", "-1", "1000000", "1e3", "", "1,5", " 1", "+1", "1_0", "NaN"])
def test_amounts_out_of_bounds(house: House, shop: Wallet, value: str) -> None:
    """Nothing, less than a kopeck, too much, other writings: 400."""
    answer = put(house, shop, "bad", body(value))
    assert (answer.status, answer.code) == (400, "validation.error")
    assert house.get(f"{BILLS}/bad", shop).status == 404


@pytest.mark.parametrize(
    "name", ["a:b", "WhiteApfel-PyQiwiP2P-1", "1234", "a%20b", "%D1%8B", "a" * 200, "x.y~z", "%2B"]
)
def test_bill_ids_are_any_printable_text(house: House, shop: Wallet, name: str) -> None:
    """They come back decoded, and lead to the bill again."""
    told = put(house, shop, name, body()).json
    assert house.get(f"{BILLS}/{name}", shop).json == told


@pytest.mark.parametrize("name", ["a" * 201, "a%0Ab", "a%00b", "%7F", "%E2%80%A8"])
def test_other_bill_ids_are_refused(house: House, shop: Wallet, name: str) -> None:
    """Too long, or not printable."""
    assert put(house, shop, name, body()).status == 400


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"{", "http.message.conversion.failed"), (b"", "http.message.conversion.failed"),
        ({}, "http.message.conversion.failed"), ({"amount": 5}, "http.message.conversion.failed"),
        (body(comment=5), "http.message.conversion.failed"),
        (body(customFields={"a": 1}), "http.message.conversion.failed"),
        ({"amount": {"value": "1", "currency": "USD"}}, "validation.error"),
        ({"amount": {"value": "1", "currency": "643"}}, "validation.error"),
        (body(comment="x" * 256), "validation.error"),
        (body(comment="a\nb"), "validation.error"), (body(comment="a\x9fb"), "validation.error"),
        (body(customFields={"a": None}), "http.message.conversion.failed"),
        (body(expirationDateTime="2020-01-01T00:00:00Z"), "validation.error"),
        (body(expirationDateTime="soon"), "validation.error"),
        (body(customFields={"a": "x" * 256}), "validation.error"),
        (body(customFields={str(i): "x" for i in range(31)}), "validation.error"),
        (body(customer={"email": "x" * 101}), "validation.error"),
    ],
)  # fmt: skip
def test_wrong_bodies(house: House, shop: Wallet, sent: Any, code: str) -> None:
    """What cannot be read and what is out of bounds have codes of their own; no member but the documented ones."""
    answer = put(house, shop, "wrong", sent)
    assert (answer.status, answer.code) == (400, code)
    assert set(answer.json) == {"serviceName", "errorCode", "description", "userMessage", "dateTime", "traceId"}
    assert answer.json["serviceName"] == "invoicing-api"


@pytest.mark.parametrize(
    ("sent", "name"),
    [(body(comment="a\tb"), "comment"), (body(customFields={"a": None}), "customFields")],
)
def test_a_wrong_member_is_named(house: House, shop: Wallet, sent: Any, name: str) -> None:
    """In the sentence for developers; the documented body has no other place for it."""
    answer = put(house, shop, "wrong", sent)
    assert (answer.status, answer.json["description"].partition(":")[0].partition("[")[0]) == (400, name)


def test_members_of_a_wrong_type(house: House, shop: Wallet) -> None:
    """Each member of the body, with every JSON type that its schema excludes; the description names it."""
    schemas = describe(ROWS)["components"]["schemas"]
    tried = 0
    for path, schema, _ in members(schemas["BillBody"], schemas):
        for value in foreign_values(schema, schemas):
            sent = changed(body(customer={}), path, value)
            answer = put(house, shop, "wrong", sent)
            assert answer.status == 400, (path, value)
            assert answer.json["description"].startswith(".".join(path)), (path, value, answer.json)
            tried += 1
    assert tried > 30
    assert house.get(f"{BILLS}/wrong", shop).status == 404


def test_expiry_is_echoed_and_bounded(house: House, shop: Wallet) -> None:
    """With its fraction, in Moscow time; a bill expires at 45 days at the latest, whatever it says."""
    house.at("2026-03-01T12:00:00+00:00")
    for sent, shown in (
        ("2031-03-01T12:00:00.123456+00:00", "2031-03-01T15:00:00.123456+03:00"),
        ("2026-03-02T12:00:00+03:00", "2026-03-02T12:00:00+03:00"),
        ("2026-03-02T12:00:00.5", "2026-03-02T12:00:00.5+03:00"),
        ("2026-03-02T12:00:00Z", "2026-03-02T15:00:00+03:00"),
        ("", "2026-04-15T15:00:00+03:00"),
    ):
        assert put(house, shop, f"e{sent}", body(expirationDateTime=sent)).json["expirationDateTime"] == shown
    house.later(44 * 86400 + 86399)
    assert house.get(f"{BILLS}/e2031-03-01T12:00:00.123456+00:00", shop).json["status"]["value"] == "WAITING"
    house.later(1)
    told = house.get(f"{BILLS}/e2031-03-01T12:00:00.123456+00:00", shop).json["status"]
    assert told == {"value": "EXPIRED", "changedDateTime": "2026-04-15T15:00:00.000+03:00"}
    assert house.run(house.app.bills.sweep()) >= 5
    assert house.get(f"{BILLS}/e2031-03-01T12:00:00.123456+00:00", shop).json["status"] == told


def test_the_same_id_again(house: House, shop: Wallet) -> None:
    """The same wish: the bill as it is now. Another one: 409, and nothing changes."""
    sent = body(comment="x", expirationDateTime="2031-01-01T00:00:00+03:00", customFields={"a": "1"})
    first = put(house, shop, "again", sent).json
    assert put(house, shop, "again", sent).json == first
    assert put(house, shop, "again", sent | {"amount": {"value": 100.5, "currency": "RUB"}}).json == first
    for change in (
        body("100.51"), {"comment": "y"}, {"comment": None}, {"expirationDateTime": "2032-01-01T00:00:00+03:00"},
        {"customFields": {"a": "2"}}, {"customer": {"phone": "79120000002"}},
    ):  # fmt: skip
        answer = put(house, shop, "again", sent | change)
        assert (answer.status, answer.code) == (409, "api.invoice.already.exists")
    assert house.get(f"{BILLS}/again", shop).json == first
    for text in ("soon", "2031-13-01T00:00:00+03:00"):
        answer = put(house, shop, "again", body("1", expirationDateTime=text))
        assert (answer.status, answer.code) == (400, "validation.error"), "it is read before anything is compared"
    house.call("POST", f"{BILLS}/again/reject", shop)
    assert put(house, shop, "again", sent).json["status"]["value"] == "REJECTED"


def test_rejecting(house: House, shop: Wallet) -> None:
    """Once or twice alike, with any body or none; never by GET."""
    put(house, shop, "no", body())
    assert house.get(f"{BILLS}/no/reject", shop).status == 405
    told = [
        house.call("POST", f"{BILLS}/no/reject", shop).json,
        house.call("POST", f"{BILLS}/no/reject", shop, b"null").json,
        house.call("POST", f"{BILLS}/no/reject", shop, b"", content_type="application/x-www-form-urlencoded").json,
    ]
    assert told[0]["status"]["value"] == "REJECTED"
    assert told[0] == told[1] == told[2] == house.get(f"{BILLS}/no", shop).json


def test_what_is_not_there(house: House, shop: Wallet) -> None:
    """Unknown bills, paths and methods have the codes of this part of the API."""
    found = [
        house.get(f"{BILLS}/none", shop), house.call("POST", f"{BILLS}/none/reject", shop),
        house.get(f"{BILLS}/none/refunds/1", shop), house.get("/partner/bill/v1/nothing", shop),
        house.call("DELETE", f"{BILLS}/none", shop), house.get(f"{BILLS}/none", shop, accept="text/xml"),
        house.call("PUT", f"{BILLS}/none", shop, b"a=b", content_type="application/x-www-form-urlencoded"),
    ]  # fmt: skip
    assert [(one.status, one.code) for one in found] == [
        (404, "api.invoice.not.found"), (404, "api.invoice.not.found"), (404, "api.invoice.not.found"),
        (404, "http.url.not.found"), (405, "http.method.not.supported"), (406, "http.media.type.not.acceptable"),
        (415, "http.media.type.not.supported"),
    ]  # fmt: skip
    assert {one.json["serviceName"] for one in found} == {"invoicing-api"}
    assert found[0].json["userMessage"] == found[0].json["description"] == "Invoice not found"


def test_without_a_good_secret_everything_is_401(house: House, shop: Wallet) -> None:
    """None, a token, a changed or a revoked one: in the same words, with a body."""
    owner = house.wallet()
    revoked = keys(house, owner)
    (pair,) = house.run(house.app.key_pairs.live(owner.number))
    assert house.run(house.app.key_pairs.revoke(owner.number, pair.id))
    assert not house.run(house.app.key_pairs.revoke(owner.number, pair.id))
    changed = Wallet(0, shop.token[:-6] + "AAAA" + shop.token[-2:])
    for dead in (None, owner, changed, revoked, Wallet(0, "eyJ")):
        answer = put(house, dead, "x", body())
        assert (answer.status, answer.code) == (401, "auth.unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_each_sees_its_own_bills(house: House, shop: Wallet) -> None:
    """The same id of another owner is another bill; two pairs of one owner share theirs."""
    owner = house.wallet()
    mine, second, other = keys(house, owner), keys(house, owner), keys(house, house.wallet())
    told = put(house, mine, "own", body()).json
    assert house.get(f"{BILLS}/own", second).json == told
    assert house.get(f"{BILLS}/own", other).status == 404
    assert put(house, other, "own", body("7")).json["amount"]["value"] == "7.00"
    assert house.get(f"{BILLS}/own", mine).json == told


def test_who_lost_the_level_issues_nothing_more(house: House) -> None:
    """403; what was issued can still be looked at."""
    owner = house.wallet()
    shop = keys(house, owner)
    put(house, shop, "before", body())
    house.run(house.app.wallets.set_level(owner.number, Level.SIMPLE))
    answer = put(house, shop, "after", body())
    assert (answer.status, answer.code) == (403, "auth.forbidden")
    assert house.get(f"{BILLS}/before", shop).status == 200


def test_the_demonstration_brings_keys(server: Demo) -> None:
    """For both wallets, and they work."""
    told = json.loads((server.data / "demo.json").read_text("utf-8"))
    for one in told["wallets"]:
        heads = {"Authorization": f"Bearer {one['p2p_secret']}"}
        answer = httpx.put(f"{server.url}{BILLS}/demo", json=body(), headers=heads)
        assert answer.status_code == 200
        assert answer.json()["payUrl"].startswith(f"{server.url}/form/?invoice_uid=")
        assert len(one["p2p_public"]) > 100


def test_secrets_are_not_in_the_database(server: Demo) -> None:
    """Neither whole nor in part."""
    told = json.loads((server.data / "demo.json").read_text("utf-8"))
    secret = told["wallets"][0]["p2p_secret"]
    inner = json.loads(base64.b64decode(secret))["data"]["secret"]
    files = list(server.data.glob("kalita.db*"))
    assert not [file for file in files if secret.encode() in file.read_bytes() or inner.encode() in file.read_bytes()]


@pytest.fixture
def giving(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation where bills can be given back."""
    folder = tmp_path_factory.mktemp("giving")
    opened = House(folder, settings={"bill_refunds": True}, database=database_of(folder, engine))
    yield opened
    opened.close()


def test_refunds_are_not_offered(house: House, shop: Wallet) -> None:
    """By default: known bill or not, a refund is not found."""
    put(house, shop, "paid", body())
    for method, sent in (("PUT", body("1")), ("POST", body("1")), ("GET", None)):
        answer = house.call(method, f"{BILLS}/paid/refunds/1", shop, sent)
        assert (answer.status, answer.code) == (404, "api.refund.not.found")


def test_refunds_where_they_are_offered(giving: House) -> None:
    """In part and then in whole, once for each id, never more than was paid."""
    owner, payer = giving.wallet(RUB=0), giving.wallet(RUB=500_00)
    shop = keys(giving, owner)
    link = put(giving, shop, "r", body("100.50")).json["payUrl"]
    path = f"{BILLS}/r/refunds"
    assert giving.call("PUT", f"{path}/1", shop, body("1")).code == "api.invoice.conflict"
    paid = {"invoice_uid": link[-36:], "currency": "643"}
    assert giving.call("POST", "/checkout-api/invoice/pay/wallet", payer, paid).status == 200
    first = giving.call("PUT", f"{path}/1", shop, body("50.50")).json
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}\+03:00", first.pop("dateTime"))
    assert first == {"amount": {"currency": "RUB", "value": "50.50"}, "refundId": "1", "status": "PARTIAL"}
    assert giving.call("PUT", f"{path}/1", shop, body("50.50")).json["status"] == "PARTIAL"
    for other in (body("1"), {"amount": {"value": "50.50", "currency": "KZT"}}):
        for language, text in (("en", "Refund already exists"), ("ru", "Возврат с таким номером уже сделан")):
            answer = giving.call("PUT", f"{path}/1", shop, other, accept_language=language)
            assert (answer.status, answer.code) == (409, "api.invoice.already.exists")
            assert answer.json["userMessage"].startswith(text)
    assert giving.call("PUT", f"{path}/2", shop, body("50.01")).code == "refund.incorrect.amount"
    last = giving.call("POST", f"{path}/2", shop, body("50"))
    assert last.json["status"] == "FULL"
    assert giving.get(f"{path}/2", shop).json == last.json
    balances = [giving.run(giving.app.wallets.balances(one.number))[0].available for one in (owner, payer)]
    assert balances == [0, 500_00]
    month = month_of(giving.hand.now // 1000)
    spent = [giving.run(giving.app.limits.spent(one.number, month)) for one in (owner, payer)]
    assert spent == [{0: (100_50, 2)}, {0: (0, 0)}], "a refund counts for who gives, and gives back to who had paid"
    giving.proven()
