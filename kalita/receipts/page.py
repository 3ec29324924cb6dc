"""
The page that a receipt's QR code leads to: what the receipt claims, and whether the books agree.

Anyone may see it who has the paper, and the paper may be lost: numbers of wallets and accounts are masked.
"""

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from kalita.ledger.accounts import Direction
from kalita.providers.catalogue import Catalogue
from kalita.receipts.find import Checked
from kalita.receipts.paper import KINDS, moscow
from kalita.receipts.paper import WORDS as OF_PAPER
from kalita.receipts.words import on_paper
from kalita.refusals import VALIDATION, Refused
from kalita.wire.endpoint import Answer

WORDS = {
    "ru": {
        "heading": "Проверка квитанции", "says": "Что сказано в квитанции",
        "right": "Книги подтверждают", "right_more": "Такой платёж есть, и каждая сумма совпадает с записями журнала.",
        "wrong": "Книги не подтверждают", "wrong_more": "Квитанция отсюда, но в книгах сейчас не то же самое.",
        "unknown": "Не наша квитанция", "unknown_more": "Этот сервер такой квитанции не выдавал.",
        "compare": "Сравните эти строки с бумагой: подделать можно и её.",
    },
    "en": {
        "heading": "Check of a receipt", "says": "What the receipt says",
        "right": "The books agree", "right_more": "There is such a payment, and every sum is the one in the ledger.",
        "wrong": "The books do not agree", "wrong_more": "The receipt is from here, but the books say something else.",
        "unknown": "Not a receipt of ours", "unknown_more": "This server wrote no such receipt.",
        "compare": "Compare these lines with the paper: it may be forged, too.",
    },
}  # fmt: skip
SIGNS = {"right": "✓", "wrong": "✗", "unknown": "?"}


def answer(checked: Checked | None, catalogue: Catalogue, issuer: str, language: str) -> Answer:
    """Answer the page. checked: None for a code that is not ours."""
    verdict = "unknown" if checked is None else "right" if checked.agrees else "wrong"
    words = WORDS[language]
    lines = _lines(checked, catalogue, language) if checked else []
    table = "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>\n" for label, value in lines)
    said = f"<h2>{words['says']}</h2>\n<table>\n{table}</table>\n<p class=soft>{words['compare']}</p>"
    told = (words[verdict], words[f"{verdict}_more"])
    return _page(verdict, told, language, issuer=issuer, claims=said if lines else "")


def refusal_page(problem: Refused, language: str) -> Answer:
    """Say a refusal to a person; what has not the form of a code is no receipt of ours."""
    words, refusal = WORDS[language], problem.refusal
    wrong = refusal is VALIDATION and "code" in (problem.fields or {})
    told = (words["unknown"], words["unknown_more"]) if wrong else (refusal.text(language), "")
    page = _page("unknown", told, language, refusal.status)
    extra = tuple((name.encode(), value.encode()) for name, value in problem.headers.items())
    return page._replace(headers=(*page.headers, *extra))


def _page(
    verdict: str, told: tuple[str, str], language: str, status: int = 200, issuer: str = "", claims: str = ""
) -> Answer:
    """Fill the page. told: the verdict in words, and what it means; claims: HTML of what the receipt says."""
    heading = WORDS[language]["heading"]
    html = Template(_file("check.html")).substitute(
        language=language,
        title=escape(f"{heading} — {issuer}" if issuer else heading),
        issuer=f'<p class="issuer">{escape(issuer)}</p>\n' if issuer else "",
        heading=heading,
        verdict=verdict,
        sign=SIGNS[verdict],
        said=escape(told[0]),
        more=escape(told[1]),
        claims=claims,
        style=_file("check.css"),
    )
    return Answer(html.encode(), status, content_type=b"text/html;charset=UTF-8", headers=_headers(language))


def _lines(checked: Checked, catalogue: Catalogue, language: str) -> list[tuple[str, str]]:
    """Return what the receipt claims, and beside it what is only in the books: the provider and the other side."""
    words, claims = OF_PAPER[language], checked.claims
    direction, currency = divmod(claims.stream, 1000)
    lines = [
        (words["number"], str(claims.txn_id)),
        (words["date"], f"{moscow(claims.txn_id)} ({words['msk']})"),
        (words["type"], words[KINDS[direction]]),
    ]
    if checked.receipt is not None:
        row = checked.receipt.row
        provider = catalogue.get(row.provider)
        lines.append((words["provider"], provider.name(language) if provider else str(row.provider)))
        lines.append((words["from" if direction == Direction.IN else "to"], masked(row.account)))
    return [
        *lines,
        (words["wallet"], masked(f"+{claims.wallet}")),
        (words["sum"], on_paper(claims.sum, currency, language)),
        (words["commission"], on_paper(claims.commission, currency, language)),
        (words["total"], on_paper(claims.sum + claims.commission, currency, language)),
    ]


def masked(text: str) -> str:
    """Show the beginning and the end of a number or a name, so that its owner knows it and nobody else does."""
    shown = 4 if len(text) >= 11 else 2 if len(text) >= 6 else 1
    end = text[-2:] if len(text) >= 6 else ""
    return f"{text[:shown]}{'•' * max(3, len(text) - shown - len(end))}{end}"


@cache
def _file(name: str) -> str:
    return files("kalita.receipts").joinpath(name).read_text("utf-8")


@cache
def _headers(language: str) -> tuple[tuple[bytes, bytes], ...]:
    style = base64.b64encode(hashlib.sha256(_file("check.css").encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'"
    return (
        (b"content-security-policy", f"{policy}; frame-ancestors 'none'".encode()),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
        (b"x-robots-tag", b"noindex"),
        (b"vary", b"accept-language"),
        (b"content-language", language.encode()),
    )
