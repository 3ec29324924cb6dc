"""
How an owner gets a token: choose permissions, consent, enter the code of a short message. Source: access.md 4.2.

The pages lie above; here is what they may do, and when. The token before dies in the transaction of the new one.
"""

import secrets
from enum import Enum

from kalita.access.acts import Who
from kalita.access.codes import AHEAD, PhoneCodes, Purpose, Wait
from kalita.access.tokens import CHANGED, LIFE_DAYS, token_hash
from kalita.clock import DAY, MINUTE, Clock
from kalita.storage.engine import Engine, Step
from kalita.wire.endpoint import Permission

LASTS = 15 * MINUTE


class Problem(Enum):
    """Why a step cannot be taken."""

    NO_PERMISSION = "at least one permission is needed"
    NO_DRAFT = "it was begun too long ago, or never, or wrong codes ended it: begin anew"
    NO_CONSENT = "consent was not given"
    DEAD_CODE = "the code is no longer good: ask for a new one"


class Issuing:
    """Lead owners to their token."""

    def __init__(self, engine: Engine, codes: PhoneCodes, clock: Clock) -> None:
        self._engine, self._codes, self._clock = engine, codes, clock

    async def begin(self, wallet: int, permissions: Permission) -> str | Problem:
        """Note what the token shall allow; return the draft's id, good for 15 minutes and this wallet."""
        if not permissions:
            return Problem.NO_PERMISSION
        draft, now = secrets.token_hex(16), self._clock.now()
        await self._engine.change(
            Step("token_draft_drop", (wallet, "", now - LASTS)),
            Step("token_draft_add", (wallet, draft, int(permissions), now)),
        )
        return draft

    async def consent(self, wallet: int, draft: str, address: str, language: str) -> Problem | Wait | None:
        """Record the consent and send a code; the same again sends another code, when that may be."""
        if await self._draft(wallet, draft) is None:
            return Problem.NO_DRAFT
        sent = await self._codes.send(wallet, Purpose.TOKEN, address, language)
        if isinstance(sent, Wait):
            return sent
        await self._engine.change(Step("token_draft_consent", (wallet, draft, self._clock.now(), sent)))
        return None

    async def confirm(self, wallet: int, draft: str, code: str) -> str | int | Problem:
        """
        Check the code and issue the token.

        returns  the token, the only time it can be seen; or how many tries are left
        """
        known = await self._draft(wallet, draft)
        if known is None:
            return Problem.NO_DRAFT
        permissions, request = known
        if request is None:
            return Problem.NO_CONSENT
        token = secrets.token_hex(16)

        def then(mark: str, now: int) -> tuple[Step, ...]:
            facts = (token_hash(token), wallet, token[:4], permissions, now, now + LIFE_DAYS * DAY, request, mark)
            return (
                Step("wallet_lock", (wallet,)),
                Step("token_revoke_by_code", (wallet, now, request, mark)),
                Step("token_add_by_code", facts),
                Step("act_by_code", (wallet, now, "token.issued", str(Who.OWNER), token[:4], request, mark)),
                CHANGED,
            )

        tried = await self._codes.check(wallet, Purpose.TOKEN, request, code, then)
        if tried.good:
            await self._engine.change(Step("token_draft_drop", (wallet, draft, 0)))
            return token
        return tried.left or (Problem.DEAD_CODE if await self._draft(wallet, draft) else Problem.NO_DRAFT)

    async def _draft(self, wallet: int, draft: str) -> tuple[int, str | None] | None:
        """Return what a live draft allows and the request of its code; three wrong codes end a draft."""
        row = await self._engine.one("token_draft", wallet, draft)
        if row is None or not -AHEAD <= self._clock.now() - row[1] < LASTS:
            return None
        return row[0], row[3] if row[2] is not None else None
