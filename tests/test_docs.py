"""
The documents are true.

Guarantee: every example runs as it stands and shows what the page says it shows; every setting, command, call and
refusal is listed; nothing is named that is not there.

A fence ```sh example``` (or ```python glqiwi```, for that library's own environment) is run; a ```text``` fence after
it holds lines that its output must have, in order, where … stands for anything. The examples of a page run in one
directory, beside a demonstration in `demo-data` if the page speaks of one, with the repository's `.venv` at hand.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.pages import PAGES
from tests.servers import demo

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [file.relative_to(ROOT).as_posix() for file in DOCUMENTS]
WITHIN_S = 120
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_BY_HAND = re.compile(r"make \w+|\.venv/bin/kalita serve [^\n]*")


class Example(NamedTuple):
    """What a page shows and what it says comes out."""

    kind: str
    text: str
    expected: str


def examples(text: str) -> Iterator[Example]:
    """Return the examples of a page."""
    fences = [(found["kind"].strip(), found["text"]) for found in FENCE.finditer(text)]
    for (kind, body), (next_kind, expected) in pairwise([*fences, ("", "")]):
        if kind in ("sh example", "python glqiwi"):
            yield Example(kind, body, expected if next_kind == "text" else "")


def missing(expected: str, output: str) -> str:
    """Return the first expected line that does not follow in the output; nothing when all do."""
    at = 0
    for line in expected.splitlines():
        form = re.compile(".*".join(map(re.escape, line.rstrip().split("…"))))
        found = form.search(output, at)
        if found is None:
            return line
        at = found.end()
    return ""


def run(example: Example, place: Path) -> str:
    """Run an example; return its standard output."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KALITA_")}
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    program = ["bash", "-euo", "pipefail", "-s"]
    if example.kind == "python glqiwi":
        program = [str(ROOT / ".venv-glqiwi" / "bin" / "python"), "-W", "ignore", "-"]
    done = subprocess.run(
        program,
        cwd=place,
        env=own | {"PATH": path},
        input=example.text,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, f"{example.text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


WITH_EXAMPLES = [name for name, file in zip(NAMES, DOCUMENTS, strict=True) if list(examples(file.read_text("utf-8")))]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run_and_show_what_the_page_says(name: str, tmp_path: Path) -> None:
    """Whoever copies them gets the same."""
    text = (ROOT / name).read_text("utf-8")
    place, aside = tmp_path / "place", tmp_path / "aside"
    for folder in (place, aside):
        folder.mkdir()
    (place / ".venv").symlink_to(ROOT / ".venv")
    (place / "demo-data").symlink_to(aside / "data")
    with demo(aside) if "demo-data" in text else nullcontext():
        for example in examples(text):
            assert missing(example.expected, run(example, place)) == ""


def test_the_pages_that_must_have_examples_have_them() -> None:
    """The first payment, an old client, and an operator's road are never shown unproven."""
    assert {"README.md", "docs/clients.md", "docs/operating.md"} <= set(WITH_EXAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_line_that_is_no_example_has_a_reason(name: str) -> None:
    """Only what never ends by itself is not run here: make's words and `serve`; others test those."""
    for found in FENCE.finditer((ROOT / name).read_text("utf-8")):
        if found["kind"] == "sh":
            assert all(RUN_BY_HAND.fullmatch(line) for line in found["text"].splitlines()), found["text"]


@pytest.mark.parametrize("name", PAGES)
def test_listed_is_what_is_there(name: str) -> None:
    """Every setting, command, call and refusal stands on its page as the code has it."""
    fresh = PAGES[name]() == (ROOT / "docs" / name).read_text("utf-8")
    assert fresh, f"docs/{name} is out of date: run `.venv/bin/python -m tests.pages`"


@pytest.mark.parametrize("name", NAMES)
def test_files_that_a_page_names_are_there(name: str) -> None:
    """Links, and paths of this repository in code spans."""
    text = (ROOT / name).read_text("utf-8")
    links = [part for part in re.findall(r"\]\(([^)#]+)", text) if "://" not in part]
    assert [link for link in links if not ((ROOT / name).parent / link).exists()] == []
    paths = re.findall(r"`((?:kalita|tests|tools|bench|docs|requirements)/[\w./*-]+)`", text)
    assert [path for path in paths if not list(ROOT.glob(path))] == []
    suites = re.findall(r"tools/suites\.sh (\w+)", text)
    assert [
        suite for suite in suites if suite != "house" and not list((ROOT / "tests" / suite).glob("test_*.py"))
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_words_of_make_that_a_page_uses_are_there(name: str) -> None:
    """`make test` and its like."""
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", (ROOT / name).read_text("utf-8"))) <= known


def test_every_decision_has_its_five_parts_and_stays_short() -> None:
    """Context, decision, consequence, what was rejected, which test holds it: half a page, numbered without a gap."""
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        text = file.read_text("utf-8")
        parts = re.findall(r"^\*\*(\w+)\.\*\* ", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequence", "Rejected", "Held"], file.name
        assert len(text.splitlines()) <= 40, file.name


def test_a_wrong_page_is_found(tmp_path: Path) -> None:
    """The comparison itself: order, the sign for anything, and a failing command."""
    page = "```sh example\necho one; echo two\n```\n\n```text\n{}\n```\n"
    (right,) = examples(page.format("o…e\ntwo"))
    assert missing(right.expected, run(right, tmp_path)) == ""
    (swapped,) = examples(page.format("two\none"))
    assert missing(swapped.expected, run(swapped, tmp_path)) == "one"
    with pytest.raises(AssertionError):
        run(Example("sh example", "false | true", ""), tmp_path)
    assert shutil.which("curl"), "the examples need curl"
