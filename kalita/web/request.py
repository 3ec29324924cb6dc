"""A request as it arrived, whoever parsed it."""

from typing import NamedTuple


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
