"""
What an amount is worth in another currency, for limits: coarse fixed rates, where no rates of an exchange are at hand.
"""

from kalita.money import CURRENCIES, EUR, KZT, RUB, USD

KOPECKS = {RUB: 100, USD: 9_000, EUR: 10_000, KZT: 20}
"""What one unit of a currency is worth."""


def worth(amount: int, currency: int, wanted: int) -> int:
    """Turn minor units of one currency into those of another, rounded up: no part of a payment goes uncounted."""
    if currency == wanted:
        return amount
    scale: int = 10 ** CURRENCIES[currency].digits
    above: int = amount * KOPECKS[currency] * 10 ** CURRENCIES[wanted].digits
    return -(-above // (KOPECKS[wanted] * scale))
