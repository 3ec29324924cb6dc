"""
Find providers by words of their names. Source: payments.md 12.
"""

import re

from kalita.providers.catalogue import Catalogue
from kalita.providers.provider import Provider

MOST = 50
_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """Return the words of a text, without regard to case or to ё and е."""
    return _WORD.findall(text.casefold().replace("ё", "е"))


def found(catalogue: Catalogue, text: str) -> list[Provider]:
    """
    Return the providers that every word of a text leads to, at most 50.

    Those of exactly this name come first, then those whose name begins with it, each by their ids.

    A word leads to a provider when a word of its names, of its keys, or its id begins with it.
    """
    wanted = words(text)
    if not wanted:
        return []
    hits = [one for one in catalogue.all() if one.payable and _leads(wanted, one)]
    return sorted(hits, key=lambda one: (_distance(wanted, one), one.id))[:MOST]


def _distance(wanted: list[str], provider: Provider) -> int:
    names, text = [" ".join(words(name)) for name in (provider.name_ru, provider.name_en)], " ".join(wanted)
    return 0 if text in names else 1 if any(name.startswith(text) for name in names) else 2


def _leads(wanted: list[str], provider: Provider) -> bool:
    known = words(f"{provider.name_ru} {provider.name_en} {provider.keys} {provider.id}")
    return all(any(word.startswith(start) for word in known) for start in wanted)
