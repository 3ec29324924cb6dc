"""
The log of acts: who did what to a wallet, and when. No secret and no personal data stands in it.

An act is written in the transaction of what it tells of.
"""

from enum import StrEnum
from typing import NamedTuple

from kalita.clock import Clock
from kalita.ledger.order import Extra
from kalita.storage.engine import Engine, Step


class Who(StrEnum):
    """Whose hand it was."""

    OWNER = "owner"
    OPERATOR = "operator"
    SYSTEM = "system"


class Act(NamedTuple):
    """One act. at: microseconds UTC; about: a level, a reason, the first characters of a token."""

    at: int
    who: str
    what: str
    about: str


def act(wallet: int, at: int, who: Who, what: str, about: str = "") -> Step:
    """Return the step that writes an act beside the others of its transaction. what: a dotted word."""
    return Step("act_add", (wallet, at, what, str(who), about))


def act_in_order(wallet: int, at: int, who: Who, what: str, about: str = "") -> Extra:
    """Return the same for an order of the ledger."""
    return Extra(*act(wallet, at, who, what, about))


class Acts:
    """Write single acts, and read them again."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    async def note(self, wallet: int, who: Who, what: str, about: str = "") -> None:
        """Write an act that changed nothing else."""
        await self._engine.change(act(wallet, self._clock.now(), who, what, about))

    async def of_wallet(self, wallet: int, before: int = 2**62, limit: int = 100) -> list[Act]:
        """Return what was done to a wallet, newest first."""
        return [Act(*row) for row in await self._engine.all("acts_of_wallet", wallet, before, limit)]
