"""
The simulator: a provider that does what the recipient's number says, for demonstrations and tests.

In the digits of the recipient (`account`, or the card) it looks for `0000`, a digit, and five more digits:

    0000 1 CCCCC   refused with code CCCCC, like 0000100300
    0000 2 MMMMM   done after MMMMM milliseconds
    0000 3 NNNNN   unknown NNNNN times, then done
    0000 4 NNNNN   unknown NNNNN times, then refused with 300
    0000 5 00000   unknown for ever: an operator has to settle it

Any other recipient is paid at once. A card that carries such a number needs its right check digit at the end.
"""

import asyncio
import re

from kalita.connectors.protocol import Done, Gate, Outcome, Payout, Rejected, Standing, Unknown

_SCRIPT = re.compile(r"0000([1-5])(\d{5})", re.ASCII)
ASK_AGAIN_S = 0.2


class Simulator:
    """Play a provider."""

    within_s = 120.0

    async def check(self, payout: Payout, gate: Gate) -> Outcome:
        """Refuse what would be refused; anything else is good."""
        act, number = _script(payout)
        return Rejected(number, "scripted") if act == "1" else Done()

    async def pay(self, payout: Payout, gate: Gate) -> Outcome:
        """Do what the recipient's number says."""
        act, number = _script(payout)
        if act == "1":
            return Rejected(number, "scripted")
        if act == "2":
            await asyncio.sleep(number / 1000)
        if act == "5" or (act in ("3", "4") and payout.attempts < number):
            return Unknown("scripted", ASK_AGAIN_S)
        return Rejected(300, "scripted") if act == "4" else Done(f"S{payout.txn_id}")

    async def status(self, payout: Payout, gate: Gate) -> Standing:
        """Tell the same as a repeat would."""
        return await self.pay(payout, gate)

    async def close(self) -> None:
        """Nothing is open."""


def _script(payout: Payout) -> tuple[str, int]:
    digits = "".join(re.findall(r"\d", payout.recipient, re.ASCII))
    found = _SCRIPT.search(digits)
    if found is None or (found[1] == "1" and not int(found[2])):
        return "", 0
    return found[1], int(found[2])
