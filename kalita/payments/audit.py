"""
The audit of payouts: what their rows say is what the ledger says.

Every payment to the outside that waits has a payout that can still be carried, or waits for the operator; one that has
ended agrees with history, holds no fields in clear or sealed, and gave back what its refunds come to.
"""

from kalita.ledger.audit_rows import Findings, Rows
from kalita.payments.payouts import State
from kalita.storage.engine import Row, Snapshot

OPEN = (State.NEW, State.ASKED, State.STUCK)
WAITING, DONE, FAILED = 1, 0, 2
STANDS = {State.DONE: DONE, State.FAILED: FAILED} | dict.fromkeys(OPEN, WAITING)
"""The state of history that goes with each state of a payout."""


async def payouts(snapshot: Snapshot, found: Findings) -> None:
    """Check every payout against history, and that none is missing."""
    rows = await Rows(snapshot, "audit_payouts", lambda row: row[:2]).start()
    while (row := await rows.next()) is not None:
        what = _wrong(row)
        if what:
            found.note("payout", f"wallet {row[0]}, transaction {row[1]}", what)
    found.count("payout", rows.count)
    missing = await Rows(snapshot, "audit_payouts_missing", lambda row: row[:2]).start()
    while (row := await missing.next()) is not None:
        found.note("payout", f"wallet {row[0]}, transaction {row[1]}", "it is missing, though its money is on hold")


def _wrong(row: Row) -> str:
    _, _, state, amount, commission, sealed, refunded, told, shown, fee, given = row
    if told is None:
        return "history has no such payment"
    if (amount, commission) != (shown, fee):
        return f"its sum and commission are {amount} and {commission}, those of history {shown} and {fee}"
    if state not in STANDS or STANDS[State(state)] != told:
        return f"its state is {state}, that of history {told}"
    if state not in OPEN and sealed:
        return "it has ended, and its fields were not erased"
    if refunded != given or (refunded and state != State.DONE) or refunded > amount:
        return f"{refunded} of it is said to be given back, its refunds come to {given}"
    return ""
