"""
The endpoint row: all there is to know about one HTTP call.

From the table of rows, and nowhere else, come the router, the gate, decoding and its 400s, the OpenAPI document and
the test matrices. A route without a row cannot exist.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, IntFlag
from typing import Any, NamedTuple

import msgspec

from kalita.refusals import Refusal, Refused
from kalita.wire.params import Param

JSON_TYPE = b"application/json;charset=UTF-8"


class Permission(IntFlag):
    """What a token allows. Source: access.md 4.1."""

    PROFILE = 1
    BALANCE = 2
    HISTORY = 4
    PAYMENTS = 8
    CARDS = 16

    @property
    def words(self) -> str:
        """Its name, or the names of all in it."""
        return ", ".join(str(one.name).lower() for one in self)


ALL_PERMISSIONS = Permission(31)


class Caller(Enum):
    """Who may call a row."""

    ANYONE = "anyone"
    OPTIONAL = "anyone, but a token that is sent has to be good"
    AGENT = "an agent, by its own credential"
    TOKEN = "token"
    SECRET = "secret key of a pair"
    EITHER = "token, or secret key of a pair"


class Family(Enum):
    """Which body a refusal gets. SERVICE: errorCode and traceId; PAYMENT: QWPRC-n (client-compatibility.md 2)."""

    SERVICE = "service"
    PAYMENT = "payment"
    BILL = "bill"


class Rate(Enum):
    """Which counter a call runs against. Source: access.md 7."""

    NONE = "none"
    GENERAL = "general"
    HISTORY = "history"


class Answer(NamedTuple):
    """What goes back when it is not simply 200 with JSON."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON_TYPE
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Call(msgspec.Struct):
    """
    One call as a handler sees it, checked by the gate.

    wallet    the caller's own wallet; 0 where anyone may call
    pair      id of the pair whose secret key was shown; empty for a token
    caps      what the token may not go beyond, see access/caps.py; only where either may call
    headers   as they came, names in lower case
    language  `ru` or `en`
    method    as it came: HEAD goes where GET goes, and must change nothing
    client    address of the peer
    query, path  values by the names of the row's parameters; None where absent
    """

    wallet: int
    language: str
    path: dict[str, Any]
    query: dict[str, Any]
    body: Any
    trace_id: str
    pair: str = ""
    headers: Sequence[tuple[bytes, bytes]] = ()
    caps: Any = None
    method: str = ""
    client: str = ""


Handler = Callable[[Any, Call], Awaitable[bytes | Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    One declared row.

    path       with {names}; `{wallet}` must be the caller's own
    of         the service the handler belongs to; the application hands its instance over
    query, at  parameters of the query, of the path
    body       shape of the JSON body; None: a body is not read
    read_as    shape the body is read into, when that is looser than the one described: its handler says what is wrong
    bare       the body may be left out
    refused_as shape of its refusals with a payment code, when it is not that of the family
    form       the query's parameters may come in the body too: as a form, or as members of a JSON object
    success    status of a success; 204 goes out without a body
    empty      a success goes out without a body, whatever its status
    moves      it may lead elsewhere: 303, and where to
    answers    shape of a success; None: not JSON
    media      type of a success; `Accept` may ask for it, or for JSON all the same
    other_media  types it may have instead
    refusals   what it may say beyond what every row may say
    aliases    other paths that mean the same
    spends     a secret key needs its owner's leave to spend
    any_type   the body is read as JSON whatever its type says
    said_as    writes a refusal as a page, for who asks for one
    head       HEAD goes where GET goes; False where the GET of a foreign protocol changes something
    source     section of the contract
    """

    method: str
    path: str
    of: type
    handler: Handler
    title: str
    source: str
    caller: Caller = Caller.TOKEN
    permission: Permission | None = None
    query: tuple[Param, ...] = ()
    at: tuple[Param, ...] = ()
    body: type | None = None
    answers: Any = None
    media: str = "application/json"
    other_media: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    family: Family = Family.SERVICE
    rate: Rate = Rate.GENERAL
    aliases: tuple[str, ...] = ()
    sampled: bool = False
    spends: bool = False
    any_type: bool = False
    success: int = 200
    empty: bool = False
    moves: bool = False
    bare: bool = False
    form: bool = False
    refused_as: type | None = None
    read_as: type | None = None
    said_as: Callable[[Refused, str], Answer] | None = None
    head: bool = True

    @property
    def service(self) -> str:
        """The name error bodies carry: the first segment of the path."""
        return self.path.split("/")[1] or "kalita"
