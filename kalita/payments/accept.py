"""
Accept a payment: one order of the ledger, or the reason why not. Source: payments.md 3.
"""

from msgspec.structs import replace

from kalita.access.caps import Caps
from kalita.exchange.store import Exchange
from kalita.keys import Keys
from kalita.ledger.order import Accepted, Order
from kalita.ledger.writer import Ledger
from kalita.limits.bind import Limits
from kalita.limits.caps import capped
from kalita.money import WALLET_CURRENCIES
from kalita.payments.dispatch import Dispatch
from kalita.payments.kinds import Kinds, Plan
from kalita.payments.preview import refusal_of
from kalita.payments.request import Request, meaning_of
from kalita.people.wallets import Level
from kalita.providers.catalogue import CONVERSION, NICKNAME_TRANSFER, NOT_OFFERED, WALLET_TRANSFER, Catalogue
from kalita.providers.prepared import Prepared
from kalita.providers.provider import Provider
from kalita.refusals import (
    CURRENCY,
    LEVEL_TOO_LOW,
    PROVIDER_CLOSED,
    REPEATED,
    UNUSABLE,
    Refusal,
    Refused,
)
from kalita.storage.engine import Engine


class Payments:
    """
    Accept payments into the ledger.

    dispatch, prepared  None: nothing can be paid to the outside
    exchange            None: nothing can be converted
    strict              look at the check digits of bank details too
    """

    def __init__(
        self,
        engine: Engine,
        writer: Ledger,
        catalogue: Catalogue,
        keys: Keys,
        make_wallets: bool,
        limits: Limits,
        exchange: Exchange | None = None,
        dispatch: Dispatch | None = None,
        prepared: Prepared | None = None,
        strict: bool = False,
    ) -> None:
        self._engine, self._writer, self._catalogue, self._keys = engine, writer, catalogue, keys
        self._limits, self._dispatch, self._prepared, self._strict = limits, dispatch, prepared, strict
        self._kinds = Kinds(engine, writer, keys, make_wallets, limits, exchange)

    async def accept(self, request: Request, caps: Caps | None = None) -> str:
        """
        Accept a payment and return the text of its answer; for a repeat the first answer again.

        caps    what the token that asks may not go beyond
        raises  Refused with the payment code that says why not; nothing was debited then
        """
        meaning = meaning_of(request, self._keys)
        plan = await self._plan(request, meaning)
        if isinstance(plan, Refusal):
            return await self._repeat_or(plan, request, meaning)
        order = await capped(await self._bound(plan), caps, request.provider, self._limits)
        if isinstance(order, Refusal):
            return await self._repeat_or(order, request, meaning)
        outcome = await self._writer.submit(order)
        if isinstance(outcome, Refusal):
            raise Refused(outcome)
        if plan.payout is not None and not outcome.repeated and self._dispatch is not None:
            self._dispatch.take(request, plan, outcome.txn_id)
        return outcome.answer

    async def check(self, request: Request) -> None:
        """
        Look at a payment as `accept` would, without debiting; its id is not used up. Source: payments.md 7.

        raises  Refused likewise; whether the money is there is not looked at
        """
        plan = await self._plan(request, "")
        if isinstance(plan, Refusal):
            raise Refused(plan)
        refusal = await refusal_of(await self._bound(plan), self._engine, self._limits)
        if refusal is not None:
            raise Refused(refusal)

    async def _bound(self, plan: Plan) -> Order:
        """Give the order its limits."""
        if plan.counted is None:
            return await self._limits.bind(plan.order, plan.category)
        bound = await self._limits.bind(replace(plan.order, records=plan.counted), plan.category)
        return replace(bound, records=plan.order.records)

    async def _repeat_or(self, refusal: Refusal, request: Request, meaning: str) -> str:
        """Answer a repeat even when the rules would now refuse it: the id is looked up before any rule."""
        row = await self._engine.one("payment_by_client_id", request.payer, request.client_id)
        if row is None:
            raise Refused(refusal)
        earlier = Accepted(row[0], row[2], True)
        if row[1] != meaning:
            raise Refused(REPEATED)
        return earlier.answer

    async def _plan(self, request: Request, meaning: str) -> Plan | Refusal:
        provider = self._catalogue.get(request.provider)
        if provider is None or not provider.payable or provider.id in NOT_OFFERED or provider.kind == "internal":
            return PROVIDER_CLOSED
        if request.method != "Account":
            return UNUSABLE
        if request.currency not in provider.currencies or request.pay_from not in WALLET_CURRENCIES:
            return CURRENCY
        if provider.level > Level.ANONYMOUS and await self._limits.level(request.payer) < provider.level:
            return LEVEL_TOO_LOW
        if provider.id == WALLET_TRANSFER:
            return self._kinds.to_wallet(request, provider, meaning)
        if provider.id == NICKNAME_TRANSFER:
            return await self._kinds.to_nickname(request, provider, meaning)
        if provider.id == CONVERSION:
            return await self._kinds.conversion(request, provider, meaning)
        return self._outside(request, provider, meaning)

    def _outside(self, request: Request, provider: Provider, meaning: str) -> Plan | Refusal:
        if self._dispatch is None or self._prepared is None or not self._dispatch.reaches(provider):
            return PROVIDER_CLOSED
        refusal = provider.form.refusal(request.fields, request.payer, self._strict)
        if refusal is not None:
            return refusal
        return self._kinds.outside(request, provider, meaning, self._dispatch.lease, self._prepared)


__all__ = ["Payments", "Request"]
