"""
An example of a connector for Kalita: each payment becomes a file that somebody carries out, a clerk or another program.

    TXN.json       what is to be paid
    TXN.done       whoever carried it out put this beside it; its text is his own number of the payment
    TXN.rejected   or this; its text is the code that the payer is shown

`kalita provider set ID --connector folder --url /path/of/the/directory` makes a provider use it.
"""

import json
from pathlib import Path

from kalita.connectors.protocol import Absent, Done, Gate, Outcome, Payout, Rejected, Standing, Unknown

ASK_AGAIN_S = 1.0


class Folder:
    """Put payments into a directory and look there for what became of them."""

    within_s = 10.0

    def __init__(self, way: object) -> None:
        """Take the guarded way out, which is for connectors that call addresses; this one does not."""

    async def check(self, payout: Payout, gate: Gate) -> Outcome:
        """Take every payment."""
        return Done()

    async def pay(self, payout: Payout, gate: Gate) -> Outcome:
        """Write the file, whole or not at all; a repeat writes the same one."""
        file = Path(gate.url) / f"{payout.txn_id}.json"
        told = {"txn": payout.txn_id, "account": payout.recipient, "sum": payout.sum, "currency": payout.currency}
        partial = file.with_suffix(".part")
        partial.write_text(json.dumps(told), "utf-8")
        partial.replace(file)
        return Unknown("written, nobody has carried it out yet", ASK_AGAIN_S)

    async def status(self, payout: Payout, gate: Gate) -> Standing:
        """Look for the file that says how it ended. Absent: there is no order yet, so it may be written."""
        place = Path(gate.url)
        done, rejected = place / f"{payout.txn_id}.done", place / f"{payout.txn_id}.rejected"
        if done.exists():
            return Done(done.read_text("utf-8").strip())
        if rejected.exists():
            return Rejected(int(rejected.read_text("utf-8").strip() or 300))
        if not (place / f"{payout.txn_id}.json").exists():
            return Absent()
        return Unknown("nobody has carried it out yet", ASK_AGAIN_S)

    async def close(self) -> None:
        """Nothing is open."""
