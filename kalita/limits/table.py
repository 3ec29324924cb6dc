"""
The table of limits: how much each level may, in roubles and, where an operator wants it, in tenge.

`limits.csv` is what an installation begins with; an operator's own lies in the database. Source: profile.md 7.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache
from importlib.resources import files

from kalita.money import CURRENCIES, KZT, LETTERS, RUB, face, parse_amount
from kalita.people.wallets import Level

MOST_TEXT = 16_384


class Limit(StrEnum):
    """What is limited. CASH_DAY is of a day, BALANCE and OPERATION of a moment, the others of a month."""

    BALANCE = "balance"
    TURNOVER = "turnover"
    TRANSFERS = "transfers"
    PAYOUTS = "payouts"
    INTERNATIONALS = "internationals"
    CASH = "cash"
    CASH_DAY = "cash_day"
    OPERATION = "operation"
    TO_TENGE = "to_tenge"


class Category(IntEnum):
    """
    What a payment counts as: one of the first five, in each currency that limits are measured in.

    TENGE_OUT and TENGE_IN are counted beside it, and are not part of the turnover.
    """

    TRANSFER = 0
    PAYOUT = 1
    INTERNATIONAL = 2
    CASH = 3
    OTHER = 4
    TENGE_OUT = 5
    TENGE_IN = 6


TENGE = 10
BY_TOKEN = 20
"""What was paid with a token that has a cap of a day, by its days; the audit does not recount it."""
"""Added to the category of what is measured in tenge."""
TURNOVER_MASK = 0b11111
OF = {
    Category.TRANSFER: Limit.TRANSFERS, Category.PAYOUT: Limit.PAYOUTS,
    Category.INTERNATIONAL: Limit.INTERNATIONALS, Category.CASH: Limit.CASH,
}  # fmt: skip
MEASURES = (RUB, KZT)
LEVELS = tuple(level.name.lower() for level in Level)


class BadTable(Exception):  # noqa: N818 - named for what is wrong
    """A table of limits cannot be used; the text names the line and what to do."""


@dataclass(frozen=True)
class Table:
    """The limits of every level: by limit and currency, minor units for each level; None: no limit."""

    rows: Mapping[tuple[Limit, int], tuple[int | None, ...]]

    def most(self, limit: Limit, level: int, currency: int = RUB) -> int | None:
        """Return how much a level may, in minor units of the currency; None: no limit."""
        row = self.rows.get((limit, currency))
        return row[level] if row else None

    def has(self, limit: Limit, currency: int) -> bool:
        """Tell whether a limit is kept in a currency."""
        return (limit, currency) in self.rows

    @property
    def in_tenge(self) -> bool:
        """Whether payments in tenge have limits of their own, and so are not measured in roubles."""
        return any(currency == KZT for _, currency in self.rows)

    def with_(self, limit: Limit, level: Level, most: int | None, currency: int) -> "Table":
        """Return the table with one figure changed."""
        row = list(self.rows.get((limit, currency), (None,) * len(LEVELS)))
        row[level] = most
        return Table({**self.rows, (limit, currency): tuple(row)})

    def text(self) -> str:
        """Write the table as it is read."""
        lines = [",".join(("limit", "currency", *LEVELS))]
        for (limit, currency), row in self.rows.items():
            cells = ("" if most is None else face(most, currency) for most in row)
            lines.append(",".join((limit, CURRENCIES[currency].letters, *cells)))
        return "\n".join(lines) + "\n"


def read_table(text: str) -> Table:
    """
    Read a table: comma-separated, amounts in whole units with at most two decimals, empty: no limit.

    raises  BadTable for an unknown limit, level or currency, an amount of another form, a row twice
    """
    if len(text) > MOST_TEXT:
        raise BadTable(f"the table is longer than {MOST_TEXT} characters")
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != ("limit", "currency", *LEVELS):
        raise BadTable(f"line 1: the head has to be limit,currency,{','.join(LEVELS)}")
    rows: dict[tuple[Limit, int], tuple[int | None, ...]] = {}
    for row in reader:
        key = _key(row, reader.line_num)
        if key in rows:
            raise BadTable(f"line {reader.line_num}: {key[0]} stands there twice in {row['currency']}")
        rows[key] = tuple(read_most(row[level], f"line {reader.line_num}") for level in LEVELS)
    return Table(rows)


def _key(row: Mapping[str | None, str | None], line: int) -> tuple[Limit, int]:
    name, letters = row["limit"] or "", row["currency"] or ""
    if name not in set(Limit):
        raise BadTable(f"line {line}: there is no limit {name[:40]!r}, there are {', '.join(Limit)}")
    if None in row or None in row.values() or LETTERS.get(letters) not in MEASURES:
        raise BadTable(f"line {line}: limits are kept in RUB or KZT, and a line has {2 + len(LEVELS)} fields")
    return Limit(name), LETTERS[letters]


def read_most(text: str | None, where: str) -> int | None:
    """Read one figure; nothing, or `none`: no limit. The minor unit of both currencies has two decimals."""
    if not text or text == "none":
        return None
    amount = parse_amount(text)
    if amount is None or len(text.partition(".")[2]) > 2:
        raise BadTable(f"{where}: {text[:40]!r} is no amount like 15000 or 15000.50")
    return amount


@cache
def built_in() -> Table:
    """Return the table an installation begins with."""
    return read_table(files("kalita.limits").joinpath("limits.csv").read_text("utf-8"))
