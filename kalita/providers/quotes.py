"""
Quotes: what a payment costs, by the same code that prices the payment. Source: payments.md 1.3, 5.
"""

from decimal import Decimal
from typing import NamedTuple

from kalita.exchange.rates import debit
from kalita.exchange.store import Exchange
from kalita.limits.table import Category
from kalita.providers.catalogue import CONVERSION
from kalita.providers.provider import Provider, Terms
from kalita.refusals import ABOVE_MAXIMUM, BELOW_MINIMUM, CURRENCY, UNREACHABLE, Refusal


class Quote(NamedTuple):
    """What is debited, credited and kept, minor units; rate: units of the paying currency for one of the other."""

    debited: int
    credited: int
    commission: int
    rate: Decimal


def out_of_bounds(terms: Terms, amount: int) -> Refusal | None:
    """Return why an amount in minor units is outside a provider's bounds, or None."""
    if amount < terms.min_sum or (terms.price is not None and amount < terms.price):
        return BELOW_MINIMUM
    if (terms.max_sum is not None and amount > terms.max_sum) or (terms.price is not None and amount > terms.price):
        return ABOVE_MAXIMUM
    return None


def quote(provider: Provider, amount: int, currency: int, pay_from: int, exchange: Exchange) -> Quote | Refusal:
    """
    Return what a payment would cost, without what its fields may add.

    amount  minor units of the currency, to be credited
    """
    if currency not in provider.currencies:
        return CURRENCY
    refusal = out_of_bounds(provider.terms, amount)
    if refusal is not None:
        return refusal
    cost, rate = amount, Decimal(1)
    if pay_from != currency:
        if provider.id != CONVERSION:
            return CURRENCY
        found = exchange.rate(pay_from, currency)
        if found is None:
            return UNREACHABLE
        cost, rate = debit(amount, pay_from, currency, found), found
    fee = provider.terms.commission(cost)
    return Quote(cost + fee, amount, fee, rate)


def category_of(provider: Provider) -> Category:
    """Return what limits count a payment to an outside provider as. Source: profile.md 7."""
    if provider.kind in ("card", "bank", "requisites", "service"):
        return Category.PAYOUT
    return Category.OTHER if {"RU", "*"} & set(provider.countries) or not provider.countries else Category.INTERNATIONAL
