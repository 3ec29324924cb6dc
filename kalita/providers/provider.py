"""
One provider and its terms, as a row of the catalogue tells them. Source: providers.md 1, payments.md 1.3.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from kalita.money import CURRENCIES, parse_amount
from kalita.people.wallets import Level
from kalita.providers.rules import Form, read_rules

Row = Mapping[str, str]

COLUMNS = (
    "id", "name_ru", "name_en", "kind", "countries", "currencies", "form", "min_sum", "max_sum", "percent", "fixed",
    "least", "most", "price", "level", "status", "keys", "connector", "url", "login", "password", "ca",
)  # fmt: skip
"""Columns of the catalogue. Sums are in the payment's currency; `password` is ciphertext wherever it is kept."""

KINDS = (
    "wallet", "conversion", "card", "bank", "mobile", "internet", "charity", "service", "requisites", "internal",
)  # fmt: skip
STATUSES = ("active", "suspended", "disabled", "history")
_PERCENT = re.compile(r"\d{1,3}(\.\d{1,6})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class BadRow(ValueError):  # noqa: N818 - named for what is wrong
    """A row of the catalogue cannot be used; the text names the column."""


@dataclass(frozen=True, slots=True)
class Terms:
    """
    The payer's commission: clamp(percent * sum, least, most) + fixed.

    percent   per cent of the sum
    fixed, least, most, min_sum, max_sum   minor units
    price     the only sum that may be paid, or None
    """

    percent: Decimal
    fixed: int
    least: int | None
    most: int | None
    min_sum: int
    max_sum: int | None
    price: int | None = None

    def commission(self, amount: int) -> int:
        """Return the commission of an amount, both in minor units; the percentage is rounded half up."""
        share = 0 if not self.percent else int((amount * self.percent / 100).to_integral_value(ROUND_HALF_UP))
        if self.least is not None:
            share = max(share, self.least)
        if self.most is not None:
            share = min(share, self.most)
        return share + self.fixed


@dataclass(frozen=True, slots=True)
class Gateway:
    """How an outside provider is reached: the connector's name and what it needs. password: sealed."""

    connector: str = ""
    url: str = ""
    login: str = ""
    password: str = ""
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """
    Someone to pay.

    currencies  of a payment's sum
    payable     False: it only appears in history, or is switched off
    level       the least identification level of a payer
    keys        words that find it
    """

    id: int
    name_ru: str
    name_en: str
    currencies: tuple[int, ...]
    terms: Terms
    payable: bool
    kind: str = "wallet"
    form: Form = field(default_factory=lambda: Form(()))
    level: int = Level.ANONYMOUS
    status: str = "active"
    keys: str = ""
    countries: tuple[str, ...] = ()
    gateway: Gateway = Gateway()

    def name(self, language: str) -> str:
        """Return the name for a person."""
        return self.name_en if language == "en" else self.name_ru


def provider_of(row: Row) -> Provider:
    """
    Read a row of the catalogue; columns left out count as empty.

    raises  BadRow that names the column
    """
    kind, status = _word(row, "kind", KINDS), _word(row, "status", STATUSES, "active")
    currencies = _currencies(row)
    return Provider(
        id=_id(row),
        name_ru=_name(row, "name_ru"),
        name_en=_name(row, "name_en"),
        currencies=currencies,
        terms=_terms(row, currencies[0]),
        payable=status == "active",
        kind=kind,
        form=_form(row, kind),
        level=Level[_word(row, "level", tuple(one.name.lower() for one in Level), "anonymous").upper()],
        status=status,
        keys=row.get("keys", ""),
        countries=tuple(row.get("countries", "").split()),
        gateway=Gateway(*(row.get(name, "") for name in ("connector", "url", "login", "password", "ca"))),
    )


def _id(row: Row) -> int:
    text = row.get("id", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and text[0] != "0"):
        raise BadRow(f"id: 1 to 9 digits are needed, not {text!r}")
    return int(text)


def _name(row: Row, column: str) -> str:
    text = row.get(column, "")
    if not text.strip() or len(text) > 200 or _CONTROL.search(text):
        raise BadRow(f"{column}: a name on one line, of 1 to 200 characters, is needed")
    return text


def _word(row: Row, column: str, words: tuple[str, ...], default: str = "") -> str:
    text = row.get(column, "") or default
    if text not in words:
        raise BadRow(f"{column}: one of {', '.join(words)} is needed, not {text!r}")
    return text


def _currencies(row: Row) -> tuple[int, ...]:
    words = row.get("currencies", "").split()
    found = tuple(int(word) if word.isascii() and word.isdigit() and len(word) <= 3 else 0 for word in words)
    if not found or not all(number in CURRENCIES for number in found):
        raise BadRow("currencies: ISO numbers with blanks between are needed, like `643 840`")
    return found


def _terms(row: Row, currency: int) -> Terms:
    percent = row.get("percent", "") or "0"
    if not _PERCENT.fullmatch(percent):
        raise BadRow(f"percent: a number like 1.6 is needed, not {percent!r}")
    sums = {name: _sum(row, name, currency) for name in ("fixed", "least", "most", "min_sum", "max_sum", "price")}
    least, most, low, high = (sums[name] for name in ("least", "most", "min_sum", "max_sum"))
    if least is not None and most is not None and least > most:
        raise BadRow("least: it is more than most")
    if low is not None and high is not None and low > high:
        raise BadRow("min_sum: it is more than max_sum")
    return Terms(Decimal(percent), sums["fixed"] or 0, least, most, low or 1, high, sums["price"])


def _sum(row: Row, column: str, currency: int) -> int | None:
    text = row.get(column, "")
    if not text:
        return None
    amount = parse_amount(text, currency)
    if amount is None or len(text.partition(".")[2]) > CURRENCIES[currency].digits:
        raise BadRow(f"{column}: an amount like 100.50 is needed, not {text!r}")
    return amount


def _form(row: Row, kind: str) -> Form:
    try:
        return Form(read_rules(row.get("form", "")), kind == "mobile")
    except ValueError as problem:
        raise BadRow(f"form: {problem}") from None
