"""
The description of the API: an OpenAPI 3.1 document made of the table of rows, and of nothing else.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec

from kalita import __version__
from kalita.refusals import BLOCKED, METHOD_NOT_ALLOWED, UNAUTHORIZED, UNAVAILABLE, Refusal
from kalita.web.errors import PaymentError, ServiceError, code_of, refusals_of, shape_of
from kalita.wire.endpoint import Call, Caller, Endpoint, Rate
from kalita.wire.params import Param

Node = dict[str, Any]

ABOUT = """\
A self-hosted electronic-wallet server.

Amounts are JSON numbers with at most two decimals, currencies are ISO 4217 numbers, dates are written
`YYYY-MM-DDThh:mm:ss+03:00`. Unknown parameters and members are ignored; an empty parameter counts as absent.
`Accept-Language: en` gives texts in English, Russian is the default."""

_SECURITY: dict[Caller, list[Node]] = {
    Caller.ANYONE: [],
    Caller.OPTIONAL: [{}, {"bearer": []}],
    Caller.TOKEN: [{"bearer": []}],
    Caller.AGENT: [{"basic": []}],
    Caller.SECRET: [{"bearer": []}],
    Caller.EITHER: [{"bearer": []}],
}
_NEEDED = {
    Caller.ANYONE: "Needs no token.",
    Caller.OPTIONAL: "Needs no token; one that is sent has to be good.",
    Caller.TOKEN: "Needs a token, whatever it allows.",
    Caller.AGENT: "Needs the agent's own name and password.",
    Caller.SECRET: "Needs the secret key of a pair.",
}
_TEXT: Node = {"type": "string"}
_SECONDS: Node = {"type": "integer", "minimum": 0}
_HEADERS: dict[Refusal, tuple[str, str, Node]] = {
    UNAUTHORIZED: ("WWW-Authenticate", "the scheme that is needed", _TEXT),
    METHOD_NOT_ALLOWED: ("Allow", "the methods of this path", _TEXT),
    BLOCKED: ("Retry-After", "seconds until the next call may pass", _SECONDS),
    UNAVAILABLE: ("Retry-After", "seconds after which to repeat the call", _SECONDS),
}


_MOVED: Node = {
    "description": "Done; it goes on at another address",
    "headers": {
        "X-Trace-Id": {"$ref": "#/components/headers/TraceId"},
        "Location": {"description": "that address", "required": True, "schema": _TEXT},
    },
}


class Description:
    """The description of a table of rows, as an object and as bytes."""

    def __init__(self, rows: Iterable[Endpoint]) -> None:
        self.rows = tuple(rows)

    @cached_property
    def document(self) -> Node:
        """The OpenAPI document."""
        return describe(self.rows)

    @cached_property
    def _bytes(self) -> bytes:
        return msgspec.json.encode(self.document)

    async def openapi(self, call: Call) -> bytes:
        """Answer the document."""
        return self._bytes


def describe(rows: Iterable[Endpoint]) -> Node:
    """Describe rows as an OpenAPI 3.1 document. The same rows give the same document."""
    rows = tuple(rows)
    schemas, components = _schemas(rows)
    paths: Node = {}
    for row in rows:
        for path in (row.path, *row.aliases):
            paths.setdefault(path, {})[row.method.lower()] = _operation(row, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kalita",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(row.service for row in rows)],
        "paths": paths,
        "components": {
            "schemas": components,
            "parameters": {"Language": _LANGUAGE},
            "headers": {"TraceId": {"description": "names this call in the server's log", "schema": _TRACE_ID}},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": _BEARER},
                "basic": {"type": "http", "scheme": "basic", "description": "an agent's name and password"},
            },
        },
    }


_BEARER = "a wallet's token: 180 days; where bills are asked for, the secret key of a pair"
_TRACE_ID: Node = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
_LANGUAGE: Node = {
    "name": "Accept-Language",
    "in": "header",
    "description": "`ru` (also the default) or `en`: the language of texts for people",
    "schema": {"type": "string", "default": "ru", "examples": ["en"]},
}


def operation_id(method: str, path: str) -> str:
    """Return the name of a call: its method and path as one word."""
    return re.sub(r"\W+", "_", f"{method.lower()}{path}").strip("_")


def _schemas(rows: tuple[Endpoint, ...]) -> tuple[dict[Any, Node], Node]:
    """Return the schema of every shape, and the components they refer to."""
    named = (shape for row in rows for shape in (row.body, row.answers, row.refused_as))
    shapes = dict.fromkeys(shape for shape in named if shape is not None)
    shapes |= dict.fromkeys((ServiceError, PaymentError))
    found, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    schemas = dict(zip(shapes, map(_honest, found), strict=True))
    return schemas, {name: _honest(components[name]) for name in sorted(components)}


def _honest(node: Any) -> Any:
    """Let a declared type speak for itself: msgspec leaves the union that it stands for beside it."""
    if isinstance(node, list):
        return [_honest(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {key: _honest(part) for key, part in node.items() if not (key == "anyOf" and "type" in node)}


def _operation(row: Endpoint, path: str, schemas: dict[Any, Node]) -> Node:
    operation: Node = {
        "operationId": operation_id(row.method, path),
        "summary": row.title,
        "description": _about(row, path),
        "tags": [row.service],
        "parameters": [
            *(_parameter(param, "path") for param in row.at),
            *(_parameter(param, "query") for param in row.query),
            {"$ref": "#/components/parameters/Language"},
        ],
    }
    if row.body is not None:
        content = {"application/json": {"schema": schemas[row.body]}}
        operation["requestBody"] = {"required": not row.bare, "content": content}
    elif row.form:
        operation["requestBody"] = {"required": False, "content": _form(row)}
    operation["responses"] = {str(row.success): _success(row, schemas), **_refused(row, schemas)}
    if row.moves:
        operation["responses"]["303"] = _MOVED
    if row.refused_as is not None:
        content = operation["responses"]["400"]["content"]["application/json"]
        content["schema"] = {"anyOf": [content["schema"], schemas[row.refused_as]]}
    if row.caller is Caller.AGENT:
        operation["responses"]["401"] = {"description": "The credential is wrong; nothing more is told"}
    operation["security"] = _SECURITY[row.caller]
    operation["x-source"] = row.source
    if row.permission is not None:
        operation["x-permission"] = row.permission.words
    if path != row.path:
        operation["x-alias-of"] = row.path
    return operation


def _form(row: Endpoint) -> Node:
    """Describe the body that may hold the query's parameters."""
    members: Node = {}
    for param in row.query:
        if param.keyed:
            key = rf"^{re.escape(param.name)}\[.+\]$"
            members.setdefault("patternProperties", {})[key] = param.schema["additionalProperties"]
        else:
            members.setdefault("properties", {})[param.name] = param.schema
    about = "the parameters of the query, which may stand here too; also as members of a JSON object"
    return {"application/x-www-form-urlencoded": {"schema": {"type": "object", "description": about, **members}}}


def _about(row: Endpoint, path: str) -> str:
    said = []
    if path != row.path:
        said.append(f"Means the same as `{row.path}`.")
    said.append(_needed(row))
    if row.rate is Rate.HISTORY:
        said.append("At most 100 calls a minute for one wallet; the next one blocks history for 5 minutes.")
    return " ".join(said)


def _needed(row: Endpoint) -> str:
    if row.permission is None:
        return _NEEDED[row.caller]
    token = f"Needs a token with the permission `{row.permission.words}`"
    key = " that its owner lets spend" if row.spends else ""
    return f"{token}, or the secret key of a pair{key}." if row.caller is Caller.EITHER else f"{token}."


def _parameter(param: Param, place: str) -> Node:
    parameter: Node = {
        "name": param.name,
        "in": place,
        "required": param.required or place == "path",
        "description": param.wrong.removesuffix(" is needed").removesuffix(" are needed"),
        "schema": param.schema,
    }
    if param.many:
        parameter |= {"style": "form", "explode": True}
        parameter["description"] += f"; also as `{param.name}[0]=…` or in one value with commas"
    if param.keyed:
        parameter |= {"style": "deepObject", "explode": True}
    if param.example is not None:
        parameter["example"] = param.example
    return parameter


def _success(row: Endpoint, schemas: dict[Any, Node]) -> Node:
    schema = schemas[row.answers] if row.answers is not None else _TEXT
    done: Node = {"description": "Done", "headers": {"X-Trace-Id": {"$ref": "#/components/headers/TraceId"}}}
    content = {media: {"schema": schema} for media in (row.media, *row.other_media)}
    return done if row.success == 204 or row.empty else done | {"content": content}


def _refused(row: Endpoint, schemas: dict[Any, Node]) -> Node:
    by_status: dict[int, list[Refusal]] = {}
    for refusal in refusals_of(row):
        by_status.setdefault(refusal.status, []).append(refusal)
    return {str(status): _refusals(refusals, row, schemas) for status, refusals in by_status.items()}


def _refusals(refusals: list[Refusal], row: Endpoint, schemas: dict[Any, Node]) -> Node:
    """Describe what goes out with one status: the codes, the texts, the shapes of the body."""
    family = row.family
    shapes = [schemas[shape] for shape in dict.fromkeys(shape_of(refusal, family) for refusal in refusals)]
    headers: Node = {"X-Trace-Id": {"$ref": "#/components/headers/TraceId"}}
    for refusal in refusals:
        if refusal in _HEADERS:
            name, about, schema = _HEADERS[refusal]
            headers[name] = {"description": about, "required": True, "schema": schema}
    return {
        "description": "; ".join(f"`{code_of(refusal, family)}` {refusal.en}" for refusal in refusals),
        "headers": headers,
        "content": {
            "application/json": {"schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}},
            **({row.media: {"schema": _TEXT}} if row.said_as else {}),
        },
        "x-refusals": [{"code": code_of(refusal, family), "en": refusal.en, "ru": refusal.ru} for refusal in refusals],
    }


ROWS = (
    Endpoint(
        "GET",
        "/openapi.json",
        Description,
        Description.openapi,
        "This description of the API",
        "design.md The endpoint table",
        caller=Caller.ANYONE,
        answers=dict[str, Any],
        rate=Rate.NONE,
        sampled=True,
    ),
)
