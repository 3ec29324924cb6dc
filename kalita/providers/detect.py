"""
Which provider a phone number or a card number belongs to. Source: payments.md 13 and 14, providers.md 6 and 7.

Phones: the longest known prefix; the coarse table of `people/operators.csv`, under what an operator imported. Cards:
the payment system by the first digits, the country of the bank by an imported table; without one it is Russian.
"""

import re

from kalita.people.operators import prefixes
from kalita.providers.cards import luhn, system_of
from kalita.providers.catalogue import shipped_rows
from kalita.storage.engine import Engine, Step

PHONE, CARD = "phone", "card"
AT_HOME = {"visa": 1963, "mastercard": 21013, "mir": 31652}
ABROAD = {"visa": 1960, "mastercard": 21012, "mir": 31652}
BELARUSIAN = 36390
_NUMBER = re.compile(r"\+?(\d{10,11})", re.ASCII)
_CARD = re.compile(r"\d[\d ]{14,30}\d", re.ASCII)


class Detector:
    """Know the owners of numbers; the imported tables are taken up like the catalogue."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._epoch = "none"
        self._phones = _shipped()
        self._banks: dict[str, str] = {}

    async def refresh(self) -> None:
        """Take up what was imported since the last call."""
        row = await self._engine.one("meta_get", "prefix_epoch")
        epoch = row[0] if row else ""
        if epoch == self._epoch:
            return
        phones, banks = _shipped(), {}
        for kind, prefix, value in await self._engine.all("prefixes_all"):
            if kind == PHONE:
                phones[prefix] = int(value)
            else:
                banks[prefix] = value
        self._phones, self._banks, self._epoch = phones, banks, epoch

    async def put(self, kind: str, table: dict[str, str]) -> None:
        """Put an imported table in place of the one before. kind: PHONE, values are providers; CARD, countries."""
        steps = [Step("prefix_add", (kind, prefix, value)) for prefix, value in sorted(table.items())]
        await self._engine.change(Step("prefixes_forget", (kind,)), *steps, Step("prefix_epoch_changed", ()))
        await self.refresh()

    def mobile(self, text: str) -> int | None:
        """Return the provider of a phone number as clients write it: with or without `+` and country code."""
        digits = _NUMBER.fullmatch(text.strip())
        if digits is None:
            return None
        number = digits[1] if len(digits[1]) == 11 else f"7{digits[1]}"
        number = f"7{number[1:]}" if number[0] == "8" else number
        found = _longest(self._phones, number)
        return self._phones[found] if found is not None else None

    def card(self, text: str) -> int | None:
        """Return the provider of a card number, blanks allowed; None when it is wrong or of no known system."""
        number = text.replace(" ", "") if _CARD.fullmatch(text.strip()) else ""
        system = system_of(number)
        if system is None or not luhn(number):
            return None
        bank = _longest(self._banks, number)
        country = self._banks[bank] if bank is not None else "RU"
        if country == "BY":
            return BELARUSIAN
        return (AT_HOME if country == "RU" else ABROAD)[system]


def _shipped() -> dict[str, int]:
    owners = {row["name_en"]: number for number, row in shipped_rows().items() if row["kind"] == "mobile"}
    return {prefix: owners[name] for prefix, name in prefixes().items()}


def _longest(table: dict[str, int] | dict[str, str], number: str) -> str | None:
    return next((number[:length] for length in range(len(number), 0, -1) if number[:length] in table), None)
