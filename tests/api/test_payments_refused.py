"""
Payments that are refused, over real HTTP where a wallet of the server will do. Source: payments.md 1.1, 3.1, 3.4.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.books import bar
from tests.servers import Demo

ACCOUNT = {"type": "Account", "accountId": "643"}


@pytest.fixture(scope="module")
def payer(server: Demo, people: House) -> Iterator[Live]:
    """A payer with roubles and dollars; nothing here may debit them."""
    with live(server, people.wallet(RUB=500_00, USD=500_00)) as opened:
        yield opened
        assert opened.balance() == 500


def code(answer: Any) -> tuple[int, str]:
    """Return the status and the code of a refusal of either family."""
    told = answer.json()
    return answer.status_code, told.get("code") or told["errorCode"]


TOO_SMALL = ("0", "0.009", '"0"', '"0.99"', "0.9999")
TOO_MUCH = ("501", "999999999999.99", '"999999999999"')
NO_AMOUNT = (
    "-0", "-1", '"-1"', '"+1"', "1e2", "1E2", '"1e2"', "1e-30", "1e400", "1e99999999", "-1e400", '"1e99999999"',
    "1" + "0" * 30, '"1000000000000"', "1000000000000", '"1_0"', '"１２"', '"٣"', '"1,5"', '" 1"', '"1 "', '""', '"1."',
    '".5"', '"NaN"', '"Infinity"', '"-0"', "null", "true", "[1]", "{}", '{"amount":1}', '"1.' + "1" * 31 + '"',
    "9" * 4000, "9" * 5000, '"1\\u0000"',
)  # fmt: skip
NO_JSON = ("NaN", "Infinity", "-Infinity", "1_0", "01", "1.", ".5", "+1", "0x10", "1e", "１")


@pytest.mark.parametrize(("written", "expected"), [
    *[(written, "QWPRC-241") for written in TOO_SMALL],
    *[(written, "QWPRC-558" if len(written) > 5 else "QWPRC-220") for written in TOO_MUCH],
    *[(written, "validation.error") for written in NO_AMOUNT + NO_JSON],
])  # fmt: skip
def test_amount_that_cannot_be_paid(payer: Live, written: str, expected: str) -> None:
    """Whatever is written for an amount, in number or text, gets its documented 400; nothing is debited."""
    body = json.dumps(payment(amount="AMOUNT")).replace('"AMOUNT"', written).encode()
    answer = payer.pay(body)
    assert code(answer) == (400, expected)
    if written in NO_AMOUNT and "u0000" not in written:
        assert list(answer.json()["cause"]) == ["sum.amount"]


@pytest.mark.parametrize(
    "account",
    ["", "+", "123", "+0123456789", "799944455", "+7999444556677889", "79991112233a", "+7 999 111 22 33",
     "++79994445566", "nickname", "７９９９４４４５５６６", "79994445566\n"],
)  # fmt: skip
def test_recipient_of_a_wrong_format(payer: Live, account: str) -> None:
    """QWPRC-4 for what is no phone in international form; ten to fifteen digits are needed."""
    assert code(payer.pay(payment(account))) == (400, "QWPRC-4")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fields": {}}, "QWPRC-4"),
        ({"fields": {"account": None}}, "QWPRC-4"),
        ({"sum": {"amount": 1, "currency": "840"}, "paymentMethod": ACCOUNT | {"accountId": "840"}}, "QWPRC-1002"),
        ({"sum": {"amount": 1, "currency": "RUB"}}, "QWPRC-1002"),
        ({"sum": {"amount": 1, "currency": 0}}, "QWPRC-1002"),
        ({"sum": {"amount": 1, "currency": -643}}, "QWPRC-1002"),
        ({"sum": {"amount": 1, "currency": "６４３"}}, "QWPRC-1002"),
        ({"sum": {"amount": 1, "currency": ""}}, "QWPRC-1002"),
        ({"sum": {"amount": 1, "currency": "9" * 5000}}, "QWPRC-1002"),
        ({"paymentMethod": ACCOUNT | {"accountId": "840"}}, "QWPRC-1002"),
        ({"paymentMethod": ACCOUNT | {"accountId": "999"}}, "QWPRC-1002"),
        ({"paymentMethod": ACCOUNT | {"accountId": 933}}, "QWPRC-1002"),
        ({"paymentMethod": None, "source": "account_840"}, "QWPRC-1002"),
        ({"paymentMethod": ACCOUNT | {"type": "Card"}}, "QWPRC-202"),
        ({"paymentMethod": ACCOUNT | {"type": ""}}, "QWPRC-202"),
    ],
)
def test_parameter_that_cannot_be_used(payer: Live, changes: dict[str, Any], expected: str) -> None:
    """The shape is right and a value is not: the code says which kind."""
    assert code(payer.pay(payment(**changes))) == (400, expected)


def test_paying_oneself(payer: Live) -> None:
    """319, and the message names the cause."""
    for number in (f"+{payer.number}", str(payer.number)):
        answer = payer.pay(payment(number), headers={"Accept-Language": "en"})
        assert code(answer) == (400, "QWPRC-319")
        assert answer.json()["message"] == "The payer and the recipient are the same wallet"


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("5", (400, "QWPRC-155")), ("7", (400, "QWPRC-155")), ("999999999", (400, "QWPRC-155")), ("0",
        (400, "QWPRC-155")),
        ("1234567890", (400, "validation.error")), ("0000000099", (400, "validation.error")),
        ("abc", (404, "QWPRC-155")), ("-1", (404, "QWPRC-155")), ("9.9", (404, "QWPRC-155")), ("%D9%A9%D9%A9",
        (404, "QWPRC-155")),
        ("99%00", (400, "validation.error")), ("1e2", (404, "QWPRC-155")), ("%20", (404, "QWPRC-155")),
        ("9" * 400, (400, "validation.error")),
    ],
)  # fmt: skip
def test_provider_that_cannot_be_paid(payer: Live, provider: str, expected: tuple[int, str]) -> None:
    """Unknown or not payable: 400; more than nine digits: 400; not a number: 404. Every path alike."""
    for path in ("/sinap/api/v2/terms", "/sinap/api/terms", "/sinap/terms"):
        assert code(payer.pay(payment(), f"{path}/{provider}/payments")) == expected


def test_provider_that_is_no_number_comes_before_the_body(payer: Live) -> None:
    """Such an address does not exist, whatever is sent to it; without a token it is not looked at."""
    assert code(payer.pay(b"{", "/sinap/terms/abc/payments")) == (404, "QWPRC-155")
    bare = payer.client.post("/sinap/terms/abc/payments", headers={"Authorization": ""})
    assert code(bare) == (401, "auth.unauthorized")


@pytest.mark.parametrize(("bars", "side"), [(1, "payer"), (3, "payer"), (2, "payee"), (3, "payee")])
def test_barred_accounts(house: House, bars: int, side: str) -> None:
    """1021 when nothing may leave the payer, 167 when nothing may come in at the payee."""
    payer, payee = house.wallet(RUB=10_00), house.wallet()
    house.run(house.app.writer.submit(bar((payer if side == "payer" else payee).number, bars)))
    answer = house.pay(payer, payment(payee.number))
    assert (answer.status, answer.code) == (400, "QWPRC-1021" if side == "payer" else "QWPRC-167")


def test_no_unclaimed_wallets_where_the_operator_says_so(tmp_path: Path) -> None:
    """With the setting off a number without a wallet is QWPRC-5; one with a wallet is paid."""
    strict = House(tmp_path, settings={"make_wallets": False})
    try:
        payer, payee = strict.wallet(RUB=10_00), strict.wallet()
        assert strict.pay(payer, payment(79_000_000_000)).code == "QWPRC-5"
        assert strict.pay(payer, payment(payee.number)).status == 200
    finally:
        strict.close()


def test_a_balance_of_a_payee_is_opened_all_the_same(tmp_path: Path) -> None:
    """Provider 1099 gives him one in its currency, also without a conversion. Source: payments.md 4.3."""
    strict = House(tmp_path, settings={"make_wallets": False, "demo": True})
    try:
        payer, payee = strict.wallet(USD=100_00), strict.wallet(RUB=0)
        for currency in ("840", "978"):
            dollars = {"type": "Account", "accountId": "840"}
            body = payment(sum={"amount": 1, "currency": currency}, paymentMethod=dollars)
            for to, code in ((payee.number, ""), (79_000_000_000, "QWPRC-5")):
                answer = strict.pay(payer, body | {"id": f"{currency}{to}", "fields": {"account": str(to)}}, "1099")
                assert answer.code == code
        accounts = strict.get("/funding-sources/v1/accounts/current", payee).json["accounts"]
        assert {one["currency"]: one["balance"]["amount"] for one in accounts} == {643: 0, 840: 1, 978: 1}
        strict.proven()
    finally:
        strict.close()
