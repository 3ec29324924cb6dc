"""
Look ahead: what the ledger would say of an order but for the money, as far as it can be known without the locks.
"""

from kalita.ledger.accounts import BAR_IN, BAR_OUT, account_id
from kalita.ledger.order import Order
from kalita.limits.bind import Limits
from kalita.refusals import CURRENCY, NO_SUCH_RECIPIENT, OUTGOING_RESTRICTED, RECIPIENT_STATUS, Refusal
from kalita.storage.engine import Engine


async def refusal_of(order: Order, engine: Engine, limits: Limits) -> Refusal | None:
    """
    Return why the ledger would refuse an order: accounts, bars, limits; None when only the money is left to look at.

    Source: payments.md 7 and 3.1 steps 7 and 8
    """
    opened = {(opening.owner, opening.kind, opening.currency) for opening in order.openings}
    for source, target, _ in order.transfers:
        for account in (source, target):
            row = await engine.one("account_standing", account)
            if row is None and not any(account_id(*key) == account for key in opened):
                return CURRENCY if account == source else NO_SUCH_RECIPIENT
            bars = row[0] if row else 0
            if bars & (BAR_OUT if account == source else BAR_IN):
                return OUTGOING_RESTRICTED if account == source else RECIPIENT_STATUS
    return await limits.would_refuse(order)
