"""
What a connector is: it is asked to check, to pay, and what became of a payment; it answers with one of a few outcomes.

    Done       the provider has taken the payment
    Rejected   the provider refused it for good; the code is what history shows
    Unknown    nobody knows: the money stays held, and the connector is asked again later
    Absent     only of `status`: the provider never heard of the payment; it may be sent
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from kalita.money import face

LONGEST_TEXT, LARGEST_CODE, LONGEST_WAIT_S = 200, 10**9 - 1, 30 * 86_400


class Done(NamedTuple):
    """The provider has it. reference: its own number of the payment, for its people."""

    reference: str = ""


class Rejected(NamedTuple):
    """The provider refused it for good. code: of access.md 6; note: for operators."""

    code: int
    note: str = ""


class Unknown(NamedTuple):
    """No one knows. note: for operators; ask_in_s: seconds until it makes sense to ask again, None: as usual."""

    note: str = ""
    ask_in_s: float | None = None


class Absent(NamedTuple):
    """The provider never heard of it."""


Outcome = Done | Rejected | Unknown
Standing = Outcome | Absent


def understood(said: object) -> Standing:
    """
    Return what a connector said, fit to be written down; what is no outcome at all leaves the payment unknown.

    Texts become one line of at most 200 characters; a code below 1 becomes 300.
    """
    match said:
        case Absent():
            return said
        case Done(reference):
            return Done(one_line(reference))
        case Rejected(int(code), note) if code <= LARGEST_CODE:
            return Rejected(code if code > 0 else 300, one_line(note))
        case Unknown(note, wait_s):
            sound = isinstance(wait_s, int | float) and math.isfinite(wait_s) and wait_s >= 0
            return Unknown(one_line(note), min(wait_s, LONGEST_WAIT_S) if sound and wait_s is not None else None)
    return Unknown(one_line(f"the connector answered {said!r}"))


def one_line(text: object) -> str:
    """Return a text as it may be written down: one line of at most 200 characters."""
    found = "" if text is None else str(text)[:LONGEST_TEXT]
    return found if found.isprintable() else "".join(one if one.isprintable() else " " for one in found).strip()


@dataclass(frozen=True, slots=True)
class Gate:
    """Where and as whom a provider is called, as its row of the catalogue says; password in clear."""

    url: str = ""
    login: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Payout:
    """
    One payment to an outside provider.

    txn_id    ours; the same in every repeat, and what the provider must not pay twice
    fields    of the payment, card numbers in clear: never log them
    card      the card number that the form asks for beside `account`, which then only shows its mask; empty: none
    details   what else of the fields the form asks for, beside `account` and card
    amount    what the recipient gets, minor units of the currency
    moment    when it was accepted, microseconds UTC
    attempts  how often the provider was asked before
    """

    wallet: int
    txn_id: int
    provider: int
    fields: Mapping[str, str] = field(repr=False)
    amount: int
    currency: int
    moment: int
    attempts: int = 0
    card: str = field(default="", repr=False)
    details: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def account(self) -> str:
        """Whom it is for, as history shows it but for a mask."""
        return self.fields.get("account", "")

    @property
    def recipient(self) -> str:
        """Whom the provider has to pay: the card where there is one beside `account`."""
        return self.card or self.account

    @property
    def sum(self) -> str:
        """The amount with its two decimals, as protocols of the trade want it."""
        whole, _, part = face(self.amount, self.currency).partition(".")
        return f"{whole}.{part:0<2}"


class Connector(Protocol):
    """
    A way to outside providers. One instance serves every provider that names it, many payments at a time.

    A call that raises, takes longer than `within_s` or answers anything else counts as Unknown.
    """

    within_s: float

    async def check(self, payout: Payout, gate: Gate) -> Outcome:
        """Ask whether the provider would take a payment like this; nothing is paid."""

    async def pay(self, payout: Payout, gate: Gate) -> Outcome:
        """Pay. May be called again with the same txn_id: then it must not pay twice."""

    async def status(self, payout: Payout, gate: Gate) -> Standing:
        """Ask what became of a payment that may have been sent."""

    async def close(self) -> None:
        """End connections."""
