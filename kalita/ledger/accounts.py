"""
Accounts of the ledger: their kinds, their numbers, the streams of history beside them.

An account's id is made from its owner, so a wallet's accounts are one range of keys and need no look-up.
Source: design.md "The ledger"; scale-out rule "the wallet leads the key of every hot table".
"""

from enum import IntEnum

from kalita.money import WALLET_CURRENCIES
from kalita.storage.rows import AccountRow

SMALLEST_WALLET, LARGEST_WALLET = 10**9, 10**15 - 1
"""A wallet number has 10 to 15 digits."""


class Kind(IntEnum):
    """What an account is for. WALLET is what an owner may spend; HOLD is set aside for waiting payments."""

    WALLET = 0
    HOLD = 1
    SETTLEMENT = 2
    FEE = 3
    LIQUIDITY = 4
    AGENT = 5
    SUSPENSE = 6


class Direction(IntEnum):
    """Which way a history record goes, from its owner's side."""

    IN = 1
    OUT = 2
    CARD = 3


BAR_OUT, BAR_IN = 1, 2


def account_id(owner: int, kind: Kind, currency: int) -> int:
    """Return the id of an account. owner: a wallet number, or a negative house number."""
    return owner * 8192 + currency * 8 + kind


def owner_of(account: int) -> int:
    """Return whose an account is."""
    return account // 8192


def currency_of(account: int) -> int:
    """Return the currency of an account."""
    return account % 8192 // 8


_RUB, _USD, _EUR, _KZT = (currency * 8 + Kind.WALLET for currency in WALLET_CURRENCIES)


def balances_beside(account: int) -> tuple[int, ...]:
    """Return every account on which the wallet of one of its accounts may hold a balance."""
    first = account // 8192 * 8192
    return first + _RUB, first + _USD, first + _EUR, first + _KZT


def account_range(owner: int) -> tuple[int, int]:
    """Return the smallest and the largest id an owner's accounts may have."""
    return owner * 8192, owner * 8192 + 8191


def house(number: int, lane: int) -> int:
    """
    Return an owner of the house: one for each writer's lane, so that writers do not wait for each other's row.

    number  0 the house itself, else a provider's id or an agent's number, below 10**9
    """
    return -(number * 64 + lane + 1)


def stream(direction: Direction, currency: int) -> int:
    """Return the stream of history a record belongs to."""
    return direction * 1000 + currency


def floor_of(kind: Kind) -> int | None:
    """Return the floor an account of a kind is opened with: owners' money never goes below zero."""
    return 0 if kind in (Kind.WALLET, Kind.HOLD) else None


def new_account(owner: int, kind: Kind, currency: int, opened_by: int, overdraft: int | None = None) -> AccountRow:
    """Return an empty account as a transaction opens it. overdraft: of an agent, how far below zero it may go."""
    return AccountRow(
        id=account_id(owner, kind, currency),
        owner=owner,
        kind=kind,
        currency=currency,
        balance=0,
        floor=floor_of(kind) if overdraft is None else -overdraft,
        bars=0,
        entries=0,
        last_txn=opened_by,
        sum_in=0,
        sum_out=0,
        sum_card=0,
        spent="",
        opened_by=opened_by,
    )
