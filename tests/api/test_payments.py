"""
Payments over real HTTP: what is accepted, how repeats are answered, what history shows. Source: payments.md 2 to 4.1.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import PAY, Live, live
from tests.servers import Demo

PATHS = (PAY, "/sinap/api/terms/99/payments", "/sinap/terms/99/payments")
REPEATED, NO_MONEY = "QWPRC-202", "QWPRC-220"


@pytest.fixture(scope="module")
def payer(server: Demo, people: House) -> Iterator[Live]:
    """A payer with 10 000 roubles and some dollars."""
    with live(server, people.wallet(RUB=10_000_00, USD=100_00)) as opened:
        yield opened


def accepted(payer: Live, body: Any, path: str = PAY, **headers: str) -> Any:
    """Return the answer to a payment that is accepted."""
    answer = payer.pay(body, path, headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(payer: Live, body: Any, path: str = PAY) -> str:
    """Return the code of a payment that is refused with 400; the balance stays as it was."""
    before = payer.balance()
    answer = payer.pay(body, path)
    told = answer.json()
    assert (answer.status_code, payer.balance()) == (400, before)
    if "code" in told:
        assert set(told) == {"code", "message"}
    return told.get("code") or told["errorCode"]


@pytest.mark.parametrize("path", PATHS)
def test_answer_has_the_documented_members(payer: Live, path: str) -> None:
    """All three paths answer alike: numbers and texts in their documented types, the rest echoed."""
    body = payment(amount=100.50, comment="For lunch", kwargs={}, unknown=[1])
    told = accepted(payer, body, path)
    txn = told["transaction"].pop("id")
    assert txn.isdigit()
    assert told == {
        "id": body["id"], "terms": "99", "fields": {"account": "+79994445566"},
        "sum": {"amount": 100.5, "currency": "643"}, "transaction": {"state": {"code": "Accepted"}},
        "source": "account_643", "comment": "For lunch",
    }  # fmt: skip


@pytest.mark.parametrize("comment", ["", "ё" * 255, '"quotes" \\ and <tags> & 🙂', " blank "])
def test_comment_is_echoed_and_kept(payer: Live, comment: str) -> None:
    """A comment of up to 255 characters, the empty one too, comes back as it was sent, in history as well."""
    told = accepted(payer, payment(comment=comment))
    assert told["comment"] == comment
    shown = payer.told(f"/payment-history/v2/transactions/{told['transaction']['id']}")
    assert shown["comment"] == comment


def test_no_comment_and_null_are_absent(payer: Live) -> None:
    """Without a comment the answer has none."""
    assert "comment" not in accepted(payer, payment())
    assert "comment" not in accepted(payer, payment() | {"comment": None})


@pytest.mark.parametrize("comment", ["ё" * 256, "line\nbreak", "tab\t", "bell\x07", "del\x7f", "next\x85", "zero\0"])
def test_comment_against_the_rules_is_refused(payer: Live, comment: str) -> None:
    """Too long, or with control characters: 400, never cut."""
    assert refused(payer, payment(comment=comment)) == "validation.error"


@pytest.mark.parametrize(
    "client_id", ["1", "0", "007", "12345678901234567890", 1, 12345678901234567890, "1768392728000"]
)
def test_client_id_is_echoed_as_text(server: Demo, people: House, client_id: str | int) -> None:
    """1 to 20 digits, as text or as a number; leading zeros stay."""
    with live(server, people.wallet(RUB=100_00)) as payer:
        assert accepted(payer, payment(id=client_id))["id"] == str(client_id)


@pytest.mark.parametrize(
    "client_id",
    ["", "123456789012345678901", 123456789012345678901, "abc", "8f14e45f-ceea-467f-a8e3-000000000000", " 1", "1 ",
     "-1", -1, 1.5, 1e3, "1_0", "１２", True, None, [], {}, "1\0"],
)  # fmt: skip
def test_client_id_of_another_form_is_refused(payer: Live, client_id: Any) -> None:
    """21 digits, a UUID, nothing, signs, other alphabets' digits: 400."""
    assert refused(payer, payment() | {"id": client_id}) == "validation.error"


@pytest.mark.parametrize(
    ("amount", "paid"),
    [
        (1, "1"), ("1", "1"), ("1.00", "1"), (1.5, "1.5"), ("10.019", "10.01"), ("99.01", "99.01"),
        (297.29999999999995, "297.29"), ("0001.10", "1.1"), ("1." + "9" * 30, "1.99"),
    ],
)  # fmt: skip
def test_amount_is_rounded_down_to_kopecks(payer: Live, amount: Any, paid: str) -> None:
    """Number or text; what is echoed, debited and shown is the amount cut to kopecks, in its shortest form."""
    before = payer.balance()
    answer = payer.pay(payment(amount=amount))
    assert f'"sum":{{"amount":{paid},"currency":"643"}}' in answer.text
    assert round(before - payer.balance(), 2) == float(paid)
    txn = answer.json()["transaction"]["id"]
    assert f'"total":{{"amount":{paid},"currency":643}}' in payer.get(f"/payment-history/v2/transactions/{txn}").text


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"sum": {"amount": 1, "currency": 643}}, "account_643"),
        ({"paymentMethod": {"type": "Account", "accountId": 643}}, "account_643"),
        ({"paymentMethod": None, "source": "account_643"}, "account_643"),
        ({"source": "account_840"}, "account_643"),
        ({"paymentMethod": {"type": "Account", "accountId": "643", "more": 1}}, "account_643"),
        ({"sum": {"amount": 1, "currency": "643", "more": None}}, "account_643"),
    ],
)
def test_forms_that_clients_send(payer: Live, changes: dict[str, Any], source: str) -> None:
    """Currencies as text or number, the first generation's `source`, unknown members."""
    told = accepted(payer, payment(**changes))
    assert (told["source"], told["sum"]["currency"]) == (source, "643")


def test_null_payment_method_falls_back_to_the_old_form(payer: Live) -> None:
    """`null` counts as absent."""
    assert accepted(payer, payment() | {"paymentMethod": None, "source": "account_643"})["source"] == "account_643"
    assert refused(payer, payment() | {"paymentMethod": None}) == "validation.error"


def test_fields_are_echoed_as_text(payer: Live) -> None:
    """Integers become their digits, null is left out, unknown fields are kept; the account may lack its plus."""
    body = payment(fields={"account": 79994445566, "other": 12, "nothing": None, "text": "значение"})
    assert accepted(payer, body)["fields"] == {"account": "79994445566", "other": "12", "text": "значение"}


@pytest.mark.parametrize("value", [True, 1.5, -1, [], ["x"], {}, {"a": "b"}, "zero\0"])
def test_fields_of_another_type_are_refused(payer: Live, value: Any) -> None:
    """A boolean, a fraction, a list or an object in `fields`: 400."""
    body = payment(fields={"account": "+79994445566", "other": value})
    assert refused(payer, body) == "validation.error"


def test_repeat_gets_the_first_answer_again(payer: Live) -> None:
    """The same id and content, in other words too: the same bytes, one debit, one history row."""
    body = payment(amount=2, comment="once")
    first = payer.pay(body)
    after = payer.balance()
    same = body | {"id": int(body["id"]), "sum": {"amount": "2.009", "currency": 643}}
    answers = [payer.pay(one, path).content for one in (body, same) for path in PATHS]
    assert set(answers) == {first.content}
    assert payer.balance() == after


@pytest.mark.parametrize(
    "change",
    [
        {"sum": {"amount": 3, "currency": "643"}},
        {"comment": "other"},
        {"comment": None},
        {"comment": ""},
        {"fields": {"account": "79994445566"}},
        {"fields": {"account": "+79994445567"}},
        {"fields": {"account": "+79994445566", "more": "1"}},
        {"paymentMethod": {"type": "Account", "accountId": "840"}},
        {"sum": {"amount": 0.5, "currency": "643"}},
    ],
)
def test_same_id_with_other_content_is_refused(payer: Live, change: dict[str, Any]) -> None:
    """QWPRC-202, nothing is debited; also when another rule would refuse the second call."""
    body = payment(amount=2, comment="first")
    accepted(payer, body)
    assert refused(payer, body | change) == REPEATED


def test_same_id_for_another_provider_is_refused(payer: Live) -> None:
    """The provider belongs to the content, a closed one too."""
    body = payment()
    accepted(payer, body)
    assert refused(payer, body, "/sinap/api/v2/terms/7/payments") == REPEATED


def test_wallets_may_use_the_same_id(server: Demo, people: House) -> None:
    """An id is its payer's own."""
    with live(server, people.wallet(RUB=100)) as one, live(server, people.wallet(RUB=100)) as other:
        body = payment()
        assert accepted(one, body)["transaction"] != accepted(other, body)["transaction"]


def test_repeat_after_the_money_is_gone(server: Demo, people: House) -> None:
    """An accepted payment is answered again though the balance is now too low; a new one is refused."""
    with live(server, people.wallet(RUB=1_00)) as payer:
        body = payment()
        first = payer.pay(body).content
        assert payer.balance() == 0
        assert payer.pay(body).content == first
        assert refused(payer, payment()) == NO_MONEY


def test_refused_call_does_not_use_the_id_up(server: Demo, people: House) -> None:
    """The same id is accepted once the reason is gone."""
    with live(server, people.wallet(RUB=50)) as payer:
        body = payment()
        assert refused(payer, body) == NO_MONEY
        people.run(people.app.wallets.top_up(payer.number, 50, 643, None, "Cash"))
        accepted(payer, body)
        assert payer.balance() == 0


def test_copies_at_once_pay_once(server: Demo, people: House) -> None:
    """32 copies over 16 connections: one transaction, one debit, every answer the same."""
    with live(server, people.wallet(RUB=100_00)) as payer, ThreadPoolExecutor(16) as pool:
        body = payment(amount=60)
        answers = list(pool.map(lambda _: payer.pay(body), range(32)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert payer.balance() == 40
        assert len(payer.told("/payment-history/v2/persons/{w}/payments", rows="50", operation="OUT")["data"]) == 1


def test_spenders_at_once_cannot_overdraw(server: Demo, people: House) -> None:
    """Money for three, 24 different payments at once: three are accepted, the rest is refused with 220."""
    with live(server, people.wallet(RUB=3_50)) as payer, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: payer.pay(payment()), range(24)))
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 21
        assert {answer.json()["code"] for answer in answers if answer.status_code == 400} == {NO_MONEY}
        assert payer.balance() == 0.5


def test_number_without_a_wallet_gets_one(payer: Live, people: House, server: Demo) -> None:
    """An unclaimed wallet comes into being; whoever claims it finds balance and history."""
    number = people.number()
    txn = accepted(payer, payment(number, 12.34))["transaction"]["id"]
    with live(server, people.wallet(number=number)) as payee:
        assert payee.balance() == 12.34
        shown = payee.told("/payment-history/v2/persons/{w}/payments", rows="5")["data"]
        assert [(item["txnId"], item["type"], item["account"]) for item in shown] == [
            (int(txn), "IN", f"+{payer.number}")
        ]


def test_text_of_a_refusal_follows_the_language(server: Demo, people: House) -> None:
    """`message` is Russian unless English is asked for."""
    with live(server, people.wallet()) as payer:
        texts = [
            payer.pay(payment(), headers={"Accept-Language": language}).json()["message"]
            for language in ("ru-RU", "en", "de")
        ]
    russian = "Недостаточно денег, пополните кошелёк"
    assert texts == [russian, "Not enough money, top up the wallet", russian]
