"""What a group writes for hooks."""

from kalita.storage.engine import Writes
from kalita.storage.outbox import EventRow, Kind, events_of
from kalita.storage.rows import ClosingRow, HistoryRow

TXN = 7 << 40
OUT, IN = 2643, 1643


def record(wallet: int, stream: int, state: int = 0) -> HistoryRow:
    """Return a record of history."""
    return HistoryRow(wallet, stream, TXN, 1, 99, "+7", 1, 0, "", None, state)


def test_what_is_done_at_once_writes_no_event() -> None:
    """What waits does, and how it ended."""
    group = Writes(
        history=[record(1, OUT), record(2, IN), record(3, OUT, 1), record(1, OUT, 1)],
        closings=[ClosingRow(2, OUT, 7, 0, TXN)],
    )
    assert events_of(group) == [
        EventRow(1, 1, TXN, OUT, Kind.WAITING, TXN),
        EventRow(2, 1, TXN, OUT, Kind.CLOSED, 7),
        EventRow(3, 1, TXN, OUT, Kind.WAITING, TXN),
    ]
