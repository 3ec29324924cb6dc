"""
Amounts and currencies as JSON shapes shared by several sections. Source: access.md 3.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated

import msgspec

from kalita.money import number

Number = Annotated[int | Decimal, msgspec.Meta(extra_json_schema={"type": "number"})]

Amount = Annotated[
    int | Decimal,
    msgspec.Meta(extra_json_schema={"type": "number", "description": "at most 2 decimals, shortest form"}),
]

encode = msgspec.json.Encoder(decimal_format="number").encode
"""Write an answer: amounts as numbers, absent values as null."""


class Money(msgspec.Struct, frozen=True):
    """An amount in a currency: a number and the ISO number."""

    amount: Amount
    currency: int


@lru_cache(16_384)
def money(minor: int, currency: int) -> Money:
    """Give an amount of minor units its wire form."""
    return Money(number(minor, currency), currency)
