"""
What a token may spend: judged with the payment, its day counted under the payer's lock like every limit.
"""

from msgspec.structs import replace

from kalita.access.caps import Caps
from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.order import DAY, Check, Count, Order
from kalita.limits.bind import Limits
from kalita.limits.table import BY_TOKEN
from kalita.refusals import TOKEN_CAP, Refusal


async def capped(order: Order, caps: Caps | None, provider: int, limits: Limits) -> Order | Refusal:
    """
    Give a payment the caps of the token that asks for it.

    provider  whom it pays
    returns   the order, or TOKEN_CAP; the ledger refuses with its code when the day's cap is reached
    """
    if caps is None:
        return order
    if caps.providers and provider not in caps.providers:
        return TOKEN_CAP
    sent = [record for record in order.records if record.direction is not Direction.IN]
    leaves = {record.wallet for record in order.records} != {record.wallet for record in sent} or len(
        order.records
    ) == len(sent)
    if not leaves or not sent:
        return order  # converted between balances of one owner
    total = sum([await limits.in_roubles(record.sum + record.commission, record.currency) for record in sent])
    if caps.payment is not None and total > caps.payment:
        return TOKEN_CAP
    if caps.day is None:
        return order
    account = account_id(sent[0].wallet, Kind.WALLET, sent[0].currency)
    check = Check(1 << BY_TOKEN, caps.day, int(TOKEN_CAP.code))
    return replace(order, counts=(*order.counts, Count(account, DAY, BY_TOKEN, total, 1, (check,))))
