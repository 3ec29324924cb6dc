"""
Holds: money of a waiting payment is set aside, then posted or given back, once.

    accept_on_hold   wallet -> hold, and a record that waits
    post             hold -> settlement (and fee), the record succeeds
    void             hold -> wallet, the record fails
"""

from typing import NamedTuple

from msgspec.structs import replace

from kalita.ledger.accounts import Direction, Kind, account_id, house, stream
from kalita.ledger.order import Closing, Opening, Order, Record, Transfer


class Held(NamedTuple):
    """A payment that waits on hold; sum and commission in minor units."""

    wallet: int
    direction: Direction
    currency: int
    txn_id: int
    sum: int
    commission: int

    @property
    def hold(self) -> int:
        """The account its money lies on."""
        return account_id(self.wallet, Kind.HOLD, self.currency)

    def closing(self, error_code: int) -> Closing:
        """Return how it ends."""
        return Closing(self.wallet, stream(self.direction, self.currency), self.txn_id, error_code)


def accept_on_hold(record: Record, order: Order) -> Order:
    """
    Set a payment's sum and commission aside.

    record   the payer's side; it will wait
    order    who pays, the repeat key and the answer; its other records stand beside this one
    """
    source = account_id(record.wallet, Kind.WALLET, record.currency)
    hold = account_id(record.wallet, Kind.HOLD, record.currency)
    return replace(
        order,
        transfers=(Transfer(source, hold, record.sum + record.commission), *order.transfers),
        openings=(Opening(record.wallet, Kind.HOLD, record.currency), *order.openings),
        records=(record._replace(waiting=True), *order.records),
    )


def post(held: Held, provider: int, lane: int) -> Order:
    """
    Let a payment succeed: the sum goes to the provider's settlement, the commission to the house.

    lane  of the writer, which chooses the rows of the house
    """
    settlement, keeper = house(provider, lane), house(0, lane)
    legs = [(settlement, Kind.SETTLEMENT, held.sum)]
    if held.commission:
        legs.append((keeper, Kind.FEE, held.commission))
    return Order(
        owner=held.wallet,
        transfers=tuple(
            Transfer(held.hold, account_id(owner, kind, held.currency), amount) for owner, kind, amount in legs
        ),
        openings=tuple(Opening(owner, kind, held.currency) for owner, kind, _ in legs),
        closes=held.closing(0),
    )


def void(held: Held, error_code: int) -> Order:
    """Let a payment fail and give back sum and commission. error_code: what its history shows, not 0."""
    assert error_code > 0
    target = account_id(held.wallet, Kind.WALLET, held.currency)
    return Order(
        owner=held.wallet,
        transfers=(Transfer(held.hold, target, held.sum + held.commission),),
        closes=held.closing(error_code),
    )
