"""
Mobile operators by number: the longest known prefix wins.

The table in `operators.csv` is a coarse seed from the general numbering plan. Source: providers.md 6.
"""

import csv
from functools import cache
from importlib.resources import files

UNKNOWN = "UNKNOWN"


@cache
def prefixes() -> dict[str, str]:
    """Return the operator of each known prefix, country code included."""
    lines = files("kalita.people").joinpath("operators.csv").read_text("utf-8").splitlines()
    return {row["prefix"]: row["operator"] for row in csv.DictReader(lines)}


def operator_of(wallet: int) -> str:
    """Return the name of a number's operator, or UNKNOWN."""
    digits = str(wallet)
    known = prefixes()
    for length in range(len(digits), 0, -1):
        if digits[:length] in known:
            return known[digits[:length]]
    return UNKNOWN
