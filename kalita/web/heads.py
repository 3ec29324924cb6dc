"""
The heads of a request: read once, checked by the rules that hold for every row. Source: access.md 2 and 9.
"""

from functools import lru_cache
from typing import NamedTuple

from kalita.refusals import (
    NOT_ACCEPTABLE,
    TOO_LARGE_HEADERS,
    TOO_LONG_ADDRESS,
    UNSUPPORTED_TYPE,
    VALIDATION,
    Refused,
    malformed,
)
from kalita.wire.endpoint import Endpoint, Family

LARGEST_HEADERS = 16 * 1024
LONGEST_ADDRESS = 8 * 1024
LONGEST_WISH = 256

_VENDOR = ("application/vnd.qiwi.v1+json", "application/vnd.qiwi.v2+json")
_JSON_RANGES = ("*/*", "application/*", "application/json")


class Heads(NamedTuple):
    """What the gate looks at. Values are None when the header is absent."""

    authorization: str | None
    accept: bytes | None
    content_type: bytes | None
    language: str


def read(headers: list[tuple[bytes, bytes]], address_length: int) -> Heads:
    """
    Read the headers of a request.

    raises  414, 431, or 400 for two Authorization headers
    """
    if address_length > LONGEST_ADDRESS:
        raise Refused(TOO_LONG_ADDRESS)
    authorization = accept = content_type = wanted = None
    size = 0
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name == b"authorization":
            if authorization is not None:
                raise malformed("Authorization", "it stands twice")
            authorization = value.decode("latin-1")
        elif name == b"accept":
            accept = value if accept is None else accept + b"," + value
        elif name == b"content-type":
            content_type = value
        elif name == b"accept-language":
            wanted = value
    if size > LARGEST_HEADERS:
        raise Refused(TOO_LARGE_HEADERS)
    return Heads(authorization, accept, content_type, _language(wanted) if wanted else "ru")


def language_of(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the language that headers ask for which cannot be read otherwise."""
    wanted = next((value for name, value in reversed(headers) if name == b"accept-language"), b"")
    return _language(wanted) if 0 < len(wanted) <= LONGEST_WISH else "ru"


@lru_cache(256)
def _language(wanted: bytes) -> str:
    """Return `en` when English is asked for before Russian, else `ru`."""
    best, best_weight = "ru", 0
    for name, weight in _ranges(wanted):
        language = name.partition("-")[0]
        if language in ("ru", "en") and weight > best_weight:
            best, best_weight = language, weight
    return best


def _ranges(wanted: bytes) -> list[tuple[str, int]]:
    """Return the ranges of an Accept header, lower case, each with its weight from 0 to 1000."""
    found = []
    for part in wanted.decode("latin-1").lower().replace(" ", "").replace("\t", "").split(","):
        name, *parameters = part.split(";")
        weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        digits = weight.replace(".", "").ljust(4, "0")[:4]
        found.append((name, int(digits) if digits.isascii() and digits.isdigit() else 0))
    return found


@lru_cache(256)
def admits(accept: bytes, media: tuple[str, ...], family: Family) -> bool:
    """Tell whether an Accept header lets JSON, or a type of the row's answer, through."""
    if not accept.strip():
        return True
    allowed = {*_JSON_RANGES, *media, *(one.split("/")[0] + "/*" for one in media)}
    if family is Family.PAYMENT:
        allowed.update(_VENDOR)
    return any(name in allowed and weight for name, weight in _ranges(accept))


@lru_cache(256)
def _is_json(content_type: bytes) -> bool:
    return content_type.split(b";")[0].strip().lower() in (b"", b"application/json")


def wants_page(heads: Heads) -> bool:
    """Tell whether who asks is a person's browser: they name the type of pages, programs do not."""
    return heads.accept is not None and any(name == "text/html" and weight for name, weight in _ranges(heads.accept))


def check_accept(heads: Heads, media: tuple[str, ...], family: Family) -> None:
    """Raise the documented 400 for an Accept that does not admit the answer."""
    if heads.accept is not None and not admits(heads.accept, media, family):
        reason = f"only {' and '.join(media)} is offered"
        refusal = NOT_ACCEPTABLE if family is Family.BILL else VALIDATION
        raise Refused(refusal, f"Accept: {reason}", {"Accept": [reason]})


def check_content_type(heads: Heads, row: Endpoint) -> None:
    """Raise the documented 400 for a body of another type than JSON, unless the row reads JSON under any."""
    if heads.content_type is not None and not row.any_type and not _is_json(heads.content_type):
        reason = "only application/json is understood"
        refusal = UNSUPPORTED_TYPE if row.family is Family.BILL else VALIDATION
        raise Refused(refusal, f"Content-Type: {reason}", {"Content-Type": [reason]})


def bearer_of(heads: Heads) -> str:
    """Return the token of the Authorization header; empty when there is none or another scheme."""
    scheme, _, token = (heads.authorization or "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
