"""
Registries: the list of a day's payments that two sides exchange, and what differs. Source: osmp.md "Rules".

One line a payment, `txn_id;txn_date;account;sum`; the last line is `count;total`. An account may hold a `;`: the others
are told from both ends. Nothing is booked by what differs. The form has no place for a currency: of several in one list
`total` is a check sum and no money, see `totals`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kalita.money import parse_amount

_LINE = re.compile(r"(\d{1,20});(\d{14});([^\n]*);(\d{1,12}(?:\.\d{1,2})?)", re.ASCII)
_END = re.compile(r"(\d{1,9});(\d{1,15}(?:\.\d{1,2})?)", re.ASCII)
_AROUND = " \t\r"
LARGEST = 64 * 1024 * 1024


class BadRegistry(ValueError):  # noqa: N818 - named for what is wrong
    """A registry cannot be read; the text names the line."""


class Line(NamedTuple):
    """One payment: the payer's id and date, whom it was for, minor units, of what; None: the form does not tell."""

    txn_id: str
    txn_date: str
    account: str
    amount: int
    currency: int | None = None


class Total(NamedTuple):
    """How many payments there are in a currency, and what they come to, minor units."""

    currency: int
    payments: int
    amount: int


class Difference(NamedTuple):
    """One payment that the sides see differently. ours, theirs: its sum in minor units, None where it is missing."""

    txn_id: str
    ours: int | None
    theirs: int | None


def written(lines: Iterable[Line]) -> str:
    """Write a registry."""
    kept = list(lines)
    text = [f"{one.txn_id};{one.txn_date};{one.account};{_sum(one.amount)}" for one in kept]
    return "\n".join([*text, f"{len(kept)};{_sum(sum(one.amount for one in kept))}"]) + "\n"


def totals(ours: Iterable[Line]) -> list[Total]:
    """Add our own payments up, those of each currency by themselves."""
    found: dict[int, Total] = {}
    for one in ours:
        assert one.currency is not None, "only a list that was read does not tell"
        _, payments, amount = found.get(one.currency, (one.currency, 0, 0))
        found[one.currency] = Total(one.currency, payments + 1, amount + one.amount)
    return sorted(found.values())


def _sum(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02}"


def read(text: str) -> list[Line]:
    """
    Read a registry; its last line has to agree with the others.

    raises  BadRegistry
    """
    rows = text.removesuffix("\n").split("\n")  # no other character ends a line: an account may hold it
    lines = []
    for number, row in enumerate(rows[:-1], start=1):
        found = _LINE.fullmatch(row.strip(_AROUND))
        amount = parse_amount(found[4]) if found else None
        if found is None or amount is None:
            raise BadRegistry(f"line {number}: `txn_id;txn_date;account;sum` is needed")
        lines.append(Line(found[1], found[2], found[3], amount))
    end = _END.fullmatch(rows[-1].strip(_AROUND))
    if end is None:
        raise BadRegistry("the last line has to be `count;total`")
    if (int(end[1]), parse_amount(end[2])) != (len(lines), sum(one.amount for one in lines)):
        raise BadRegistry("the last line does not agree with the others: the file is cut or was changed")
    if len({one.txn_id for one in lines}) != len(lines):
        raise BadRegistry("a txn_id stands there twice")
    return lines


def differences(ours: Mapping[str, int], theirs: Iterable[Line]) -> list[Difference]:
    """
    Compare a day's payments.

    ours  sums in minor units, by txn_id
    """
    told = {one.txn_id: one.amount for one in theirs}
    return [
        Difference(txn_id, ours.get(txn_id), told.get(txn_id))
        for txn_id in sorted({*ours, *told}, key=lambda text: (len(text), text))
        if ours.get(txn_id) != told.get(txn_id)
    ]
