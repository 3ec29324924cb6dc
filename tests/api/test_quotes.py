"""
What is asked before a payment, over real HTTP: commission, terms, rates, preparatory calls, validations.

Guarantee: what a quote says is what the payment then debits. Source: payments.md 5 to 9.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.samples import MASTERCARD, MIR, SAMPLES, VISA, card
from tests.servers import Demo

CARD, KAZAKH = (
    f"/sinap/api/refs/{name}/containers"
    for name in ("bd6fb248-2bdf-49ed-bcb2-9b0a789cfde8", "a42ebc79-0584-4271-b8a0-15cb4ea8b340")
)


@pytest.fixture(scope="module")
def payer(server: Demo, people: House) -> Iterator[Live]:
    """A payer with four balances."""
    with live(server, people.wallet(RUB=100_000_00, USD=1_000_00, EUR=100_00, KZT=10_000_00)) as opened:
        yield opened


def quoted(account: str, amount: Any, currency: Any = "643", pay_from: Any = "643") -> dict[str, Any]:
    """Return the body of a question for a commission."""
    return {
        "account": account,
        "paymentMethod": {"type": "Account", "accountId": pay_from},
        "purchaseTotals": {"total": {"amount": amount, "currency": currency}},
    }


def ask(payer: Live, provider: int | str, body: Any) -> httpx.Response:
    """Ask what a payment would cost."""
    return payer.client.post(f"/sinap/providers/{provider}/onlineCommission", json=body)


def test_the_documented_quote(payer: Live) -> None:
    """1001 roubles to a card of 2 % + 50: 1071.02 leave, whole numbers without decimals."""
    answer = ask(payer, 1963, quoted("4111111111111111", 1001))
    assert answer.status_code == 200
    assert answer.text == (
        '{"providerId":1963,"withdrawSum":{"amount":1071.02,"currency":"643"},'
        '"enrollmentSum":{"amount":1001,"currency":"643"},"qwCommission":{"amount":70.02,"currency":"643"},'
        '"fundingSourceCommission":{"amount":0,"currency":"643"},"withdrawToEnrollmentRate":1}'
    )


@pytest.mark.parametrize(
    ("provider", "account", "amount", "currency", "pay_from"),
    [
        (1963, VISA, 100.55, "643", "643"), (870, "40817810000000000001", "33.333", "643", "643"),
        (1, "79161234567", 10, "643", "643"), (99, "+79994445566", 1, 643, 643),
        (9000001, "77011234567", 50, "398", "398"), (1099, "79994445566", 12.34, "840", "643"),
        (1099, "79994445566", 700, "398", "643"), (1099, "79994445566", 5, "978", "840"),
        (1099, "79994445566", 100, "643", "978"),
    ],
)  # fmt: skip
def test_a_quote_is_what_is_debited(
    payer: Live, provider: int, account: str, amount: Any, currency: Any, pay_from: Any
) -> None:
    """To the kopeck, in the balance that pays, conversions included."""
    told = ask(payer, provider, quoted(account, amount, currency, pay_from)).json()
    before = balances(payer)
    fields = SAMPLES.get(provider, [{"account": account}])[-1]
    if provider in (870, 9000001, 1):
        fields = SAMPLES[provider][1 if provider == 870 else 0]
    method = {"type": "Account", "accountId": pay_from}
    body = payment(fields=fields | ({"urgent": "0"} if "urgent" in fields else {}), paymentMethod=method)
    answer = payer.pay(body | {"sum": {"amount": amount, "currency": currency}}, f"/sinap/terms/{provider}/payments")
    assert answer.status_code == 200, answer.text
    debited = before[int(pay_from)] - balances(payer)[int(pay_from)]
    assert round(debited * 100) == round(told["withdrawSum"]["amount"] * 100)
    assert told["withdrawSum"]["currency"] == str(pay_from)
    assert told["enrollmentSum"] == {"amount": answer.json()["sum"]["amount"], "currency": str(currency)}


def balances(payer: Live) -> dict[int, float]:
    """Return the balances by currency."""
    accounts = payer.told("/funding-sources/v1/accounts/current")["accounts"]
    return {one["currency"]: one["balance"]["amount"] for one in accounts}


@pytest.mark.parametrize(
    ("provider", "body", "expected"),
    [
        (99, quoted("+79994445566", 0.5), (400, "QWPRC-241")),
        (1963, quoted("123", 10), (400, "QWPRC-4")),
        (1963, quoted(" ", 10), (400, "QWPRC-4")),
        (5, quoted("1", 10), (400, "QWPRC-155")),
        ("x", quoted("1", 10), (404, "QWPRC-155")),
        (99, quoted("+79994445566", 10, "840"), (400, "QWPRC-1002")),
        (99, quoted("+79994445566", 10, "643", "840"), (400, "QWPRC-1002")),
        (99, quoted("+79994445566", "1e3"), (400, "validation.error")),
        (99, {"account": "+79994445566"}, (400, "validation.error")),
    ],
)
def test_a_quote_is_refused_like_the_payment(payer: Live, provider: Any, body: Any, expected: Any) -> None:
    """The documented codes."""
    answer = ask(payer, provider, body)
    told = answer.json()
    assert (answer.status_code, told.get("code") or told["errorCode"]) == expected


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_standing_terms(server: Demo, method: str) -> None:
    """With and without a slash at the end, without a token; the old site's address wraps the same."""
    row = {"bound": 0, "rate": 0.02, "min": None, "max": None, "fixed": 50}
    terms = {"content": {"terms": {"id": "1963", "commission": {"ranges": [row]}}}}
    for path in ("/sinap/providers/1963/form", "/sinap/providers/1963/form/"):
        assert httpx.request(method, server.url + path).json() == terms
    wrapped = httpx.get(server.url + "/sinap/providers/1963/form/proxy.action").json()
    assert wrapped == {
        "code": {"value": "0", "_name": "NORMAL"}, "data": {"body": terms, "status": 200}, "message": None,
        "messages": None,
    }  # fmt: skip
    unknown = httpx.request(method, server.url + "/sinap/providers/5/form")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "QWPRC-155")


def test_rates_with_and_without_a_token(server: Demo, payer: Live) -> None:
    """Every pair both ways, nobody gains there and back; a bad token is told so."""
    bare = httpx.get(server.url + "/sinap/crossRates")
    rows = bare.json()["result"]
    assert payer.told("/sinap/crossRates")["result"] == rows
    assert httpx.get(server.url + "/sinap/crossRates", headers={"Authorization": "Bearer bad"}).status_code == 401
    rates = {(row["from"], row["to"]): row["rate"] for row in rows}
    assert {row["set"] for row in rows} == {"General"}
    assert ("643", "840") in rates
    assert ("398", "756") in rates
    for (one, other), rate in rates.items():
        assert rate * rates[other, one] >= 1


@pytest.mark.parametrize(("number", "expected"), [(VISA, "1963"), (MASTERCARD, "21013"), (MIR, "31652")])
def test_provider_of_a_card(payer: Live, number: str, expected: str) -> None:
    """With blanks after every fourth digit, and without."""
    for text in (number, " ".join(number[start : start + 4] for start in range(0, 16, 4))):
        told = payer.client.post(CARD, json={"account": text}, headers={"Accept": "application/vnd.qiwi.v1+json"})
        assert told.json() == {"elements": [{"name": "termsId", "value": expected, "type": "field"}]}
    wrong = payer.client.post(CARD, json={"account": number[:-1] + str((int(number[-1]) + 1) % 10)})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "QWPRC-542")


def test_unknown_container(payer: Live) -> None:
    """404 in the envelope."""
    answer = payer.client.post("/sinap/api/refs/00000000-0000-0000-0000-000000000000/containers", json={})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "resource.not.found")


def test_a_prepared_card_is_for_one_wallet_one_card_and_a_while(payer: Live, house: House) -> None:
    """Another's, another card's, a changed or an old note is refused with 522."""
    owner, stranger = house.wallet(KZT=1_000_00), house.wallet(KZT=1_000_00)
    body = {"cardNumber": VISA, "version": "2", "transferSum": "100", "src": "sinap"}
    elements = house.call("POST", KAZAKH, owner, body).json["elements"]
    note = {one["name"]: one["value"] for one in elements}
    fields = SAMPLES[27292][0] | note
    assert house.call("POST", KAZAKH, owner, body | {"src": "x"}).code == "QWPRC-202"
    assert house.call("POST", KAZAKH, owner, body | {"cardNumber": "1"}).code == "QWPRC-542"

    def code(who: Any, changed: dict[str, str]) -> str:
        method = {"type": "Account", "accountId": "398"}
        sent = payment(fields=fields | changed, sum={"amount": 100, "currency": "398"}, paymentMethod=method)
        return house.call("POST", "/sinap/terms/27292/validations", who, sent).json["data"]["body"].get("code", "")

    other = card("499999")
    assert code(stranger, {}) == "QWPRC-522"
    assert code(owner, {"cardNumber": other}) == "QWPRC-522"
    assert code(owner, {"account": "x" * 16}) == "QWPRC-522"
    assert code(owner, {"ev_account1": note["ev_account1"][:-2] + "AA"}) == "QWPRC-522"
    house.later(15 * 60)
    assert code(owner, {}) == "QWPRC-522"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A demonstration in this process."""
    opened = House(tmp_path_factory.mktemp("quotes"), settings={"demo": True})
    yield opened
    opened.close()


VALIDATE = (
    "/sinap/terms/{}/validations", "/sinap/api/terms/{}/validations",
    "/user/sinap/api/terms/{}/validations/proxy.action",
)  # fmt: skip


@pytest.mark.parametrize("path", VALIDATE)
def test_validations_pay_nothing(payer: Live, path: str) -> None:
    """Good details: 200. Bad ones: 400 with the code inside. The id stays free, the money where it is."""
    before = balances(payer)
    body = payment(amount=10)
    good = payer.pay(body, path.format(99))
    assert good.status_code == 200
    assert good.json() == {
        "code": {"value": "0", "_name": "NORMAL"}, "data": {"body": {}, "status": 200}, "message": None,
        "messages": None,
    }  # fmt: skip
    bad = payer.pay(body | {"fields": {"account": VISA[:-1] + "x"}}, path.format(1963))
    assert (bad.status_code, bad.json()["data"]["status"]) == (400, 400)
    assert bad.json()["data"]["body"]["code"] == "QWPRC-542"
    assert bad.json()["code"]["_name"] == "NORMAL"
    assert balances(payer) == before


def test_validations_look_at_levels_and_limits(house: House) -> None:
    """A payee at his ceiling, one who may not be paid, more than one operation may be."""
    owner = house.wallet(RUB=10_00)
    for amount, expected in ((10**7, "QWPRC-558"), (1, "")):
        told = house.call("POST", VALIDATE[0].format(99), owner, payment(amount=amount)).json["data"]["body"]
        assert told.get("code", "") == expected


@pytest.mark.parametrize("provider", [22351, 28004, 32064])
def test_what_is_not_offered_has_no_price_either(payer: Live, provider: int) -> None:
    """Own cards and packages: quote, terms and payment say the same until there are any."""
    assert ask(payer, provider, quoted("79110000001", 99)).json()["code"] == "QWPRC-155"
    assert payer.get(f"/sinap/providers/{provider}/form").json()["code"] == "QWPRC-155"
    assert payer.pay(payment(), f"/sinap/terms/{provider}/payments").json()["code"] == "QWPRC-155"
