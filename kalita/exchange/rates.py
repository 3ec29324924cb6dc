"""
Rates: how many units of one currency are given for one unit of another. Source: payments.md 1.3 and 8.

Every rate is made of two middle rates to the rouble and the house's spread, and is rounded up; so whoever converts
there and back, over any number of currencies, never ends with more than he had.
"""

import csv
import io
import re
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_CEILING, Context, Decimal
from importlib.resources import files
from itertools import permutations
from typing import NamedTuple

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from kalita.money import CURRENCIES, LETTERS, RUB

DECIMALS = 10
LARGEST_FILE = 256 * 1024
_EXACT = Context(prec=60, rounding=ROUND_CEILING)
_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,10})?", re.ASCII)
_DAY = re.compile(r"(\d\d)\.(\d\d)\.(\d{4})", re.ASCII)


class BadRates(ValueError):  # noqa: N818 - named for what is wrong
    """A file of rates cannot be used; the text says why."""


class Middle(NamedTuple):
    """Roubles for one unit of each currency, as a bank publishes them for a day."""

    day: str
    roubles: Mapping[int, Decimal]


class Rates:
    """
    The rates of one moment.

    day     they are of, ISO
    middle  roubles for one unit of each currency
    spread  what the house keeps, per cent
    """

    def __init__(self, middle: Middle, spread: Decimal) -> None:
        self.day = middle.day
        worth = {RUB: Decimal(1), **middle.roubles}
        keep = 1 + spread / 100
        self._rates = {
            (source, target): _up(_EXACT.multiply(_EXACT.divide(worth[target], worth[source]), keep))
            for source, target in permutations(sorted(worth), 2)
        }

    def get(self, source: int, target: int) -> Decimal | None:
        """Return how many units of the source are given for one of the target; None where there is no rate."""
        return Decimal(1) if source == target else self._rates.get((source, target))

    def all(self) -> list[tuple[int, int, Decimal]]:
        """Return every pair with its rate."""
        return [(source, target, rate) for (source, target), rate in self._rates.items()]


NO_RATES = Rates(Middle("", {}), Decimal(0))


def debit(amount: int, source: int, target: int, rate: Decimal) -> int:
    """
    Return what is debited for an amount, rounded up to the minor unit: the house never loses a fraction.

    amount  minor units of the target, to be credited
    rate    units of the source for one of the target
    """
    shift = CURRENCIES[source].digits - CURRENCIES[target].digits
    return int(_EXACT.multiply(amount, rate).scaleb(shift, _EXACT).to_integral_value(ROUND_CEILING))


def _up(rate: Decimal) -> Decimal:
    return rate.quantize(Decimal(1).scaleb(-DECIMALS), ROUND_CEILING, _EXACT)


def read_rates(content: bytes) -> Middle:
    """
    Read a file of rates: the central bank's XML, or CSV lines `currency,nominal,roubles` under a line with the date.

    raises  BadRates
    """
    if len(content) > LARGEST_FILE:
        raise BadRates(f"it is larger than {LARGEST_FILE} bytes")
    middle = _from_xml(content) if content.lstrip()[:1] == b"<" else _from_csv(content)
    if not middle.roubles:
        raise BadRates("it names no currency that is known here")
    return middle


def _from_xml(content: bytes) -> Middle:
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError) as problem:
        raise BadRates(f"the XML cannot be read: {problem}") from None
    day = _DAY.fullmatch(root.get("Date", ""))
    if root.tag != "ValCurs" or day is None:
        raise BadRates("a document ValCurs with a Date like 31.12.2026 is needed")
    rows = [
        (row.findtext("CharCode", ""), row.findtext("Nominal", ""), row.findtext("Value", ""))
        for row in root.findall("Valute")
    ]
    return Middle(_iso("-".join(reversed(day.groups()))), _roubles(rows))


def _from_csv(content: bytes) -> Middle:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadRates("it is neither XML nor text in UTF-8") from None
    if not lines:
        raise BadRates("it is empty")
    rows = [row for row in csv.reader(io.StringIO("\n".join(lines[1:]))) if row]
    if any(len(row) != 3 for row in rows):
        raise BadRates("each line under the date needs three cells: currency,nominal,roubles")
    return Middle(_iso(lines[0].strip()), _roubles([(row[0], row[1], row[2]) for row in rows]))


def _iso(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadRates(f"{text[:40]!r} is no date like 2026-12-31") from None


def _roubles(rows: list[tuple[str, str, str]]) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for letters, nominal, value in rows:
        if letters not in LETTERS or LETTERS[letters] == RUB:
            continue
        if not _NUMBER.fullmatch(nominal) or not _NUMBER.fullmatch(value):
            raise BadRates(f"{letters}: {nominal[:20]!r} and {value[:20]!r} are no nominal and value")
        if LETTERS[letters] in found:
            raise BadRates(f"{letters} is named twice")
        units, roubles = Decimal(nominal.replace(",", ".")), Decimal(value.replace(",", "."))
        if not units or not roubles:
            raise BadRates(f"{letters}: nominal and value have to be more than zero")
        found[LETTERS[letters]] = _EXACT.divide(roubles, units)
    return found


def shipped() -> Middle:
    """Return the rates a demonstration begins with."""
    return read_rates(files("kalita.exchange").joinpath("rates.csv").read_bytes())
