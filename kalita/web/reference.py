"""
The page for people at /docs: every call of the table, readable without JavaScript, tried out with it.

It is a rendering of the OpenAPI document, so it cannot say anything else than the table does.
"""

import csv
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import quote

import msgspec

from kalita.web.openapi import Description, Node
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint, Rate

ADDRESS = "http://127.0.0.1:8000"
"""What stands in the examples until the page's script puts the real address there."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_GUARDED = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

WORDS = {
    "en": {
        "title": "Kalita API", "skip": "To the calls", "contents": "Calls", "token": "Token for trying calls",
        "about": "Every call this server takes, with what it needs, answers and refuses.",
        "token_kept": "It stays in this field and is forgotten with the page.", "waiting": "Waiting…",
        "failed": "The call did not go through:", "parameters": "Parameters", "body": "Body", "answer": "Answer",
        "refusals": "Refusals", "name": "Name", "where": "Where", "type": "Type", "meaning": "Meaning",
        "needed": "required", "code": "Code", "status": "Status", "try": "Try it", "aliases": "Also at",
        "permission": "Permission of the token", "no_token": "No token is needed.", "path": "path", "query": "query",
        "default": "default", "source": "Contract",
    },
    "ru": {
        "title": "API Kalita", "skip": "К вызовам", "contents": "Вызовы", "token": "Токен, чтобы пробовать вызовы",
        "about": "Все вызовы этого сервера: что им нужно, что они отвечают и когда отказывают.",
        "token_kept": "Он остаётся в этом поле и забывается вместе со страницей.", "waiting": "Ждём ответа…",
        "failed": "Вызов не удался:", "parameters": "Параметры", "body": "Тело", "answer": "Ответ",
        "refusals": "Отказы", "name": "Имя", "where": "Где", "type": "Тип", "meaning": "Что это",
        "needed": "обязателен", "code": "Код", "status": "Статус", "try": "Попробовать", "aliases": "Другие пути",
        "permission": "Право токена", "no_token": "Токен не нужен.", "path": "путь", "query": "запрос",
        "default": "по умолчанию", "source": "Договор",
    },
}  # fmt: skip


class Reference:
    """Show the description of the API to people."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self._pages: dict[str, bytes] = {}

    async def page(self, call: Call) -> Answer:
        """Answer the page in the language of the caller."""
        if call.language not in self._pages:
            self._pages[call.language] = Page(self._description.document, call.language).html().encode()
        headers = (*_GUARDED, (b"vary", b"accept-language"), (b"content-language", call.language.encode()))
        return Answer(self._pages[call.language], content_type=b"text/html;charset=UTF-8", headers=headers)

    async def style(self, call: Call) -> Answer:
        """Answer the style sheet."""
        return Answer(_file("css"), content_type=b"text/css;charset=UTF-8", headers=_GUARDED)

    async def script(self, call: Call) -> Answer:
        """Answer the script that tries calls."""
        return Answer(_file("js"), content_type=b"text/javascript;charset=UTF-8", headers=_GUARDED)


def _file(kind: str) -> bytes:
    return files("kalita.web").joinpath(f"reference.{kind}").read_bytes()


@cache
def _titles() -> dict[str, str]:
    rows = csv.DictReader(files("kalita.web").joinpath("titles.csv").read_text("utf-8").splitlines())
    return {row["en"]: row["ru"] for row in rows}


def title_of(operation: Node, language: str) -> str:
    """Return the title of a call; in English where titles.csv does not have it."""
    title: str = operation["summary"]
    return _titles().get(title, title) if language == "ru" else title


class Page:
    """The page in one language."""

    def __init__(self, document: Node, language: str) -> None:
        self._document, self._language, self._words = document, language, WORDS[language]

    def html(self) -> str:
        """Return the whole page."""
        calls: list[tuple[str, str, Node]] = []
        aliases: dict[str, list[str]] = {}
        for path, methods in self._document["paths"].items():
            for method, operation in methods.items():
                if "x-alias-of" in operation:
                    aliases.setdefault(operation["x-alias-of"], []).append(path)
                else:
                    calls.append((method.upper(), path, operation))
        words = {name: escape(text) for name, text in self._words.items()}
        return Template(_file("html").decode()).substitute(
            words,
            language=self._language,
            links="".join(_link(self._language, *call) for call in calls),
            calls="".join(self._call(*call, aliases.get(call[1], [])) for call in calls),
        )

    def _call(self, method: str, path: str, operation: Node, aliases: list[str]) -> str:
        words, permission = self._words, operation.get("x-permission")
        needs = f"{words['permission']}: {permission}." if permission else words["no_token"]
        others = "".join(f'<p class="call soft">{words["aliases"]} <code>{escape(one)}</code></p>\n' for one in aliases)
        return (
            f'<section id="{operation["operationId"]}">\n<h2>{escape(title_of(operation, self._language))}</h2>\n'
            f'<p class="call"><code><span class="method">{method}</span> {escape(path)}</code></p>\n{others}'
            f'<p class="soft">{escape(needs)} {words["source"]}: {escape(operation["x-source"])}.</p>\n'
            f"{self._parameters(operation)}{self._body(operation)}{self._answer(operation)}{self._refusals(operation)}"
            f'<pre data-curl="{ADDRESS}">{escape(self._curl(method, path, operation))}</pre>\n'
            f"{self._form(method, path, operation)}</section>\n"
        )

    def _parameters(self, operation: Node) -> str:
        words = self._words
        rows = []
        for one in _parameters(operation):
            said = [words["needed"]] if one["required"] else []
            if "default" in one["schema"]:
                said.append(f"{words['default']} {msgspec.json.encode(one['schema']['default']).decode()}")
            about = "; ".join([one["description"], *said])
            rows.append((one["name"], words[one["in"]], _type(one["schema"]), about))
        return self._table("parameters", ("name", "where", "type", "meaning"), rows, opened=True)

    def _body(self, operation: Node) -> str:
        return self._members("body", operation.get("requestBody", {}))

    def _answer(self, operation: Node) -> str:
        done = next(one for status, one in operation["responses"].items() if status < "400")
        return self._members("answer", done)

    def _members(self, title: str, holder: Node) -> str:
        schema = holder.get("content", {}).get("application/json", {}).get("schema", {})
        rows = []
        for name, part, required in self._walk(schema, ""):
            about = [part.get("description", ""), self._words["needed"] if required and title == "body" else ""]
            rows.append((name, _type(part), "; ".join(filter(None, about))))
        return self._table(title, ("name", "type", "meaning"), rows)

    def _refusals(self, operation: Node) -> str:
        rows = [
            (status, refusal["code"], refusal[self._language])
            for status, answer in operation["responses"].items()
            for refusal in answer.get("x-refusals", [])
        ]
        return self._table("refusals", ("status", "code", "meaning"), rows)

    def _table(self, title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], opened: bool = False) -> str:
        if not rows:
            return ""
        head = "".join(f'<th scope="col">{escape(self._words[name])}</th>' for name in heads)
        return (
            f"<details{' open' if opened else ''}><summary>{escape(self._words[title])}</summary>\n"
            f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n'
            f"{''.join(map(_line, rows))}</tbody></table></div></details>\n"
        )

    def _walk(self, schema: Node, above: str) -> Iterator[tuple[str, Node, bool]]:
        """Walk through the members of a shape, those of the shapes inside it too."""
        shape = self._resolved(schema)
        for name, part in shape.get("properties", {}).items():
            inner = self._resolved(part)
            many = inner.get("type") == "array"
            label = f"{above}{name}{'[]' if many else ''}"
            nullable = any(one.get("type") == "null" for one in part.get("anyOf", []))
            kind = (
                inner | {"type": [inner["type"], "null"]} if nullable and isinstance(inner.get("type"), str) else inner
            )
            yield label, kind, name in shape.get("required", [])
            yield from self._walk(inner.get("items", inner), f"{label}.")

    def _resolved(self, schema: Node) -> Node:
        """Follow a reference; of a shape or null, take the shape."""
        parts = [part for part in schema.get("anyOf", []) if part.get("type") != "null"]
        if len(parts) == 1:
            return (
                schema | self._resolved(parts[0]) if "description" not in schema else self._resolved(parts[0]) | schema
            )
        if "$ref" in schema:
            found: Node = self._document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            return found
        return schema

    def _example(self, schema: Node) -> Any:
        """Make an example out of the examples in a schema; None where it has none."""
        if "examples" in schema:
            return schema["examples"][0]
        shape = self._resolved(schema)
        made = {name: self._example(part) for name, part in shape.get("properties", {}).items()}
        return {name: part for name, part in made.items() if part is not None} or None

    def _curl(self, method: str, path: str, operation: Node) -> str:
        named = {one["name"]: quote(_example_of(one)) for one in _parameters(operation) if one["in"] == "path"}
        for name, text in named.items():
            path = path.replace(f"{{{name}}}", text)
        query = [f"{one['name']}={quote(_example_of(one))}" for one in _parameters(operation) if _asked(one)]
        lines = [f"curl '{ADDRESS}{path}{'?' if query else ''}{'&'.join(query)}'"]
        if operation["security"]:
            lines.append("-H 'Authorization: Bearer TOKEN'")
        if body := self._sample(operation):
            lines += ["-H 'Content-Type: application/json'", f"-d '{msgspec.json.encode(body).decode()}'"]
        return " \\\n     ".join(lines)

    def _sample(self, operation: Node) -> Any:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        return self._example(content["schema"]) if content else None

    def _form(self, method: str, path: str, operation: Node) -> str:
        fields = []
        for one in _parameters(operation):
            name, value = escape(one["name"]), _example_of(one) if one["required"] else ""
            fields.append(
                f'<label>{name} <input data-in="{one["in"]}" data-name="{name}" value="{escape(value)}"'
                f"{' required' if one['required'] else ''}></label>\n"
            )
        if body := self._sample(operation):
            text = msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
            fields.append(f"<label>{self._words['body']} <textarea>{escape(text)}</textarea></label>\n")
        secured = " data-secured" if operation["security"] else ""
        return (
            f'<form hidden data-method="{method}" data-path="{escape(path)}"{secured}>\n{"".join(fields)}'
            f'<button>{self._words["try"]}</button>\n<pre><output aria-live="polite"></output></pre>\n</form>\n'
        )


def _line(row: tuple[str, ...]) -> str:
    first, *others = map(escape, row)
    cells = "".join(f"<td>{cell}</td>" for cell in others)
    return f"<tr><td><code>{first}</code></td>{cells}</tr>\n"


def _link(language: str, method: str, path: str, operation: Node) -> str:
    title, name = escape(title_of(operation, language)), operation["operationId"]
    return f'<li><a href="#{name}">{title}</a><br><code>{method} {escape(path)}</code></li>\n'


def _parameters(operation: Node) -> list[Node]:
    return [one for one in operation["parameters"] if "name" in one]


def _asked(parameter: Node) -> bool:
    return bool(parameter["in"] == "query" and parameter["required"])


def _example_of(parameter: Node) -> str:
    return str(parameter.get("example") or parameter["name"].upper())


def _type(schema: Node) -> str:
    kinds = schema.get("type", [one.get("type", "object") for one in schema.get("anyOf", [])])
    text = kinds if isinstance(kinds, str) else " | ".join(kinds)
    if text == "array" and "type" in schema.get("items", {}):
        text = f"{schema['items']['type']}[]"
    return f"{text} ({schema['format']})" if "format" in schema else text


def _row(path: str, handler: Any, title: str, media: str) -> Endpoint:
    return Endpoint(
        "GET", path, Reference, handler, title, "design.md The endpoint table",
        caller=Caller.ANYONE, media=media, rate=Rate.NONE, sampled=True,
    )  # fmt: skip


ROWS = (
    _row("/docs", Reference.page, "This page", "text/html"),
    _row("/docs/reference.css", Reference.style, "The style of this page", "text/css"),
    _row("/docs/reference.js", Reference.script, "The script of this page", "text/javascript"),
)
