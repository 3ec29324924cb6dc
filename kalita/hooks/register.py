"""
Hooks: one for each wallet; registered, tested, given new keys, deleted. Source: webhooks.md 4.
"""

import base64
import os
import secrets
from dataclasses import dataclass
from uuid import uuid4

from kalita import ids
from kalita.access.acts import Who, act
from kalita.clock import DAY, SECOND, Clock
from kalita.hooks.sign import event_of
from kalita.keys import BadKey, Keys
from kalita.outbound.client import Outbound
from kalita.outbound.sent import Attempt, attempts
from kalita.refusals import HOOK_EXISTS, HOOK_NOT_FOUND, HOOK_WRONG, INTERNAL, Refused
from kalita.storage.engine import Engine, Step
from kalita.storage.outbox import Channel, Kind

LONGEST_URL = 100
OVERLAP = DAY
"""How long the key before signs too, in the Standard Webhooks header."""

OVERLOOKED = SECOND
"""After so long a new hook is looked at once: a payment that was under way when it came did not see it."""

CHANNEL = int(Channel.PAYMENTS)
EVERYTHING = (0, ids.LARGEST)


@dataclass(frozen=True, slots=True)
class Hook:
    """A registered hook. kinds: 1 what comes in, 2 what goes out, 3 both."""

    wallet: int
    id: str
    url: str
    kinds: int
    created_at: int


class Hooks:
    """Register hooks and what goes with them."""

    def __init__(self, engine: Engine, clock: Clock, keys: Keys, outbound: Outbound) -> None:
        self._engine, self._clock, self._keys, self._outbound = engine, clock, keys, outbound
        self._newest_test, self._lane = 0, os.getpid() % ids.LANES

    async def register(self, wallet: int, url: str, kinds: int) -> Hook:
        """
        Register a hook; nothing is sent to it.

        raises  Refused: the address may not be called, is too long, or the wallet has a hook already
        """
        if len(url) > LONGEST_URL:
            raise Refused(INTERNAL, f"hook URL is longer than {LONGEST_URL} characters")
        reason = await self._outbound.check(url)
        if reason:
            raise Refused(HOOK_WRONG, f"param: {reason}", {"param": [reason]})
        hook = Hook(wallet, str(uuid4()), url, kinds, self._clock.now())
        key, look_at = self._new_key(wallet, hook.id), hook.created_at + OVERLOOKED
        row = (wallet, CHANNEL, hook.id, url, kinds, key, hook.created_at, look_at)
        added, _ = await self._engine.change(Step("receiver_add", row), Step("told_begin", (wallet, hook.id)))
        if not added:
            raise Refused(HOOK_EXISTS, "a hook is active; delete it first")
        await self._note(wallet, "hook.registered")
        return hook

    async def _note(self, wallet: int, what: str) -> None:
        await self._engine.change(act(wallet, self._clock.now(), Who.OWNER, what))

    async def active(self, wallet: int) -> Hook:
        """Return the wallet's hook; raise the refusal when it has none."""
        row = await self._engine.one("receiver_get", wallet, CHANNEL)
        if row is None:
            raise Refused(HOOK_NOT_FOUND, "there is no active hook")
        return Hook(wallet, row[0], row[1], row[2], row[6])

    async def delete(self, wallet: int, hook: str) -> None:
        """Delete a hook and cancel what was still to be sent to it."""
        dropped, *_ = await self._engine.change(
            Step("receiver_drop", (wallet, CHANNEL, hook)),
            Step("told_drop", (wallet,)),
            Step("events_cancel", (wallet, CHANNEL, hook, self._clock.now())),
        )
        if not dropped:
            raise _unknown()
        await self._note(wallet, "hook.deleted")

    async def key(self, wallet: int, hook: str) -> str:
        """Return the key that messages are signed with: Base64 of 32 bytes."""
        row = await self._engine.one("receiver_get", wallet, CHANNEL)
        if row is None or row[0] != hook:
            raise _unknown()
        return opened(self._keys, row[3], wallet, hook)

    async def new_key(self, wallet: int, hook: str) -> str:
        """Make a new key. Messages sent later are signed with it; the one before signs beside it for a day."""
        sealed = self._new_key(wallet, hook)
        until = self._clock.now() + OVERLAP
        (changed,) = await self._engine.change(Step("receiver_new_secret", (wallet, CHANNEL, hook, sealed, until)))
        if not changed:
            raise _unknown()
        await self._note(wallet, "hook.new_key")
        return opened(self._keys, sealed, wallet, hook)

    async def test(self, wallet: int) -> None:
        """Let a test message go to the wallet's hook: one attempt, whatever comes of it."""
        await self.active(wallet)
        moment = self._newest_test = ids.next_id(self._clock.now(), self._newest_test, self._lane)
        await self._engine.change(
            Step("event_add", (wallet, CHANNEL, moment, 0, int(Kind.TEST), 0, "")),
            Step("receiver_wake", (wallet, CHANNEL)),
        )

    async def was(self, wallet: int, hook: str) -> None:
        """Raise the refusal when a wallet has no such hook, and no attempt to deliver to one that it had."""
        row = await self._engine.one("receiver_get", wallet, CHANNEL)
        active = row is not None and row[0] == hook
        if not active and await self._engine.one("attempts_any_to", wallet, CHANNEL, hook) is None:
            raise _unknown()

    async def attempts(self, wallet: int, before: int, limit: int) -> list[Attempt]:
        """Return the newest attempts of a wallet, to any of its hooks, that are older than a moment."""
        return await attempts(self._engine, wallet, CHANNEL, before, limit)

    async def again(self, wallet: int, hook: str, span: tuple[int, int] = EVERYTHING, failed: bool = False) -> int:
        """
        Let messages go to a hook again, with all their attempts.

        span    smallest and largest id of the transactions that caused them
        failed  only those that were given up
        returns how many
        """
        states = (2, 2) if failed else (1, 2)
        steps = [
            Step("events_again", (wallet, CHANNEL, hook, *span, *states)),
            Step("receiver_wake", (wallet, CHANNEL)),
        ]
        if not failed:
            steps.append(Step("events_of_told", (wallet, hook, *span)))
        counts = await self._engine.change(*steps)
        return sum(counts) - counts[1]

    async def again_one(self, wallet: int, hook: str, message: str) -> int:
        """Let one message go again, by its id; return 0 when it is none of the hook's."""
        found = event_of(hook, message)
        return await self.again(wallet, hook, (found[0], found[0])) if found else 0

    async def of_all(self, after: int, limit: int) -> list[Hook]:
        """Return the hooks of wallets with larger numbers, in order."""
        rows = await self._engine.all("receivers_after", CHANNEL, after, limit)
        return [Hook(row[0], row[2], row[3], row[4], row[5]) for row in rows]

    def _new_key(self, wallet: int, hook: str) -> str:
        return self._keys.seal("hook", base64.b64encode(secrets.token_bytes(32)).decode(), f" {wallet} {hook}")


def opened(keys: Keys, sealed: str, wallet: int, hook: str) -> str:
    """Return the key of a hook as it is kept; it opens for no other hook. Raise BadKey when it was changed."""
    key = keys.open("hook", sealed, f" {wallet} {hook}")
    if key is None:
        raise BadKey(f"the key of hook {hook} does not open with this secret key")
    return key


def _unknown() -> Refused:
    return Refused(HOOK_NOT_FOUND, "there is no such hook")
