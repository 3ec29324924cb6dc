"""
The heart: turn orders into rows, or say why not. Pure: no clock, no I/O.
"""

from collections.abc import Mapping
from typing import NamedTuple

from kalita.ledger.accounts import BAR_IN, BAR_OUT
from kalita.ledger.order import MOST_TRANSFERS, Transfer
from kalita.refusals import (
    CURRENCY,
    NO_SUCH_RECIPIENT,
    NOT_ENOUGH_MONEY,
    OUTGOING_RESTRICTED,
    RECIPIENT_STATUS,
    Refusal,
)
from kalita.storage.rows import AccountRow


class Entry(NamedTuple):
    """One account's side of a transfer: what changes, and the balance after."""

    account: int
    change: int
    balance: int


def decide(accounts: Mapping[int, AccountRow], transfers: tuple[Transfer, ...]) -> list[Entry] | Refusal:
    """
    Turn linked transfers into entries, or say why not.

    accounts   every account the transfers name that exists, as read under lock
    transfers  applied in order; all happen or none (at most 16); what an owner gets back from his own hold no bar stops
    returns    two entries for each transfer, source first; or the first refusal met
    """
    assert len(transfers) <= MOST_TRANSFERS
    balances: dict[int, int] = {}
    entries: list[Entry] = []
    for source_id, target_id, amount in transfers:
        assert amount > 0 and source_id != target_id
        source, target = accounts.get(source_id), accounts.get(target_id)
        if source is None:
            return CURRENCY
        if target is None:
            return NO_SUCH_RECIPIENT
        if source.currency != target.currency:
            return CURRENCY
        if source.bars & BAR_OUT:
            return OUTGOING_RESTRICTED
        if target.bars & BAR_IN and target.owner != source.owner:
            return RECIPIENT_STATUS
        left = balances.get(source_id, source.balance) - amount
        if source.floor is not None and left < source.floor:
            return NOT_ENOUGH_MONEY
        reached = balances.get(target_id, target.balance) + amount
        balances[source_id], balances[target_id] = left, reached
        entries += (Entry(source_id, -amount, left), Entry(target_id, amount, reached))
    return entries
