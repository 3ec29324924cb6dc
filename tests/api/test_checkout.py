"""
Bills over HTTP, for who pays them: seen, paid once, rejected; told to who asked. Source: invoices.md 6 and 7.

Guarantee: of all who pay, reject or let a bill expire one wins, and the money moves exactly then.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest

from kalita.bills.notify import signature
from tests.api.hooked import deliver
from tests.api.house import Answer, House
from tests.api.test_bills import BILLS, KEYS, body, keys, put
from tests.receivers import OK, Got, receiver, status
from tests.servers import Wallet, database_of

PREFIXES = ("/checkout-api", "/checkout")
DAY = 86_400


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation that may tell receivers on loopback."""
    settings = {"outbound_networks": "127.0.0.0/8", "bill_notices_anywhere": True}
    folder = tmp_path_factory.mktemp("place")
    opened = House(folder, settings=settings, database=database_of(folder, engine))
    yield opened
    opened.close()


@pytest.fixture
def owner(place: House) -> Wallet:
    """Somebody who is to be paid."""
    return place.wallet(RUB=0)


@pytest.fixture
def shop(place: House, owner: Wallet) -> Wallet:
    """His secret key."""
    return keys(place, owner)


@pytest.fixture
def payer(place: House) -> Wallet:
    """Somebody with money."""
    return place.wallet(RUB=1000_00)


def issue(place: House, shop: Wallet, payer: Wallet | None = None, name: str = "b", **more: Any) -> Any:
    """Issue a bill, addressed to a payer if one is named."""
    customer = {"customer": {"phone": f"+{payer.number}"}} if payer else {}
    answer = put(place, shop, name, body(**(customer | more)))
    assert answer.status == 200, answer.body
    return answer.json


def search(place: House, who: Wallet, prefix: str = PREFIXES[0], **query: Any) -> Any:
    """Return the unpaid bills a wallet sees."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    return place.get(f"{prefix}/api/bill/search?{text}", who).json


def pay(place: House, who: Wallet, name: Any, currency: Any = "643", prefix: str = PREFIXES[0]) -> Answer:
    """Pay a bill."""
    return place.call("POST", f"{prefix}/invoice/pay/wallet", who, {"invoice_uid": name, "currency": currency})


def money(place: House, *wallets: Wallet) -> list[int]:
    """Return balances in roubles, in kopecks."""
    return [place.run(place.app.wallets.balances(one.number))[0].available for one in wallets]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_who_is_addressed_sees_and_pays(place: House, owner: Wallet, shop: Wallet, payer: Wallet, prefix: str) -> None:
    """Money moves once, whatever is repeated; both histories show a transfer; the bill is gone from the list."""
    told = issue(place, shop, payer, comment="Order 17")
    (shown,) = search(place, payer, prefix, statuses="READY_FOR_PAY")["bills"]
    assert shown | {"id": 0, "creation_datetime": 0, "expiration_datetime": 0, "provider": 0} == {
        "id": 0, "external_id": "b", "creation_datetime": 0, "expiration_datetime": 0,
        "sum": {"currency": 643, "amount": 100.5}, "status": "READY_FOR_PAY", "type": "MERCHANT", "repetitive": False,
        "provider": 0, "comment": "Order 17", "pay_url": told["payUrl"],
    }  # fmt: skip
    assert shown["expiration_datetime"] - shown["creation_datetime"] == 45 * DAY * 1000
    assert set(shown["provider"]) == {"id", "short_name", "long_name", "logo_url"}
    for name in (str(shown["id"]), shown["id"], told["payUrl"][-36:]):
        answer = pay(place, payer, name, prefix=prefix)
        assert answer.json == {"invoice_status": "PAID_STATUS", "is_sms_confirm": False, "WALLET_ACCEPT_PAY_RESULT": {}}
    assert money(place, owner, payer) == [100_50, 899_50]
    assert search(place, payer)["bills"] == []
    assert place.get(f"{BILLS}/b", shop).json["status"]["value"] == "PAID"
    out = place.get(f"/payment-history/v2/persons/{payer.number}/payments?rows=1", payer).json["data"][0]
    into = place.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=1", owner).json["data"][0]
    assert out["txnId"] == into["txnId"]
    assert (out["provider"]["id"], into["provider"]["id"]) == (99, 7)
    assert (out["account"], into["account"]) == (f"+{owner.number}", f"+{payer.number}")
    assert out["comment"] == into["comment"] == "Order 17"


def test_others_do_not_see_it_but_may_pay_by_its_link(place: House, owner: Wallet, shop: Wallet, payer: Wallet) -> None:
    """A number is for who was addressed, or opened the link; the link is for whoever has it."""
    told = issue(place, shop, payer)
    number = search(place, payer)["bills"][0]["id"]
    stranger = place.wallet(RUB=200_00)
    assert search(place, stranger)["bills"] == []
    for name in (number, str(number + 1), "0", "9" * 30, "x", told["payUrl"][-36:].replace("-", "0")):
        answer = pay(place, stranger, name)
        assert (answer.status, answer.code) == (404, "api.invoice.not.found"), name
    place.run(place.app.payers.opened(stranger.number, place.run(place.app.payers.by_uid(told["payUrl"][-36:]))))
    assert [one["id"] for one in search(place, stranger)["bills"]] == [number]
    assert pay(place, stranger, told["payUrl"][-36:].upper()).status == 200
    over = pay(place, payer, number)
    assert (over.status, over.json["invoice_status"], over.code) == (400, "PAID_BY_OTHER_STATUS", "QWPRC-893")
    assert money(place, owner, payer, stranger) == [100_50, 1000_00, 99_50]


@pytest.mark.parametrize(
    ("case", "status", "word", "code"),
    [
        ("poor", 400, "NOT_PAID_STATUS", "QWPRC-220"), ("currency", 400, "NOT_PAID_STATUS", "QWPRC-1002"),
        ("own", 400, "NOT_PAID_STATUS", "QWPRC-319"), ("rejected", 400, "REJECTED_STATUS", "QWPRC-893"),
        ("expired", 400, "EXPIRED_STATUS", "QWPRC-893"),
    ],
)  # fmt: skip
def test_what_cannot_be_paid(
    place: House, owner: Wallet, shop: Wallet, payer: Wallet, case: str, status: int, word: str, code: str
) -> None:
    """Each with its words and its code, and no money moves."""
    name = issue(place, shop)["payUrl"][-36:]
    who = {"poor": place.wallet(RUB=100_49), "own": owner}.get(case, payer)
    if case == "rejected":
        place.call("POST", f"{BILLS}/b/reject", shop)
    if case == "expired":
        place.later(45 * DAY)
    before = money(place, owner, who)
    answer = pay(
        place,
        who,
        name,
        "840" if case == "currency" else "643",
    )
    assert (answer.status, answer.json["invoice_status"], answer.json["code"]) == (status, word, code)
    assert set(answer.json) == {"invoice_status", "is_sms_confirm", "WALLET_ACCEPT_PAY_RESULT", "code", "message"}
    assert money(place, owner, who) == before


def test_a_payer_rejects(place: House, shop: Wallet, payer: Wallet) -> None:
    """Whatever the type of the body says; 200 with nothing in it; who asked sees REJECTED."""
    issue(place, shop, payer)
    number = search(place, payer)["bills"][0]["id"]
    for prefix, sent in zip(PREFIXES, ({"id": number}, {"id": str(number)}), strict=True):
        answer = place.call(
            "POST", f"{prefix}/api/bill/reject", payer, sent, content_type="application/x-www-form-urlencoded"
        )
        assert (answer.status, answer.body) == (200, b"")
    assert place.get(f"{BILLS}/b", shop).json["status"]["value"] == "REJECTED"
    assert place.call("POST", f"{PREFIXES[0]}/api/bill/reject", place.wallet(), {"id": number}).status == 404
    issue(place, shop, payer, "c")
    paid = search(place, payer)["bills"][0]["id"]
    assert pay(place, payer, paid).status == 200
    answer = place.call("POST", f"{PREFIXES[0]}/api/bill/reject", payer, {"id": paid})
    assert (answer.status, answer.code) == (400, "api.invoice.conflict")
    answer = place.call("POST", f"{BILLS}/c/reject", shop)
    assert (answer.status, answer.code) == (409, "api.invoice.conflict")


def test_pages_hold_everything_once(place: House, shop: Wallet, payer: Wallet) -> None:
    """Newest first, by the client's own continuation; periods in seconds and in milliseconds."""
    moments = []
    for index in range(7):
        place.later(1)
        issue(place, shop, payer, f"p{index}")
        moments.append(place.hand.now // 10**9)
    found, more = [], {}
    while True:
        page = search(place, payer, rows=3, **more)
        found += [one["external_id"] for one in page["bills"]]
        if page["next_bill_id"] is None:
            break
        more = {"next_id": page["next_bill_id"], "next_creation_datetime": page["next_bill_creation_datetime"]}
    assert found == [f"p{index}" for index in range(6, -1, -1)]
    for scale in (1, 1000):
        period = {"min_creation_datetime": moments[2] * scale, "max_creation_datetime": moments[4] * scale}
        assert [one["external_id"] for one in search(place, payer, **period)["bills"]] == ["p4", "p3", "p2"]
    absent = dict.fromkeys(
        ("statuses", "rows", "min_creation_datetime", "max_creation_datetime", "next_id", "next_creation_datetime"),
        "None",
    )
    assert search(place, payer, **absent) == search(place, payer), "a client writes None for what it leaves out"
    assert place.get("/checkout-api/api/bill/search?rows=51", payer).status == 400
    assert place.get("/checkout-api/api/bill/search?statuses=PAID", payer).status == 400


def test_a_secret_key_acts_for_its_owner_but_spends_only_with_leave(place: House, shop: Wallet, payer: Wallet) -> None:
    """It searches and rejects; paying takes the tick its owner gave when the pair was made."""
    issue(place, shop, payer)
    plain = keys(place, payer)
    number = search(place, plain)["bills"][0]["id"]
    answer = pay(place, plain, number)
    assert (answer.status, answer.code) == (403, "auth.forbidden")
    made = place.run(place.app.key_pairs.create(payer.number, "spends", may_spend=True))
    spending = Wallet(payer.number, made.secret)
    transfer = {
        "id": "77", "sum": {"amount": 1, "currency": "643"}, "fields": {"account": f"+{shop.number}"},
        "paymentMethod": {"type": "Account", "accountId": "643"},
    }  # fmt: skip
    assert place.pay(plain, transfer).status == 403
    assert place.pay(spending, transfer).status == 200
    assert place.pay(Wallet(0, "x"), transfer).status == 401
    for provider, codes in (("1", 403), ("1099", 403), ("674", 403), ("99999", 200), ("31873", 400), ("5", 400)):
        assert place.pay(spending, transfer | {"id": f"78{provider}"}, provider).status == codes, provider
    assert pay(place, spending, number).status == 200


def test_races_have_one_winner(place: House) -> None:
    """Pay, pay by another, reject by both, at once and at the very end of the bill's time: fifty times."""
    for round_ in range(50):
        owner, one, two = (place.wallet(RUB=0), place.wallet(RUB=101_00), place.wallet(RUB=101_00))
        shop = keys(place, owner)
        link = issue(place, shop, one, "race")["payUrl"][-36:]
        number = search(place, one)["bills"][0]["id"]
        if round_ % 2:
            place.later(45 * DAY - 0.0000001)
        wishes = [
            (one, "/checkout-api/invoice/pay/wallet", {"invoice_uid": str(number), "currency": "643"}),
            (two, "/checkout-api/invoice/pay/wallet", {"invoice_uid": link, "currency": "643"}),
            (one, "/checkout-api/api/bill/reject", {"id": number}),
            (shop, f"{BILLS}/race/reject", None),
        ]
        order = wishes[round_ % 4 :] + wishes[: round_ % 4]

        async def all_at_once(order: Any = order) -> list[Answer]:
            calls = [place._ask("POST", path, who, sent, {}) for who, path, sent in order]
            return await asyncio.gather(*calls)

        answers = place.run(all_at_once())
        assert {answer.status for answer in answers} <= {200, 400, 404, 409}
        word = place.get(f"{BILLS}/race", shop).json["status"]["value"]
        paid = [who for (who, path, _), got in zip(order, answers, strict=True) if "pay" in path and got.status == 200]
        assert (word == "PAID") is (len(paid) == 1), (word, len(paid))
        assert len(paid) <= 1
        sums = money(place, owner, one, two)
        assert sums == [100_50 * len(paid), 101_00 - 100_50 * (one in paid), 101_00 - 100_50 * (two in paid)]


def notice_key(place: House, owner: Wallet, url: str) -> Wallet:
    """Return a secret key whose bills are told to an address."""
    answer = place.call("POST", KEYS, owner, {"keysPairName": "told", "serverNotificationsUrl": url})
    assert answer.status == 200, answer.body
    return Wallet(owner.number, answer.json["SecretKey"])


def verified(got: Got, secret: str) -> bool:
    """Tell whether a notification's signature is a secret's, made from what the body says."""
    bill = got.json["bill"]
    values = (bill["amount"]["currency"], bill["amount"]["value"], bill["billId"], bill["siteId"])
    content = "|".join((*values, bill["status"]["value"]))
    expected = hmac.new(secret.encode(), content.encode(), hashlib.sha256).hexdigest()
    return got.headers["x-api-signature-sha256"] == expected


@pytest.mark.parametrize(
    ("key", "fields", "expected"),
    [
        ("test-merchant-secret-for-signature-check", ("RUB", "1.00", "test_bill", "test", "PAID"),
         "07e0ebb10916d97760c196034105d010607a6c6b7d72bfa1c3451448ac484a3b"),
        ("kalita-p2p-secret-1", ("RUB", "100.50", "order-2024-000017", "kl7x2m-00", "PAID"),
         "8663df8921ce02e644d0b8fee9135cc54c5768af469924c46bf863fd2005d668"),
        ("kalita-p2p-secret-1", ("KZT", "2500.00", "9f0c1f0e-3d0f-4a6b-9d3a-3f0f4f1f2a10", "kl7x2m-00", "EXPIRED"),
         "d72915953114f9b98b01536bcad74f9e6e6dfdad99c53736e98f8f8fa4ec2ac2"),
    ],
)  # fmt: skip
def test_signature_vectors(key: str, fields: tuple[str, ...], expected: str) -> None:
    """What the contract computed."""
    assert signature(key, *fields) == expected


def test_paid_bills_are_told(place: House, owner: Wallet, payer: Wallet) -> None:
    """To the address of the pair, signed with its secret; a rejected one is not, nor one of another pair."""
    with receiver() as there:
        shop, quiet = notice_key(place, owner, there.url("/n")), keys(place, owner)
        told = issue(place, shop, payer, "told", customFields={"b": "1", "a": "2"}, comment="Order 17")
        issue(place, shop, payer, "rejected")
        silent = issue(place, quiet, payer, "silent")
        place.call("POST", f"{BILLS}/rejected/reject", shop)
        for one in (told, silent):
            assert pay(place, payer, one["payUrl"][-36:]).status == 200
        deliver(place, 0.4)
        (got,) = there.got
        assert verified(got, shop.token)
        assert got.headers["content-type"] == got.headers["accept"] == "application/json"
        dates = told["creationDateTime"][:19] + "+03", told["expirationDateTime"][:19] + "+03"
        assert got.json == {
            "bill": {
                "siteId": told["siteId"], "billId": "told", "amount": {"value": "100.50", "currency": "RUB"},
                "status": {"value": "PAID", "changedDateTime": got.json["bill"]["status"]["changedDateTime"]},
                "customer": {"phone": f"+{payer.number}"}, "customFields": {"b": "1", "a": "2"}, "comment": "Order 17",
                "creationDateTime": dates[0], "expirationDateTime": dates[1],
            },
            "version": "1",
        }  # fmt: skip


def test_a_notification_is_tried_for_a_day(place: House, owner: Wallet, payer: Wallet) -> None:
    """With growing pauses, a tenth more or less; the same body and signature every time."""
    with receiver(lambda got: status(503)) as there:
        shop = notice_key(place, owner, there.url())
        assert pay(place, payer, issue(place, shop)["payUrl"][-36:]).status == 200
        deliver(place, 0.3)
        assert len(there.got) == 1
        for count, minutes in enumerate((1, 2, 5, 10, 20, 40, 60, 60), start=1):
            place.later(minutes * 60 * 0.85)
            deliver(place, 0.2)
            assert len(there.got) == count
            place.later(minutes * 60 * 0.3)
            deliver(place, 0.2)
            assert len(there.got) == count + 1
        assert len({(one.body, one.headers["x-api-signature-sha256"]) for one in there.got}) == 1
        place.later(23 * 3600)
        deliver(place, 0.2)
        last = len(there.got)
        place.later(10 * 3600)
        deliver(place, 0.2)
        assert len(there.got) == last


def test_rejected_and_expired_bills_are_told_when_the_owner_ticked_it(
    place: House, owner: Wallet, payer: Wallet
) -> None:
    """Each once, also when nobody looks at the expired one."""
    with receiver(lambda got: OK) as there:
        made = place.run(place.app.key_pairs.create(owner.number, "all", there.url(), kinds=3))
        shop = Wallet(owner.number, made.secret)
        for name in ("one", "two", "three"):
            issue(place, shop, payer, name)
        place.call("POST", f"{BILLS}/one/reject", shop)
        number = next(one["id"] for one in search(place, payer)["bills"] if one["external_id"] == "two")
        place.call("POST", f"{PREFIXES[0]}/api/bill/reject", payer, {"id": number})
        place.later(46 * DAY)
        place.run(place.app.bills.sweep())
        deliver(place, 0.4)
        assert {(one.json["bill"]["billId"], one.json["bill"]["status"]["value"]) for one in there.got} == {
            ("one", "REJECTED"), ("two", "REJECTED"), ("three", "EXPIRED"),
        }  # fmt: skip
        assert len(there.got) == 3
        assert all(verified(one, made.secret) for one in there.got)


def test_the_address_moves_to_the_newest_pair_and_ends_with_it(place: House, owner: Wallet, payer: Wallet) -> None:
    """Only one pair has it; a revoked pair is told nothing more, its bills stay payable."""
    with receiver() as there:
        first = notice_key(place, owner, there.url("/first"))
        one = issue(place, first, payer, "m1")
        second = notice_key(place, owner, there.url("/second"))
        two = issue(place, second, payer, "m2")
        three = issue(place, second, payer, "m3")
        for bill in (one, two):
            assert pay(place, payer, bill["payUrl"][-36:]).status == 200
        deliver(place, 0.3)
        assert [(got.path, got.json["bill"]["billId"]) for got in there.got] == [("/second", "m2")]
        for pair in place.run(place.app.key_pairs.live(owner.number)):
            assert place.run(place.app.key_pairs.revoke(owner.number, pair.id))
        assert pay(place, payer, three["payUrl"][-36:]).status == 200
        deliver(place, 0.3)
        assert len(there.got) == 1
