"""
Messages about payments: which events are due, what each says, how it is signed. Source: webhooks.md 1 to 3.
"""

from collections.abc import Callable
from typing import NamedTuple

from kalita import __version__, ids
from kalita.clock import SECOND, at_zone
from kalita.hooks.api import Message, Told
from kalita.hooks.register import opened
from kalita.hooks.sign import documented, message_id, standard
from kalita.keys import Keys
from kalita.ledger.accounts import Direction
from kalita.money import face
from kalita.outbound.deliver import Letter, Receiver
from kalita.storage.engine import Engine
from kalita.storage.outbox import WAITS, Kind
from kalita.wire.amounts import encode, money

VERSION = "1.0.0"
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": f"Kalita-webhook/{__version__}",
}


class Event(NamedTuple):
    """
    An event and the record of history it speaks of; the record's members are None in a test.

    first  it is the record alone, not sent so far
    """

    caused_by: int
    stream: int
    kind: int
    txn_id: int
    receiver: str
    attempts: int
    provider: int
    account: str
    sum: int
    commission: int
    comment: str
    state: int
    error_code: int | None
    first: int = 0
    due_at: int = 0

    @property
    def outdated(self) -> bool:
        """
        Tell whether there is nothing to send.

        That a payment waits is told only while it does; how it ended has a message of its own. Both are events.
        """
        if self.first:
            return self.state == WAITS or self.error_code is not None
        return self.kind == Kind.WAITING and self.state != WAITS and not self.attempts


class Messages:
    """The channel of hooks. delays: microseconds before each further attempt."""

    connect_s: float | None = None

    def __init__(self, engine: Engine, keys: Keys, delays: tuple[int, ...], timeout_s: float) -> None:
        self._engine, self._keys, self._delays, self.timeout_s = engine, keys, delays, timeout_s

    async def due(self, receiver: Receiver, now: int, limit: int) -> list[Letter]:
        """Return what is to be sent now: first attempts in the order of commits, then further ones."""
        events = [Event(*row) for row in await self._engine.all("messages_due", receiver.wallet, now, limit)]
        if any(event.first and event.receiver != receiver.id for event in events):
            return []  # another hook has taken its place
        return [self._letter(receiver, event) for event in events]

    def delay(self, attempts: int, since: int, now: int) -> int | None:
        """Return how long to wait after so many attempts; None: given up."""
        return self._delays[attempts - 1] if attempts <= len(self._delays) else None

    def _letter(self, receiver: Receiver, event: Event) -> Letter:
        write: Callable[[int], tuple[bytes, dict[str, str]]] | None = None
        if event.receiver == receiver.id and not event.outdated:
            write = _Writer(self._keys, receiver, event)
        once, first = event.kind == Kind.TEST, bool(event.first)
        return Letter(
            event.caused_by, event.stream, event.attempts, write, 0, once, first, event.kind, event.txn_id
        )  # fmt: skip


class _Writer:
    """Writes and signs a message at the moment it is sent, with the keys that hold then."""

    def __init__(self, keys: Keys, receiver: Receiver, event: Event) -> None:
        self._keys, self._receiver, self._event = keys, receiver, event

    def __call__(self, now: int) -> tuple[bytes, dict[str, str]]:
        """Return body and headers. now: microseconds of this attempt."""
        to, event = self._receiver, self._event
        key = opened(self._keys, to.secret, to.wallet, to.id)
        signing = [key]
        if to.old_secret and now < to.old_until:
            signing.append(opened(self._keys, to.old_secret, to.wallet, to.id))
        name = message_id(to.id, event.caused_by, event.stream)
        body = encode(written(to.wallet, name, event, key))
        seconds = now // SECOND
        return body, HEADERS | {
            "webhook-id": name,
            "webhook-timestamp": str(seconds),
            "webhook-signature": standard(signing, name, seconds, body),
        }


def written(wallet: int, name: str, event: Event, key: str) -> Message:
    """Write a message and sign it the documented way; the same text of the amount goes into both."""
    if event.kind == Kind.TEST:
        return Message(name, event.receiver, None, None, VERSION, True)
    told = _told(wallet, event)
    fields = (
        str(told.sum.currency), face(event.sum, told.sum.currency), told.type, told.account, str(event.txn_id)
    )  # fmt: skip
    return Message(name, event.receiver, told, documented(key, fields), VERSION, False)


def _told(wallet: int, event: Event) -> Told:
    direction, currency = divmod(event.stream, 1000)
    return Told(
        str(event.txn_id),
        at_zone(ids.moment_of(event.txn_id)),
        "IN" if direction == Direction.IN else "OUT",
        "WAITING" if event.kind == Kind.WAITING else "ERROR" if event.error_code else "SUCCESS",
        str(event.error_code or 0) if event.kind != Kind.WAITING else "0",
        wallet,
        event.account,
        event.comment,
        event.provider,
        money(event.sum, currency),
        money(event.commission, currency),
        money(event.sum + event.commission, currency),
    )
