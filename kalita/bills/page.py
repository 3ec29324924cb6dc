"""
The page that a pay link leads to: who asks for how much, and what became of it. Source: invoices.md 5.

Whoever has the link sees it; an amount on it proves nothing, so the receiver stands first: by a nickname and so much of
the number that only who knows it recognises it.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from html import escape
from urllib.parse import urlsplit

from kalita.bills.bill import Bill, State
from kalita.bills.pay import Payers
from kalita.clock import MOSCOW, SECOND
from kalita.money import CURRENCIES, padded
from kalita.people.wallets import Wallets
from kalita.receipts.page import masked
from kalita.refusals import BILL_NOT_FOUND, BLOCKED, UNAVAILABLE, Refused
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint, Rate
from kalita.wire.params import Param

LONGEST_URL = 2000
_BARE = re.compile(r"[\w-]+(\.[\w-]+)*(:\d{1,5})?([/?#].*)?")
STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"
    "h1{font-size:2rem}th{text-align:left;padding-right:1rem;vertical-align:top}td{overflow-wrap:anywhere}"
    "label{display:block;margin:1rem 0}input,button{font:inherit;box-sizing:border-box;width:100%;min-height:3rem}"
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = (
    (
        b"content-security-policy",
        (
            f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        ).encode(),
    ),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"vary", b"accept-language"),
)
WORDS = {
    "ru": {
        "title": "Счёт", "to": "Кому", "amount": "Сумма", "comment": "Назначение", "until": "Оплатить до",
        "zone": "(МСК)", "state": "Состояние", "how": "Оплатите счёт из своего кошелька: он найдёт его по этой ссылке.",
        "states": ("ждёт оплаты", "оплачен", "отклонён", "отклонён", "срок вышел"), "back": "Вернуться на",
        "wrong": "Ссылка неверна", "unknown": "По этой ссылке нет счёта или его получателя.",
    },
    "en": {
        "title": "Bill", "to": "To", "amount": "Amount", "comment": "For", "until": "Pay before",
        "zone": "(Moscow time)", "state": "State", "how": "Pay the bill from your wallet: it finds it by this link.",
        "states": ("waits for payment", "paid", "rejected", "rejected", "expired"), "back": "Back to",
        "wrong": "The link is wrong", "unknown": "There is no bill behind this link, or nobody who is to be paid.",
    },
}  # fmt: skip


class BillPage:
    """Answer the page of a bill."""

    def __init__(self, payers: Payers, wallets: Wallets) -> None:
        self._payers, self._wallets = payers, wallets

    async def form(self, call: Call) -> Answer:
        """Show a bill by the id of its link."""
        bill = await self._payers.by_uid(call.query["invoice_uid"].lower())
        if bill is None:
            raise Refused(BILL_NOT_FOUND)
        name = await receiver(self._wallets, bill.owner)
        return shown(written(bill, name, call.language, call.query["successUrl"] or ""), call.language)


async def receiver(wallets: Wallets, owner: int) -> str:
    """Return how who is to be paid is shown to anybody: by the nickname, and never by the whole number."""
    wallet, number = await wallets.get(owner), masked(f"+{owner}")
    return f"{wallet.nickname}, {number}" if wallet and wallet.nickname else number


def written(bill: Bill, name: str, language: str, success_url: str = "") -> str:
    """
    Write the page; whatever somebody typed is shown as text.

    name         of the receiver
    success_url  once the bill is paid the page links to it, and says where it leads
    """
    words = WORDS[language]
    rows = [
        ("to", name),
        ("amount", f"{padded(bill.amount)} {CURRENCIES[bill.currency].letters}"),
        ("comment", bill.comment or ""),
        ("until", f"{datetime.fromtimestamp(bill.expires_at // SECOND, MOSCOW):%d.%m.%Y %H:%M} {words['zone']}"),
        ("state", words["states"][bill.state]),
    ]
    how = f"<p>{words['how']}</p>\n" if bill.state == State.WAITING else ""
    if success_url and bill.state == State.PAID:
        host = escape(str(urlsplit(success_url).hostname))
        how = f'<p><a href="{escape(success_url)}" rel="noopener noreferrer">{words["back"]} {host}</a></p>\n'
    return document(language, str(words["title"]), f"{table((str(words[name]), text) for name, text in rows)}{how}")


def refusal_page(problem: Refused, language: str) -> Answer:
    """Say a refusal to a person; what is wrong with a link is named."""
    words, refusal = WORDS[language], problem.refusal
    text = str(words["unknown"]) if refusal is BILL_NOT_FOUND else refusal.text(language)
    title = str(words["title" if refusal in (BLOCKED, UNAVAILABLE) else "wrong"])  # the same link may work later
    wrong = table((escape(field), "; ".join(reasons)) for field, reasons in (problem.fields or {}).items())
    page = shown(document(language, title, f"<p>{escape(text)}</p>\n{wrong}"), language, refusal.status)
    extra = tuple((name.encode(), value.encode()) for name, value in problem.headers.items())
    return page._replace(headers=(*page.headers, *extra))


def destination(text: str) -> str | None:
    """Read an address to go to after success: http or https, a bare host gets https; None for anything else."""
    if len(text) > LONGEST_URL or not text.isprintable() or re.search(r"[\s\\@]", text):
        return None
    url = f"https://{text}" if _BARE.fullmatch(text) else text
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return url if good and url[len(parts.scheme) :].startswith("://") else None


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
            Param(  # a payer is not turned away for what his shop wrote
                "successUrl", lambda text: destination(text) or "", "an http or https address is needed",
                {"type": "string"}, example="https://example.com/thanks",
            ),
        ),
        media="text/html",
        refusals=(BILL_NOT_FOUND, UNAVAILABLE),
        rate=Rate.NONE,
        sampled=True,
        said_as=refusal_page,
    ),
)  # fmt: skip
