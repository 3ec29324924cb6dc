"""
Owners may lower their level from full to verified, in two calls. Source: profile.md 4 to 6.
"""

import re
import uuid
from enum import IntEnum
from typing import Annotated

import msgspec

from kalita.access.acts import Who, act
from kalita.access.tokens import CHANGED
from kalita.clock import HOUR, Clock
from kalita.limits.bind import Limits
from kalita.people.wallets import Level, Wallets
from kalita.refusals import DOWNGRADE_NOT_FOUND, PERSON_NOT_FOUND, Refused, malformed
from kalita.storage.engine import Engine, Step
from kalita.wire.endpoint import Call, Endpoint, Permission
from kalita.wire.params import Param, wallet_number

LASTS = 24 * HOUR


class State(IntEnum):
    """What became of an operation."""

    CREATED = 0
    DONE = 1
    IMPOSSIBLE = 2


WORDS = {State.CREATED: "IN_PROGRESS", State.DONE: "SUCCESS", State.IMPOSSIBLE: "FAIL"}


class DowngradeBody(msgspec.Struct, rename="camel"):
    """The level that is wanted: only VERIFIED."""

    identification_level: Annotated[str, msgspec.Meta(examples=["VERIFIED"])]


class Created(msgspec.Struct, rename="camel"):
    """The number of the operation."""

    downgrade_operation_id: str


class Status(msgspec.Struct):
    """IN_PROGRESS, SUCCESS or FAIL."""

    type: str


class DowngradeOperation(msgspec.Struct, rename="camel"):
    """An operation and its status."""

    downgrade_operation_id: str
    status: Status


class Downgrade(msgspec.Struct, rename="camel"):
    """An operation, as the calls answer it."""

    downgrade_operation: DowngradeOperation


class Confirmation(msgspec.Struct):
    """Nothing has to be said."""


class Downgrades:
    """Lower levels."""

    def __init__(self, engine: Engine, limits: Limits, wallets: Wallets, clock: Clock) -> None:
        self._engine, self._limits, self._wallets, self._clock = engine, limits, wallets, clock

    async def create(self, call: Call) -> bytes:
        """Note the wish and answer its number; nothing has changed yet."""
        if call.body.identification_level != Level.VERIFIED.name:
            raise malformed("identificationLevel", "only VERIFIED can be asked for")
        number, now = str(uuid.uuid4()), self._clock.now()
        await self._engine.change(
            Step("downgrade_add", (call.wallet, number, now)),
            act(call.wallet, now, Who.OWNER, "downgrade.asked"),
        )
        return msgspec.json.encode(Created(number))

    async def confirm(self, call: Call) -> bytes:
        """Lower the level, once. The first answer is that it goes on; the next call tells what became of it."""
        wallet, number = call.wallet, call.path["operation"]
        state = await self._state(wallet, number)
        if state is State.CREATED:
            now = self._clock.now()
            await self._engine.change(
                Step("wallet_lock", (wallet,)),
                Step("downgrade_decide", (wallet, number, now, int(await self._fits(wallet)))),
                Step("downgrade_level", (wallet, number, now)),
                act(wallet, now, Who.OWNER, "downgrade.confirmed"),
                CHANGED,
            )
        return _shown(number, state)

    async def status(self, call: Call) -> bytes:
        """Answer what became of an operation."""
        return _shown(call.path["operation"], await self._state(call.wallet, call.path["operation"]))

    async def _state(self, wallet: int, number: str) -> State:
        row = await self._engine.one("downgrade", wallet, number)
        if row is None:
            raise Refused(DOWNGRADE_NOT_FOUND)
        late = row[0] == State.CREATED and row[1] + LASTS <= self._clock.now()
        return State.IMPOSSIBLE if late else State(row[0])

    async def _fits(self, wallet: int) -> bool:
        """Tell whether every balance is one that the lower level may hold."""
        return all(
            [await self._limits.fits(one.available, one.currency, Level.VERIFIED) for one in
             await self._wallets.balances(wallet)]
        )  # fmt: skip


def _shown(number: str, state: State) -> bytes:
    return msgspec.json.encode(Downgrade(DowngradeOperation(number, Status(WORDS[state]))))


PATH = "/qw-ident-downgrade-api/v1/persons/{wallet}/identification-downgrade/operations"
WALLET = wallet_number("wallet")
FORM = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
OPERATION = Param(
    "operation",
    lambda text: text.lower() if FORM.fullmatch(text.lower()) else None,
    "the number of an operation is a UUID",
    {"type": "string", "format": "uuid"},
    required=True,
    example="1747ea28-1082-41bc-bde4-72994b3ffeb4",
    refusal=DOWNGRADE_NOT_FOUND,
)
"""A number of another form is one that nobody has."""

ROWS = (
    Endpoint(
        "POST",
        PATH,
        Downgrades,
        Downgrades.create,
        "Ask for a lower level",
        "profile.md 4",
        permission=Permission.PROFILE,
        at=(WALLET,),
        body=DowngradeBody,
        answers=Created,
        refusals=(PERSON_NOT_FOUND,),
    ),
    Endpoint(
        "PUT",
        PATH + "/{operation}/confirm",
        Downgrades,
        Downgrades.confirm,
        "Lower the level",
        "profile.md 5",
        permission=Permission.PROFILE,
        at=(WALLET, OPERATION),
        body=Confirmation,
        bare=True,
        answers=Downgrade,
        refusals=(PERSON_NOT_FOUND, DOWNGRADE_NOT_FOUND),
    ),
    Endpoint(
        "GET",
        PATH + "/{operation}",
        Downgrades,
        Downgrades.status,
        "What became of a lower level that was asked for",
        "profile.md 6",
        permission=Permission.PROFILE,
        at=(WALLET, OPERATION),
        answers=Downgrade,
        refusals=(PERSON_NOT_FOUND, DOWNGRADE_NOT_FOUND),
    ),
)
