"""
Hooks over HTTP, and the shape of the messages they get. Source: webhooks.md 1 and 4.
"""

import re
from typing import Any

import msgspec

from kalita import ids
from kalita.access.rates import TESTS_A_MINUTE, Window
from kalita.clock import Clock, micros, with_milliseconds
from kalita.hooks.register import Hook, Hooks
from kalita.hooks.sign import message_id
from kalita.ids import first_of_second
from kalita.outbound.sent import Attempt
from kalita.refusals import BLOCKED, HOOK_EXISTS, HOOK_NOT_FOUND, HOOK_WRONG, Refused, malformed
from kalita.storage.outbox import Kind
from kalita.wire.amounts import Money, encode
from kalita.wire.endpoint import Answer, Call, Endpoint, Permission
from kalita.wire.params import Param, flag, moment, whole

SIGN_FIELDS = "sum.currency,sum.amount,type,account,txnId"
WORDS = {"0": 1, "1": 2, "2": 3}
NAMES = {1: "IN", 2: "OUT", 3: "BOTH"}
STATES = {0: "WAITING", 1: "DELIVERED", 2: "GIVEN_UP", 3: "CANCELLED"}


class Told(msgspec.Struct, rename="camel"):
    """The payment a message tells of. sign_fields: what the hash covers, in this order."""

    txn_id: str
    date: str
    type: str
    status: str
    error_code: str
    person_id: int
    account: str
    comment: str
    provider: int
    sum: Money
    commission: Money
    total: Money
    sign_fields: str = SIGN_FIELDS


class Message(msgspec.Struct, rename="camel"):
    """One message; payment and hash are null in a test."""

    message_id: str
    hook_id: str
    payment: Told | None
    hash: str | None
    version: str
    test: bool


class HookParameters(msgspec.Struct):
    """Where messages go."""

    url: str


class HookInfo(msgspec.Struct, rename="camel"):
    """A registered hook."""

    hook_id: str
    hook_parameters: HookParameters
    hook_type: str
    txn_type: str


class HookKey(msgspec.Struct):
    """Base64 of the 32 bytes that messages are signed with."""

    key: str


class Said(msgspec.Struct):
    """A sentence that says it was done."""

    response: str


class AttemptInfo(msgspec.Struct, rename="camel"):
    """One attempt to deliver; status is null and failure says why when no answer came."""

    message_id: str
    hook_id: str
    date: str
    number: int
    milliseconds: int
    status: int | None
    failure: str | None
    test: bool
    txn_id: str | None
    state: str


class AttemptPage(msgspec.Struct, rename="camel"):
    """Attempts, newest first; `next_before` goes into `before` of the next page, null on the last."""

    attempts: list[AttemptInfo]
    next_before: int | None


class Redelivered(msgspec.Struct):
    """How many messages will be sent again."""

    messages: int


class HooksApi:
    """
    Answer the calls about hooks.

    key_status  200, or the printed 201
    tests       counts the test messages of a wallet
    """

    def __init__(self, hooks: Hooks, clock: Clock, key_status: int, tests: Window) -> None:
        self._hooks, self._clock, self._key_status, self._tests = hooks, clock, key_status, tests

    async def register(self, call: Call) -> bytes:
        """Register a hook."""
        return _info(await self._hooks.register(call.wallet, call.query["param"], WORDS[call.query["txnType"]]))

    async def delete(self, call: Call) -> bytes:
        """Delete a hook."""
        await self._hooks.delete(call.wallet, call.path["hookId"])
        return encode(Said("Hook deleted"))

    async def key(self, call: Call) -> Answer:
        """Answer the key of a hook."""
        key = await self._hooks.key(call.wallet, call.path["hookId"])
        return Answer(encode(HookKey(key)), self._key_status)

    async def new_key(self, call: Call) -> Answer:
        """Make a new key and answer it."""
        key = await self._hooks.new_key(call.wallet, call.path["hookId"])
        return Answer(encode(HookKey(key)), self._key_status)

    async def active(self, call: Call) -> bytes:
        """Answer the active hook."""
        return _info(await self._hooks.active(call.wallet))

    async def test(self, call: Call) -> bytes:
        """Send a test message."""
        await self._hooks.active(call.wallet)
        wait_s = self._tests.wait_s(call.wallet, self._clock.now())
        if wait_s:
            problem = Refused(BLOCKED, f"at most {TESTS_A_MINUTE} tests a minute; try again in {wait_s} seconds")
            problem.headers["retry-after"] = str(wait_s)
            raise problem
        await self._hooks.test(call.wallet)
        return encode(Said("Webhook sent"))

    async def attempts(self, call: Call) -> bytes:
        """Answer the attempts to deliver."""
        await self._hooks.was(call.wallet, call.path["hookId"])
        rows = call.query["rows"]
        found = await self._hooks.attempts(call.wallet, call.query["before"], rows)
        following = found[-1].at if len(found) == rows else None
        return encode(AttemptPage([_attempt(one) for one in found], following))

    async def redeliver(self, call: Call) -> bytes:
        """Send messages again: one by its id, or all of a period, or all that were given up."""
        query = call.query
        hook = await self._known(call)
        if query["messageId"] is not None:
            return encode(Redelivered(await self._hooks.again_one(call.wallet, hook, query["messageId"])))
        start, end = query["startDate"], query["endDate"]
        if not query["failed"] and (start is None or end is None):
            raise malformed("messageId", "messageId, failed=true, or startDate and endDate are needed")
        low = first_of_second(micros(start)) if start else 0
        high = first_of_second(micros(end) + 1_000_000) - 1 if end else ids.LARGEST
        return encode(Redelivered(await self._hooks.again(call.wallet, hook, (low, high), query["failed"])))

    async def _known(self, call: Call) -> str:
        hook = await self._hooks.active(call.wallet)
        if hook.id != call.path["hookId"]:
            raise Refused(HOOK_NOT_FOUND, "there is no such hook")
        return hook.id


def _info(hook: Hook) -> bytes:
    return encode(HookInfo(hook.id, HookParameters(hook.url), "WEB", NAMES[hook.kinds]))


def _attempt(one: Attempt) -> AttemptInfo:
    return AttemptInfo(
        message_id(one.receiver, one.caused_by, one.stream),
        one.receiver,
        with_milliseconds(one.at),
        one.number,
        one.micros // 1000,
        one.status or None,
        one.failure or None,
        one.kind == Kind.TEST,
        str(one.txn_id) if one.txn_id else None,
        STATES[one.state],
    )


def word(name: str, words: tuple[str, ...], example: str) -> Param:
    """Take one of some words; another one is the 422 of hooks."""
    schema = {"type": "string", "enum": list(words)}
    reason = f"one of {', '.join(words)} is needed"
    return Param(
        name, lambda text: text if text in words else None, reason, schema, True, example=example, refusal=HOOK_WRONG
    )


def text(name: str, required: bool = True, example: str | None = None) -> Param:
    """Take any text."""
    return Param(name, lambda given: given, "a text is needed", {"type": "string"}, required, example=example)


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
HOOK_ID = (
    Param(
        "hookId",
        lambda given: given.lower() if _UUID.fullmatch(given.lower()) else None,
        "there is no such hook",
        {"type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
        required=True,
        example="d63a8729-f5c8-486f-907d-9fb8758afcfc",
        refusal=HOOK_NOT_FOUND,
    ),
)
_BASE = "/payment-notifier/v1/hooks"


def _row(method: str, path: str, handler: Any, title: str, source: str, **more: Any) -> Endpoint:
    settled: dict[str, Any] = {"permission": Permission.PAYMENTS, "refusals": (HOOK_NOT_FOUND,)} | more
    return Endpoint(method, _BASE + path, HooksApi, handler, title, f"webhooks.md {source}", **settled)


ROWS = (
    _row(
        "PUT", "", HooksApi.register, "Register a hook", "4.1",
        query=(
            word("hookType", ("1",), "1"), text("param", example="https://example.com/callbacks/"),
            word("txnType", tuple(WORDS), "2"),
        ),
        answers=HookInfo, refusals=(HOOK_EXISTS, HOOK_WRONG),
    ),
    _row("DELETE", "/{hookId}", HooksApi.delete, "Delete a hook", "4.2", at=HOOK_ID, answers=Said),
    _row("GET", "/{hookId}/key", HooksApi.key, "The key of a hook", "4.3", at=HOOK_ID, answers=HookKey),
    _row("POST", "/{hookId}/newkey", HooksApi.new_key, "A new key for a hook", "4.4", at=HOOK_ID, answers=HookKey),
    _row("GET", "/active", HooksApi.active, "The active hook", "4.5", answers=HookInfo),
    _row("GET", "/test", HooksApi.test, "Send a test message", "4.6", answers=Said),
    _row("POST", "/test", HooksApi.test, "Send a test message, old form", "4.6", answers=Said),
    _row(
        "GET", "/{hookId}/attempts", HooksApi.attempts, "Attempts to deliver, newest first", "3",
        at=HOOK_ID, query=(whole("rows", 1, 50, default=20), whole("before", 0, 2**53 - 1, default=2**53 - 1)),
        answers=AttemptPage,
    ),
    _row(
        "POST", "/{hookId}/redeliver", HooksApi.redeliver, "Send messages again", "3",
        at=HOOK_ID,
        query=(text("messageId", False), flag("failed", False), moment("startDate"), moment("endDate")),
        answers=Redelivered,
    ),
)  # fmt: skip
