"""
What an owner leaves with: everything that is kept of him, an end of the wallet, and the erasure of what is personal.

The books stay: a transfer that was made cannot be unmade, and the other side has a right to it.
"""

from collections.abc import Awaitable, Callable

from kalita.access.acts import Who, act
from kalita.access.tokens import CHANGED
from kalita.clock import Clock
from kalita.ledger.accounts import BAR_IN, BAR_OUT, Kind, currency_of, owner_of
from kalita.ledger.order import Accepted, Count, Extra, Guard, Opening, Order
from kalita.ledger.writer import Ledger
from kalita.people.identify import Identification
from kalita.people.restrictions import bars_of
from kalita.people.wallets import Wallets
from kalita.storage.engine import Engine, Step

PERSONAL = (
    "person_owner_forget", "person_drop", "wallet_erase", "mail_forget", "payouts_forget", "token_uses_forget",
    "receivers_end", "told_drop", "events_of_wallet_forget", "attempts_of_wallet_forget", "pairs_forget",
    "bills_forget", "bills_unlist_for",
)  # fmt: skip
"""The statements that take personal data of a wallet away."""

GONE = "there is no such wallet, or it was closed before"
Counted = Callable[[], Awaitable[tuple[Count, ...]]]


class Leaving:
    """Let owners go."""

    def __init__(
        self, engine: Engine, writer: Ledger, wallets: Wallets, identification: Identification, clock: Clock
    ) -> None:
        self._engine, self._writer, self._wallets = engine, writer, wallets
        self._identification, self._clock = identification, clock

    async def close(self, wallet: int, *before: Step, counted: Counted | None = None) -> str | None:
        """
        End a wallet that is empty: nothing moves any more, its hooks end, its token is told only that it was closed.

        before   what has to happen in the same commit, while the wallet is not closed yet
        counted  called when nothing moves any more: what another wallet is to count in that commit
        returns  why it cannot be ended, None when it is
        """
        known = await self._wallets.get(wallet)
        if known is None or known.closed_at is not None:
            return GONE
        held = BAR_OUT if known.restricted or known.blocked else 0
        await self._bar(wallet, BAR_OUT | BAR_IN)
        left = [one for one in await self._wallets.balances(wallet) if one.available or one.on_hold]
        if left:
            await self._bar(wallet, held)
            return "there is money left in it, or a payment waits"
        now = self._clock.now()
        counts = await counted() if counted is not None else ()
        steps = (
            *before,
            Step("wallet_close", (wallet, now)),
            Step("receivers_end", (wallet,)),
            Step("told_drop", (wallet,)),
            Step("events_end", (wallet, now)),
            act(wallet, now, Who.OPERATOR, "wallet.closed"),
            CHANGED,
        )
        order = Order(
            wallet,
            openings=tuple(_opening(count.account) for count in counts),
            counts=counts,
            guard=Guard("wallet_open", (wallet,)),
            extras=tuple(Extra(*step) for step in steps),
        )
        return None if isinstance(await self._writer.submit(order), Accepted) else GONE

    async def free(self, wallet: int) -> None:
        """Let money leave a wallet again that was barred for its end, and did not end."""
        await self._bar(wallet, 0)

    async def _bar(self, wallet: int, bars: int) -> None:
        await self._writer.submit(Order(wallet, bars=bars_of(wallet, bars)))

    async def erase(self, wallet: int) -> str | None:
        """
        Take away what is personal of a closed wallet: who owned it, how he was reached, what he was called,
        from where he came, whom he had told of payments and bills, and what his bills say of their payers.

        returns  why not, None when it is done
        """
        known = await self._wallets.get(wallet)
        if known is None:
            return "there is no such wallet"
        if known.closed_at is None:
            return "only a closed wallet can be erased"
        steps = [Step(query, (wallet,)) for query in PERSONAL]
        await self._engine.change(*steps, act(wallet, self._clock.now(), Who.OPERATOR, "wallet.erased"))
        return None


def _opening(account: int) -> Opening:
    return Opening(owner_of(account), Kind.WALLET, currency_of(account))
