"""
The shape of the old site's calls: success and failure both with status 200. Source: client-compatibility.md 2, shape C.
"""

from typing import Any

import msgspec


class OldCode(msgspec.Struct):
    """`0` NORMAL or `2` ERROR; both as text."""

    value: str
    _name: str


class OldAnswer(msgspec.Struct):
    """Everything the old site's helpers answer."""

    code: OldCode
    data: Any = None
    message: str | None = None
    messages: dict[str, Any] | None = None


NORMAL, ERROR = OldCode("0", "NORMAL"), OldCode("2", "ERROR")
