"""
Providers: whom one can pay, and on what terms. Source: providers.md 1, payments.md 1.3.
"""

import csv
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from importlib.resources import files

from kalita.money import parse_amount

WALLET_SYSTEM = 7
"""What history shows as the provider of money that came from inside (never payable)."""

WALLET_TRANSFER = 99


@dataclass(frozen=True, slots=True)
class Terms:
    """
    The payer's commission: clamp(percent * sum, least, most) + fixed.

    percent   per cent of the sum
    fixed, least, most, min_sum, max_sum   minor units
    """

    percent: Decimal
    fixed: int
    least: int | None
    most: int | None
    min_sum: int
    max_sum: int | None

    def commission(self, amount: int) -> int:
        """Return the commission of an amount, both in minor units; the percentage is rounded half up."""
        share = 0 if not self.percent else int((amount * self.percent / 100).to_integral_value(ROUND_HALF_UP))
        if self.least is not None:
            share = max(share, self.least)
        if self.most is not None:
            share = min(share, self.most)
        return share + self.fixed


@dataclass(frozen=True, slots=True)
class Provider:
    """Someone to pay: id, names, the currencies of a payment's sum, terms; payable: False only appears in history."""

    id: int
    name_ru: str
    name_en: str
    currencies: tuple[int, ...]
    terms: Terms
    payable: bool

    def name(self, language: str) -> str:
        """Return the name for a person."""
        return self.name_en if language == "en" else self.name_ru


class Catalogue:
    """Every provider, by id."""

    def __init__(self, providers: dict[int, Provider]) -> None:
        self._providers = providers

    def get(self, provider_id: int) -> Provider | None:
        """Return a provider, or None."""
        return self._providers.get(provider_id)


def _minor(text: str) -> int | None:
    return parse_amount(text) if text else None


def built_in() -> Catalogue:
    """Read the catalogue that comes with the program."""
    lines = files("kalita.providers").joinpath("catalogue.csv").read_text("utf-8").splitlines()
    providers = {}
    for row in csv.DictReader(lines):
        terms = Terms(
            percent=Decimal(row["commission_percent"]),
            fixed=_minor(row["commission_fixed"]) or 0,
            least=_minor(row["commission_min"]),
            most=_minor(row["commission_max"]),
            min_sum=_minor(row["min_amount"]) or 1,
            max_sum=_minor(row["max_amount"]),
        )
        currencies = tuple(int(text) for text in row["currencies"].split())
        provider = Provider(int(row["id"]), row["name_ru"], row["name_en"], currencies, terms, row["payable"] == "yes")
        providers[provider.id] = provider
    return Catalogue(providers)
