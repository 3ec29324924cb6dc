"""The chain's hash: over everything a group wrote, in one order, under a key."""

from kalita.ledger.accounts import Kind, new_account
from kalita.ledger.chain import GENESIS, PARTS, SHOWN, Digest, opened
from kalita.storage.rows import BarRow, ClosingRow, EntryRow, HistoryRow, PaymentRow
from tests.books import ALICE, RUB

ROWS = {
    "opened": new_account(ALICE, Kind.WALLET, RUB, 1),
    "entries": EntryRow(1, 0, 2, 1, 5, 5),
    "payments": PaymentRow(ALICE, "1", 1, "m", "a"),
    "history": HistoryRow(ALICE, 2643, 1, 5, 99, "+7", 5, 0, "", None, 0),
    "closings": ClosingRow(ALICE, 2643, 1, 0, 2),
    "bars": BarRow(2, 1, 3),
}


def _digest(key: bytes = b"k" * 32, **rows: list) -> Digest:
    digest = Digest(key)
    for name, some in rows.items():
        getattr(digest, name)(some)
    return digest


def _head(**rows: list) -> str:
    return _digest(**rows).head(GENESIS, 0, 1, 1, 2)


def test_every_table_counts() -> None:
    """A row in one table or another, or in none, gives another head; and the parts tell which table it was."""
    assert list(PARTS) == list(ROWS)
    heads = {_head()} | {_head(**{name: [row]}) for name, row in ROWS.items()}
    assert len(heads) == 1 + len(ROWS)
    empty = _digest().parts()
    for place, (name, row) in enumerate(ROWS.items()):
        parts = _digest(**{name: [row]}).parts()
        differ = {at // SHOWN for at in range(len(parts)) if parts[at] != empty[at]}
        assert differ == {place}


def test_rows_may_come_some_at_a_time() -> None:
    """The audit feeds them transaction by transaction, the writer all at once."""
    row = ROWS["entries"]
    digest = _digest()
    digest.entries([row])
    digest.entries([row])
    assert digest.head(GENESIS, 0, 1, 1, 2) == _head(entries=[row, row])
    assert _head(entries=[row]) != _head(entries=[row, row])


def test_place_in_the_chain_counts() -> None:
    """The head before, lane, number and span are hashed too."""
    given = (GENESIS, 0, 1, 1, 2)
    heads = {_digest().head(*given)}
    for place in range(5):
        changed = [*given]
        changed[place] = "f" * 32 if place == 0 else given[place] + 64
        heads.add(_digest().head(*changed))
    heads.add(_digest(b"x" * 32).head(*given))
    assert len(heads) == 7


def test_account_is_hashed_as_it_was_opened() -> None:
    """What changes later is told by entries, history and bars."""
    account = new_account(ALICE, Kind.WALLET, RUB, 7)
    changed = new_account(ALICE, Kind.WALLET, RUB, 7)
    changed.balance, changed.bars, changed.entries, changed.last_txn, changed.sum_in = 5, 1, 9, 99, 5
    assert opened(changed) == account
