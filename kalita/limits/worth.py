"""
What an amount is worth in another currency, for limits: by the rates of the exchange, or by coarse ones without any.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal

from kalita.money import CURRENCIES, EUR, KZT, RUB, USD

ROUBLES: Mapping[int, Decimal] = {RUB: Decimal(1), USD: Decimal(90), EUR: Decimal(100), KZT: Decimal("0.2")}
"""What one unit of a currency is worth where nothing better is known."""
_UP = Context(prec=60, rounding=ROUND_CEILING)


def worth(amount: int, currency: int, wanted: int, roubles: Mapping[int, Decimal] = ROUBLES) -> int:
    """
    Turn minor units of one currency into those of another, rounded up: no part of a payment goes uncounted.

    roubles  for one unit of each currency; the coarse ones where it knows none
    """
    if currency == wanted:
        return amount
    rate = _UP.divide(roubles.get(currency, ROUBLES[currency]), roubles.get(wanted, ROUBLES[wanted]))
    exact = _UP.multiply(Decimal(amount), rate).scaleb(CURRENCIES[wanted].digits - CURRENCIES[currency].digits)
    return int(exact.to_integral_value(ROUND_CEILING))
