"""
Named statements: plain SQL in files, the same text for both engines.

A file holds blocks that begin with `-- name: what_it_is`; parameters are `$1`, `$2` …
"""

import re
from functools import cache
from importlib.resources import files

_PARAMETER = re.compile(r"\$(\d+)")
_HINTS = {name: re.compile(rf"/\* {name}: (.*?) \*/") for name in ("sqlite", "postgres")}


@cache
def statements() -> dict[str, str]:
    """Return every named statement."""
    found: dict[str, str] = {}
    for file in sorted(files("kalita.storage").joinpath("queries").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql"):
            continue
        for block in file.read_text("utf-8").split("-- name:")[1:]:
            name, _, text = block.partition("\n")
            assert name.strip() not in found, f"{name} is named twice"
            found[name.strip()] = text.strip().rstrip(";")
    return found


@cache
def for_sqlite() -> dict[str, str]:
    """Return the statements with SQLite's numbered parameters, and with the hints that only its planner needs."""
    return {name: hinted(_PARAMETER.sub(r"?\1", text), "sqlite") for name, text in statements().items()}


@cache
def for_postgres() -> dict[str, str]:
    """Return the statements with the hints for PostgreSQL, like `/* postgres: FOR UPDATE */`."""
    return {name: hinted(text, "postgres") for name, text in statements().items()}


def hinted(text: str, engine: str) -> str:
    """Let an engine see the hints that are for it alone."""
    return _HINTS[engine].sub(r"\1", text)
