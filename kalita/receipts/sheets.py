"""
A statement as PDF, CSV and XLSX: one table, three forms.

Names and comments come from other people. In a sheet a text that begins like a formula would be run by whoever opens
it: CSV gets an apostrophe before it, XLSX cells are declared to be texts. Where a decimal comma is usual, sheets cut
CSV at semicolons, so what stands behind one is a beginning too.
"""

import csv
import io
import re
from decimal import Decimal
from typing import NamedTuple

from kalita.clock import at_zone
from kalita.ids import moment_of
from kalita.ledger.accounts import Direction
from kalita.money import CURRENCIES, face
from kalita.providers.catalogue import Catalogue
from kalita.receipts.draw import drawn
from kalita.receipts.paper import breakable
from kalita.receipts.statement import Move, Statement
from kalita.receipts.words import on_paper

MOST_ON_PAPER = 20_000
"""Lines of a PDF: more of them nobody reads, and drawing them takes minutes."""

WORDS = {
    "ru": {
        "title": "Выписка по кошельку", "period": "за период с {first} по {last}, время московское",
        "opening": "Входящий остаток", "in": "Поступило", "out": "Списано", "closing": "Исходящий остаток",
        "date": "Дата", "number": "Номер операции", "what": "Операция", "comment": "Комментарий", "balance": "Остаток",
        "empty": "В этом периоде операций не было.", "returned": "Возврат по операции {number}",
        "proof": "Остатки пересчитаны по всем записям журнала с первой, операций в выписке: {count}.",
    },
    "en": {
        "title": "Statement of wallet", "period": "for the period from {first} to {last}, Moscow time",
        "opening": "Opening balance", "in": "Came in", "out": "Went out", "closing": "Closing balance",
        "date": "Date", "number": "Transaction", "what": "Operation", "comment": "Comment", "balance": "Balance",
        "empty": "There were no operations in this period.", "returned": "Return of transaction {number}",
        "proof": "The balances were computed anew from all entries of the ledger; operations here: {count}.",
    },
}  # fmt: skip
_RISKY = re.compile(r"""(^|;)(?=[\s"']*[=+@\-＝＋＠－]|[\t\r\n])""")


class Cover(NamedTuple):
    """What stands above the table. first, last: days as people write them."""

    issuer: str
    first: str
    last: str
    language: str


class _Line(NamedTuple):
    """A movement as every form shows it. came_in, went_out: minor units, None where it is the other one."""

    date: str
    number: str
    what: str
    comment: str
    came_in: int | None
    went_out: int | None
    balance: int


def write(made: Statement, cover: Cover, catalogue: Catalogue, kind: str) -> bytes:
    """Write a statement as a file. kind: pdf, csv or xlsx."""
    lines = [_line(move, catalogue, cover.language) for move in made.moves]
    return {"pdf": _pdf, "csv": _csv, "xlsx": _xlsx}[kind](made, cover, lines)


def _line(move: Move, catalogue: Catalogue, language: str) -> _Line:
    provider = catalogue.get(move.provider)
    name = provider.name(language) if provider else str(move.provider)
    what = f"{name}, {move.account}"
    if move.returned:
        what = f"{WORDS[language]['returned'].format(number=move.returned)}: {what}"
    elif move.stream // 1000 == Direction.IN:
        what = move.account if not provider else what
    stamp = at_zone(moment_of(move.txn_id))
    return _Line(
        f"{stamp[8:10]}.{stamp[5:7]}.{stamp[:4]} {stamp[11:19]}",
        str(move.txn_id),
        what,
        move.comment,
        move.change if move.change > 0 else None,
        -move.change if move.change < 0 else None,
        move.balance,
    )


def _sums(made: Statement, words: dict[str, str]) -> list[tuple[str, int]]:
    return [
        (words["opening"], made.opening),
        (words["in"], made.came_in),
        (words["out"], made.went_out),
        (words["closing"], made.closing),
    ]


def _title(made: Statement, words: dict[str, str]) -> str:
    return f"{words['title']} +{made.wallet}, {CURRENCIES[made.currency].letters}"


def _pdf(made: Statement, cover: Cover, lines: list[_Line]) -> bytes:
    words, language = WORDS[cover.language], cover.language

    def shown(amount: int | None) -> str:
        return "" if amount is None else on_paper(amount, made.currency, language)

    content = {
        "language": language,
        "issuer": cover.issuer,
        "title": _title(made, words),
        "about": words["period"].format(first=cover.first, last=cover.last),
        "sums": [(label, shown(amount)) for label, amount in _sums(made, words)],
        "head": [words[name] for name in ("date", "number", "what", "in", "out", "balance")],
        "rows": [
            (line.date, line.number, breakable(", ".join(filter(None, (line.what, line.comment)))),
             shown(line.came_in), shown(line.went_out), shown(line.balance))
            for line in lines
        ],
        "empty": words["empty"],
        "proof": words["proof"].format(count=len(lines)),
    }  # fmt: skip
    return drawn("statement.typ", content, "PDF")


def _head(words: dict[str, str]) -> list[str]:
    return [words[name] for name in ("date", "number", "what", "comment", "in", "out", "balance")]


def _csv(made: Statement, cover: Cover, lines: list[_Line]) -> bytes:
    words, written = WORDS[cover.language], io.StringIO()
    rows = csv.writer(written)

    def plain(amount: int | None) -> str:
        return "" if amount is None else face(amount, made.currency)

    rows.writerow([_title(made, words), words["period"].format(first=cover.first, last=cover.last)])
    for label, amount in _sums(made, words):
        rows.writerow([label, plain(amount)])
    rows.writerow(_head(words))
    for line in lines:
        texts = (harmless(line.what), harmless(line.comment))
        amounts = (plain(line.came_in), plain(line.went_out), plain(line.balance))
        rows.writerow([line.date, line.number, *texts, *amounts])
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def harmless(text: str) -> str:
    """Keep a sheet from running a text as a formula."""
    return _RISKY.sub(r"\1'", text)


def _xlsx(made: Statement, cover: Cover, lines: list[_Line]) -> bytes:
    from xlsxwriter import Workbook  # only who writes sheets waits for it to load

    words, written = WORDS[cover.language], io.BytesIO()
    book = Workbook(written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(CURRENCIES[made.currency].letters)
    bold, sums = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})

    def amount(row: int, column: int, minor: int | None) -> None:
        if minor is not None:
            sheet.write_number(row, column, Decimal(face(minor, made.currency)), sums)

    sheet.write_string(0, 0, _title(made, words), bold)
    sheet.write_string(1, 0, words["period"].format(first=cover.first, last=cover.last))
    for row, (label, whole) in enumerate(_sums(made, words), start=2):
        sheet.write_string(row, 0, label)
        amount(row, 1, whole)
    top = 7
    for column, name in enumerate(_head(words)):
        sheet.write_string(top, column, name, bold)
    for row, line in enumerate(lines, start=top + 1):
        for column, text in enumerate(line[:4]):
            sheet.write_string(row, column, text)
        for column, minor in enumerate(line[4:], start=4):
            amount(row, column, minor)
    for column, width in enumerate((20, 20, 48, 40, 14, 14, 16)):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(top + 1, 0)
    book.set_properties({"title": _title(made, words), "author": cover.issuer})
    book.close()
    return written.getvalue()
