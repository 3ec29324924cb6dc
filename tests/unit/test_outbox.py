"""Which hooks a group wakes, and what it writes for them."""

from kalita.storage.engine import Hook, Writes
from kalita.storage.outbox import NEVER, EventRow, Kind, events_of, woken_by
from kalita.storage.rows import ClosingRow, GroupRow, HistoryRow

NOW = 1_790_000_000_123_456
TXN = 7 << 40
OUT, IN = 2643, 1643


def record(wallet: int, stream: int, state: int = 0) -> HistoryRow:
    """Return a record of history."""
    return HistoryRow(wallet, stream, TXN, 1, 99, "+7", 1, 0, "", None, state)


def writes(*history: HistoryRow, closings: list[ClosingRow] | None = None) -> Writes:
    """Return a group."""
    return Writes(history=list(history), closings=closings or [], group=GroupRow(5, 1, TXN, TXN, "", ""), at=NOW)


def test_what_is_done_at_once_writes_no_event() -> None:
    """What waits does, and how it ended; each for a hook of its direction."""
    group = writes(
        record(1, OUT), record(2, IN), record(3, OUT, 1), record(4, OUT, 1), record(5, OUT, 1),
        closings=[ClosingRow(6, OUT, 7, 0, TXN)],
    )  # fmt: skip
    hooks = {
        wallet: Hook(wallet, f"hook{wallet}", kinds, NEVER)
        for wallet, kinds in ((1, 3), (2, 3), (3, 2), (4, 1), (6, 3))
    }
    assert events_of(group, hooks) == [
        EventRow(3, 1, TXN, OUT, Kind.WAITING, TXN, "hook3"),
        EventRow(6, 1, TXN, OUT, Kind.CLOSED, 7, "hook6"),
    ]
    assert [wallet for wallet, _ in woken_by(group, hooks)] == [1, 2, 3, 6]


def test_who_waits_already_keeps_his_place() -> None:
    """A hook that something is due for is not written to; one that waits for a later moment is."""
    group = writes(record(1, OUT), record(2, OUT), record(3, OUT), record(4, IN))
    due = {1: NOW - 1, 2: 0, 3: NOW + 60_000_000, 4: NEVER}
    hooks = {wallet: Hook(wallet, "hook", 3, at) for wallet, at in due.items()}
    assert woken_by(group, hooks) == [(3, NOW), (4, NOW)]
