"""
Finding providers over real HTTP: both generations of calls, in all the ways clients send them.

Source: payments.md 12 to 15, client-compatibility.md 6.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from kalita.providers.search import found
from tests.api.house import House
from tests.api.live import Live, live
from tests.commands import kalita
from tests.samples import MASTERCARD, MIR, VISA, card
from tests.servers import Demo


@pytest.fixture(scope="module")
def owner(server: Demo, people: House) -> Iterator[Live]:
    """Somebody with a token."""
    with live(server, people.wallet(RUB=0)) as opened:
        yield opened


def ids(owner: Live, text: str) -> list[int]:
    """Return what a search finds."""
    return [one["data"]["id"] for one in owner.told("/search/v1/search", query=text)["items"]]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("OnLime", 674), ("onlime", 674), ("МТС", 1), ("мегаф", 3), ("тинькофф банк", 466), ("банк тинь", 466),
        ("Подари ЖИЗНЬ", 1239), ("кошелёк", 99), ("кошелек", 99), ("1963", 1963), ("beeline kaz", 9000001),
    ],
)  # fmt: skip
def test_search_finds(owner: Live, text: str, first: int) -> None:
    """By either name, by other words, by id; any case, ё or е, beginnings of words; the exact name first."""
    assert ids(owner, text)[0] == first


def test_search_in_order(house: House) -> None:
    """The exact name, then names that begin with the words, then the others; each by their ids."""
    row = {"kind": "service", "currencies": "643", "form": "identifier"}
    names = {9000601: "Big zebra", 9000602: "Zebra plus", 9000603: "Zebra", 9000604: "A zebra", 9000605: "Zebra home"}
    house.run(
        house.app.providers.change({number: row | {"name_ru": one, "name_en": one} for number, one in names.items()})
    )
    told = [one.id for one in found(house.app.catalogue, "zebra")]
    assert told == [9000603, 9000602, 9000605, 9000601, 9000604]


def test_search_leads_nowhere(owner: Live) -> None:
    """Nothing found is an empty list; switched-off providers are not found; no words at all is a 400."""
    assert ids(owner, "qwertyuiop") == []
    assert ids(owner, "тинькофф абракадабра") == []
    assert 26580 not in ids(owner, "contact")
    for text in ("", "%20", "...", "x" * 201):
        assert owner.get(f"/search/v1/search?query={text}").status_code == 400
    assert owner.client.get("/search/v1/search?query=x", headers={"Authorization": ""}).status_code == 401
    assert len(ids(owner, "б")) <= 50


def test_search_in_english(owner: Live) -> None:
    """Names by the language asked for; the documented members."""
    told = owner.get("/search/v1/search?query=OnLime", {"Accept-Language": "en"}).json()
    assert told == {
        "items": [
            {
                "name": "OnLime internet", "description": "OnLime internet", "uri": None,
                "data": {
                    "id": 674, "logoUrl": None, "siteUrl": None, "category": {"name": "Internet"}, "type": "PROVIDER",
                },
            }
        ]
    }  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_old_search(server: Demo, method: str) -> None:
    """No token; the id as text; nothing found is an empty list."""
    told = httpx.request(method, f"{server.url}/search/results/json.action?searchPhrase=OnLime").json()
    assert (told["code"], told["message"]) == ({"value": "0", "_name": "NORMAL"}, None)
    (item,) = told["data"]["items"]
    assert item["item"]["id"]["id"] == "674"
    assert (item["item"]["text"], item["item"]["url"], item["logo"]) == ("OnLime", "/payment/form/674", "")
    nothing = httpx.request(method, f"{server.url}/search/results/json.action").json()
    assert nothing["data"]["items"] == []


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def all_ways(url: str, name: str, text: str) -> Iterator[httpx.Response]:
    """Ask in every way that clients do."""
    pair, as_json = f"{name}={quote(text)}", f'{{"{name}": "{text}"}}'
    yield httpx.post(url, content=pair, headers=FORM)
    yield httpx.post(url, content=pair, headers=JSON)
    yield httpx.post(url, content=pair)
    yield httpx.post(f"{url}?{pair}")
    yield httpx.post(f"{url}?{pair}", headers=JSON, content=b"")
    yield httpx.post(url, content=as_json, headers=JSON)
    yield httpx.post(url, content=as_json, headers=FORM)
    yield httpx.get(f"{url}?{pair}")
    yield httpx.get(f"{url}/?{pair}", headers={"Authorization": "Bearer whatever"})
    if text.isdigit():
        yield httpx.post(url, content=f'{{"{name}": {text}}}', headers=JSON)


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("79161234567", "1"), ("+79161234567", "1"), ("9161234567", "1"), ("89161234567", "1"), ("79651238341", "2"),
        ("79271234567", "3"), ("79001234567", "42"), ("79951234567", "25598"), ("77011234567", "9000002"),
    ],
)  # fmt: skip
def test_operator_of_a_phone(server: Demo, text: str, provider: str) -> None:
    """Every way of asking gets the same answer: the id as text."""
    for answer in all_ways(f"{server.url}/mobile/detect.action", "phone", text):
        assert answer.status_code == 200
        assert answer.json() == {
            "code": {"value": "0", "_name": "NORMAL"}, "data": None, "message": provider, "messages": None,
        }  # fmt: skip


@pytest.mark.parametrize("number", [VISA, card("4111")])
def test_provider_of_a_card(server: Demo, number: str) -> None:
    """Likewise."""
    for answer in all_ways(f"{server.url}/card/detect.action", "cardNumber", number):
        assert answer.json()["message"] == "1963"
    assert httpx.get(f"{server.url}/card/detect.action?cardNumber={MASTERCARD}").json()["message"] == "21013"
    assert httpx.get(f"{server.url}/card/detect.action?cardNumber={MIR}").json()["message"] == "31652"


@pytest.mark.parametrize(("path", "name"), [("/mobile/detect.action", "phone"), ("/card/detect.action", "cardNumber")])
@pytest.mark.parametrize("text", ["", "abc", "123", "70000000000", "4111111111111112", "6011000990139424"])
def test_nothing_detected(server: Demo, path: str, name: str, text: str) -> None:
    """Status 200 all the same, code 2 with a text."""
    told = httpx.post(server.url + path, data={name: text}).json()
    assert (told["code"], told["data"], told["messages"]) == ({"value": "2", "_name": "ERROR"}, None, {})
    assert told["message"]
    deep = b'{"phone": ' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    for body in (b"{", b"[1]", b'{"phone": [1]}', b"\xff\xfe", b'{"phone": {}}', deep):
        assert httpx.post(server.url + path, content=body).json()["code"]["value"] == "2"


BROKEN = (b"%00", b"%FF", b"4256%001", b"%ED%A0%80", b"1" + b"&x=1" * 200)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_the_old_site_says_no_with_200(server: Demo, method: str, text: bytes) -> None:
    """Bytes that are no text, NUL, too many parameters: nothing is detected, nothing found."""
    for path, name in (("/mobile/detect.action", b"phone"), ("/card/detect.action", b"cardNumber")):
        for answer in (
            httpx.request(method, f"{server.url}{path}?{(name + b'=' + text).decode()}"),
            httpx.request("POST", server.url + path, content=name + b"=" + text, headers=FORM),
        ):
            assert (answer.status_code, answer.json()["code"]["value"]) == (200, "2")
    found = httpx.request(method, f"{server.url}/search/results/json.action?searchPhrase={text.decode()}")
    assert (found.status_code, found.json()["code"]["value"]) == (200, "0")
    if b"1" not in text:
        assert found.json()["data"]["items"] == []


def test_members_of_other_types_do_not_lose_the_body(server: Demo) -> None:
    """What a client says besides is its own affair."""
    more = {"a": [1], "b": {"c": 1}, "d": True, "e": 1.5, "f": None}
    for path, own, provider in (
        ("/mobile/detect.action", {"phone": "79161234567"}, "1"),
        ("/mobile/detect.action", {"phone": 79161234567}, "1"),
        ("/card/detect.action", {"cardNumber": VISA}, "1963"),
    ):
        for body in (own | more, more | own):
            assert httpx.post(server.url + path, json=body).json()["message"] == provider


def test_newer_resolver(owner: Live) -> None:
    """The id as a number; unknown: an empty list; another form: 400."""
    told = owner.told("/qw-mobile-providers-resolver/v1/providers", phoneNumber="79271234567")
    assert told == {"mobileOperatorProviderList": [{"id": 3, "shortName": "МегаФон", "logoUrl": None}]}
    nobody = owner.told("/qw-mobile-providers-resolver/v1/providers", phoneNumber="70000000000")
    assert nobody == {"mobileOperatorProviderList": []}
    for text in ("", "7916123456", "89161234567", "375291234567"):
        assert owner.get(f"/qw-mobile-providers-resolver/v1/providers?phoneNumber={text}").status_code == 400


def test_card_of_a_provider(server: Demo) -> None:
    """What the undocumented call tells; unknown: 404."""
    told: Any = httpx.get(f"{server.url}/providers-catalog/v2/providers/674").json()
    assert (told["id"], told["shortName"], told["hasPaymentForm"], told["extras"]) == (674, "OnLime", True, {})
    unknown = httpx.get(f"{server.url}/providers-catalog/v2/providers/5")
    assert (unknown.status_code, unknown.json()["errorCode"]) == (404, "resource.not.found")


def test_imported_prefixes_override(house: House) -> None:
    """A ported number, a bank abroad, one in Belarus: the longest prefix wins."""
    detector = house.app.detector
    house.run(detector.put("phone", {"7916123": "3", "79161234567": "42"}))
    house.run(detector.put("card", {"4256": "KZ", "42561111": "RU", "5123": "BY"}))
    assert (detector.mobile("79161234567"), detector.mobile("79161230000")) == (42, 3)
    assert detector.mobile("79161110000") == 1
    assert (detector.card(card("425622")), detector.card(card("425611"))) == (1960, 1963)
    assert detector.card(MASTERCARD) == 36390


def test_numbers_are_imported_from_files(server: Demo, tmp_path: Any) -> None:
    """The command checks every line, and a server takes the table up."""
    file = tmp_path / "numbers.csv"
    file.write_text("prefix,value\n7999,3\n79994,2\n", "utf-8")
    assert kalita("provider", "prefixes", "phone", file, *server.place).code == 0
    file.write_text("prefix,value\n7999,x\n", "utf-8")
    assert kalita("provider", "prefixes", "phone", file, *server.place).code == 2
