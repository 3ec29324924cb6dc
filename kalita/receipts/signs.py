"""
Signs that the fonts of the papers lack: they are shown as `[…]`, not as an empty box.

`signs.csv` has the ranges of those that can be drawn; `python -m tests.signs` makes it from the fonts.
"""

import csv
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any
from unicodedata import category

MISSING = "[…]"
JOINER = "\u200d"


def drawable(content: Any) -> Any:
    """Return a text, or all texts in lists and maps, with `[…]` for what no font has."""
    if isinstance(content, str):
        return content if content.isascii() or _known().issuperset(content) else _without_missing(content)
    if isinstance(content, dict):
        return {name: drawable(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [drawable(value) for value in content]
    return content


def clusters(text: str) -> list[str]:
    """Cut a text into what stands on one place of a line: a sign with its accents, emoji that are joined."""
    found: list[str] = []
    for sign in text:
        if found and (category(sign)[0] == "M" or sign == JOINER or found[-1].endswith(JOINER)):
            found[-1] += sign
        else:
            found.append(sign)
    return found


def _without_missing(text: str) -> str:
    shown = filter(None, map(_shown, clusters(text)))
    return "".join(MISSING if lost else "".join(signs) for lost, signs in groupby(shown, lambda one: one is MISSING))


def _shown(cluster: str) -> str:
    """Return a cluster, its sign without accents where those cannot be drawn, nothing for what is never seen."""
    if _known().issuperset(cluster):
        return cluster
    if cluster[0] in _known():
        return cluster[0]
    return "" if category(cluster[0]) == "Cf" else MISSING


@cache
def _known() -> frozenset[str]:
    lines = files("kalita.receipts").joinpath("signs.csv").read_text("utf-8").splitlines()
    ranges = [(int(row["first"], 16), int(row["last"], 16)) for row in csv.DictReader(lines)]
    return frozenset(chr(number) for first, last in ranges for number in range(first, last + 1))
