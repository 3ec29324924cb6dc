"""
The page of a pay link: shown to whoever has it, in both spellings, and nothing that somebody typed becomes markup.

Source: invoices.md 5.
"""

import html
import json
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import pytest

from kalita.storage.engine import Step
from tests.api.house import House
from tests.api.test_bills import KEYS, body, keys, put
from tests.servers import Wallet

EVIL = "<script>alert(1)</script>\"'&"


def shown_as(house: House, owner: Wallet) -> str:
    """Return how the receiver of a bill is called: by his nickname, and what anybody may see of his number."""
    wallet, number = house.run(house.app.wallets.get(owner.number)), str(owner.number)
    masked = f"+{number[:3]}{'•' * (len(number) - 5)}{number[-2:]}"
    return f"{wallet.nickname}, {masked}" if wallet.nickname else masked


FORMS = ["/form/?invoice_uid={}", "/form?invoiceUid={}", "/form/?invoice_uid={}&successUrl=x&paySource=qw"]


@pytest.mark.parametrize("form", FORMS)
def test_the_page_shows_the_bill(house: House, form: str) -> None:
    """Receiver, amount, purpose, state; in Russian, or in English when asked."""
    owner = house.wallet()
    issued = put(house, keys(house, owner), "page", body("100.5", comment=EVIL)).json
    link, until = issued["payUrl"], datetime.fromisoformat(issued["expirationDateTime"])
    answer = house.get(form.format(link[-36:]))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html;charset=UTF-8")
    text = answer.body.decode()
    receiver, comment = shown_as(house, owner), html.escape(EVIL)
    for part in (receiver, "100.50 RUB", comment, "ждёт оплаты", f"{until:%d.%m.%Y %H:%M} (МСК)"):
        assert part in text
    assert str(owner.number) not in text
    assert "<script" not in text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    english = house.get(form.format(link[-36:].upper()), accept_language="en").body.decode()
    assert "waits for payment" in english


def test_a_receiver_without_a_nickname_is_a_masked_number(house: House) -> None:
    """On the page of the bill, on that of a link, and in what payers list."""
    owner, payer = house.wallet(), house.wallet()
    answer = house.call("POST", KEYS, owner, {"keysPairName": "shop"}).json
    sent = body(customer={"phone": f"+{payer.number}"})
    link = put(house, Wallet(owner.number, answer["SecretKey"]), "nameless", sent).json["payUrl"]
    house.run(house.app.engine.change(Step("wallet_erase", (owner.number,))))
    wanted = shown_as(house, owner)
    assert wanted[0] == "+"
    pages = f"/form?invoice_uid={link[-36:]}", f"/create?publicKey={answer['PublicKey']}"
    for text in (*(house.get(path).body.decode() for path in pages), told(house, payer)):
        assert wanted in text
        assert str(owner.number) not in text


def test_payers_list_bills_without_the_number_of_who_asks(house: House) -> None:
    """As the page does: nickname and masked number, in both of its names."""
    owner, payer = house.wallet(), house.wallet()
    put(house, keys(house, owner), "listed", body(customer={"phone": f"+{payer.number}"}))
    found = told(house, payer)
    assert str(owner.number) not in found
    (bill,) = json.loads(found)["bills"]
    assert bill["provider"]["short_name"] == bill["provider"]["long_name"] == shown_as(house, owner)
    assert bill["provider"]["short_name"][0] != "+"


def told(house: House, payer: Wallet) -> str:
    """Return the text of the list of a payer's bills."""
    answer = house.get("/checkout-api/api/bill/search", payer)
    assert answer.status == 200
    return answer.body.decode()


def test_the_link_of_a_bill_leads_there_and_tells_its_end(house: House) -> None:
    """The path of payUrl as it is issued; a rejected bill says so and offers nothing."""
    shop = keys(house, house.wallet())
    link = put(house, shop, "end", body()).json["payUrl"]
    path = "/form" + link.partition("/form")[2]
    house.call("POST", "/partner/bill/v1/bills/end/reject", shop)
    text = house.get(path, accept_language="en").body.decode()
    assert "rejected" in text
    assert "Pay the bill" not in text


def test_an_unknown_link_is_not_found(house: House) -> None:
    """Whatever it holds; without an id it is a wrong call."""
    for name in ("0" * 36, "x", "1"):
        assert house.get(f"/form?invoice_uid={name}").status == 404
    assert house.get("/form").status == 400
    page = house.get("/form?invoice_uid=x", accept="text/html", accept_language="en")
    assert (page.status, page.headers["content-type"]) == (404, "text/html;charset=UTF-8")
    assert "There is no bill behind this link" in page.body.decode()


SUCCESS = {
    "https://shop.example/done?a=1&b=2": '<a href="https://shop.example/done?a=1&amp;b=2" rel="noopener noreferrer">',
    "google.com": '<a href="https://google.com" rel="noopener noreferrer">',
    "javascript:alert(1)": None, "//evil.example": None, "https://a@evil.example": None,
}  # fmt: skip


@pytest.mark.parametrize("url", SUCCESS)
def test_a_paid_bill_leads_back_to_the_shop(house: House, url: str) -> None:
    """Only once it is paid, only over http or https, and the page says to which host."""
    payer = house.wallet(RUB=100)
    uid = put(house, keys(house, house.wallet()), url[:8].replace("/", "-"), body("1.00")).json["payUrl"][-36:]
    path = f"/form?{urlencode({'invoice_uid': uid, 'successUrl': url})}"
    assert "<a " not in house.get(path).body.decode()
    bill = {"invoice_uid": uid, "currency": "643"}
    assert house.call("POST", "/checkout-api/invoice/pay/wallet", payer, bill).status == 200
    text, wanted = house.get(path, accept_language="en").body.decode(), SUCCESS[url]
    if wanted is None:
        assert "<a " not in text
    else:
        assert f"{wanted}Back to {urlsplit(url if '//' in url else f'https://{url}').hostname}</a>" in text
