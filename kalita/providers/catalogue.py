"""
The catalogue: every provider, by id. Source: providers.md 1 and 3.
"""

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from kalita.providers.provider import COLUMNS, Gateway, Provider, Row, Terms, provider_of

WALLET_SYSTEM = 7
"""What history shows as the provider of money that came from inside (never payable)."""

WALLET_TRANSFER, NICKNAME_TRANSFER, CONVERSION, KAZAKH_CARD = 99, 99999, 1099, 27292

OWN_CARD, PACKAGE, PACKAGE_CARD = 22351, 28004, 32064
NOT_OFFERED = (OWN_CARD, PACKAGE, PACKAGE_CARD)
"""Settled inside once cards are issued here; until then nobody can pay them."""

INSIDE = (WALLET_TRANSFER, NICKNAME_TRANSFER, CONVERSION, *NOT_OFFERED)
"""Providers that are settled in the ledger: no connector stands behind them."""


class Catalogue:
    """Every provider, by id. `version` changes with every change of any of them."""

    def __init__(self, providers: dict[int, Provider]) -> None:
        self._providers = providers
        self.version = 0

    def get(self, provider_id: int) -> Provider | None:
        """Return a provider, or None."""
        return self._providers.get(provider_id)

    def all(self) -> Iterable[Provider]:
        """Return every provider, by id."""
        return (self._providers[number] for number in sorted(self._providers))

    def replace(self, providers: dict[int, Provider]) -> None:
        """Take other providers up, all at once."""
        self._providers, self.version = providers, self.version + 1


@cache
def shipped_rows() -> dict[int, Row]:
    """Return the rows of the catalogue that comes with the program, by id."""
    lines = files("kalita.providers").joinpath("catalogue.csv").read_text("utf-8").splitlines()
    return {int(row["id"]): row for row in csv.DictReader(lines)}


def built_in() -> Catalogue:
    """Read the catalogue that comes with the program."""
    return Catalogue({number: provider_of(row) for number, row in shipped_rows().items()})


__all__ = ["COLUMNS", "Catalogue", "Gateway", "Provider", "Terms", "built_in", "shipped_rows"]
