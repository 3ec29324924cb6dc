"""
The page that a pay link leads to: who asks for how much, and what became of it. Source: invoices.md 5.

Whoever has the link sees it; an amount on it proves nothing, so the receiver stands first.
"""

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from kalita.bills.bill import Bill, State
from kalita.bills.pay import Payers
from kalita.clock import MOSCOW, at_zone
from kalita.money import CURRENCIES, padded
from kalita.refusals import BILL_NOT_FOUND, Refused
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint, Rate
from kalita.wire.params import Param

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"
    "h1{font-size:2rem}th{text-align:left;padding-right:1rem;vertical-align:top}td{overflow-wrap:anywhere}"
    "label{display:block;margin:1rem 0}input,button{font:inherit;box-sizing:border-box;width:100%;min-height:3rem}"
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = (
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'self'".encode(),
    ),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"accept-language"),
)
WORDS = {
    "ru": {
        "title": "Счёт", "to": "Кому", "amount": "Сумма", "comment": "Назначение", "until": "Оплатить до",
        "state": "Состояние", "how": "Оплатите счёт из своего кошелька: он найдёт его по этой ссылке.",
        "states": ("ждёт оплаты", "оплачен", "отклонён", "отклонён", "срок вышел"),
    },
    "en": {
        "title": "Bill", "to": "To", "amount": "Amount", "comment": "For", "until": "Pay before",
        "state": "State", "how": "Pay the bill from your wallet: it finds it by this link.",
        "states": ("waits for payment", "paid", "rejected", "rejected", "expired"),
    },
}  # fmt: skip


class BillPage:
    """Answer the page of a bill."""

    def __init__(self, payers: Payers) -> None:
        self._payers = payers

    async def form(self, call: Call) -> Answer:
        """Show a bill by the id of its link."""
        bill = await self._payers.by_uid(call.query["invoice_uid"].lower())
        if bill is None:
            raise Refused(BILL_NOT_FOUND)
        return shown(written(bill, call.language), call.language)


def written(bill: Bill, language: str) -> str:
    """Write the page; whatever somebody typed is shown as text."""
    words = WORDS[language]
    rows = [
        ("to", f"+{bill.owner}"),
        ("amount", f"{padded(bill.amount)} {CURRENCIES[bill.currency].letters}"),
        ("comment", bill.comment or ""),
        ("until", at_zone(bill.expires_at, MOSCOW)),
        ("state", words["states"][bill.state]),
    ]
    how = f"<p>{words['how']}</p>\n" if bill.state == State.WAITING else ""
    return document(language, str(words["title"]), f"{table((str(words[name]), text) for name, text in rows)}{how}")


def shown(text: str, language: str, status: int = 200) -> Answer:
    """Answer a page."""
    headers = (*HEADERS, (b"content-language", language.encode()))
    return Answer(text.encode(), status, b"text/html;charset=UTF-8", headers)


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Write names and what stands to them, but for what is empty."""
    lines = (f"<tr><th>{name}</th><td>{escape(text)}</td></tr>\n" for name, text in rows if text)
    return f"<table>\n{''.join(lines)}</table>\n"


def document(language: str, title: str, body: str) -> str:
    """Write a page around its body."""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    )


ROWS = (
    Endpoint(
        "GET",
        "/form",
        BillPage,
        BillPage.form,
        "The page that a pay link leads to",
        "invoices.md 5",
        caller=Caller.ANYONE,
        query=(
            Param(
                "invoice_uid", lambda text: text, "the id of a pay link is needed", {"type": "string"}, True,
                also=("invoiceUid",), example="aa0fa2bb-5452-47ca-9190-cd9c1a73718f",
            ),
        ),
        media="text/html",
        refusals=(BILL_NOT_FOUND,),
        rate=Rate.NONE,
        sampled=True,
    ),
)  # fmt: skip
