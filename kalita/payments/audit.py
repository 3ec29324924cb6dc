"""
The audit of payouts: what their rows say is what the ledger says.

Every payment to the outside that waits has a payout that can still be carried, or waits for the operator; one that has
ended agrees with history, holds no fields in clear or sealed, and gave back what its refunds come to. Every refund and
every conversion of history has its row, and each of these rows is in history; what a conversion cost comes out of what
it brought and of the rate that was kept.
"""

import re
from decimal import Decimal

from kalita.exchange.rates import debit
from kalita.ledger.audit_rows import Findings, Rows
from kalita.payments.payouts import State
from kalita.providers.catalogue import INSIDE, WALLET_SYSTEM
from kalita.storage.engine import Row, Snapshot

OPEN = (State.NEW, State.ASKED, State.STUCK)
WAITING, DONE, FAILED = 1, 0, 2
STANDS = {State.DONE: DONE, State.FAILED: FAILED} | dict.fromkeys(OPEN, WAITING)
"""The state of history that goes with each state of a payout."""

RATE = re.compile(r"\d{1,20}(?:\.\d{1,20})?(?:E[+-]\d{1,2})?", re.ASCII)
REFUND = re.compile(r"Refund of (\d{1,19})", re.ASCII)
"""The comment of a refund: the books say with it what was given back."""


async def payouts(snapshot: Snapshot, found: Findings) -> None:
    """Check every payout, refund and conversion against history, and that none is missing."""
    rows = await Rows(snapshot, "audit_payouts", lambda row: row[:2]).start()
    while (row := await rows.next()) is not None:
        what = _wrong(row)
        if what:
            found.note("payout", f"wallet {row[0]}, transaction {row[1]}", what)
    found.count("payout", rows.count)
    await _missing(snapshot, found)
    await _refunds(snapshot, found)
    await _conversions(snapshot, found)


async def _missing(snapshot: Snapshot, found: Findings) -> None:
    missing = await Rows(snapshot, "audit_payouts_missing", lambda row: row[:2]).start()
    while (row := await missing.next()) is not None:
        if row[2] not in INSIDE:
            found.note("payout", f"wallet {row[0]}, transaction {row[1]}", "it is missing, though history has it")


async def _refunds(snapshot: Snapshot, found: Findings) -> None:
    """Check the refunds that history shows, which is part of the books, against their rows, and the rows against it."""
    shown = await Rows(snapshot, "audit_refunds", lambda row: row[:2]).start()
    while (row := await shown.next()) is not None:
        wallet, txn_id, provider, comment, *said, of, currency, amount = row
        paid = REFUND.fullmatch(comment)
        if paid is None or provider in (WALLET_SYSTEM, *INSIDE):
            continue  # a comment that a payer wrote
        if [int(paid[1]), *said] != [of, currency, amount]:
            found.note("refund", f"wallet {wallet}, transaction {txn_id}", "its row is missing or says something else")
    strange = await Rows(snapshot, "audit_refunds_strange", lambda row: row[:2]).start()
    while (row := await strange.next()) is not None:
        found.note("refund", f"wallet {row[0]}, transaction {row[1]}", "history has no such refund")


async def _conversions(snapshot: Snapshot, found: Findings) -> None:
    """Compute what left each conversion anew from what came and the rate that was kept."""
    missing = await Rows(snapshot, "audit_conversions_missing", lambda row: row[:2]).start()
    while (row := await missing.next()) is not None:
        found.note("conversion", f"wallet {row[0]}, transaction {row[1]}", "it is missing, though history has it")
    kept = await Rows(snapshot, "audit_conversions", lambda row: row[:2]).start()
    while (row := await kept.next()) is not None:
        what = _wrongly_converted(*row[2:])
        if what:
            found.note("conversion", f"wallet {row[0]}, transaction {row[1]}", what)
    found.count("conversion", kept.count)


def _wrongly_converted(rate: str, source: int | None, cost: int, target: int | None, amount: int) -> str:
    if source is None or target is None:
        return "history has no such conversion"
    if not RATE.fullmatch(rate):
        return "its rate is no number"
    right = debit(amount, source, target, Decimal(rate))
    return "" if cost == right else f"by its rate it costs {right}, history says {cost}"


def _wrong(row: Row) -> str:
    _, _, state, amount, commission, sealed, refunded, told, shown, fee, given, *where = row
    if told is None:
        return "history has no such payment"
    if where[:2] != where[2:]:
        return "its provider and account are not those of history"
    if (amount, commission) != (shown, fee):
        return f"its sum and commission are {amount} and {commission}, those of history {shown} and {fee}"
    if state not in STANDS or STANDS[State(state)] != told:
        return f"its state is {state}, that of history {told}"
    if state not in OPEN and sealed:
        return "it has ended, and its fields were not erased"
    if refunded != given or (refunded and state != State.DONE) or refunded > amount:
        return f"{refunded} of it is said to be given back, its refunds come to {given}"
    return ""
