"""
Wake the hooks of those whom the ledger moved money of.

A payment leaves nothing behind for a hook but what it writes anyway: its entries, and the chain that says in which
order groups were committed. Whoever delivers follows the chain of each lane, a step behind the commits, and wakes the
hooks of those it meets that something is due for. Where messages wait for a turn already nobody need be woken, and
payments keep the time.

How far it has come is kept with the first hook it wakes after that, and from time to time. What is followed twice, by
two processes or after a kill, wakes nobody once more who was told.

No hook is overlooked. It is read after the commit, so one that sleeps is seen sleeping; one that is held is locked,
which waits for whoever is giving it back, and looked at again; one that is due and not held yet will be given back
later, by who then sees the commit. Source: webhooks.md 1; reliability-programme.md I6.
"""

from time import monotonic

import msgspec

from kalita.storage.engine import Engine, Step
from kalita.storage.outbox import Channel

FEW_GROUPS, MOST_GROUPS, MORE_GROUPS = 25, 100, 25
LONGEST_S = 0.003
"""So many groups of a lane at a time that this takes no longer: the process that answers requests reads them."""
KEPT_EVERY = 500


class Touched(msgspec.Struct, frozen=True, order=True):
    """A hook that may have to be woken."""

    wallet: int
    channel: int


class Follower:
    """Follow the lanes of a ledger, on its database, whoever writes them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: dict[int, int] = {}
        self._most = FEW_GROUPS

    async def follow(self, now: int) -> bool:
        """
        Wake whoever has to be told of some groups more.

        now      microseconds since 1970: from then on something is due for those that are woken
        returns  whether there are more groups
        raises   Unavailable
        """
        more = False
        for lane, newest, kept in await self._engine.all("lanes_followed"):
            seen = max(kept, self._seen.get(lane, 0))
            if seen < newest:
                upto, begun = min(newest, seen + self._most), monotonic()
                await self._wake(lane, seen, upto, kept, now)
                self._seen[lane] = upto
                in_time = monotonic() - begun < LONGEST_S
                self._most = min(MOST_GROUPS, self._most + MORE_GROUPS) if in_time else max(FEW_GROUPS, self._most // 2)
                more = more or upto < newest
        return more

    async def _wake(self, lane: int, seen: int, upto: int, kept: int, now: int) -> None:
        rows = await self._engine.all("receivers_touched", lane, seen, upto, now)
        steps = list[Step]()
        if rows:
            touched = msgspec.json.encode(sorted(Touched(row[0], Channel.PAYMENTS) for row in rows)).decode()
            steps += (Step("receivers_lock", (touched,)), Step("receivers_wake", (touched, now)))
        if rows or upto - kept >= KEPT_EVERY:
            await self._engine.change(*steps, Step("followed_put", (lane, upto)))
