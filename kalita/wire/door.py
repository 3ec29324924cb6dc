"""
The strict door for JSON bodies: what the parser lets through and we do not.

Refused with a 400 before a feature sees it: a byte-order mark, a key twice, nesting deeper than 32, U+0000
or a lone surrogate anywhere, broken UTF-8. Source: access.md 2 and 9, client-compatibility.md 1.
"""

import re
from typing import Any, TypeVar

import msgspec

from kalita.refusals import VALIDATION, Refused, malformed

Shape = TypeVar("Shape")

DEEPEST = 32
LARGEST_BODY = 64 * 1024

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?', re.DOTALL)
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_DIGITS = re.compile(rb"0|[1-9][0-9]*")
_LONG_NUMBER = re.compile(rb"[0-9]{1000,}")
_decode = msgspec.json.Decoder(float_hook=str).decode


def decode(raw: bytes, decoder: msgspec.json.Decoder[Shape]) -> Shape:
    """
    Read a JSON object into a shape.

    raises  the 400 that names the field
    """
    try:
        shaped = decoder.decode(raw)
        tree = _tree(raw)
    except msgspec.ValidationError as problem:
        raise _wrong_shape(str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(VALIDATION, "the body is not valid JSON in UTF-8") from None
    keys = _keys(tree, 1)
    if keys != raw.count(b":") and keys != sum(map(bool, _STRINGS.findall(raw))):
        raise Refused(VALIDATION, "a key stands twice in one object")
    if b"\\u0000" in raw and _has_nul(tree):
        raise Refused(VALIDATION, "the character U+0000 is not allowed")
    return shaped


def _tree(raw: bytes) -> Any:
    try:
        return _decode(raw)
    except msgspec.ValidationError:
        # A number of thousands of digits: whoever reads that member refuses it by its name.
        return _decode(_LONG_NUMBER.sub(b"0", raw))


def _wrong_shape(message: str) -> Refused:
    place = _PLACE.search(message)
    reason = message[: place.start()] if place else message
    missing = re.search(r"missing required field `(\w+)`", reason)
    field = ".".join(part for part in (place[1] if place else "", missing[1] if missing else "") if part)
    return malformed(field, reason) if field else Refused(VALIDATION, reason)


def _keys(tree: Any, depth: int) -> int:
    if isinstance(tree, dict):
        inner: Any = tree.values()
        count = len(tree)
    elif isinstance(tree, list):
        inner, count = tree, 0
    else:
        return 0
    if depth > DEEPEST:
        raise Refused(VALIDATION, f"the body is nested deeper than {DEEPEST}")
    for part in inner:
        if isinstance(part, (dict, list)):
            count += _keys(part, depth + 1)
    return count


def _has_nul(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any("\0" in key or _has_nul(part) for key, part in tree.items())
    if isinstance(tree, list):
        return any(map(_has_nul, tree))
    return isinstance(tree, str) and "\0" in tree


def text_or_digits(field: str, raw: bytes) -> str | None:
    """
    Read a JSON string as it is, or a JSON whole number as its digits.

    returns  None for null
    raises   the 400 that names the field for anything else
    """
    if raw[:1] == b'"':
        text: str = _decode(raw)
        return text
    if raw == b"null":
        return None
    if not _DIGITS.fullmatch(raw):
        raise malformed(field, "a string is needed")
    return raw.decode()


def amount_text(field: str, raw: bytes) -> str:
    """Return the text of an amount written as a JSON number or as a string; raise the 400 for any other value."""
    if raw[:1] == b'"':
        text: str = _decode(raw)
        return text
    if raw[:1] not in b"-0123456789" or raw == b"":
        raise malformed(field, "an amount is needed")
    return raw.decode()
