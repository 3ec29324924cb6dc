"""
A new phone number: the wallet's number is its phone, and the books keep what they say; so a new wallet takes over.

Money, level, person, nickname, language, mail address and default balance go over. The old wallet is closed and keeps
its history; whoever calls with its token or keys is told that it was closed, and its hooks end.
"""

from collections.abc import Awaitable, Callable

from kalita.access.acts import Who, act
from kalita.access.tokens import CHANGED
from kalita.clock import Clock
from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.order import Accepted, Order, Record, Transfer
from kalita.ledger.writer import Ledger
from kalita.people.identify import Identification
from kalita.people.leaving import Leaving
from kalita.people.wallets import Balance, Level, Wallet, Wallets
from kalita.storage.engine import Engine, Step

TRANSFER, RECEIVED = 99, 7
"""The providers that history shows: a transfer, and what comes from inside."""
Unbound = Callable[[Order], Awaitable[Order]]
"""Counts what an order moves, but lets no limit refuse it."""


class Moving:
    """Let owners move to another number."""

    def __init__(
        self, engine: Engine, writer: Ledger, wallets: Wallets, identification: Identification, leaving: Leaving,
        unbound: Unbound, clock: Clock,
    ) -> None:  # fmt: skip
        self._engine, self._writer, self._wallets = engine, writer, wallets
        self._identification, self._leaving = identification, leaving
        self._unbound, self._clock = unbound, clock

    async def move(self, old: int, new: int) -> str | None:
        """
        Let a new wallet take over from an old one. What was begun and not ended goes on when it is asked for again.

        returns  why not, None when it is done
        """
        known, taken = await self._wallets.get(old), await self._wallets.get(new)
        if known is None or known.closed_at is not None or known.restricted or known.blocked:
            return "the old wallet is not there, closed, blocked or restricted"
        begun = known.moved_to == new
        if old == new or (taken is not None and taken.registered_at is not None and not begun):
            return "the new number has an owner already"
        balances = await self._wallets.balances(old)
        if any(one.on_hold for one in balances):
            return "a payment of the old wallet waits: let it end first"
        await self._engine.change(Step("wallet_moves", (old, new)))
        await self._wallets.create(new, Level(known.level), tuple(one.currency for one in balances))
        for balance in balances:
            refused = await self._carry(old, new, balance) if balance.available else None
            if refused is not None:
                return refused
        await self._identification.move(old, new)
        refused = await self._leaving.close(old)
        closed = await self._wallets.get(old)
        if refused is None and closed is not None:
            await self._hand_over(closed, new)
        return refused

    async def _hand_over(self, old: Wallet, new: int) -> None:
        """Give what a closed wallet was called and how it was reached to the new one; its owner changes it no more."""
        now = self._clock.now()
        kept = (new, old.nickname, old.nickname_at, old.language, old.email, old.default_currency, old.level)
        await self._engine.change(
            Step("wallet_erase", (old.wallet,)),
            Step("wallet_takes_over", kept),
            act(new, now, Who.OPERATOR, "wallet.moved_here"),
            act(old.wallet, now, Who.OPERATOR, "wallet.moved_away"),
            CHANGED,
        )

    async def _carry(self, old: int, new: int, balance: Balance) -> str | None:
        """Move all money of one currency, as one transfer that both histories show."""
        source, target = (account_id(wallet, Kind.WALLET, balance.currency) for wallet in (old, new))
        order = Order(
            old,
            transfers=(Transfer(source, target, balance.available),),
            records=(
                Record(old, Direction.OUT, balance.currency, TRANSFER, f"+{new}", balance.available, 0, "", None),
                Record(new, Direction.IN, balance.currency, RECEIVED, f"+{old}", balance.available, 0, "", None),
            ),
        )
        outcome = await self._writer.submit(await self._unbound(order))
        return None if isinstance(outcome, Accepted) else outcome.en
