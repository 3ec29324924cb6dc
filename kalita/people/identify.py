"""
Identify a wallet's owner: verify, keep the data encrypted, raise the level; no owner has more than five wallets.

The count and the level change under one lock, so that requests at the same moment cannot pass the five.
Source: profile.md 2 and 3.
"""

from typing import NamedTuple

import msgspec

from kalita.access.acts import Who, act
from kalita.access.tokens import CHANGED
from kalita.clock import Clock
from kalita.keys import Keys
from kalita.people.persons import Person
from kalita.people.verify import Verifier, name_of, owner_hash
from kalita.people.wallets import Level
from kalita.storage.engine import Engine, Step

MOST_WALLETS = 5
SEALED = "person"


class Identity(NamedTuple):
    """A wallet's level, and the person behind it when one is known."""

    level: int
    person: Person | None


class Identification:
    """Identify owners."""

    def __init__(self, engine: Engine, keys: Keys, clock: Clock, verifier: Verifier) -> None:
        self._engine, self._keys, self._clock, self._verifier = engine, keys, clock, verifier

    async def current(self, wallet: int) -> Identity:
        """Return what is known of a wallet's owner."""
        row = await self._engine.one("person", wallet)
        level, sealed = row or (Level.ANONYMOUS, None)
        text = self._keys.open(SEALED, sealed, str(wallet)) if sealed else None
        return Identity(level, msgspec.json.decode(text, type=Person) if text else None)

    async def identify(self, wallet: int, person: Person) -> Identity:
        """
        Verify a person and make him the wallet's owner.

        person  well-formed, see persons.py
        returns the level and the data now; for a person that did not pass SIMPLE and what was sent, whatever the
                level of the wallet is
        """
        before = await self.current(wallet)
        if before.person is not None and before.level >= Level.VERIFIED:
            if not _same(before.person, person):
                await self._note(wallet, "identification.other_data")
            return before
        verdict = await self._verifier.verify(person)
        if not verdict.accepted:
            return await self._refuse(wallet, person, "identification.refused")
        passed = person._replace(inn=verdict.inn)
        full = verdict.full or await self._was_full(passed)
        kept = await self._keep(wallet, passed, Level.FULL if full else Level.VERIFIED)
        after = await self.current(wallet)
        if kept:
            return after
        if after.person is None or after.level < Level.VERIFIED:
            return await self._refuse(wallet, person, "identification.five_wallets")
        if not _same(after.person, person):  # another call for this wallet came first
            await self._note(wallet, "identification.other_data")
        return after

    async def moved(self, old: int, new: int) -> tuple[Step, ...]:
        """Return what lets another wallet of the same owner take his data over, encrypted anew for its new place."""
        known = await self.current(old)
        if known.person is None:
            return ()
        text = msgspec.json.encode(known.person).decode()
        return (
            Step("person_move", (old, new, self._keys.seal(SEALED, text, str(new)))),
            Step("person_drop", (old,)),
        )

    async def _keep(self, wallet: int, person: Person, level: Level) -> bool:
        """
        Keep the data and raise the level; the wallet's own row is locked. Data of a level that was lowered is replaced.

        returns  False when the owner has five wallets, or somebody was identified here at the same moment
        """
        owner, now = owner_hash(self._keys, person), self._clock.now()
        sealed = self._keys.seal(SEALED, msgspec.json.encode(person).decode(), str(wallet))
        _, _, kept, *_ = await self._engine.change(
            Step("wallet_lock", (wallet,)),
            Step("person_owner_lock", (owner,)),
            Step("person_keep", (wallet, owner, self._name(person), sealed, now, MOST_WALLETS)),
            Step("person_level", (wallet, int(level), sealed)),
            Step("person_act", (wallet, now, "identification.passed", str(Who.OWNER), level.name, sealed)),
            CHANGED,
        )
        return kept > 0

    async def _refuse(self, wallet: int, person: Person, what: str) -> Identity:
        await self._note(wallet, what)
        return Identity(Level.SIMPLE, person)

    async def _was_full(self, person: Person) -> bool:
        args = (owner_hash(self._keys, person), self._name(person), int(Level.FULL))
        return await self._engine.one("person_of_level", *args) is not None

    def _name(self, person: Person) -> str:
        return self._keys.digest("name", name_of(person).encode())

    async def _note(self, wallet: int, what: str) -> None:
        await self._engine.change(act(wallet, self._clock.now(), Who.OWNER, what))


def _same(one: Person, other: Person) -> bool:
    """Compare what was sent with what is kept: a document that was not sent does not differ."""
    if name_of(one) != name_of(other) or one.birth != other.birth:
        return False
    return all(sent in ("", kept) for kept, sent in zip(one[4:], other[4:], strict=True))
