"""A record of history is written by joining texts; it reads back as the documented object, whatever stands in it."""

import msgspec
import pytest

from kalita.clock import MOSCOW
from kalita.history.pages import Shown
from kalita.history.shapes import Page, Shapes, Transaction
from kalita.providers.catalogue import built_in
from kalita.wire.amounts import encode

TEXTS = ("", "+79110000002", 'quo"te', "back\\slash", "a\0b\x01\x1f", "\x7f\u2028", "Счёт №5 {0} %s", "𝄞", "</script>")


@pytest.fixture
def shapes() -> Shapes:
    """The shapes with the shipped catalogue."""
    return Shapes(built_in())


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("stream", [1643, 2643, 3840, 2978])
@pytest.mark.parametrize(("state", "code"), [(0, None), (1, None), (2, 220), (2, 7)])
def test_record_reads_back(shapes: Shapes, stream: int, state: int, code: int | None, language: str) -> None:
    """Every text comes back as it was, every member has its type, and the text is what the object would be."""
    for text in TEXTS:
        for client_id in (None, "17", text):
            row = Shown(2**52, stream, 99, text, 10_050, 100, text, client_id, state, code)
            written = shapes.transaction(79110000001, row, language, MOSCOW)
            read = msgspec.json.decode(written, type=Transaction, strict=True)
            assert encode(read) == written
            assert (read.account, read.view.account, read.comment) == (text, text, text)
            assert read.trm_txn_id == (client_id or str(2**52))
            assert (read.txn_id, read.person_id, read.error_code) == (2**52, 79110000001, code or 0)
            assert (read.type, read.status) == (
                {1: "IN", 2: "OUT", 3: "QIWI_CARD"}[stream // 1000],
                ("SUCCESS", "WAITING", "ERROR")[state],
            )
            assert (read.sum.amount, read.commission.amount) == (msgspec.json.decode("100.5"), 1)
            assert str(read.total.amount) == "101.5"
            assert {one.currency for one in (read.sum, read.commission, read.total)} == {stream % 1000}
            assert read.features.cheque_ready == (state == 0)
            assert (read.error is None) == (code is None)


def test_page_of_records_reads_back(shapes: Shapes) -> None:
    """A page takes the written records as they are."""
    row = Shown(5, 2643, 99, "+79110000002", 1, 0, "", None, 0, None)
    text = shapes.transaction(79110000001, row, "ru", MOSCOW)
    page = encode(Page(msgspec.Raw(b"[" + text + b"," + text + b"]"), None, None))
    assert len(msgspec.json.decode(page, type=Page).data) == 2
