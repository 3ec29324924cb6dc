"""
Two calls that only clients tell of: a bill by its link, and the bills one issued. Source: invoices.md 6.4.

Guarantee: following `nextInvoiceDate` shows every bill once, however many were issued in one millisecond.
"""

import base64
import json
from typing import Any

import pytest

from tests.api.house import House
from tests.api.test_bills import BILLS, body, keys, put
from tests.servers import Wallet

LINKED = "/qw-p2p-checkout-api/v1/invoice"
LISTED = "/widgets-api/api/p2p/protected/invoices/"
END = "1970-01-01T00:00:00.000Z"
DAY = 86_400


@pytest.fixture
def owner(house: House) -> Wallet:
    """Somebody who asks for money."""
    return house.wallet(RUB=0)


@pytest.fixture
def shop(house: House, owner: Wallet) -> Wallet:
    """His secret key."""
    return keys(house, owner)


def listed(house: House, who: Wallet, **query: Any) -> Any:
    """Return a page."""
    text = "&".join(f"{name}={value}".replace("+", "%2B") for name, value in query.items())
    answer = house.get(f"{LISTED}?{text}", who)
    assert answer.status == 200, answer.body
    return answer.json["result"]


def names(house: House, who: Wallet, **query: Any) -> list[str]:
    """Return the ids of the bills of a page."""
    return [one["externalInvoiceId"] for one in listed(house, who, **query)["invoices"]]


def test_a_link_shows_its_bill_to_every_wallet(house: House, owner: Wallet, shop: Wallet) -> None:
    """By a token or a secret key; in capitals too; expired as soon as its time has passed."""
    house.at("2026-05-01T12:00:00+03:00")
    told = put(house, shop, "linked", body(expirationDateTime="2026-05-02T12:00:00+03:00")).json
    uid = told["payUrl"][-36:]
    for who in (house.wallet(), owner, shop):
        assert house.get(f"{LINKED}/{uid.upper()}", who).json == {
            "invoiceUid": uid, "invoiceStatus": "READY_FOR_PAY", "amount": {"amount": 100.5, "currency": 643},
            "createDateTime": "2026-05-01T12:00:00.000+03:00", "expireDateTime": "2026-05-02T12:00:00.000+03:00",
            "merchantId": json.loads(base64.b64decode(shop.token))["data"]["payin_merchant_site_uid"],
            "invoiceExtId": "linked", "comment": None, "payMethodsFilter": ["QIWI"],
        }  # fmt: skip
    house.later(DAY)
    assert house.get(f"{LINKED}/{uid}", owner).json["invoiceStatus"] == "EXPIRED"
    for name in ("aa0fa2bb-5452-47ca-9190-cd9c1a73718f", "1", "linked"):
        answer = house.get(f"{LINKED}/{name}", owner)
        assert (answer.status, answer.code) == (404, "api.invoice.not.found")


def test_one_sees_what_one_issued(house: House, owner: Wallet, shop: Wallet) -> None:
    """Every member, in every state; nobody else's."""
    house.at("2026-06-01T12:00:00+03:00")
    payer = house.wallet(RUB=500_00)
    put(house, shop, "rejected", body())
    house.call("POST", f"{BILLS}/rejected/reject", shop)
    late = put(house, shop, "late", body(expirationDateTime="2026-06-01T12:00:01+03:00")).json
    house.later(1)
    sent = body(comment="Счёт", customer={"phone": str(payer.number)})
    links = [put(house, shop, name, sent).json["payUrl"][-36:] for name in ("paid", "refused", "waits")]
    pay = {"invoice_uid": links[0], "currency": "643"}
    assert house.call("POST", "/checkout-api/invoice/pay/wallet", payer, pay).status == 200
    (number,) = (
        one["id"] for one in house.get("/checkout-api/api/bill/search", payer).json["bills"]
        if one["external_id"] == "refused"
    )  # fmt: skip
    assert house.call("POST", "/checkout-api/api/bill/reject", payer, {"id": number}).status == 200
    page = listed(house, owner)
    assert page == listed(house, shop)
    assert page["nextInvoiceDate"] == END
    found = {one["externalInvoiceId"]: one for one in page["invoices"]}
    assert {name: one["status"] for name, one in found.items()} == {
        "rejected": "REJECTED_BY_MERCHANT", "late": "EXPIRED", "paid": "PAID", "refused": "REJECTED_BY_CUSTOMER",
        "waits": "READY_FOR_PAY",
    }  # fmt: skip
    assert found["paid"] == {
        "status": "PAID", "invoiceUid": links[0], "externalInvoiceId": "paid",
        "creationDateTime": "2026-06-01T09:00:01.000Z", "changeDateTime": "2026-06-01T09:00:01.000Z",
        "sum": {"amount": 100.5, "currency": 643}, "customers": [{"phone": str(payer.number)}], "extras": [],
        "comment": "Счёт", "payinfos": [{"resultCode": "SUCCESS"}],
    }  # fmt: skip
    assert (found["late"]["comment"], found["late"]["customers"], found["late"]["payinfos"]) == ("", [], [])
    assert found["late"]["invoiceUid"] == late["payUrl"][-36:]
    assert listed(house, payer) == {"invoices": [], "nextInvoiceDate": END}


def test_bills_are_chosen_by_state_date_and_id(house: House, owner: Wallet, shop: Wallet) -> None:
    """Bounds belong to the period: the whole second, or the whole millisecond where one is named."""
    house.at("2026-07-01T12:00:00+03:00")
    for name in ("a", "b", "c"):
        put(house, shop, name, body())
        house.later(10)
    house.call("POST", f"{BILLS}/b/reject", shop)
    assert names(house, owner, dataType="CREATED") == ["c", "b", "a"]
    assert names(house, owner, statuses="REJECTED") == names(house, owner, statuses="REJECTED_BY_MERCHANT") == ["b"]
    assert names(house, owner, statuses="READY_FOR_PAY,REJECTED_BY_CUSTOMER") == ["c", "a"]
    assert names(house, owner, startDateTime="2026-07-01T12:00:10+03:00") == ["c", "b"]
    assert names(house, owner, endDateTime="2026-07-01T09:00:10.000Z") == ["b", "a"]
    assert names(house, owner, startDateTime="2026-07-01T09:00:10.001Z", endDateTime="2026-07-01T09:00:20Z") == ["c"]
    assert names(house, owner, externalInvoiceId="b") == ["b"]
    assert names(house, owner, externalInvoiceId="b", statuses="PAID") == []
    assert names(house, owner, externalInvoiceId="none") == []
    for wrong in ("dataType=PAID", "statuses=PAYING", "rows=0", "rows=51", "endDateTime=now"):
        assert house.get(f"{LISTED}?{wrong}", owner).status == 400, wrong


@pytest.mark.parametrize("rows", [1, 2, 3, 50])
def test_pages_hold_every_bill_once(house: House, owner: Wallet, shop: Wallet, rows: int) -> None:
    """One, then five in one millisecond, then two, then one: no page cuts a millisecond, and all come to an end."""
    house.at("2026-08-01T12:00:00+03:00")
    for many in (1, 5, 2, 1):
        for index in range(many):
            put(house, shop, f"{many}-{house.hand.now}-{index}", body())
        house.hand.now += 1_000_000
    everything = names(house, owner)
    assert len(everything) == 9
    found: list[str] = []
    more: dict[str, Any] = {}
    for _ in range(9):
        page = listed(house, owner, rows=rows, **more)
        assert len(page["invoices"]) in range(1, max(rows, 5) + 1)
        found += [one["externalInvoiceId"] for one in page["invoices"]]
        if page["nextInvoiceDate"] == END:
            break
        more = {"endDateTime": page["nextInvoiceDate"]}
    assert found == everything
