"""
Receipts by mail: a real mail server gets them, whatever dies meanwhile. Source: history.md 5.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from kalita.messages.mail import Attachment, Mail, RefusedMail, Smtp, composed
from kalita.receipts.api import MOST_MAILS_A_DAY
from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.api.test_receipts import text_of
from tests.certificates import served
from tests.commands import past_the_program, rows
from tests.mailbox import PASSWORD, USER, Mailbox, mailbox
from tests.servers import Demo, demo, start, stop

V1 = "/payment-history/v1/transactions/{txn}/cheque/send"
V2 = V1.replace("v1", "v2")
LIST = "/payment-history/v2/persons/{w}/payments"
TO = "my@example.org"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    """A mail server."""
    with mailbox() as running:
        yield running


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory, engine: str, box: Mailbox) -> Iterator[Demo]:
    """A server that uses it."""
    with demo(tmp_path_factory.mktemp("mailing"), environment=box.settings, engine=engine) as running:
        yield running


@pytest.fixture(scope="module")
def hand(mailing: Demo) -> Iterator[House]:
    """Whoever makes wallets there."""
    opened = House(mailing.data, create=False, database=mailing.database)
    opened.hand.now = time.time_ns()
    yield opened
    opened.close()


@pytest.fixture
def payer(mailing: Demo, hand: House) -> Iterator[Live]:
    """A new wallet with a payment."""
    with live(mailing, hand.wallet(RUB=100_00)) as opened:
        assert opened.pay(payment(amount=70, comment="обед")).status_code == 200
        yield opened


@pytest.fixture
def txn(payer: Live) -> int:
    """That payment."""
    return payer.told(LIST, rows="1")["data"][0]["txnId"]


def send(payer: Live, txn: Any, body: Any, path: str = V1, language: str = "ru", **query: str) -> httpx.Response:
    """Ask for a receipt by mail."""
    heads = {"Accept-Language": language}
    return payer.client.post(path.format(txn=txn), params=query or None, json=body, headers=heads)


def test_receipt_arrives(box: Mailbox, payer: Live, txn: int) -> None:
    """201 with an empty object; the mail has the text, and the PDF that says the same."""
    before = len(box.mails)
    answer = send(payer, txn, {"email": TO}, type="OUT")
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (
        201, {}, "application/json;charset=UTF-8",
    )  # fmt: skip
    mail = box.wait(before + 1)[-1]
    assert mail["X-Envelope"] == f"wallet@kalita.example {TO}"
    assert (mail["From"], mail["To"], mail["Subject"]) == ("wallet@kalita.example", TO, f"Квитанция № {txn}")
    assert mail["Message-ID"].endswith("@kalita.example>")
    plain, pdf = mail.iter_parts()
    assert "Семьдесят рублей 00 копеек" in plain.get_content()
    assert "/receipt/" in plain.get_content()
    assert (pdf.get_content_type(), pdf.get_filename()) == ("application/pdf", f"cheque-{txn}.pdf")
    assert "Итого 70,00 ₽" in text_of(httpx.Response(200, content=pdf.get_content()))


@pytest.mark.parametrize("path", [V1, V2])
@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({"type": "OUT"}, {"email": TO}),
        ({}, {"email": TO, "type": "OUT"}),
        ({"type": ""}, {"email": TO, "type": "OUT"}),
        ({"type": "OUT"}, {"email": TO, "type": "IN", "more": [1]}),
    ],
)
def test_type_comes_from_the_query_or_the_body(
    box: Mailbox, payer: Live, txn: int, path: str, query: dict[str, str], body: dict[str, Any]
) -> None:
    """One client writes it into the body; the query comes first. Both versions of the path."""
    before = len(box.mails)
    assert send(payer, txn, body, path, "en", **query).status_code == 201
    assert box.wait(before + 1)[-1]["Subject"] == f"Receipt {txn}"


@pytest.mark.parametrize(
    "email",
    [
        "", "my", "my@", "@example.org", "my@example", "my@example.org ", " my@example.org", "my@exa mple.org",
        "a@example.org,b@example.org", "a@example.org;b@example.org", "My <my@example.org>", "my@example.org\n",
        "my@example.org\r\nBcc: b@example.org", "my@@example.org", "my@-example.org", "my@example..org",
        ".my@example.org", "my.@example.org", "m..y@example.org", "my@example.org\u0000", "ж@пример.рф",
        "a" * 65 + "@example.org", "my@" + "a" * 64 + ".org", "my@" + ".".join(["a" * 60] * 5), "my@[127.0.0.1]",
        None, 5, True, ["my@example.org"], {"a": 1},
    ],
)  # fmt: skip
def test_addresses_of_another_shape_are_refused(house: House, email: Any) -> None:
    """One address of at most 254 characters; nothing that could add a head or a recipient."""
    owner = house.wallet(RUB=1)
    page = house.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=1", owner)
    path = f"{V1.format(txn=page.json['data'][0]['txnId'])}?type=IN"
    answer = house.call("POST", path, owner, {"email": email})
    assert (answer.status, answer.code) == (400, "validation.error")


@pytest.mark.parametrize("email", ["a@b.co", "first.last+tag@mail.example.org", "a" * 64 + "@" + "b" * 60 + ".museum"])
def test_usual_addresses_are_taken(box: Mailbox, payer: Live, txn: int, email: str) -> None:
    """What people have."""
    before = len(box.mails)
    assert send(payer, txn, {"email": email}, type="OUT").status_code == 201
    assert box.wait(before + 1)[-1]["To"] == email


def test_refusals_are_those_of_the_file(payer: Live, txn: int) -> None:
    """Type missing or unknown, no body, an unknown payment."""
    for body, query in (
        ({"email": TO}, {}), ({"email": TO, "type": "out"}, {}), ({"email": TO}, {"type": "ALL"}),
        ({}, {"type": "OUT"}),
    ):  # fmt: skip
        answer = send(payer, txn, body, **query)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "validation.error")
        assert len(answer.json()["cause"]) == 1
    for unknown, kind in ((txn, "IN"), (1, "OUT"), (9999999999999999999, "OUT")):
        answer = send(payer, unknown, {"email": TO}, type=kind)
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "payment.history.not.found")


def test_at_most_twenty_a_day(house: House) -> None:
    """The next one is 423 and says when; a new day of Moscow begins anew; other wallets are not touched."""
    house.at("2026-03-01T23:00:00+03:00")
    owner = house.wallet(RUB=1)
    page = house.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=1", owner)
    path = f"{V1.format(txn=page.json['data'][0]['txnId'])}?type=IN"
    with _posting(house):
        answers = [house.call("POST", path, owner, {"email": TO}) for _ in range(MOST_MAILS_A_DAY + 1)]
        assert [answer.status for answer in answers] == [201] * 20 + [423]
        assert (answers[-1].code, answers[-1].headers["retry-after"]) == ("request.blocked", "3601")
        house.at("2026-03-02T00:00:00+03:00")
        assert house.call("POST", path, owner, {"email": TO}).status == 201


@contextlib.contextmanager
def _posting(house: House) -> Iterator[None]:
    """Let an installation take mail that nobody sends."""
    house.app.post._way = Smtp("127.0.0.1", 1, "", "", "none")
    yield
    house.app.post._way = None


def test_erased_wallet_has_no_mail_left(house: House) -> None:
    """What still waits for the mail server goes with the rest of what is personal."""
    owner = house.wallet(RUB=1_00)
    txn = house.pay(owner, payment(amount=1)).json["transaction"]["id"]
    with _posting(house):
        path = f"{V1.format(txn=txn)}?type=OUT"
        assert house.call("POST", path, owner, {"email": TO}).status == 201
    waiting = [row for row in rows(house.data, "mail", house.database) if row[0] == owner.number]
    assert len(waiting) == 1
    assert house.run(house.app.leaving.close(owner.number)) is None
    assert house.run(house.app.leaving.erase(owner.number)) is None
    assert [row for row in rows(house.data, "mail", house.database) if row[0] == owner.number] == []


def test_without_a_mail_server_it_says_so(house: House) -> None:
    """503, and nothing is queued that could never be sent."""
    owner = house.wallet(RUB=1)
    page = house.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=1", owner)
    answer = house.call("POST", f"{V1.format(txn=page.json['data'][0]['txnId'])}?type=IN", owner, {"email": TO})
    assert (answer.status, answer.code) == (503, "service.unavailable")


def test_demonstration_without_a_mail_server_has_an_outbox(server: Demo, people: House) -> None:
    """The mail lies in DIR/outbox, for its owner's eyes only."""
    with live(server, people.wallet(RUB=1)) as owner:
        txn = owner.told(LIST, rows="1")["data"][0]["txnId"]
        assert send(owner, txn, {"email": "outbox@example.org"}, type="IN").status_code == 201
        found = _outbox(server.data / "outbox", "outbox@example.org")
    assert f"cheque-{txn}.pdf" in found.read_text("utf-8")
    assert found.stat().st_mode & 0o777 == 0o600


def _outbox(folder: Path, to: str) -> Path:
    for _ in range(200):
        for file in folder.glob("*.eml"):
            if f"To: {to}" in file.read_text("utf-8"):
                return file
        time.sleep(0.05)
    raise AssertionError("no mail in the outbox")


def test_dead_mail_server_and_killed_server_lose_nothing(tmp_path: Path, engine: str) -> None:
    """
    Nothing listens, then the server is killed: what was answered with 201 arrives once both are back.

    Each mail arrives once.
    """
    with mailbox() as gone:
        environment = gone.settings
    running = start(tmp_path, environment=environment, engine=engine)
    try:
        with live(running, running.wallets[0]) as owner:
            txn = owner.told(LIST, rows="1")["data"][0]["txnId"]
            for number in range(5):
                assert send(owner, txn, {"email": f"to{number}@example.org"}, type="IN").status_code == 201
        stop(running, signal.SIGKILL)
        past_the_program(running.data, running.database, "UPDATE mail SET leased_until = 0, holder = ''")
        running = start(tmp_path, environment=environment, engine=engine)
        with mailbox(port=gone.port) as back:
            _until_empty(running)
            assert sorted(mail["To"] for mail in back.mails) == [f"to{number}@example.org" for number in range(5)]
    finally:
        stop(running)


def _until_empty(running: Demo) -> None:
    """Wait until all is sent, but not for pauses of minutes; what is being sent is left alone."""
    ends = time.monotonic() + 40
    while rows(running.data, "mail", running.database):
        assert time.monotonic() < ends, "mail is left in the queue"
        past_the_program(running.data, running.database, "UPDATE mail SET due_at = 0 WHERE holder = ''")
        time.sleep(0.3)


def test_queue_tells_nothing_to_who_reads_the_database(mailing: Demo, box: Mailbox, payer: Live, txn: int) -> None:
    """What waits is sealed; what a mail server put off is kept, what it refused for good is dropped."""
    before = len(box.mails)
    box.refuse += ["450 busy"]
    assert send(payer, txn, {"email": "secret@example.org"}, type="OUT").status_code == 201
    for _ in range(200):
        waiting = rows(mailing.data, "mail", mailing.database)
        if waiting and waiting[0][5] == 1:
            break
        time.sleep(0.05)
    (row,) = waiting
    assert "secret@example.org" not in str(row)
    assert str(txn) not in str(row)
    box.refuse += ["550 no such user"]
    _until_empty(mailing)
    assert (box.refuse, len(box.mails)) == ([], before)


def test_mail_server_with_a_password() -> None:
    """Login and password are used; a wrong one is tried again later, never given up for good at once."""
    message = composed(
        Mail(TO, "Тема", "Текст", (Attachment("a.pdf", "application/pdf", b"%PDF"),)), "k@example.org", "1", 0
    )
    with mailbox(login=True) as box:
        asyncio.run(Smtp("127.0.0.1", box.port, USER, PASSWORD, "none").send(message))
        assert (box.mails[0]["Subject"], box.mails[0]["Message-ID"]) == ("Тема", "<1@example.org>")
        for user, password in ((USER, "wrong"), ("", "")):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it is not for good
                asyncio.run(Smtp("127.0.0.1", box.port, user, password, "none").send(message))
            assert not isinstance(caught.value, RefusedMail)


def test_mail_server_without_tls_is_not_used_when_tls_is_asked_for(box: Mailbox) -> None:
    """No password and no receipt goes out in the clear unless the operator says so."""
    message = composed(Mail(TO, "s", "t"), "k@example.org", "1", 0)
    before = len(box.mails)
    for tls in ("starttls", "tls"):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            asyncio.run(handed(Smtp("127.0.0.1", box.port, USER, PASSWORD, tls), message))
        assert not isinstance(caught.value, RefusedMail)
    assert len(box.mails) == before


async def handed(way: Smtp, message: EmailMessage) -> None:
    """Hand a mail over and let the connection end: TLS says good-bye to and fro, which takes the loop some turns."""
    loop: Any = asyncio.get_running_loop()
    before, ends = len(loop._selector.get_map()), loop.time() + 10
    try:
        await way.send(message)
    finally:
        while len(loop._selector.get_map()) > before and loop.time() < ends:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_mail_goes_over_tls_to_who_can_prove_his_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A trusted certificate is enough; an unknown one gets neither the password nor the mail."""
    context, known = served(tmp_path)
    message = composed(Mail(TO, "s", "t"), "k@example.org", "1", 0)
    with mailbox(**{kind: context}) as box:
        way = Smtp("127.0.0.1", box.port, "", "", kind)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            asyncio.run(handed(way, message))
        assert not isinstance(caught.value, RefusedMail)
        assert box.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(known))
        asyncio.run(handed(way, message))
        assert [mail["To"] for mail in box.mails] == [TO]
