"""
Card numbers: their check digit, their payment system, how they are shown. Source: providers.md 7.
"""

import re

SHORTEST, LONGEST = 16, 19
_DIGITS = re.compile(r"\d{16,19}", re.ASCII)
_ANY_DIGITS = re.compile(r"\d{13,19}", re.ASCII)
_SYSTEMS = (
    ("mir", re.compile(r"220[0-4]")),
    ("visa", re.compile(r"4")),
    ("mastercard", re.compile(r"5[1-5]|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720")),
)


def luhn(number: str) -> bool:
    """Tell whether a number of 16 to 19 digits has the right check digit."""
    return bool(_DIGITS.fullmatch(number)) and _checks(number)


def may_be_card(text: str) -> bool:
    """Tell whether a text that nobody asked for may be a card number of any system: 13 to 19 digits that check."""
    return bool(_ANY_DIGITS.fullmatch(text)) and _checks(text)


def without_gaps(text: str) -> str:
    """Return a text without the blanks and hyphens that people put between the digits of a card."""
    return text.replace(" ", "").replace("-", "") if len(text) > SHORTEST else text


def _checks(number: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def check_digit(number: str) -> str:
    """Return the digit that makes a number right when it is put behind it."""
    return next(digit for digit in "0123456789" if luhn((number + digit).rjust(SHORTEST, "0")))


def masked(number: str) -> str:
    """Show the first 4 and the last 4 digits of a number, a star for each other one. Source: payments.md 2.2."""
    return number[:4] + "*" * (len(number) - 8) + number[-4:] if len(number) > 8 else "*" * len(number)


def system_of(number: str) -> str | None:
    """Return the payment system of a number by its first digits, or None."""
    return next((name for name, form in _SYSTEMS if form.match(number)), None)
