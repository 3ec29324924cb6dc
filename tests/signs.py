"""
Which signs the fonts that come with Typst have: `python -m tests.signs` writes the table anew.

Typst itself tells: it refuses a PDF for archives where a sign of the text has no glyph.
"""

import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from unicodedata import category

import msgspec
import typst

from kalita.receipts import signs

SOURCE = '#set text(font: "Libertinus Serif")\n#json(bytes(sys.inputs.data))\n'
NEVER_DRAWN = ("Cc", "Cn", "Co", "Cs")


def can(text: str) -> bool:
    """Tell whether every sign of a text is drawn."""
    try:
        _compiler().compile(
            sys_inputs={"data": msgspec.json.encode(text).decode()}, format="pdf", pdf_standards=["a-2u"]
        )
    except typst.TypstError:
        return False
    return True


@cache
def _compiler() -> typst.Compiler:
    folder = Path(tempfile.mkdtemp())
    (folder / "signs.typ").write_text(SOURCE)
    return typst.Compiler(str(folder / "signs.typ"), root=str(folder), ignore_system_fonts=True)


def drawn() -> Iterator[int]:
    """Yield the numbers of all signs that are drawn, between letters too, in their order."""
    for number in range(32, 0x110000):
        if category(chr(number)) not in NEVER_DRAWN and can(f"a{chr(number)}b"):
            yield number


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Put neighbours together: the first and the last of each range."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def main() -> None:
    """Write the table."""
    lines = [f"{first:04X},{last:04X}\n" for first, last in ranges(drawn())]
    (Path(signs.__file__).parent / "signs.csv").write_text("first,last\n" + "".join(lines))


if __name__ == "__main__":
    main()
