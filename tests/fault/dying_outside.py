"""
A writer that is killed at a chosen step of a payment to the outside, a conversion, a refund: see dying.py.

`python -m tests.fault.dying_outside PLACE LEFT STAGE [PAID...]`
"""

import asyncio
import sys

from kalita.connectors.protocol import Done, Rejected
from kalita.ledger.accounts import Direction
from kalita.ledger.holds import accept_on_hold
from kalita.ledger.order import TXN, Extra, Order, Record
from kalita.payments.kinds import Kinds
from kalita.payments.payouts import PaidOut, ended, refunded
from kalita.payments.request import Request
from tests.books import ALICE, BOB, KEYS, RUB, USD
from tests.fault.dying import _write

PROVIDER, AMOUNT, FEE = 674, 900, 9


class NoWriter:
    """What the builder of conversions asks of a writer: the lane."""

    lane = 0


def held(client_id: str) -> Order:
    """Return the order of a payment to the outside, its payout beside it."""
    record = Record(ALICE, Direction.OUT, RUB, PROVIDER, "account", AMOUNT, FEE, "", client_id)
    payout = (ALICE, TXN, PROVIDER, RUB, AMOUNT, FEE, 1, "account", "{}", "sealed", 15_000_000, "nobody")
    return accept_on_hold(record, Order(ALICE, client_id, "meaning", extras=(Extra("payout_add", payout),)))


def converted(client_id: str) -> Order:
    """Return the order of a conversion that another wallet gets."""
    fields = {"account": f"+{BOB}"}
    request = Request(ALICE, 1099, client_id, 100, USD, RUB, "Account", fields, None)
    kinds = Kinds(None, NoWriter(), KEYS, True, None, None)
    order = kinds._converted(request, "meaning", BOB, 7_542, 10, request.fields)
    return Order(**{name: getattr(order, name) for name in order.__struct_fields__} | {"extras": RATE})


RATE = (Extra("conversion_add", (ALICE, TXN, "75.42")),)


def orders(stage: str, paid: list[PaidOut]) -> list[Order]:
    """Return the orders of a stage."""
    if stage == "accept":
        return [held("one"), converted("two"), held("three")]
    if stage == "end":
        return [ended(paid[0], Done("S1"), 0, 1), ended(paid[1], Rejected(300, "no"), 0, 1)]
    return [refunded(paid[0], "account", 0, AMOUNT, 0)]


def main() -> None:
    """Write the orders of a stage; exit 0 when all steps were done before the fail point."""
    place, left, stage, *rest = sys.argv[1:]
    paid = [PaidOut(*map(int, one.split(","))) for one in rest]
    asyncio.run(_write(place, int(left), orders(stage, paid)))


if __name__ == "__main__":
    main()
