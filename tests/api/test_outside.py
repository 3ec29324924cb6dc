"""
Payments to outside providers over real HTTP, through the simulator that stands behind them in a demonstration.

Guarantee: every provider of the catalogue can be paid; the money is held until the provider has spoken, then it goes to
him or comes back whole; what nobody knows stays held and is asked again; no card number is shown or kept.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kalita.providers.cards import check_digit, masked
from kalita.providers.catalogue import built_in
from kalita.refusals import PAYMENT_REFUSALS
from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.commands import past_the_program
from tests.samples import SAMPLES, VISA
from tests.servers import Demo

CATALOGUE = built_in()
WITHIN_S = 10
KINDS = [(number, index) for number, some in SAMPLES.items() for index in range(len(some))]


@pytest.fixture
def payer(server: Demo, people: House) -> Iterator[Live]:
    """A payer with enough roubles and tenge; another one for each test, since history takes 100 calls a minute."""
    with live(server, people.wallet(RUB=300_000_00, KZT=100_000_00)) as opened:
        yield opened


def pay(payer: Live, provider: int, fields: dict[str, str], amount: Any = 100, currency: str = "643") -> Any:
    """Pay a provider; return the answer to a payment that is accepted."""
    method = {"type": "Account", "accountId": currency}
    body = payment(fields=fields, sum={"amount": amount, "currency": currency}, paymentMethod=method)
    answer = payer.pay(body, f"/sinap/api/v2/terms/{provider}/payments")
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(payer: Live, told: Any, language: str = "ru") -> Any:
    """Return the payment as history shows it now."""
    txn = told["transaction"]["id"]
    return payer.get(f"/payment-history/v2/transactions/{txn}?type=OUT", {"Accept-Language": language}).json()


def until(payer: Live, told: Any, status: str) -> Any:
    """Wait until history shows a status, with pauses that grow: it takes 100 calls a minute."""
    ends, pause = time.monotonic() + WITHIN_S, 0.02
    while (found := shown(payer, told))["status"] != status:
        assert time.monotonic() < ends, found
        assert found["status"] == "WAITING", found
        time.sleep(pause)
        pause *= 1.1
    return found


def prepared(payer: Live, fields: dict[str, str]) -> dict[str, str]:
    """Return the fields of 27292 with what the preparatory call hands out."""
    body = {"cardNumber": fields["cardNumber"], "version": "2", "transferSum": "100", "src": "sinap"}
    answer = payer.client.post("/sinap/api/refs/a42ebc79-0584-4271-b8a0-15cb4ea8b340/containers", json=body)
    assert answer.status_code == 200, answer.text
    return fields | {one["name"]: one["value"] for one in answer.json()["elements"]}


@pytest.mark.parametrize(("number", "index"), KINDS)
def test_every_provider_is_paid(payer: Live, number: int, index: int) -> None:
    """Accepted with its fields echoed, cards masked; then SUCCESS, with the commission of its terms."""
    fields = SAMPLES[number][index]
    provider = CATALOGUE.get(number)
    currency = str(provider.currencies[0])
    if number == 27292:
        fields = prepared(payer, fields)
    told = pay(payer, number, fields, 100, currency)
    assert told["fields"] == provider.form.shown(fields)
    assert (told["terms"], told["source"]) == (str(number), f"account_{currency}")
    found = until(payer, told, "SUCCESS")
    fee = provider.terms.commission(100_00) + provider.form.surcharge(fields)
    assert found["provider"]["id"] == number
    assert found["account"] == provider.form.shown(fields)["account"]
    assert (found["sum"]["amount"], found["commission"]["amount"]) == (100, fee / 100)
    assert found["sum"]["currency"] == int(currency)


@pytest.mark.parametrize("code", sorted(PAYMENT_REFUSALS))
def test_every_error_code_is_shown_in_both_languages(payer: Live, code: int) -> None:
    """The scripted account forces it: ERROR with the code and its text, the money is back, commission too."""
    before = payer.balance()
    told = pay(payer, 674, {"account": f"00001{code:05}"}, 10)
    found = until(payer, told, "ERROR")
    assert (found["errorCode"], found["error"]) == (code, PAYMENT_REFUSALS[code].ru)
    assert shown(payer, told, "en")["error"] == PAYMENT_REFUSALS[code].en
    assert payer.balance() == before


def test_an_unknown_code_of_a_provider_is_passed_on(payer: Live) -> None:
    """With the text of 300."""
    found = until(payer, pay(payer, 674, {"account": "0000112345"}), "ERROR")
    assert (found["errorCode"], found["error"]) == (12345, PAYMENT_REFUSALS[300].ru)


def test_a_card_says_no_too(payer: Live) -> None:
    """A scripted card number: 50 roubles and 2 % come back with the sum."""
    before = payer.balance()
    body = "4" + "0000100522" + "1111"
    card = body + check_digit(body)
    told = pay(payer, 1963, {"account": card}, 1000)
    found = until(payer, told, "ERROR")
    assert (found["errorCode"], found["account"], found["commission"]["amount"]) == (522, masked(card), 70)
    assert payer.balance() == before


@pytest.mark.parametrize(("account", "status"), [("0000300002", "SUCCESS"), ("0000400002", "ERROR")])
def test_what_is_not_known_is_held_and_asked_again(payer: Live, account: str, status: str) -> None:
    """WAITING with error 0, the money gone from the balance; then the answer decides."""
    before = payer.balance()
    told = pay(payer, 1, {"account": account}, 50)
    waiting = shown(payer, told)
    assert (waiting["status"], waiting["errorCode"], waiting["error"]) == ("WAITING", 0, None)
    assert payer.balance() == before - 50
    until(payer, told, status)
    assert payer.balance() == (before - 50 if status == "SUCCESS" else before)


def test_a_slow_provider_delays_no_other(payer: Live) -> None:
    """Twenty payments of a second each at one, meanwhile another is paid at once."""
    slow = [pay(payer, 120, {"account": "0000201500"}, 1) for _ in range(20)]
    begun = time.monotonic()
    until(payer, pay(payer, 674, {"account": "1"}, 1), "SUCCESS")
    assert time.monotonic() - begun < 1
    for told in slow:
        until(payer, told, "SUCCESS")


def test_a_repeat_is_answered_word_for_word_and_paid_once(payer: Live) -> None:
    """While it waits, and when it is done; another meaning is refused."""
    before = payer.balance()
    body = payment(fields={"account": VISA}, amount=10)
    path = "/sinap/api/v2/terms/1963/payments"
    first = payer.pay(body, path)
    again = [payer.pay(body, path).content for _ in range(3)]
    assert set(again) == {first.content}
    until(payer, first.json(), "SUCCESS")
    assert payer.pay(body, path).content == first.content
    other = payer.pay(body | {"fields": {"account": VISA, "more": "x"}}, path)
    assert (other.status_code, other.json()["code"]) == (400, "QWPRC-202")
    assert payer.balance() == before - 10 - 50.2


def test_no_card_number_is_kept_in_clear_or_after_the_end(payer: Live, server: Demo) -> None:
    """Neither in the database's files nor in the log."""
    number = "427645" + "7531".rjust(9, "1")
    card = number + check_digit(number)
    fields = {"account": card, "account_type": "5"}
    until(payer, pay(payer, 870, fields, 10), "SUCCESS")
    stuck = pay(payer, 1963, {"account": card}, 10)
    until(payer, stuck, "SUCCESS")
    text = pay(payer, 674, {"account": card}, 10)
    assert text["fields"] == {"account": masked(card)}
    assert until(payer, text, "SUCCESS")["account"] == masked(card)
    contract = {name: value for name, value in SAMPLES[466][-1].items() if name != "account"}
    found = until(payer, pay(payer, 466, contract | {"account": card, "account_type": "3"}, 10), "SUCCESS")
    assert found["account"] == masked(card)
    for file in [*Path(server.data).rglob("*"), server.log]:
        if file.is_file():
            assert card.encode() not in file.read_bytes(), file
    for table, column in (("payout", "wallet"), ("history", "wallet"), ("payment", "owner")):
        rows = past_the_program(server.data, server.database, f"SELECT * FROM {table} WHERE {column} = {payer.number}")
        assert (len(rows) >= 4, card in str(rows)) == (True, False)


@pytest.mark.parametrize(
    ("provider", "fields", "amount", "code"),
    [
        (1, {"account": "123"}, 10, 303),
        (1963, {"account": "4111111111111112"}, 10, 542),
        (674, {}, 10, 4),
        (674, {"account": "1"}, 0.5, 241),
        (9000001, {"account": "7011234567"}, 49, 241),
        (28004, {"account": "79110000001", "vas_alias": "qvc-master"}, 2999, 155),
        (32064, {"account": "79110000001", "order_id": "0" * 8}, 99, 155),
        (22351, {"account": VISA}, 10, 155),
        (26340, {"account": "1"}, 10, 155),
        (25549, {"account": "1"}, 10, 155),
        (27292, SAMPLES[27292][0], 100, 1002),
        (674, {"account": "1"}, 300_001, 220),
    ],
)
def test_refused_at_once(payer: Live, provider: int, fields: dict[str, str], amount: Any, code: int) -> None:
    """400 with the documented code, and nothing is held."""
    before = payer.balance()
    body = payment(fields=fields, amount=amount)
    answer = payer.pay(body, f"/sinap/api/v2/terms/{provider}/payments")
    assert (answer.status_code, answer.json()["code"]) == (400, f"QWPRC-{code}")
    assert json.loads(answer.text)["message"]
    assert payer.balance() == before
