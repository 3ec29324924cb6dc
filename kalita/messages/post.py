"""
The post: mail waits in the database until a mail server has taken it, whatever dies meanwhile.

Every process takes mail that is due under a lease, so none is sent by two at once, and what a dead one held is free
again when its lease runs out. A mail may still arrive twice when a process dies between handing it over and noting so;
both carry the same Message-ID.
"""

import asyncio
import contextlib
import re
import secrets
import time
from typing import NamedTuple

import msgspec
from aiosmtplib import SMTPException

from kalita.clock import DAY, HOUR, MINUTE, SECOND, Clock
from kalita.keys import Keys
from kalita.messages.mail import Mail, RefusedMail, Way, composed
from kalita.observe import log
from kalita.storage.engine import Engine, Step, Unavailable

POLL_S = 5
AT_ONCE = 8
LEASE = 5 * MINUTE
"""Longer than any hand-over takes: a mail server has 15 s for each of some answers."""

FIRST_PAUSE, LONGEST_PAUSE = 10 * SECOND, HOUR
GIVE_UP_AFTER = 3 * DAY

_SOMEBODY = re.compile(r"[^\s<>()\[\]\"',;:@]{1,254}@[^\s<>()\[\]\"',;:@]{1,254}")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Mail).decode


class _Waiting(NamedTuple):
    wallet: int
    number: str
    content: str
    queued_at: int
    attempts: int


class Post:
    """
    Queue mail and send it.

    way     how it gets out; None: this installation sends no mail
    sender  the address it comes from
    """

    def __init__(self, engine: Engine, keys: Keys, clock: Clock, way: Way | None, sender: str) -> None:
        self._engine, self._keys, self._clock, self._way, self._sender = engine, keys, clock, way, sender
        self._holder = secrets.token_hex(8)
        self._awake = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether mail can be sent at all."""
        return self._way is not None

    async def queue(self, wallet: int, topic: str, mail: Mail, most_a_day: int) -> bool:
        """
        Let a mail of a wallet's owner go out; it is safe in the database when this returns.

        topic       what is counted together
        most_a_day  how many of a topic one wallet may send in a day of Moscow
        returns     False when there were so many today
        """
        number, now = secrets.token_hex(16), _now()
        day = (self._clock.now() + 3 * HOUR) // DAY
        sealed = self._keys.seal("mail", _encode(mail).decode(), f"{wallet} {number}")
        _, queued = await self._engine.change(
            Step("mail_count", (wallet, topic, day, number, most_a_day)),
            Step("mail_queue", (wallet, topic, number, sealed, now)),
        )
        self._awake.set()
        return queued > 0

    def day_left_s(self) -> int:
        """Return the seconds that are left of the day of Moscow."""
        return (DAY - (self._clock.now() + 3 * HOUR) % DAY) // SECOND + 1

    async def run(self) -> None:
        """Send what is due, for ever."""
        if self._way is None:
            return
        while True:
            self._awake.clear()
            try:
                taken = await self.send_due(self._way)
            except Unavailable as problem:
                log.warning("post_stands_still", reason=str(problem))
                taken = 0
            if taken < AT_ONCE:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), POLL_S)

    async def send_due(self, way: Way) -> int:
        """Send some of what is due now; return how many were tried."""
        now = _now()
        (taken,) = await self._engine.change(Step("mail_claim", (self._holder, now + LEASE, now, AT_ONCE)))
        if taken:
            rows = await self._engine.all("mail_claimed", self._holder, now + LEASE)
            await asyncio.gather(*(self._send(way, _Waiting(*row)) for row in rows))
        return taken

    async def _send(self, way: Way, waiting: _Waiting) -> None:
        content = self._keys.open("mail", waiting.content, f"{waiting.wallet} {waiting.number}")
        key = (waiting.wallet, waiting.number, self._holder)
        if content is None:
            log.error("mail_unreadable", mail=waiting.number)
            await self._engine.change(Step("mail_done", key))
            return
        message = composed(_decode(content), self._sender, waiting.number, waiting.queued_at)
        try:
            await way.send(message)
        except RefusedMail as problem:
            log.warning("mail_refused", mail=waiting.number, reason=_without_addresses(problem))
        except (SMTPException, OSError) as problem:
            if await self._later(waiting, problem):
                return
        await self._engine.change(Step("mail_done", key))

    async def _later(self, waiting: _Waiting, problem: Exception) -> bool:
        """Put a mail back, each time for longer; return False when it has waited for days."""
        now = _now()
        over = now - waiting.queued_at > GIVE_UP_AFTER
        log.warning(
            "mail_given_up" if over else "mail_not_sent", mail=waiting.number, reason=_without_addresses(problem)
        )
        if over:
            return False
        pause = min(FIRST_PAUSE << min(waiting.attempts, 20), LONGEST_PAUSE)
        await self._engine.change(Step("mail_later", (waiting.wallet, waiting.number, self._holder, now + pause)))
        return True


def _without_addresses(problem: Exception) -> str:
    """Return what a mail server said, without the addresses of people in it: the log has no personal data."""
    return _SOMEBODY.sub("***", str(problem))


def _now() -> int:
    """Return the machine's time: leases and pauses do not follow a clock that a test moves."""
    return time.time_ns() // 1000
