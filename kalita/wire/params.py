"""
Parameters of the query and of the path: how each is read, and how the API's description shows it.

Rules that hold for all: unknown names are ignored, an empty value counts as absent, the last of several wins.
Source: access.md 1 and 9, client-compatibility.md T10 to T13.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode

import msgspec

from kalita.refusals import VALIDATION, Refusal, Refused, malformed
from kalita.wire.dates import parse_moment

MOST_PARAMETERS = 200


@dataclass(frozen=True, slots=True)
class Param:
    """
    One parameter.

    read      turns the text into a value; None means the text is wrong; may raise a refusal of its own
    wrong     what the 400 says then
    schema    its JSON Schema
    keyed     a map: `name[key]=text`; read by its texts
    many      an array: `name[0]=`, `name=a&name=b`, `name=a,b` and their mixtures
    also      other spellings of the name
    ignored   values that count as absent
    refusal   what a wrong text is answered with
    raw       its handler says what is wrong: NUL and bytes that are no UTF-8 reach `read` like any text, and a query of
              too many parameters, where all are raw, counts as empty
    """

    name: str
    read: Callable[[str], Any]
    wrong: str
    schema: dict[str, Any]
    required: bool = False
    default: Any = None
    many: bool = False
    also: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    example: Any = None
    refusal: Refusal = VALIDATION
    keyed: bool = False
    raw: bool = False


def whole(name: str, low: int, high: int, required: bool = False, default: int | None = None) -> Param:
    """Take a whole number between two bounds, written without sign or leading zero."""

    def read(text: str) -> int | None:
        if not text.isascii() or not text.isdigit() or len(text) > 19 or (text[0] == "0" and text != "0"):
            return None
        return int(text) if low <= int(text) <= high else None

    schema = {"type": "integer", "minimum": low, "maximum": high}
    if default is not None:
        schema["default"] = default
    return Param(name, read, f"a whole number from {low} to {high} is needed", schema, required, default)


def flag(name: str, default: bool) -> Param:
    """Take true or false in any case."""
    words = {"true": True, "false": False}
    schema = {"type": "boolean", "default": default}
    return Param(name, lambda text: words.get(text.lower()), "true or false is needed", schema, default=default)


def choice(name: str, words: tuple[str, ...], default: str | None = None, ignored: tuple[str, ...] = ()) -> Param:
    """Take one of some words; `ignored` words count as absent."""

    schema: dict[str, Any] = {"type": "string", "enum": list(words)}
    return Param(
        name,
        lambda text: text if text in words else None,
        f"one of {', '.join(words)} is needed",
        schema if default is None else schema | {"default": default},
        default=default,
        ignored=ignored,
    )


def several(name: str, words: tuple[str, ...], also: tuple[str, ...] = ()) -> Param:
    """Take any number of some words, in every form of an array that clients send."""
    schema = {"type": "array", "items": {"type": "string", "enum": list(words)}}
    wrong = f"words out of {', '.join(words)} are needed"
    return Param(name, lambda text: text if text in words else None, wrong, schema, many=True, also=also)


def moment(name: str, required: bool = False) -> Param:
    """Take a date-time with its zone."""
    schema = {"type": "string", "format": "date-time"}
    return Param(name, parse_moment, "a date like 2026-01-14T15:12:08+03:00 is needed", schema, required)


def pattern(name: str, form: str, wrong: str, required: bool = False, example: str | None = None) -> Param:
    """Take a text that matches a form as a whole."""
    compiled = re.compile(form, re.ASCII)
    schema = {"type": "string", "pattern": f"^{form}$"}
    return Param(
        name, lambda text: text if compiled.fullmatch(text) else None, wrong, schema, required, example=example
    )


def wallet_number(name: str) -> Param:
    """Take a wallet's number in the path: 10 to 15 digits, a leading `+` is dropped. Source: access.md 1, 5.2."""
    form = re.compile(r"\+?[1-9]\d{9,14}", re.ASCII)
    schema = {"type": "string", "pattern": r"^\+?[1-9][0-9]{9,14}$"}
    wrong = "a wallet number has 10 to 15 digits"
    return Param(
        name,
        lambda text: int(text.lstrip("+")) if form.fullmatch(text) else None,
        wrong,
        schema,
        True,
        example="79991112233",
    )


_KEYED = re.compile(r"([^\[\]]+)\[([^\[\]\x00-\x1f\x7f\ufffd]+)\]")
_INDEXED = re.compile(r"([^\[\]]+)\[\d{0,9}\]", re.ASCII)


def read_query(params: tuple[Param, ...], raw: bytes) -> dict[str, Any]:
    """
    Read a query string by the row's parameters.

    returns  a value for each parameter; its default where absent
    raises   the 400 that names the parameter
    """
    texts = _texts(params, raw.decode("latin-1")) if raw and params else {}
    values: dict[str, Any] = {}
    for param in params:
        given = texts.get(param.name)
        if param.keyed:
            start = f"{param.name}["
            ours = [(name[len(start) : -1], one[-1]) for name, one in texts.items() if name.startswith(start)]
            values[param.name] = {key: _read(param, text) for key, text in ours}
        elif given is None:
            if param.required:
                raise malformed(param.name, "it is required")
            values[param.name] = [] if param.many else param.default
        elif param.many:
            parts = [_read(param, part) for text in given for part in re.split("[ ,]+", text) if part]
            if param.required and not parts:
                raise malformed(param.name, "it is required")
            values[param.name] = parts
        else:
            values[param.name] = _read(param, given[-1])
    return values


def _texts(params: tuple[Param, ...], raw: str) -> dict[str, list[str]]:
    """Return the texts given for each known parameter, in their order; the empty ones count as absent."""
    known = {name: param for param in params for name in (param.name, *param.also)}
    pairs = raw.split("&")
    if len(pairs) > MOST_PARAMETERS:
        if all(param.raw for param in params):
            return {}
        raise Refused(VALIDATION, f"more than {MOST_PARAMETERS} parameters")
    texts: dict[str, list[str]] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        name, text = _decoded(name), _decoded(text)
        keyed = _KEYED.fullmatch(name)
        if keyed and keyed[1] in known and known[keyed[1]].keyed and text:
            texts.setdefault(name, []).append(text)
            continue
        indexed = _INDEXED.fullmatch(name)
        param = known.get(indexed[1] if indexed else name)
        if param is not None and text and text not in param.ignored and (param.many or not indexed):
            texts.setdefault(param.name, []).append(text)
    return texts


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="replace") if "%" in text or "+" in text else text


def _read(param: Param, text: str) -> Any:
    value = param.read(text) if param.raw or ("\0" not in text and "\ufffd" not in text) else None
    if value is None:
        raise Refused(param.refusal, f"{param.name}: {param.wrong}", {param.name: [param.wrong]})
    return value


def with_body(query: bytes, body: bytes) -> bytes:
    """
    Return a query string with what a body says put behind it, whatever the body calls itself.

    body  `name=text&…`, or a JSON object, of which texts and whole numbers count; anything else says nothing
    Source: client-compatibility.md 6
    """
    if body.lstrip()[:1] == b"{":
        try:
            members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return query
        texts = {name: _member(bytes(value)) for name, value in members.items()}
        body = urlencode({name: text for name, text in texts.items() if text is not None}, errors="replace").encode()
    return b"&".join(part for part in (query, body.strip()) if part)


def _member(value: bytes) -> str | int | None:
    try:
        return msgspec.json.decode(value, type=str | int | None)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_path(params: tuple[Param, ...], texts: dict[str, str]) -> dict[str, Any]:
    """Read the named segments of a path by the row's parameters; raise the 400 that names the segment."""
    values: dict[str, Any] = {}
    for param in params:
        values[param.name] = _read(param, texts[param.name])
    return values
