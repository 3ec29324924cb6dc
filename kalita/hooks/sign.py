"""
Message ids and signatures. Pure. Source: webhooks.md 1 and 2.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from uuid import UUID

SEPARATOR = "|"
_TAG_BITS, _STREAM_BITS, _LOW_BITS = 54, 14, 62


def message_id(receiver: str, caused_by: int, stream: int) -> str:
    """
    Return the id of a message: made of what caused it, so that it is the same on every attempt and in every process.

    receiver  id of the receiver; the same event told to another one gets another id
    """
    packed = (caused_by << _STREAM_BITS | stream) << _TAG_BITS | _tag(receiver)
    high, low = packed >> _LOW_BITS, packed & (1 << _LOW_BITS) - 1
    return str(UUID(int=((high >> 12) << 80) | (8 << 76) | ((high & 0xFFF) << 64) | (2 << 62) | low))


def event_of(receiver: str, message: str) -> tuple[int, int] | None:
    """Return what caused a message of a receiver and its stream; None when the id is none of that receiver's."""
    try:
        number = UUID(message).int
    except ValueError:
        return None
    high = (number >> 80) << 12 | number >> 64 & 0xFFF
    packed = high << _LOW_BITS | number & (1 << _LOW_BITS) - 1
    caused_by, stream = divmod(packed >> _TAG_BITS, 1 << _STREAM_BITS)
    return (caused_by, stream) if message_id(receiver, caused_by, stream) == message.lower() else None


def _tag(receiver: str) -> int:
    return int.from_bytes(hashlib.sha256(receiver.encode()).digest()[:8]) >> 10


def documented(key: str, fields: Iterable[str]) -> str:
    """
    Sign the values of the signed fields, in their order, each as it stands in the JSON.

    key  Base64 of 32 bytes
    """
    return hmac.new(base64.b64decode(key), SEPARATOR.join(fields).encode(), hashlib.sha256).hexdigest()


def standard(keys: Iterable[str], message: str, timestamp: int, body: bytes) -> str:
    """
    Sign a whole message in the public form of Standard Webhooks, with each of the keys.

    timestamp  seconds of this attempt
    """
    content = b"%b.%d.%b" % (message.encode(), timestamp, body)
    signed = (hmac.digest(base64.b64decode(key), content, "sha256") for key in keys)
    return " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signed)


def verifies(key: str, message: str, timestamp: str, body: bytes, header: str) -> bool:
    """Tell whether one of the signatures of a Standard Webhooks header is a key's."""
    try:
        expected = standard([key], message, int(timestamp), body)
    except (ValueError, binascii.Error):
        return False
    return any(hmac.compare_digest(one.encode(), expected.encode()) for one in header.split(" "))
