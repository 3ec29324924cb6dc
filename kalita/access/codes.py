"""
Codes that prove a phone: 6 digits by short message, for one request each.

    valid for 5 minutes, once; 3 tries; a new one after 60 s; 5 an hour to a number, 20 an hour from an address
    15 wrong codes for a number in all: no code for a day, the next time for two, then four …
    what happened at a moment to come, by a clock that was set back since, counts for nothing: nobody waits for it

Everything is counted in the database, under a lock on the number, so neither a restart nor many at once help. A lock
binds the way in alone: sessions and tokens that live go on. Source: web.md 0, access.md 4.2.
"""

import hmac
import secrets
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from kalita.clock import DAY, HOUR, MINUTE, SECOND, Clock
from kalita.keys import Keys
from kalita.messages.sms import Sms
from kalita.storage.engine import Engine, Step

VALID, AGAIN_AFTER = 5 * MINUTE, 60 * SECOND
AHEAD, LOCK_AHEAD = MINUTE, DAY
"""So much later than now something may have been sent, or locked: clocks step back a little."""
SENDERS_AT_ONCE = 1_000
"""So many rows of addresses nobody asks from any more are dropped at once; the ledger of SQLite waits meanwhile."""
TRIES, TO_NUMBER, FROM_ADDRESS, WRONG_IN_ALL = 3, 5, 20, 15


class Purpose(Enum):
    """What a code is for; its text says so, and it is good for nothing else."""

    SIGN_IN = "sign_in"
    TOKEN = "token"
    RESTORE = "restore"
    PAYMENT = "payment"
    DOWNGRADE = "downgrade"


NAMES = {
    Purpose.SIGN_IN: ("Код для входа", "Sign-in code"),
    Purpose.TOKEN: ("Код для выпуска токена", "Token code"),
    Purpose.RESTORE: ("Код для нового пароля", "Password code"),
    Purpose.PAYMENT: ("Код для платежа", "Payment code"),
    Purpose.DOWNGRADE: ("Код для смены статуса", "Status code"),
}
WARNING = ("Никому его не сообщайте.", "Tell it to nobody.")


class Wait(NamedTuple):
    """No code was sent: too many were. seconds: until one can be."""

    seconds: int


class Tried(NamedTuple):
    """
    What became of a try.

    good  it was the code: what it was for may be done, once
    left  how many tries are left; 0: this code is dead, whatever was entered
    """

    good: bool
    left: int


Then = Callable[[str, int], tuple[Step, ...]]
"""Gets the mark that a good code bears, and the moment of its use."""


def _nothing(mark: str, now: int) -> tuple[Step, ...]:
    return ()


class PhoneCodes:
    """Send codes and check them."""

    def __init__(self, engine: Engine, keys: Keys, clock: Clock, sms: Sms) -> None:
        self._engine, self._keys, self._clock, self._sms = engine, keys, clock, sms
        self._forgot_at = 0

    async def send(self, number: int, purpose: Purpose, address: str, language: str = "ru") -> str | Wait:
        """
        Send a code.

        address   of the client that asked; many numbers from one are one too
        returns   the request the code is bound to; or how long to wait
        raises    Unavailable when it could not be sent
        """
        request, code, now = secrets.token_hex(16), f"{secrets.randbelow(10**6):06}", self._clock.now()
        sender = self._keys.digest("address", address.encode())
        asked = (number, request, purpose.value, self._hash(number, request, code), now, sender)
        bounds = (now - HOUR, now - AGAIN_AFTER, TO_NUMBER, FROM_ADDRESS, now + AHEAD, now + LOCK_AHEAD)
        due = abs(now - self._forgot_at) >= HOUR
        _, _, _, added, _, *forgotten = await self._engine.change(
            Step("code_number_lock", (number,)),
            Step("code_sender_lock", (sender,)),
            Step("code_forget", (now - DAY,)),
            Step("code_add", (*asked, *bounds)),
            Step("code_replace", (number, purpose.value, request)),
            *([Step("code_senders_forget", (sender, SENDERS_AT_ONCE))] if due else ()),
        )
        if due and forgotten[0] < SENDERS_AT_ONCE:
            self._forgot_at = now
        if not added:
            return Wait(await self._wait_s(number, sender, now))
        english = language == "en"
        await self._sms.send(number, f"{NAMES[purpose][english]}: {code}. {WARNING[english]}")
        return request

    async def _wait_s(self, number: int, sender: str, now: int) -> int:
        allowed = (TO_NUMBER - 1, FROM_ADDRESS - 1, now + AHEAD, now + LOCK_AHEAD)
        row = await self._engine.one("code_waits", number, sender, now - HOUR, *allowed)
        locked, newest, fifth, twentieth = row or (0, 0, 0, 0)
        until: int = max(locked, newest + AGAIN_AFTER, fifth + HOUR, twentieth + HOUR)
        return max(1, -((now - until) // SECOND))

    async def check(self, number: int, purpose: Purpose, request: str, code: str, then: Then = _nothing) -> Tried:
        """
        Try a code; a good one is used up.

        then  gives the statements of the same transaction, each on the condition that the code bears its mark
        """
        mark = secrets.token_hex(16)
        while True:
            now = self._clock.now()
            ahead = (now + AHEAD, now + LOCK_AHEAD)
            row = await self._engine.one("code_state", number, request, purpose.value, now - VALID, now, *ahead)
            if row is None:
                return Tried(False, 0)
            hashed, tries = row
            good = hmac.compare_digest(hashed, self._hash(number, request, code))
            state = 1 if good else 2 if tries + 1 >= TRIES else 0
            tried = (number, request, tries, state, now, now - VALID, mark, *ahead)
            steps = [Step("code_number_lock", (number,)), Step("code_try", tried)]
            if good:
                steps += then(mark, now)
            else:
                steps.append(Step("code_wrong", (number, request, mark, now, WRONG_IN_ALL)))
            counts = await self._engine.change(*steps)
            if counts[1]:
                return Tried(good, 0 if state else TRIES - tries - 1)

    def _hash(self, number: int, request: str, code: str) -> str:
        return self._keys.digest("code", f"{number} {request} {code}".encode(), 32)
