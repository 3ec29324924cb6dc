"""
The page that checks a receipt: what is ours, what is not, and what the books no longer say. Source: history.md 4.
"""

import base64
import hashlib

import pytest

from kalita.history.pages import Shown
from kalita.keys import Keys
from kalita.receipts.receipt import CODE_LENGTH, Codes, Receipt
from kalita.refusals import UNAVAILABLE
from kalita.storage.engine import Unavailable
from tests.api.house import Answer, House, payment
from tests.api.test_bill_link import BROWSER
from tests.api.test_reference import Page
from tests.commands import past_the_program


@pytest.fixture
def receipt(house: House) -> Receipt:
    """A receipt of a payment of 70 roubles."""
    payer = house.wallet(RUB=100_00)
    txn = int(house.pay(payer, payment(amount=70)).json["transaction"]["id"])
    row = house.run(house.app.history.transaction(payer.number, txn, None))
    return Receipt(payer.number, row)


def page(house: House, code: str, language: str = "en") -> str:
    """Return the page of a code; it never depends on who asks and always says how to treat it."""
    answer: Answer = house.get(f"/receipt/{code}", accept_language=language)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html;charset=UTF-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (answer.headers["cache-control"], answer.headers["content-language"]) == ("no-store", language)
    assert answer.headers["x-frame-options"] == "DENY"
    return answer.body.decode()


def test_right_receipt(house: House, receipt: Receipt) -> None:
    """Both languages; the sums stand on the page."""
    code = house.app.receipts.codes.write(receipt.claims)
    assert len(code) == CODE_LENGTH
    for language, words in (("en", ("The books agree", "70.00 ₽")), ("ru", ("Книги подтверждают", "70,00 ₽"))):
        assert [word for word in words if word not in page(house, code, language)] == []


def test_forged_codes_are_not_ours(house: House, receipt: Receipt) -> None:
    """Each character changed, another installation's code, noise: no receipt of this server, and nothing is shown."""
    code = house.app.receipts.codes.write(receipt.claims)
    other = Codes(Keys(b"another installation's secret key")).write(receipt.claims)
    forged = [code[:at] + ("A" if code[at] != "A" else "B") + code[at + 1 :] for at in range(0, CODE_LENGTH, 7)]
    for one in (*forged, other, "A" * CODE_LENGTH, "-" * CODE_LENGTH, code + code, code[:40]):
        told = page(house, one)
        assert "Not a receipt of ours" in told
        assert "<table>" not in told
    for one in (code[:20], code + "=", "../" * 20, "%00" * 40):
        assert house.get(f"/receipt/{one}").status in (400, 404)


@pytest.mark.parametrize(("language", "words"), [("ru", "Не наша квитанция"), ("en", "Not a receipt of ours")])
def test_a_code_of_a_wrong_form_is_told_a_browser_as_a_page(house: House, language: str, words: str) -> None:
    """With the status of the refusal and the heads of the page; whoever asks for JSON, or for anything, gets JSON."""
    for code in ("AAAA", "A" * 129, "A" * 40 + "="):
        told = house.get(f"/receipt/{code}", accept=BROWSER, accept_language=language)
        assert (told.status, told.headers["content-type"]) == (400, "text/html;charset=UTF-8")
        assert (told.headers["x-frame-options"], told.headers["content-language"]) == ("DENY", language)
        shown = Page(told.body.decode())
        assert (shown.all("html"), len(shown.all("h1")), code in told.body.decode()) == ([{"lang": language}], 1, False)
        assert words in told.body.decode()
        for accept in ("application/json", "*/*"):
            assert house.get(f"/receipt/{code}", accept=accept).code == "validation.error"


def test_books_that_cannot_be_asked_are_told_a_browser_as_a_page(
    house: House, receipt: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and when to come again: nobody is told that a receipt is wrong."""

    async def away(code: str) -> None:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(house.app.receipts, "check", away)
    told = house.get(f"/receipt/{'A' * CODE_LENGTH}", accept=BROWSER, accept_language="en")
    heads = told.headers
    assert (told.status, heads["retry-after"], heads["content-type"]) == (503, "1", "text/html;charset=UTF-8")
    assert UNAVAILABLE.en in told.body.decode()
    assert "Not a receipt" not in told.body.decode()


@pytest.mark.parametrize(
    "claims", [{"sum": 700_00}, {"commission": 1}, {"rest": 5}, {"txn_id": 4096}, {"stream": 1643}, {"stream": 2840}]
)
def test_claims_that_are_not_in_the_books(house: House, receipt: Receipt, claims: dict[str, int]) -> None:
    """A receipt with the right key and other figures: the books do not agree."""
    assert "The books do not agree" in page(house, house.app.receipts.codes.write(receipt.claims._replace(**claims)))


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE history SET sum = sum + 100 WHERE wallet = $1 AND txn_id = $2",
        "UPDATE history SET account = '+79990000000' WHERE wallet = $1 AND txn_id = $2",
        "UPDATE history SET state = 1 WHERE wallet = $1 AND txn_id = $2",
        "DELETE FROM history WHERE wallet = $1 AND txn_id = $2",
        "UPDATE entry SET change = change - 100 WHERE account_id = CAST($1 AS BIGINT) * 8192 + 5144 AND txn_id = $2",
    ],
)
def test_books_changed_behind_the_ledger_are_found_out(house: House, receipt: Receipt, spoil: str) -> None:
    """Whoever changes history or the ledger afterwards: the receipt that went out before still says the truth."""
    code = house.app.receipts.codes.write(receipt.claims)
    assert "The books agree" in page(house, code)
    past_the_program(house.data, house.database, spoil, receipt.wallet, receipt.row.txn_id)
    told = page(house, code)
    assert "The books do not agree" in told
    assert "70.00 ₽" in told, "what the receipt claims stands there all the same"


def test_waiting_payment_has_no_right_receipt(house: House) -> None:
    """The code of a payment that never succeeded could only be made by us; the page still says no."""
    owner = house.wallet(RUB=10_00)
    shown = Shown(4096, 2643, 1, "+79119999999", 100, 0, "", None, 1, None)
    code = house.app.receipts.codes.write(Receipt(owner.number, shown).claims)
    assert "The books do not agree" in page(house, code)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_page_is_whole_and_lets_nothing_else_in(house: House, receipt: Receipt, language: str) -> None:
    """Every tag is closed, one heading, its language told, no script, and the only style is the one it names."""
    for code in (house.app.receipts.codes.write(receipt.claims), "A" * CODE_LENGTH):
        answer = house.get(f"/receipt/{code}", accept_language=language)
        shown = Page(answer.body.decode())
        assert (shown.all("html"), len(shown.all("h1")), shown.all("script")) == ([{"lang": language}], 1, [])
        assert all(not name.startswith("on") for _, attributes in shown.tags for name in attributes)
        style = answer.body.decode().split("<style>")[1].split("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
