"""
Members that several bodies share: amounts and currencies as clients send them. Source: payments.md 1.
"""

import re
from typing import Annotated

import msgspec

from kalita.money import CURRENCIES
from kalita.refusals import malformed

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

RawAmount = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        extra_json_schema={
            "type": ["number", "string"],
            "pattern": r"^[0-9]{1,12}(\.[0-9]{1,30})?$",
            "minimum": 0,
            "exclusiveMaximum": 10**12,
            "description": "more than two decimals are rounded down",
            "examples": [100.5],
        }
    ),
]
CurrencyCode = Annotated[
    str | int, msgspec.Meta(description="ISO 4217 number, as text or as a number", examples=["643"])
]


_CURRENCIES: dict[str | int, int] = {
    written: number for number in CURRENCIES for written in (number, f"{number}", f"{number:02}", f"{number:03}")
}


def currency_of(value: str | int) -> int | None:
    """Return a currency's ISO number from its text or number; None for what is no currency."""
    return _CURRENCIES.get(value)


def short_text(field: str, text: str, longest: int) -> str:
    """Return a text of one line and so many characters at most; raise the 400 that names the field for any other."""
    if len(text) > longest:
        raise malformed(field, f"at most {longest} characters are allowed")
    if CONTROL.search(text):
        raise malformed(field, "control characters and line breaks are not allowed")
    return text
