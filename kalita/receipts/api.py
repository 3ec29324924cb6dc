"""
Receipts over HTTP: the file, the mail, and the page that checks one. Source: history.md 4 and 5, access.md 2 and 5.
"""

from dataclasses import replace

import msgspec

from kalita.history.api import TYPES
from kalita.messages.mail import Attachment, Mail, is_address
from kalita.messages.post import Post
from kalita.providers.catalogue import Catalogue
from kalita.receipts import page
from kalita.receipts.draw import Form, Press
from kalita.receipts.find import Receipts
from kalita.receipts.paper import Paper, paper
from kalita.receipts.receipt import CODE_LENGTH, Issuer, Receipt
from kalita.refusals import (
    BLOCKED,
    CHEQUE_NOT_AVAILABLE,
    HISTORY_NOT_FOUND,
    UNAVAILABLE,
    Refused,
    malformed,
)
from kalita.wire.amounts import encode
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint, Permission, Rate
from kalita.wire.params import Param, choice, pattern

MOST_MAILS_A_DAY = 20
MEDIA: dict[Form, str] = {"PDF": "application/pdf", "JPEG": "image/jpeg"}
ENDINGS: dict[Form, str] = {"PDF": "pdf", "JPEG": "jpg"}


class ByMail(msgspec.Struct):
    """Where a receipt goes; `type` when the query lacks it."""

    email: str
    type: str | None = None


class Sent(msgspec.Struct):
    """It is on its way: an empty object."""


class ReceiptsApi:
    """Answer the calls of receipts."""

    def __init__(self, receipts: Receipts, catalogue: Catalogue, press: Press, post: Post, issuer: Issuer) -> None:
        self._receipts, self._catalogue, self._press, self._post = receipts, catalogue, press, post
        self._issuer = issuer

    async def file(self, call: Call) -> Answer:
        """Answer a receipt as a file."""
        form: Form = call.query["format"]
        receipt = await self._find(call, call.query["type"])
        drawn = await self._press.receipt(self._paper(receipt, call.language), form)
        headers = (
            (b"content-disposition", f'attachment; filename="{_name(receipt, form)}"'.encode()),
            (b"cache-control", b"private"),
        )
        return Answer(drawn, content_type=MEDIA[form].encode(), headers=headers)

    async def send(self, call: Call) -> bytes:
        """Queue a receipt as a mail; answer once it cannot be lost any more."""
        body: ByMail = call.body
        kind = call.query["type"] or body.type
        if kind is None:
            raise malformed("type", "it is required")
        if kind not in TYPES:
            raise malformed("type", f"one of {', '.join(TYPES)} is needed")
        if not is_address(body.email):
            raise malformed("email", "one address like my@example.org is needed")
        receipt = await self._find(call, kind)
        if not self._post.open:
            raise _not_now(Refused(UNAVAILABLE, "this installation sends no mail"), 3600)
        sheet = self._paper(receipt, call.language)
        drawn = await self._press.receipt(sheet, "PDF")
        mail = Mail(body.email, sheet.title, letter(sheet), (Attachment(_name(receipt, "PDF"), MEDIA["PDF"], drawn),))
        if not await self._post.queue(call.wallet, "receipt", mail, MOST_MAILS_A_DAY):
            problem = Refused(BLOCKED, f"at most {MOST_MAILS_A_DAY} receipts a day are sent for one wallet")
            raise _not_now(problem, self._post.day_left_s())
        return encode(Sent())

    async def check(self, call: Call) -> Answer:
        """Answer the page that tells whether a receipt is right."""
        checked = await self._receipts.check(call.path["code"])
        return page.answer(checked, self._catalogue, self._issuer.name, call.language)

    async def _find(self, call: Call, kind: str) -> Receipt:
        return await self._receipts.find(call.wallet, int(call.path["transactionId"]), TYPES[kind])

    def _paper(self, receipt: Receipt, language: str) -> Paper:
        address = f"{self._issuer.address}/receipt/{self._receipts.codes.write(receipt.claims)}"
        return paper(receipt, self._catalogue, self._issuer.name, address, language)


def _not_now(problem: Refused, seconds: int) -> Refused:
    problem.headers["retry-after"] = str(seconds)
    return problem


def letter(sheet: Paper) -> str:
    """Write the text of the mail: what the receipt says, for who cannot open the file."""
    lines = [sheet.title, "", *(f"{label}: {value}" for label, value in sheet.rows), "", sheet.words, ""]
    return "\n".join([*lines, f"{sheet.check_title}:", sheet.address, "", sheet.issuer, ""]).replace("\u200b", "")


def _name(receipt: Receipt, form: Form) -> str:
    return f"cheque-{receipt.row.txn_id}.{ENDINGS[form]}"


def _form() -> Param:
    schema = {"type": "string", "pattern": "^([Pp][Dd][Ff]|[Jj][Pp][Ee][Gg])$", "default": "PDF"}
    words = {name.lower(): name for name in MEDIA}
    return Param("format", lambda text: words.get(text.lower()), "PDF or JPEG is needed", schema, default="PDF")


_TRANSACTION = pattern("transactionId", r"[0-9]{1,19}", "a transaction id has 1 to 19 digits", True, "10000000031")

ROWS = (
    Endpoint(
        "GET",
        "/payment-history/v1/transactions/{transactionId}/cheque/file",
        ReceiptsApi,
        ReceiptsApi.file,
        "Receipt of a payment that succeeded, as a file",
        "history.md 4",
        permission=Permission.HISTORY,
        at=(_TRANSACTION,),
        query=(replace(choice("type", tuple(TYPES)), required=True), _form()),
        media="application/pdf",
        other_media=("image/jpeg",),
        refusals=(HISTORY_NOT_FOUND, CHEQUE_NOT_AVAILABLE),
        rate=Rate.HISTORY,
        sampled=True,
    ),
    Endpoint(
        "POST",
        "/payment-history/v1/transactions/{transactionId}/cheque/send",
        ReceiptsApi,
        ReceiptsApi.send,
        "Receipt of a payment that succeeded, by mail",
        "history.md 5",
        permission=Permission.HISTORY,
        at=(_TRANSACTION,),
        query=(choice("type", tuple(TYPES)),),
        body=ByMail,
        answers=Sent,
        refusals=(HISTORY_NOT_FOUND, CHEQUE_NOT_AVAILABLE),
        rate=Rate.HISTORY,
        aliases=("/payment-history/v2/transactions/{transactionId}/cheque/send",),
        success=201,
    ),
    Endpoint(
        "GET",
        "/receipt/{code}",
        ReceiptsApi,
        ReceiptsApi.check,
        "The page that tells whether a receipt is right",
        "history.md 4",
        caller=Caller.ANYONE,
        at=(pattern("code", "[A-Za-z0-9_-]{32,128}", "letters, digits, - and _ are needed", True, "A" * CODE_LENGTH),),
        media="text/html",
        refusals=(UNAVAILABLE,),
        rate=Rate.NONE,
        sampled=True,
        said_as=page.refusal_page,
    ),
)
