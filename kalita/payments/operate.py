"""
What an operator does with payments: look at one, settle one that is stuck, give money back. Source: history.md 7.
"""

from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from kalita import ids
from kalita.clock import at_zone
from kalita.connectors.protocol import Done, Rejected
from kalita.ledger.accounts import SMALLEST_WALLET, Direction, Kind, house
from kalita.ledger.order import Count
from kalita.ledger.writer import Ledger
from kalita.limits.bind import Limits
from kalita.money import CURRENCIES, face
from kalita.payments.dispatch import Dispatch
from kalita.payments.payouts import CANCELLED, Key, PaidOut, State, refunded
from kalita.refusals import OUTDATED, REPEATED, UNUSABLE, Refusal
from kalita.storage.engine import Engine

STATES = ("SUCCESS", "WAITING", "ERROR")
DIRECTIONS = {Direction.IN: "IN", Direction.OUT: "OUT", Direction.CARD: "QIWI_CARD"}


class Refund(NamedTuple):
    """Money given back: a payment of its own, linked to the one it comes from; minor units. repeated: it was before."""

    txn_id: int
    amount: int
    repeated: bool = False


class Operator:
    """Look at payments and settle them by hand."""

    def __init__(self, engine: Engine, writer: Ledger, dispatch: Dispatch, limits: Limits) -> None:
        self._engine, self._writer, self._dispatch, self._limits = engine, writer, dispatch, limits

    async def show(self, txn_id: int) -> dict[str, Any] | None:
        """Return everything known of a transaction: its records, its entries, its payout, what was given back."""
        entries = await self._engine.all("entries_of", txn_id)
        if not entries:
            return None
        wallets = sorted({row[0] // 8192 for row in entries if row[0] // 8192 >= SMALLEST_WALLET})
        records = [record for wallet in wallets for record in await self._records(wallet, txn_id)]
        payouts = [payout for wallet in wallets if (payout := await self._payout(wallet, txn_id)) is not None]
        return {
            "transaction": txn_id,
            "date": at_zone(ids.moment_of(txn_id)),
            "status": records[0]["status"] if records else None,
            "records": records,
            "payout": payouts[0] if payouts else None,
            "refunds": [refund for wallet in wallets for refund in await self._refunds(wallet, txn_id)],
            "entries": [
                {"account": row[0], "kind": Kind(row[0] % 8).name.lower(), **_sum("change", row[1], row[0] // 8 % 1024)}
                for row in entries
            ],
        }

    async def _records(self, wallet: int, txn_id: int) -> list[dict[str, Any]]:
        rows = await self._engine.all("records_of", wallet, txn_id)
        return [
            {
                "wallet": wallet,
                "type": DIRECTIONS[Direction(stream // 1000)],
                "status": STATES[state],
                "error_code": code or 0,
                "provider": provider,
                "account": account,
                **_sum("sum", amount, stream % 1000),
                "commission": face(commission, stream % 1000),
                "comment": comment,
                "client_id": client_id,
            }
            for stream, provider, account, amount, commission, comment, client_id, state, code in rows
        ]

    async def _payout(self, wallet: int, txn_id: int) -> dict[str, Any] | None:
        row = await self._engine.one("payout_of", wallet, txn_id)
        if row is None:
            return None
        provider, _, _, _, _, account, shown, state, attempts, due_at, reference, note, code, _ = row
        waits = state in (State.NEW, State.ASKED)
        return {
            "provider": provider,
            "account": account,
            "fields": msgspec.json.decode(shown),
            "state": State(state).name.lower(),
            "attempts": attempts,
            "next_attempt": at_zone(due_at) if waits and due_at else None,
            "reference": reference or None,
            "note": note or None,
            "error_code": code,
        }

    async def _refunds(self, wallet: int, txn_id: int) -> list[dict[str, Any]]:
        rows = await self._engine.all("refunds_of", wallet, txn_id)
        return [{"transaction": number, **_sum("amount", amount, currency)} for number, amount, currency in rows]

    async def paid_out(self, txn_id: int) -> PaidOut | None:
        """Return the payment to the outside of a transaction, or None."""
        for number, _ in await self._engine.all("entries_of", txn_id):
            wallet = number // 8192
            row = await self._engine.one("payout_of", wallet, txn_id) if wallet >= SMALLEST_WALLET else None
            if row is not None:
                return PaidOut(wallet, txn_id, row[0], row[1], row[2], row[3], row[4])
        return None

    async def settle(self, paid: PaidOut, success: bool) -> Refusal | None:
        """
        End a payment on hold by hand: it succeeds, or is cancelled (797) and the money comes back.

        returns  the refusal when it had ended before; nothing was moved then
        """
        outcome = Done("operator") if success else Rejected(CANCELLED, "cancelled by an operator")
        return await self._dispatch.end(paid, outcome)

    async def refund(self, paid: PaidOut, amount: int | None, client_id: str | None = None) -> Refund | Refusal:
        """
        Give back money of a payment that succeeded: a new payment from the provider's settlement to the payer.

        amount     minor units, with what was given back before not more than the sum; None: all that is left of it.
                   The commission stays.
        client_id  the operator's own id: the same one again gives the first answer and moves nothing
        returns    UNUSABLE when that much is not left, REPEATED when the id was used for something else
        """
        key = None if client_id is None else Key(house(0, 0), client_id, f"refund {paid.txn_id} {amount or 'all'}")
        before = await self._answered(paid, key) if key is not None else None
        if before is not None:
            return before
        row = await self._engine.one("payout_of", paid.wallet, paid.txn_id)
        given = row[-1] if row else 0
        amount = paid.amount - given if amount is None else amount
        if not amount or amount + given > paid.amount:
            return UNUSABLE
        order = refunded(paid, row[5] if row else "", given, amount, self._writer.lane, key)
        done = await self._writer.submit(replace(order, counts=await self._given_back(paid, given + amount)))
        if isinstance(done, Refusal) or not done.repeated:
            return done if isinstance(done, Refusal) else Refund(done.txn_id, amount)
        return (await self._answered(paid, key) if key is not None else None) or OUTDATED

    async def _answered(self, paid: PaidOut, key: Key) -> Refund | Refusal | None:
        """Return what an operator's id was answered with before, or None."""
        row = await self._engine.one("payment_by_client_id", key.owner, key.client_id)
        if row is None:
            return None
        given = {one[0]: one[1] for one in await self._engine.all("refunds_of", paid.wallet, paid.txn_id)}
        if row[1] != key.meaning or row[0] not in given:
            return REPEATED
        return Refund(row[0], given[row[0]], True)

    async def _given_back(self, paid: PaidOut, given: int) -> tuple[Count, ...]:
        """Once the whole sum is back, give the payment back to the limits of its own month. Source: design.md."""
        if given != paid.amount:
            return ()
        return await self._limits.given_back(paid.record, paid.txn_id, paid.limited)


def _sum(name: str, amount: int, currency: int) -> dict[str, str]:
    return {name: face(amount, currency), "currency": CURRENCIES[currency].letters}
