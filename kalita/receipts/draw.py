"""
Draw papers: PDF and JPEG from one Typst template, in a thread beside the event loop (Typst and Pillow let it run on).

Typst brings its fonts along, so a receipt looks the same on every machine.
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal

import msgspec
import segno
import typst
from PIL import Image

from kalita.receipts.paper import Paper
from kalita.receipts.signs import drawable
from kalita.storage.engine import Unavailable

Form = Literal["PDF", "JPEG"]
DOTS_AN_INCH = 200
QUALITY = 88
ADDRESS_LINE = 38
LONGEST_QUEUE = 200
"""Papers that may wait to be drawn: about ten seconds of them."""


class Press:
    """Draw one paper at a time on a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "kalita-press")
        self._waiting = 0

    async def receipt(self, paper: Paper, form: Form) -> bytes:
        """Draw a receipt; Unavailable when too many wait already."""
        if self._waiting >= LONGEST_QUEUE:
            raise Unavailable("too many receipts are being drawn")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, draw_receipt, paper, form)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the thread."""
        await asyncio.to_thread(self._thread.shutdown)


def draw_receipt(paper: Paper, form: Form) -> bytes:
    """Draw a receipt, here and now."""
    more = {"qr": qr(paper.address), "address_lines": wrap(paper.address, ADDRESS_LINE, break_on_hyphens=False)}
    return drawn("receipt.typ", msgspec.to_builtins(paper) | more, form)


def qr(address: str) -> str:
    """Draw an address as a QR code that a fold or a stain does not spoil (SVG)."""
    drawing = io.BytesIO()
    segno.make_qr(address, error="m").save(drawing, kind="svg", border=2, xmldecl=False, dark="#1d2433")
    return drawing.getvalue().decode()


def drawn(template: str, content: dict[str, Any], form: Form) -> bytes:
    """Fill a template of this folder with content; signs that no font has are shown as `[…]`."""
    how = {"format": "pdf"} if form == "PDF" else {"format": "png", "ppi": DOTS_AN_INCH}
    drawing = _compiler(template).compile(sys_inputs={"data": msgspec.json.encode(drawable(content)).decode()}, **how)
    assert isinstance(drawing, bytes), "one page is drawn"
    if form == "PDF":
        return drawing
    picture, written = Image.open(io.BytesIO(drawing)).convert("RGB"), io.BytesIO()
    picture.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()


@cache
def _compiler(template: str) -> typst.Compiler:
    """Return what fills a template: it keeps the fonts."""
    path = Path(str(files("kalita.receipts").joinpath(template)))
    return typst.Compiler(str(path), root=str(path.parent), ignore_system_fonts=True)
