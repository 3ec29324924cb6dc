"""
Bills by link, as browsers open them. Source: invoices.md 4.

Guarantee: looking issues nothing but what has an id of its own, that once; nothing that somebody typed becomes markup
or leads to a place that is no web address.
"""

import html
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from kalita.bills.link import destination
from kalita.web.request import Request
from tests.api.house import Answer, House
from tests.api.test_bill_page import shown_as
from tests.api.test_bills import BILLS, KEYS
from tests.servers import Demo, Wallet

EVIL = "<script>alert(1)</script>\"'&"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"


class Shop:
    """Somebody with a pair of keys, and links in his name."""

    def __init__(self, house: House) -> None:
        self.house, self.owner = house, house.wallet()
        made = house.call("POST", KEYS, self.owner, {"keysPairName": "shop"}).json
        self.public, self.key = made["PublicKey"], Wallet(self.owner.number, made["SecretKey"])

    def open(self, method: str = "GET", accept: str = BROWSER, language: str = "ru", **query: str) -> Answer:
        """Open a link."""
        text = urlencode({"publicKey": self.public} | query)
        return self.house.call(method, f"/create?{text}", accept=accept, accept_language=language)

    def press(self, page: str, **typed: str) -> Answer:
        """Press the button of a page."""
        fields = {name: html.unescape(text) for name, text in re.findall(r'name="(.*?)" value="(.*?)"', page)}
        return self.house.call("POST", "/create", body=urlencode(fields | typed).encode(), content_type=FORM)

    def bill(self, name: str) -> Answer:
        """Look at a bill."""
        return self.house.get(f"{BILLS}/{name}", self.key)

    def issued(self) -> int:
        """Return how many bills there are."""
        rows = self.house.run(self.house.app.engine.all("bills_overdue", 2**62, 1000))
        return len(rows)


@pytest.fixture(scope="module")
def shop(house: House) -> Shop:
    """Somebody who gives links away."""
    return Shop(house)


def carried(answer: Answer) -> dict[str, list[str]]:
    """Return what a redirect to the page of the bill says."""
    assert (answer.status, urlsplit(answer.headers["location"]).path) == (303, "/form/"), answer.body
    return parse_qs(urlsplit(answer.headers["location"]).query)


def test_a_link_with_an_id_issues_the_same_bill_every_time(shop: Shop) -> None:
    """Everything said is in the bill; the redirect carries where to go on; another amount is a 409 page."""
    said = {
        "billId": "order-1", "amount": "100.509", "phone": "79120000002", "email": "a@example.org", "account": "4",
        "comment": "Счёт 1", "customFields[themeCode]": "Ivan-KaLi", "customFields[ы]": EVIL,
        "successUrl": "https://shop.example/?a=1&b=ы", "paySource": "qw",
    }  # fmt: skip
    told = carried(shop.open(**said))
    bill = shop.bill("order-1").json
    assert told == {
        "invoice_uid": [bill["payUrl"][-36:]], "successUrl": [said["successUrl"]], "paySource": ["qw"],
    }  # fmt: skip
    assert bill["amount"] == {"currency": "RUB", "value": "100.50"}
    assert bill["customer"] == {"phone": "79120000002", "email": "a@example.org", "account": "4"}
    assert (bill["comment"], bill["customFields"]) == ("Счёт 1", {"themeCode": "Ivan-KaLi", "ы": EVIL})
    assert carried(shop.open(billId="order-1", amount="100.5"))["invoice_uid"] == told["invoice_uid"]
    assert shop.house.get(shop.open(billId="order-1", amount="100.5").headers["location"]).status == 200
    other = shop.open(billId="order-1", amount="100.51")
    assert (other.status, other.headers["content-type"]) == (409, "text/html;charset=UTF-8")
    assert Shop(shop.house).open(billId="order-1", amount="5").status == 303


def test_without_an_id_a_page_asks_and_its_button_issues_once(shop: Shop) -> None:
    """Receiver, amount, purpose as text; two presses are one bill."""
    before = shop.issued()
    answer = shop.open(amount="7", comment=EVIL, successUrl="shop.example", **{"customFields[a]": EVIL})
    page = answer.body.decode()
    assert (answer.status, shop.issued()) == (200, before)
    receiver = shown_as(shop.house, shop.owner)
    for part in (receiver, "7.00", html.escape(EVIL), "Выставить счёт", 'lang="ru"', "viewport"):
        assert part in page
    assert str(shop.owner.number) not in page
    assert "<script" not in page
    assert "Issue the bill" in shop.open(language="en").body.decode()
    first, second = carried(shop.press(page)), carried(shop.press(page))
    assert first == second
    assert (first["successUrl"], shop.issued()) == (["https://shop.example"], before + 1)


def test_the_payer_types_the_amount_that_a_link_does_not_say(shop: Shop) -> None:
    """Also under the link's own id; a comma is a point; without an amount the button says what is missing."""
    page = shop.open(billId="typed").body.decode()
    assert 'name="amount"' in page
    assert shop.bill("typed").status == 404
    answer = shop.press(page)
    assert (answer.status, list(answer.json["cause"])) == (400, ["amount"])
    carried(shop.press(page, amount="1,5"))
    assert shop.bill("typed").json["amount"]["value"] == "1.50"


def test_head_issues_nothing(shop: Shop) -> None:
    """Whatever the link says."""
    assert shop.open("HEAD", billId="head", amount="1").status == 200
    assert shop.bill("head").status == 404


def test_lifetime_is_moscow_time_and_never_too_long(shop: Shop) -> None:
    """To the minute; one that has passed is refused, unless the bill is there already."""
    shop.house.at("2026-03-01T12:00:00+03:00")
    carried(shop.open(billId="life", amount="1", lifetime="2026-03-02T0930"))
    assert shop.bill("life").json["expirationDateTime"] == "2026-03-02T09:30:00+03:00"
    assert "2026-03-02T0930" in shop.open(lifetime="2026-03-02T0930").body.decode()
    shop.house.later(86_400)
    carried(shop.open(billId="life", amount="1", lifetime="2026-03-02T0930"))
    assert shop.bill("life").json["status"]["value"] == "EXPIRED"
    answer = shop.open(accept="*/*", billId="late", amount="1", lifetime="2026-03-02T0930")
    assert (answer.status, list(answer.json["cause"])) == (400, ["lifetime"])


WRONG = {
    "amount": ("0", "-1", "x", "1e3", "1000000", "0.001"), "billId": ("x" * 201, "a/b", "a\nb"),
    "comment": ("x" * 256, "a\nb"), "phone": ("1" * 101,),
    "lifetime": ("2026-03-02", "2026-13-02T0930", "2026-03-02T09:30"),
    "paySource": ("cash",), "customFields[a]": ("x" * 256,),
    "successUrl": ("javascript:alert(1)", "data:text/html,x", "//evil.example"), "publicKey": ("",),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_value_is_named_on_a_page(shop: Shop, name: str, text: str) -> None:
    """400 for browsers as a page, for programs as everywhere; nothing is issued."""
    before, field = shop.issued(), name.partition("[")[0]
    query = {"billId": "wrong", "amount": "1", name: text}
    page, told = shop.open(**query), shop.open(accept="*/*", **query)
    assert (page.status, page.headers["content-type"]) == (400, "text/html;charset=UTF-8")
    assert field in page.body.decode()
    assert (told.status, list(told.json["cause"])) == (400, [field])
    assert shop.issued() == before


def test_too_many_fields_are_told_before_the_button(shop: Shop) -> None:
    """At most 30."""
    fields = {f"customFields[{number}]": "x" for number in range(31)}
    assert shop.open(**fields).status == 400


def test_a_wrong_key_is_not_found(shop: Shop) -> None:
    """Unknown and revoked alike, as a page."""
    gone = Shop(shop.house)
    (pair,) = shop.house.run(shop.house.app.key_pairs.live(gone.owner.number))
    shop.house.run(shop.house.app.key_pairs.revoke(gone.owner.number, pair.id))
    for answer in (gone.open(billId="b", amount="1"), shop.open(publicKey=EVIL), gone.open("POST", amount="1")):
        assert (answer.status, answer.headers["content-type"]) == (404, "text/html;charset=UTF-8")
        assert "<script" not in answer.body.decode()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"), ("http://a.example", "http://a.example"),
        ("google.com", "https://google.com"), ("a.example:8443/x", "https://a.example:8443/x"),
        ("HTTPS://a.example", "HTTPS://a.example"),
        *((text, None) for text in (
            "javascript:alert(1)", "JavaScript://a.example/%0aalert(1)", "data:text/html,x", "//a.example", "/x",
            "https:a.example", "https:///a.example", "https://a.example@b.example", "https://a.example\\@b.example",
            "https://a b.example", "ftp://a.example", "https://", "https://a.example:99999", "https://a\u202e.example",
            "https://a.example/" + "x" * 2000, "vbscript:x", "\tjavascript:x",
        )),
    ],
)  # fmt: skip
def test_only_web_addresses_are_gone_to(text: str, url: str | None) -> None:
    """http and https; a bare host gets https."""
    assert destination(text) == url


def test_a_flood_of_links_issues_no_more_than_the_figure(tmp_path: Path) -> None:
    """From one address, of one pair, in a minute; looking, old links, other pairs and other addresses go on."""
    house = House(tmp_path, settings={"requests_a_minute": 3})
    try:
        shop, other = Shop(house), Shop(house)
        page = shop.open(amount="1").body.decode()
        carried(shop.press(page))
        for name in ("1", "2"):
            carried(shop.open(billId=name, amount="1"))
        for late in (shop.open(billId="3", amount="1"), shop.press(shop.open(amount="1").body.decode())):
            assert (late.status, late.headers["retry-after"]) == (423, "60")
        shown = shop.open(billId="3", amount="1")
        assert (shown.status, shown.headers["content-type"]) == (423, "text/html;charset=UTF-8")
        assert "Ссылка неверна" not in shown.body.decode()
        told = shop.open(accept="*/*", billId="3", amount="1")
        assert (told.code, told.json["serviceName"]) == ("request.blocked", "create")
        assert shop.bill("3").status == 404
        for again in (shop.press(page), shop.open(billId="1", amount="1"), other.open(billId="1", amount="1")):
            carried(again)
        assert (shop.open(billId="1", amount="2").status, shop.open(billId="4", amount="0").status) == (409, 400)
        query = urlencode({"publicKey": shop.public, "billId": "5", "amount": "1"}).encode()
        request = Request("GET", "/create", query, len(query), [], b"", "10.0.0.1")
        assert house.run(house.server.respond(request))[0].status == 303
        house.later(60)
        carried(shop.open(billId="3", amount="1"))
    finally:
        house.close()


def test_over_http(server: Demo) -> None:
    """As a browser does it on a real server: link, button, page of the bill."""
    answer = httpx.post(server.url + KEYS, json={"keysPairName": "link"}, headers=server.wallets[0].headers)
    public = answer.json()["PublicKey"]
    page = httpx.get(f"{server.url}/create/", params={"publicKey": public, "amount": "5"}, headers={"Accept": BROWSER})
    assert page.status_code == 200
    assert "form-action 'self'; frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    fields = {name: html.unescape(text) for name, text in re.findall(r'name="(.*?)" value="(.*?)"', page.text)}
    shown = httpx.post(f"{server.url}/create/", data=fields, headers={"Accept": BROWSER}, follow_redirects=True)
    assert (shown.status_code, shown.url.path) == (200, "/form/")
    assert "5.00 RUB" in shown.text
