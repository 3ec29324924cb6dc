"""
A new phone number: the wallet's number is its phone, and the books keep what they say; so a new wallet takes over.

Money, level, person, nickname, language, mail address and default balance go over, and what was spent of the limits.
The old wallet is closed and keeps its history; whoever calls with its token or keys is told that it was closed, and its
hooks end.
"""

from collections.abc import Awaitable, Callable

from kalita.access.acts import Who, act
from kalita.clock import Clock
from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.order import Accepted, Count, Opening, Order, Record, Transfer
from kalita.ledger.writer import Ledger
from kalita.people.identify import Identification
from kalita.people.leaving import Leaving
from kalita.people.wallets import Balance, Level, Wallet, Wallets
from kalita.storage.engine import Step

TRANSFER, RECEIVED = 99, 7
"""The providers that history shows: a transfer, and what comes from inside."""
Unbound = Callable[[Order], Awaitable[Order]]
"""Counts what an order moves, but lets no limit refuse it."""

Carried = Callable[[int, int], Awaitable[tuple[Count, ...]]]
"""Returns what a new wallet has to count, to go on with what its owner spent of his limits in the old one."""

WITH_LIMITS = "limits"
"""What an act of moving is about since these went over, too; the audit tells by it whose counters they are part of."""


class Moving:
    """Let owners move to another number."""

    def __init__(
        self, writer: Ledger, wallets: Wallets, identification: Identification, leaving: Leaving, unbound: Unbound,
        carried: Carried, clock: Clock,
    ) -> None:  # fmt: skip
        self._writer, self._wallets = writer, wallets
        self._identification, self._leaving = identification, leaving
        self._unbound, self._carried, self._clock = unbound, carried, clock

    async def move(self, old: int, new: int) -> str | None:
        """
        Let a new wallet take over from an old one. What was begun and not ended goes on when it is asked for again.

        It begins with the new wallet, which is kept as made for the old one: nobody else's gets its money. It ends
        with one commit that closes the old wallet and hands over what is not money.
        returns  why not, None when it is done
        """
        known = await self._wallets.get(old)
        if known is None or known.closed_at is not None or known.restricted or known.blocked:
            return "the old wallet is not there, closed, blocked or restricted"
        balances = await self._wallets.balances(old)
        if any(one.on_hold for one in balances):
            return "a payment of the old wallet waits: let it end first"
        if old == new or not await self._made(known, new, balances):
            return await self._not_made(old)
        for balance in balances:
            refused = await self._carry(old, new, balance) if balance.available else None
            if refused is not None:
                return refused
        handed_over = await self._handed_over(old, new)
        return await self._leaving.close(old, *handed_over, counted=lambda: self._carried(old, new))

    async def _made(self, old: Wallet, new: int, balances: list[Balance]) -> bool:
        """Make the new wallet; return whether there is one that was made for the old one, now or before."""
        taken = await self._wallets.get(new)
        if taken is not None and taken.registered_at is not None:
            return taken.made_for == old.wallet and taken.closed_at is None
        currencies = tuple(one.currency for one in balances)
        if await self._wallets.make_for(old.wallet, new, Level(old.level), currencies):
            return True
        taken = await self._wallets.get(new)  # the same command may have made it at the same moment
        return taken is not None and taken.made_for == old.wallet

    async def _not_made(self, old: int) -> str:
        known = await self._wallets.get(old)
        begun = await self._wallets.get(known.moved_to) if known is not None and known.moved_to is not None else None
        if begun is not None and begun.made_for == old and begun.closed_at is None:
            return f"it began to move to {begun.wallet}: repeat that first"
        return "the new number has an owner already"

    async def _handed_over(self, old: int, new: int) -> tuple[Step, ...]:
        """Return what gives the new wallet what the old one was called, how it was reached and who owns it."""
        now = self._clock.now()
        return (
            *await self._identification.moved(old, new),
            Step("wallet_takes_over", (new, old)),
            Step("wallet_erase", (old,)),
            Step("wallet_named", (new,)),
            act(new, now, Who.OPERATOR, "wallet.moved_here", WITH_LIMITS),
            act(old, now, Who.OPERATOR, "wallet.moved_away"),
        )

    async def _carry(self, old: int, new: int, balance: Balance) -> str | None:
        """Move all money of one currency; bars that an end left which did not come to pass are lifted first."""
        refused = await self._transfer(old, new, balance)
        if refused is None:
            return None
        left = {one.currency: one.available for one in await self._wallets.balances(old)}
        if not left[balance.currency]:  # the same command has moved it at the same moment
            return None
        await self._leaving.free(old)
        return await self._transfer(old, new, balance._replace(available=left[balance.currency]))

    async def _transfer(self, old: int, new: int, balance: Balance) -> str | None:
        """Move all money of one currency, as one transfer that both histories show."""
        source, target = (account_id(wallet, Kind.WALLET, balance.currency) for wallet in (old, new))
        order = Order(
            old,
            transfers=(Transfer(source, target, balance.available),),
            openings=(Opening(new, Kind.WALLET, balance.currency),),
            records=(
                Record(old, Direction.OUT, balance.currency, TRANSFER, f"+{new}", balance.available, 0, "", None),
                Record(new, Direction.IN, balance.currency, RECEIVED, f"+{old}", balance.available, 0, "", None),
            ),
        )
        outcome = await self._writer.submit(await self._unbound(order))
        return None if isinstance(outcome, Accepted) else outcome.en
