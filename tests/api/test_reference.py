"""
The page for people: everything on it without JavaScript, nothing inline, two languages.
"""

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from kalita.web.errors import code_of, refusals_of
from kalita.web.reference import WORDS, title_of
from tests.api.table import Address, addresses
from tests.servers import Demo

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """What is on a page: text, tags with their attributes; that every tag is closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """All words of the page."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, Any]]:
        """Return the attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def get(server: Demo, path: str, language: str = "ru") -> httpx.Response:
    """Ask as a browser does, without a token."""
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    answer = httpx.get(server.url + path, headers={"Accept": accept, "Accept-Language": language})
    assert answer.status_code == 200
    return answer


@pytest.fixture(scope="module", params=["ru", "en"])
def page(request: pytest.FixtureRequest, server: Demo) -> tuple[str, Page]:
    """The page in each language."""
    return request.param, Page(get(server, "/docs", request.param).text)


@pytest.mark.parametrize("address", addresses(), ids=str)
def test_every_call_is_on_the_page(page: tuple[str, Page], address: Address) -> None:
    """Title, path, parameters and refusals of every row are readable without JavaScript."""
    language, shown = page
    row = address.row
    title = title_of({"summary": row.title}, language)
    assert title in shown.text
    assert bool(re.search("[а-яё]", title)) == (language == "ru"), f"{title!r} is missing in kalita/web/titles.csv"
    assert address.path in shown.text
    for param in (*row.at, *row.query):
        assert param.name in shown.text
    for refusal in refusals_of(row):
        assert f"{code_of(refusal, row.family)} {refusal.text(language)}" in shown.text


def test_page_speaks_its_language(page: tuple[str, Page]) -> None:
    """The page's own words are all in one language, and it says which."""
    language, shown = page
    assert shown.all("html") == [{"lang": language}]
    other = WORDS["en" if language == "ru" else "ru"]
    said = " ".join([shown.text, *map(str, shown.all("main")), *map(str, shown.all("nav"))])
    for name, word in WORDS[language].items():
        assert word in said, name
    assert not any(word in shown.text for word in other.values() if len(word) > 12)


def test_words_are_the_same_in_both_languages() -> None:
    """Neither language lacks a word."""
    assert list(WORDS["en"]) == list(WORDS["ru"])


def test_nothing_is_inline(page: tuple[str, Page]) -> None:
    """No script, style or event handler stands in the page; what it loads comes from the same server."""
    _, shown = page
    assert [tag["src"] for tag in shown.all("script")] == ["/docs/reference.js"]
    assert shown.all("style") == []
    loaded = {attributes.get("href") for attributes in shown.all("link")}
    assert loaded == {"data:,", "/docs/reference.css"}
    for tag, attributes in shown.tags:
        assert not any(name == "style" or name.startswith("on") for name in attributes), tag


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/docs/reference.css", "/docs/reference.js"])
def test_strict_heads(server: Demo, path: str) -> None:
    """A policy without inline anything, no sniffing, no referrer."""
    heads = get(server, path).headers
    policy = dict(part.strip().split(" ", 1) for part in heads["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in heads["content-security-policy"]
    assert heads["x-content-type-options"] == "nosniff"
    assert heads["referrer-policy"] == "no-referrer"
    assert heads["x-frame-options"] == "DENY"
    kind = {"css": "text/css", ".js": "text/javascript"}.get(path[-3:], "text/html")
    assert heads["content-type"] == f"{kind};charset=UTF-8"


def test_caches_know_that_the_language_matters(server: Demo) -> None:
    """`Vary` names the header that chooses."""
    heads = get(server, "/docs", "en").headers
    assert (heads["vary"], heads["content-language"]) == ("accept-language", "en")


def test_links_lead_to_sections(page: tuple[str, Page]) -> None:
    """Every link within the page has its target."""
    _, shown = page
    ids = {attributes["id"] for _, attributes in shown.tags if "id" in attributes}
    inner = {attributes["href"][1:] for attributes in shown.all("a") if attributes["href"].startswith("#")}
    assert inner <= ids
    assert len(inner) > 10


def test_forms_try_every_call(page: tuple[str, Page]) -> None:
    """Each row has a form, hidden until the script runs; every field of it has a label around it."""
    _, shown = page
    forms = {(form["data-method"], form["data-path"]) for form in shown.all("form")}
    assert forms == {(address.row.method, address.row.path) for address in addresses()}
    assert all("hidden" in form for form in shown.all("form"))
    fields = [field for field in shown.all("input") if "data-name" in field]
    assert len(shown.all("label")) == len(fields) + len(shown.all("textarea")) + 1
    assert [field["type"] for field in shown.all("input") if field.get("id") == "token"] == ["password"]


def test_script_keeps_the_token_to_itself(server: Demo) -> None:
    """The script has no storage, no cookie, no address with the token, and writes answers as text only."""
    script = get(server, "/docs/reference.js").text
    for word in (
        "localStorage",
        "sessionStorage",
        "cookie",
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "eval(",
        "document.write",
    ):
        assert word not in script
    assert re.findall(r"token\.value", script) == ["token.value"]
    assert 'credentials: "omit"' in script
