"""
What the server and its ledger process say to each other: length-prefixed MessagePack over a socket pair.

    server → ledger   Hello once, then Orders and Changes
    ledger → server   Ready once, then Replies
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from kalita.ledger.order import Order
from kalita.storage.engine import Heard, Step

_LENGTH = struct.Struct(">I")


class Hello(msgspec.Struct, array_like=True):
    """
    How to open the books. The secret goes through the socket, so that no other process can see it.

    demo      the clock is moved by hand now and then: look for that in the database
    own_core  keep to one core of the machine, see process.py
    """

    database: str
    secret: bytes
    clock_offset: int
    largest_group: int
    demo: bool = False
    own_core: bool = False


class Ready(msgspec.Struct, array_like=True):
    """The lane this ledger writes in."""

    lane: int


class Orders(msgspec.Struct, array_like=True, tag=1):
    """Orders, each with the number that its reply will have."""

    orders: list[tuple[int, Order]]


class Change(msgspec.Struct, array_like=True, tag=2):
    """Statements outside the books that are one transaction (Engine.change), where only one process writes."""

    number: int
    steps: list[Step]


class Reply(NamedTuple):
    """
    The outcome of one order or change.

    accepted  (txn_id, answer, repeated)
    refused   (code, status, en, ru)
    changed   how many rows each statement of a change touched
    failed    why nothing was written; `reference` leads to the log of a fault
    """

    number: int
    accepted: tuple[int, str, bool] | None = None
    refused: tuple[str, int, str, str] | None = None
    failed: str = ""
    reference: str = ""
    changed: list[int] | None = None


class Replies(msgspec.Struct, array_like=True):
    """The outcomes of a group, and what the ledger knows of the access epoch (storage/engine.py)."""

    replies: list[Reply]
    heard: Heard | None = None


encode = msgspec.msgpack.Encoder().encode
decode_hello = msgspec.msgpack.Decoder(Hello).decode
decode_ready = msgspec.msgpack.Decoder(Ready).decode
decode_work = msgspec.msgpack.Decoder(Orders | Change).decode
decode_replies = msgspec.msgpack.Decoder(Replies).decode


def framed(content: Any) -> bytes:
    """Return a frame."""
    body = encode(content)
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Cut a stream of bytes into frames."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take what arrived; return the frames that are complete."""
        self._kept += data
        while len(self._kept) >= 4:
            (length,) = _LENGTH.unpack_from(self._kept)
            if len(self._kept) < 4 + length:
                return
            frame = bytes(self._kept[4 : 4 + length])
            del self._kept[: 4 + length]
            yield frame
