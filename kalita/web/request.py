"""A request as it arrived, whoever parsed it."""

import re
from typing import NamedTuple
from urllib.parse import unquote

_SLASH = re.compile("%2f", re.IGNORECASE)
_OF_BILLS = re.compile("/+partner/+bill/")


class Request(NamedTuple):
    """
    One request, complete.

    path       decoded; `address_length` is that of the raw path and query
    headers    names in lower case
    body       empty when it is `too_large`: it was not read to its end
    client     address of the peer
    """

    method: str
    path: str
    query: bytes
    address_length: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    client: str
    too_large: bool = False


def decoded(raw: str) -> str:
    """
    Decode a path.

    An id of a bill is its owner's, and holds no slash: an encoded one becomes U+0000, which every parameter refuses by
    its name, where a slash would lead to another path. Source: invoices.md 1 and 3.5
    """
    if "%" not in raw:
        return raw
    return unquote(_SLASH.sub("%00", raw) if is_of_bills(raw) else raw)


def is_of_bills(path: str) -> bool:
    """Tell whether a path lies under /partner/bill/, however many slashes it is written with."""
    return _OF_BILLS.match(path) is not None
