"""
Receipts over real HTTP: what the file says, that its code leads to a page which knows it, who gets none.

Source: history.md 4.
"""

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pypdf
import pytest
import zxingcpp
from PIL import Image

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.api.past import RECEIPT
from tests.servers import Demo

FILE = "/payment-history/v1/transactions/{txn}/cheque/file"
LIST = "/payment-history/v2/persons/{w}/payments"
NOT_FOUND, NOT_AVAILABLE = (404, "payment.history.not.found", []), (404, "cheque.not.available", [])


@pytest.fixture(scope="module")
def owner(server: Demo, people: House) -> Iterator[Live]:
    """The owner of a wallet with a past."""
    with live(server, people.token(RECEIPT)) as opened:
        yield opened


@pytest.fixture(scope="module")
def items(owner: Live) -> dict[str, Any]:
    """What the list shows, by status, type and currency."""
    listed = owner.told(LIST, rows="50")["data"]
    return {f"{item['status']} {item['type']} {item['sum']['currency']}": item for item in listed}


def file(owner: Live, item: Any, language: str = "ru", **query: str) -> httpx.Response:
    """Ask for a receipt, of the type of the payment unless told otherwise."""
    heads = {"Accept-Language": language}
    return owner.get(FILE.format(txn=item["txnId"]), heads, **{"type": item["type"], **query})


def text_of(answer: httpx.Response) -> str:
    """Return the text of a PDF, its line breaks as blanks."""
    assert answer.status_code == 200, answer.text
    (page,) = pypdf.PdfReader(io.BytesIO(answer.content)).pages
    return " ".join(page.extract_text().split())


def picture_of(answer: httpx.Response) -> Image.Image:
    """Return a JPEG as a picture."""
    assert answer.status_code == 200, answer.text
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.format == "JPEG"
    return picture


def address_in(answer: httpx.Response) -> str:
    """Return what the QR code of a picture says."""
    (found,) = zxingcpp.read_barcodes(picture_of(answer))
    return found.text


@pytest.fixture(scope="module")
def paid(server: Demo, people: House) -> Iterator[tuple[Live, Any]]:
    """A payment with a comment, and who made it."""
    with live(server, people.wallet(RUB=20_000_00)) as payer:
        body = payment(amount=12345.5, comment="За обед — «Ёж»")
        assert payer.pay(body).status_code == 200
        yield payer, payer.told(LIST, rows="1")["data"][0] | {"client": body["id"]}


def test_pdf_says_what_was_paid_in_russian(paid: tuple[Live, Any]) -> None:
    """Every fact of the contract, the sum in words too, read back from the file."""
    payer, item = paid
    answer = file(payer, item)
    text = text_of(answer)
    day = item["date"]
    for words in (
        f"Квитанция № {item['txnId']}", f"Номер операции {item['txnId']}", "Исполнено", "Операция Платёж",
        f"Дата и время {day[8:10]}.{day[5:7]}.{day[:4]} {day[11:19]} (МСК)", "Перевод на QIWI Кошелек",
        "Получатель +79994445566", f"Кошелёк +{payer.number}", "Сумма 12 345,50 ₽", "Комиссия 0,00 ₽",
        "Итого 12 345,50 ₽", "Двенадцать тысяч триста сорок пять рублей 50 копеек",
        "Комментарий За обед — «Ёж»", f"Номер плательщика {item['client']}",
    ):  # fmt: skip
        assert words in text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="cheque-{item["txnId"]}.pdf"'
    assert answer.headers["cache-control"] == "private"


def test_pdf_says_it_in_english(paid: tuple[Live, Any]) -> None:
    """The language is chosen by the header; the figures are the same."""
    payer, item = paid
    text = text_of(file(payer, item, "en"))
    for words in (
        f"Receipt {item['txnId']}", "Success", "Kind Payment", "Recipient +79994445566", "Sum 12,345.50 ₽",
        "Commission 0.00 ₽", "Total 12,345.50 ₽", "Twelve thousand, three hundred and forty-five roubles 50 kopecks",
        "Comment За обед — «Ёж»",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SUCCESS IN 840", ["Пополнение", "Отправитель Cash", "50,00 $", "Пятьдесят долларов США 00 центов"]),
        ("SUCCESS IN 978", ["Пополнение", "20,00 €", "Двадцать евро 00 евроцентов"]),
        ("SUCCESS IN 398", ["Пополнение", "5,00 ₸", "Пять тенге 00 тиынов", "Итого зачислено"]),
        ("SUCCESS QIWI_CARD 643", ["Оплата картой", "4256********1231", "10,50 ₽", "Десять рублей 50 копеек"]),
    ],
)
def test_every_type_and_currency_has_a_receipt(owner: Live, items: Any, name: str, words: list[str]) -> None:
    """Top-ups, payments by card, each currency of a wallet."""
    text = text_of(file(owner, items[name]))
    assert [one for one in words if one not in text] == []


def test_posted_payment_shows_its_commission(owner: Live, items: Any) -> None:
    """A payment that waited on hold: 11 and 0.11."""
    listed = owner.told(LIST, rows="5")["data"]
    posted = next(item for item in listed if item["commission"]["amount"] == 0.11)
    text = text_of(file(owner, posted))
    for words in ("Сумма 11,00 ₽", "Комиссия 0,11 ₽", "Итого 11,11 ₽", "Одиннадцать рублей 11 копеек"):
        assert words in text


def test_sign_that_no_font_has_is_no_empty_box(server: Demo, people: House) -> None:
    """An emoji in a comment is shown as left out, on paper and in the picture; the receipt is checked all the same."""
    with live(server, people.wallet(RUB=100_00)) as payer:
        assert payer.pay(payment(amount=1, comment="спасибо 👍🏽")).status_code == 200
        item = payer.told(LIST, rows="1")["data"][0]
        assert item["comment"] == "спасибо 👍🏽"
        assert "Комментарий спасибо […]" in text_of(file(payer, item))
        assert "Книги подтверждают" in httpx.get(address_in(file(payer, item, format="JPEG"))).text


def test_jpeg_has_a_code_that_the_server_knows(server: Demo, paid: tuple[Live, Any]) -> None:
    """Decoded from the picture, followed without any token: the books agree, and nobody's number is told."""
    payer, item = paid
    answer = file(payer, item, format="JPEG")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"].endswith('.jpg"')
    address = address_in(answer)
    assert address.startswith(f"{server.url}/receipt/")
    told = httpx.get(address)
    assert (told.status_code, told.headers["content-type"]) == (200, "text/html;charset=UTF-8")
    for words in ("Книги подтверждают", str(item["txnId"]), "12 345,50 ₽", "+799••••••66", "Перевод на QIWI Кошелек"):
        assert words in told.text
    for secret in ("79994445566", str(payer.number), "обед"):
        assert secret not in told.text
    english = httpx.get(address, headers={"Accept-Language": "en"})
    assert "The books agree" in english.text


def test_pdf_and_jpeg_carry_the_same_code(paid: tuple[Live, Any]) -> None:
    """One payment, one code, whatever the language and the form."""
    payer, item = paid
    first = address_in(file(payer, item, format="JPEG"))
    assert address_in(file(payer, item, "en", format="jpeg")) == first
    assert first in text_of(file(payer, item)).replace(" ", "")


def test_form_may_be_left_out_and_written_in_any_case(paid: tuple[Live, Any]) -> None:
    """Without `format` it is a PDF."""
    payer, item = paid
    for query in ({}, {"format": ""}, {"format": "pdf"}, {"format": "Pdf"}):
        assert file(payer, item, **query).content.startswith(b"%PDF")
    assert file(payer, item, format="jPeG").content.startswith(b"\xff\xd8")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/pdf", "image/*", "image/jpeg", ""])
def test_any_fitting_accept_is_taken(paid: tuple[Live, Any], accept: str) -> None:
    """JSON all the same, PDF, pictures."""
    payer, item = paid
    assert payer.get(FILE.format(txn=item["txnId"]), {"Accept": accept}, type="OUT").status_code == 200


def test_other_accepts_are_refused(paid: tuple[Live, Any]) -> None:
    """The documented 400."""
    payer, item = paid
    answer = payer.get(FILE.format(txn=item["txnId"]), {"Accept": "text/html"}, type="OUT")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "validation.error")


@pytest.mark.parametrize("name", ["WAITING OUT 643", "ERROR OUT 643"])
def test_only_success_has_a_receipt(owner: Live, items: Any, name: str) -> None:
    """What waits or failed has none."""
    path = FILE.format(txn=items[name]["txnId"])
    assert owner.refused(path, type="OUT") == NOT_AVAILABLE
    assert owner.refused(path, type="OUT", format="JPEG") == NOT_AVAILABLE
    told = owner.get(path, {"Accept-Language": "en"}, type="OUT").json()
    assert (told["userMessage"], told["serviceName"]) == ("Receipt is not available", "payment-history")


def test_receipts_are_their_owners_alone(paid: tuple[Live, Any], owner: Live, items: Any) -> None:
    """Unknown, foreign, and of another type look alike."""
    payer, item = paid
    assert owner.refused(FILE.format(txn=item["txnId"]), type="OUT") == NOT_FOUND
    assert payer.refused(FILE.format(txn=item["txnId"]), type="IN") == NOT_FOUND
    for txn in ("1", "9999999999999999999", items["SUCCESS IN 840"]["txnId"]):
        assert payer.refused(FILE.format(txn=txn), type="OUT") == NOT_FOUND


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "type"), ({"type": ""}, "type"), ({"type": "out"}, "type"), ({"type": "ALL"}, "type"),
        ({"type": "None"}, "type"), ({"type": "OUT", "format": "PNG"}, "format"),
        ({"type": "OUT", "format": "PDF "}, "format"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(owner: Live, query: dict[str, str], named: str) -> None:
    """400 names the parameter."""
    assert owner.refused(FILE.format(txn=1), **query) == (400, "validation.error", [named])


@pytest.mark.parametrize("txn", ["abc", "-1", "12345678901234567890", "1.0", "..%2F..%2Fsecret.key", "%2e%2e", "1%00"])
def test_ids_of_another_form_are_refused(owner: Live, txn: str) -> None:
    """No path leads out: an id is digits."""
    assert owner.get(FILE.format(txn=txn), type="OUT").status_code in (400, 404)
    assert b"%PDF" not in owner.get(FILE.format(txn=txn), type="OUT").content


def test_markup_in_texts_stays_text(server: Demo, people: House) -> None:
    """Whatever a payer writes is shown as it is written, however long."""
    comment = '*bold* #read("/etc/passwd") $x$ \\u{41} <b>&amp; ' + "д" * 150
    with live(server, people.wallet(RUB=100_00)) as payer:
        assert payer.pay(payment(comment=comment)).status_code == 200
        item = payer.told(LIST, rows="1")["data"][0]
        text = text_of(file(payer, item)).replace(" ", "")
        assert "".join(comment.split()) in text
        page = httpx.get(address_in(file(payer, item, format="JPEG"))).text
        assert "bold" not in page


def test_body_of_a_question_is_read_past(paid: tuple[Live, Any]) -> None:
    """One client repeats the query in a form body and calls it JSON."""
    payer, item = paid
    answer = payer.client.request(
        "GET", FILE.format(txn=item["txnId"]), params={"type": "OUT", "format": "PDF"},
        content=b"type=OUT&format=PDF", headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.content.startswith(b"%PDF")


def test_drawing_holds_up_nobody(server: Demo, people: House) -> None:
    """While many receipts are drawn, the server answers others at once."""
    with live(server, people.wallet(RUB=100_00)) as payer:
        txn = payer.told(LIST, rows="1")["data"][0]["txnId"]

        def draw(_: int) -> int:
            query = {"type": "IN", "format": "JPEG"}
            heads = payer.client.headers
            return httpx.get(server.url + FILE.format(txn=txn), params=query, headers=heads, timeout=60).status_code

        with ThreadPoolExecutor(40) as crowd, httpx.Client(base_url=server.url) as other:
            drawn = crowd.map(draw, range(40))
            other.get("/health")
            waits = []
            for _ in range(40):
                begun = time.monotonic()
                assert other.get("/health").status_code == 200
                waits.append(time.monotonic() - begun)
            assert set(drawn) == {200}
    assert sorted(waits)[len(waits) // 2] < 0.05


def test_too_many_at_once_are_told_to_come_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be drawn soon is refused with 503, and the same call may be repeated."""
    monkeypatch.setattr("kalita.receipts.draw.LONGEST_QUEUE", 0)
    owner = house.wallet(RUB=1)
    page = house.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=1", owner)
    path = f"{FILE.format(txn=page.json['data'][0]['txnId'])}?type=IN"
    answer = house.get(path, owner)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "service.unavailable", "1")
    monkeypatch.undo()
    assert house.get(path, owner).status == 200
