"""
A statement of one balance of a wallet for a period: its movements, and the balances before and after.

Nothing is taken on trust. Every entry of the balance's account is read, from the first on, in one snapshot; their
numbers must have no gap, each balance must be the one before plus the change, and the last must be what the account
says. Only then opening and closing are what the ledger proves.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kalita.history.pages import Span
from kalita.ledger.accounts import Direction, Kind, account_id, stream
from kalita.storage.engine import Engine, Snapshot


class NotProven(Exception):  # noqa: N818 - named for what is wrong
    """The books of this balance are not in order; the text says where, `kalita audit` says more."""


class Move(NamedTuple):
    """
    One transaction on the balance. change and balance (after it) in minor units.

    returned  the payment whose money this gave back; 0: it is no return
    """

    txn_id: int
    stream: int
    provider: int
    account: str
    comment: str
    returned: int
    change: int
    balance: int


@dataclass(slots=True)
class Statement:
    """Movements of a period, oldest first; opening and closing in minor units."""

    wallet: int
    currency: int
    opening: int = 0
    closing: int = 0
    moves: list[Move] = field(default_factory=list)

    @property
    def came_in(self) -> int:
        """The sum of what came in."""
        return sum(move.change for move in self.moves if move.change > 0)

    @property
    def went_out(self) -> int:
        """The sum of what went out, not below zero."""
        return -sum(move.change for move in self.moves if move.change < 0)


async def statement(engine: Engine, wallet: int, currency: int, span: Span) -> Statement:
    """
    Draw up the statement of a wallet's balance.

    span    transaction ids of the period, both ends included
    raises  NotProven
    """
    made = Statement(wallet, currency)
    number, balance = 0, 0
    async with engine.snapshot() as snapshot:
        async for seq, after, move in _entries(snapshot, wallet, currency):
            if seq == number:
                continue  # both records of one transfer to oneself name the same entry
            if seq != number + 1 or after != balance + move.change:
                raise NotProven(f"entry {seq} of transaction {move.txn_id} does not follow entry {number}")
            number, balance = seq, after
            if move.txn_id < span.low:
                made.opening = balance
            if move.txn_id <= span.high:
                made.closing = balance
            if span.low <= move.txn_id <= span.high:
                _add(made.moves, move)
        await _compare(snapshot, account_id(wallet, Kind.WALLET, currency), number, balance)
    assert made.opening + made.came_in - made.went_out == made.closing
    return made


def _add(moves: list[Move], move: Move) -> None:
    """
    Add an entry to the movement of its transaction: a commission is an entry of its own.

    What came in and was sent on in one transaction stays two movements.
    """
    if moves and moves[-1].txn_id == move.txn_id and (moves[-1].change > 0) == (move.change > 0):
        move = move._replace(change=moves.pop().change + move.change)
    moves.append(move)


async def _entries(snapshot: Snapshot, wallet: int, currency: int) -> AsyncIterator[tuple[int, int, Move]]:
    account = account_id(wallet, Kind.WALLET, currency)
    streams = [stream(direction, currency) for direction in Direction]
    async for rows in snapshot.rows("statement_entries", wallet, account, *streams):
        for seq, change, balance, txn_id, kept_in, provider, name, comment, returned in rows:
            yield seq, balance, Move(txn_id, kept_in, provider, name, comment, returned, change, balance)


async def _compare(snapshot: Snapshot, account: int, number: int, balance: int) -> None:
    kept = (0, 0)
    async for rows in snapshot.rows("account_kept", account):
        kept = rows[0]
    if (number, balance) != tuple(kept):
        raise NotProven(f"account {account} keeps {kept[0]} entries and {kept[1]}, its entries are {number}, {balance}")
