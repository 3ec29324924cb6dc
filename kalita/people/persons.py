"""
Persons: who says to own a wallet, and whether the numbers of the documents can be right. Pure.

Source: profile.md 2 and 3.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple
from unicodedata import normalize

YOUNGEST, OLDEST = 14, 120
_NAME = re.compile(r"(?=.{1,64}\Z)[-'’ ]*[^\W\d_](?:[^\W\d_]|[-'’ ])*")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SEPARATORS = re.compile(r"[ -]")
_INN_11 = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_12 = (3, *_INN_11)
FIRST_CHECKED_SNILS = 1_001_998
"""Smaller numbers than 001-001-999 were given out without a check number."""


class Person(NamedTuple):
    """
    Who somebody is. A document that was not given is empty; birth is YYYY-MM-DD.

    passport  10 digits; inn 12 digits, or 10 as the documentation shows it; snils 11; oms 16
    """

    birth: str
    first: str
    middle: str
    last: str
    passport: str
    inn: str
    snils: str
    oms: str


def is_name(text: str) -> bool:
    """Tell whether a text is a name: 1 to 64 letters, hyphens, apostrophes and blanks, one of them a letter."""
    return _NAME.fullmatch(text) is not None


def is_birth(text: str, today: date) -> bool:
    """Tell whether a text is the birthday of somebody of 14 to 120 years."""
    if not _DATE.fullmatch(text):
        return False
    try:
        born = date.fromisoformat(text)
    except ValueError:
        return False
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return YOUNGEST <= years <= OLDEST


def is_passport(text: str) -> bool:
    """Tell whether a text is a passport's number: series and number, 10 digits."""
    return _digits(text, 10)


def is_inn(text: str) -> bool:
    """Tell whether a text is a taxpayer's number: 12 digits, the last two are right; or any 10."""
    if _digits(text, 10):
        return True
    return _digits(text, 12) and text == inn_of(text[:10])


def inn_of(ten: str) -> str:
    """Return the 12-digit number of a taxpayer that begins with ten digits."""
    eleven = ten + str(_weighed(ten, _INN_11))
    return eleven + str(_weighed(eleven, _INN_12))


def _weighed(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11 % 10


def is_snils(text: str) -> bool:
    """Tell whether a text is an insurance number: 11 digits, the last two are right."""
    if not _digits(text, 11):
        return False
    if int(text[:9]) <= FIRST_CHECKED_SNILS:
        return True
    total = sum(int(digit) * weight for digit, weight in zip(text[:9], range(9, 0, -1), strict=True))
    return int(text[9:]) == total % 101 % 100


def is_oms(text: str) -> bool:
    """Tell whether a text is the number of a medical policy: 16 digits."""
    return _digits(text, 16)


def _digits(text: str, count: int) -> bool:
    return len(text) == count and text.isascii() and text.isdigit()


def person_of(texts: Mapping[str, str]) -> Person:
    """
    Make a person of what people write.

    Blanks around names are left out, and inside numbers; in other numbers than the passport's hyphens too.
    """
    names = {name: normalize("NFC", texts[name]).strip() for name in ("first", "middle", "last")}
    numbers = {name: _SEPARATORS.sub("", texts.get(name, "")) for name in ("inn", "snils", "oms")}
    return Person(birth=texts["birth"], passport=texts["passport"].replace(" ", ""), **names, **numbers)


DOCUMENTS: tuple[tuple[str, Callable[[str], bool], str], ...] = (
    ("passport", is_passport, "10 digits are needed"),
    ("inn", is_inn, "12 digits with the right check digits are needed"),
    ("snils", is_snils, "11 digits with the right check number are needed"),
    ("oms", is_oms, "16 digits are needed"),
)


def wrongs(person: Person, today: date) -> dict[str, str]:
    """Return what is wrong with a person, by member; empty when all can be right."""
    found = {}
    if not is_birth(person.birth, today):
        found["birth"] = f"a date like 1990-02-11 of somebody of {YOUNGEST} to {OLDEST} years is needed"
    for name, needed in (("first", True), ("middle", False), ("last", True)):
        text = getattr(person, name)
        if (text or needed) and not is_name(text):
            found[name] = "1 to 64 letters, hyphens, apostrophes or blanks are needed, one of them a letter"
    for name, right, reason in DOCUMENTS:
        text = getattr(person, name)
        if (text or name == "passport") and not right(text):
            found[name] = reason
    return found


def masked(text: str) -> str:
    """Show the first two and the last two digits of a document; nothing of a number of four or less."""
    if not text:
        return ""
    return "***" if len(text) <= 4 else f"{text[:2]}***{text[-2:]}"
