"""
Money: integers in minor units inside, text at the door, never a binary fraction.

Source: payments.md 1, access.md 3.
"""

import re
from decimal import Decimal
from typing import NamedTuple


class Currency(NamedTuple):
    """An ISO 4217 currency: its number, its letters, how many digits its minor unit has."""

    number: int
    letters: str
    digits: int


RUB, USD, EUR, KZT = 643, 840, 978, 398

CURRENCIES: dict[int, Currency] = {
    number: Currency(number, letters, digits)
    for number, letters, digits in (
        (643, "RUB", 2), (840, "USD", 2), (978, "EUR", 2), (398, "KZT", 2),
        (756, "CHF", 2), (980, "UAH", 2), (972, "TJS", 2), (156, "CNY", 2),
        (933, "BYN", 2), (944, "AZN", 2), (51, "AMD", 2), (981, "GEL", 2),
        (417, "KGS", 2), (498, "MDL", 2), (860, "UZS", 2), (934, "TMT", 2),
        (826, "GBP", 2), (949, "TRY", 2), (392, "JPY", 0), (414, "KWD", 3),
    )
}  # fmt: skip

LETTERS: dict[str, int] = {currency.letters: number for number, currency in CURRENCIES.items()}

WALLET_CURRENCIES = (RUB, USD, EUR, KZT)
"""Currencies a wallet may hold a balance in."""

LARGEST = 10**14
"""No single amount and no balance an owner asks for exceeds this many minor units."""

_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,30})?", re.ASCII)


def parse_amount(text: str, currency: int = RUB) -> int | None:
    """
    Read an amount as clients write it.

    text      ASCII digits, at most 12 before and 30 after the point; no sign, blank or exponent
    currency  ISO number; decides how many decimals count
    returns   minor units, rounded down; None when the text is not an amount
    Source: payments.md 1.1
    """
    if not _AMOUNT.fullmatch(text):
        return None
    digits = CURRENCIES[currency].digits
    whole, _, fraction = text.partition(".")
    return int(whole + fraction[:digits].ljust(digits, "0"))


def face(minor: int, currency: int = RUB) -> str:
    """
    Write an amount in its one face on every wire: 100 is `1`, 150 is `1.5`.

    Source: access.md 3 (the webhook signature is made from this same text)
    """
    digits = CURRENCIES[currency].digits
    if not digits:
        return str(minor)
    scale: int = 10**digits
    whole, part = divmod(abs(minor), scale)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole}.{part:0{digits}}".rstrip("0").rstrip(".") if part else f"{sign}{whole}"


def padded(minor: int) -> str:
    """Write an amount with two decimals, as bills have it: 100 is `1.00`. Source: invoices.md 3.1"""
    return f"{minor // 100}.{minor % 100:02}"


def number(minor: int, currency: int = RUB) -> int | Decimal:
    """Give an amount as the number that JSON shows with the same face."""
    scale: int = 10 ** CURRENCIES[currency].digits
    whole, part = divmod(minor, scale)
    return whole if not part else Decimal(face(minor, currency))
