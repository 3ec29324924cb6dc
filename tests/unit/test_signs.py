"""
Signs on paper: what a font has is drawn, what none has is shown as left out. No paper has an empty box.
"""

import pytest

from kalita.receipts.paper import LONGEST_WORD, breakable
from kalita.receipts.signs import _known, drawable
from tests.signs import can


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("За обед — «Ёж», 5 €", "За обед — «Ёж», 5 €"),
        ("Қазақ, ґанок, Straße, ♥ ✓", "Қазақ, ґанок, Straße, ♥ ✓"),
        ("за\u0301мок и\u0306", "за\u0301мок и\u0306"),
        ("обед 😀", "обед […]"),
        ("👍🏽👨\u200d👩\u200d👧🇷🇺!", "[…]!"),
        ("1\ufe0f\u20e3 ❤\ufe0f", "1 ❤\ufe0f"),
        ("漢字 Müller", "[…] Müller"),
        ("\ufeffx", "x"),
    ],
)
def test_what_no_font_has_is_left_out(text: str, shown: str) -> None:
    """A run of missing signs is one mark; accents and joiners of what is missing go with it."""
    assert drawable(text) == shown
    assert can(shown)


def test_all_texts_of_a_paper_are_looked_at() -> None:
    """In lists and maps too; what is no text stays."""
    assert drawable({"rows": [("Имя", "😀")], "count": 5}) == {"rows": [["Имя", "[…]"]], "count": 5}


def test_long_word_breaks_between_what_stands_on_one_place() -> None:
    """Nowhere between a letter and its accent."""
    word = "и\u0306" * LONGEST_WORD
    assert breakable(word) == "\u200b".join(["и\u0306"] * LONGEST_WORD)
    assert drawable(breakable(word)) == breakable(word)


def test_table_is_what_the_fonts_have() -> None:
    """Each sign of it is drawn by the Typst that is installed; `python -m tests.signs` makes it anew."""
    known = sorted(_known())
    assert len(known) > 7_000
    rows = ["a".join(known[start : start + 200]) for start in range(0, len(known), 200)]
    assert [row for row in rows if not can(row)] == []
