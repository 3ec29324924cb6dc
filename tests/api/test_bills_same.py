"""
Which bill is meant, and whose: ids, repeats, owners that are blocked. Source: invoices.md 1, 3.1 and 3.5.

Guarantee: a repeat is the same bill only when the same was asked for.
"""

import pytest

from tests.api.house import House
from tests.api.test_bills import BILLS, body, keys, put
from tests.servers import Wallet


@pytest.fixture(scope="module")
def shop(house: House) -> Wallet:
    """Somebody who asks for money; his token is the secret key."""
    return keys(house, house.wallet(RUB=0))


def test_fields_in_another_order_are_the_same(house: House, shop: Wallet) -> None:
    """And come back as they were sent first."""
    first = put(house, shop, "order", body(customFields={"b": "1", "a": "2"}))
    again = put(house, shop, "order", body(customFields={"a": "2", "b": "1"}))
    assert (again.status, again.body) == (200, first.body)


def test_an_expiry_is_the_same_only_where_it_was_asked_for(house: House, shop: Wallet) -> None:
    """One that was made up is no one's wish: none first and one later differ, and the other way round."""
    moment = {"expirationDateTime": "2031-01-01T00:00:00+03:00"}
    for name, first, later in (("expiry1", {}, moment), ("expiry2", moment, {})):
        assert put(house, shop, name, body(**first)).status == 200
        house.later(5)
        assert put(house, shop, name, body(**first)).status == 200
        assert put(house, shop, name, body(**later)).code == "api.invoice.already.exists"


@pytest.mark.parametrize(
    "text",
    ["2031-01-01T12:00:00+03", "2031-01-01T12:00:00+0300", "2031-01-01T12:00+03:00", "2031-01-01T12:00",
     "2031-01-01T09:00Z", "2031-01-01T12:00:00 03"],
)  # fmt: skip
def test_short_forms_of_an_expiry(house: House, shop: Wallet, text: str) -> None:
    """ISO 8601 lets people leave out seconds, and the minutes of the offset or their colon."""
    told = put(house, shop, f"short{text}".replace(" ", "_"), body(expirationDateTime=text)).json
    assert told["expirationDateTime"] == "2031-01-01T12:00:00+03:00"


def test_an_encoded_slash_is_no_part_of_an_id(house: House, shop: Wallet) -> None:
    """A bad billId, on every call; not another path. Source: invoices.md 1 and 3.5."""
    for method, path in (("PUT", "a%2Fb"), ("GET", "a%2fb"), ("POST", "a%2Fb/reject"), ("GET", "a/refunds/b%2Fc")):
        answer = house.call(method, f"{BILLS}/{path}", shop, body() if method == "PUT" else None)
        assert (answer.status, answer.code) == (400, "validation.error"), path
    assert house.get("/partner/bill/v1/nothing%2F", shop).code == "http.url.not.found"


def test_more_slashes_are_the_same_calls(house: House, shop: Wallet) -> None:
    """Their refusals are those of bills all the same, also where there is no row. Source: access.md 1, 5.2."""
    for method, path, code in (
        ("GET", "v1/nothing", "http.url.not.found"),
        ("PATCH", "v1/bills/a", "http.method.not.supported"),
        ("GET", "v1/bills/a%2Fb", "validation.error"),
    ):
        for start in ("/partner/bill/", "//partner/bill/", "/partner//bill//"):
            answer = house.call(method, start + path, shop)
            assert (answer.code, answer.json["serviceName"]) == (code, "invoicing-api"), start + path


def test_a_blocked_owner_is_refused_every_call(house: House) -> None:
    """A known bill, an unknown one, a repeat: 403 alike. Source: invoices.md 3.5."""
    owner = house.wallet()
    shop = keys(house, owner)
    put(house, shop, "before", body())
    for blocked, wanted in ((True, 403), (False, 200)):
        house.run(house.app.restrictions.put(owner.number, False, blocked, "wallet.blocked"))
        found = [
            put(house, shop, "before", body()), house.get(f"{BILLS}/before", shop),
            house.call("POST", f"{BILLS}/before/reject", shop),
        ]  # fmt: skip
        assert [one.status for one in found] == [wanted] * 3
        refund = house.get(f"{BILLS}/before/refunds/1", shop)
        assert refund.code == ("auth.forbidden" if blocked else "api.refund.not.found")
