"""
Accept a payment: one order of the ledger, or the reason why not. Source: payments.md 3.
"""

from msgspec.structs import replace

from kalita.access.caps import Caps
from kalita.exchange.store import Exchange
from kalita.keys import Keys
from kalita.ledger.accounts import BAR_OUT, Kind, account_id
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
from kalita.providers.catalogue import (
    CONVERSION,
    INSIDE,
    NICKNAME_TRANSFER,
    NOT_OFFERED,
    WALLET_TRANSFER,
    Catalogue,
)
from kalita.providers.prepared import Prepared
from kalita.providers.provider import Provider
from kalita.refusals import (
    ABOVE_MAXIMUM,
    BELOW_MINIMUM,
    CURRENCY,
    LEVEL_TOO_LOW,
    OUTGOING_RESTRICTED,
    PROVIDER_CLOSED,
    REPEATED,
    UNREACHABLE,
    UNUSABLE,
    WRONG_CARD_DATA,
    Refusal,
    Refused,
)
from kalita.storage.engine import Engine

AFTER_RESTRICTION = (LEVEL_TOO_LOW, BELOW_MINIMUM, ABOVE_MAXIMUM, UNREACHABLE)
"""What is looked at after a restriction of the payer."""


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

    def open_to_secrets(self, provider: int) -> bool:
        """Tell whether a secret key that may spend may pay a provider, if there is one. Source: invoices.md 2.3."""
        known = self._catalogue.get(provider)
        return known is None or known.kind in ("wallet", "card")

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
            raise Refused(await self._first_of(plan, request))
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
            raise Refused(await self._first_of(refusal, request))
        earlier = Accepted(row[0], row[2], True)
        if row[1] != meaning:
            raise Refused(REPEATED)
        return earlier.answer

    async def _first_of(self, refusal: Refusal, request: Request) -> Refusal:
        """
        Return what comes first: a restricted payer is told so before his level or the sum is looked at.

        The ledger looks at the restriction of what is planned; so here it is only read once something else was refused.
        Source: payments.md 3.1 steps 7 and 8
        """
        if refusal not in AFTER_RESTRICTION or request.pay_from is None:
            return refusal
        row = await self._engine.one("account_standing", account_id(request.payer, Kind.WALLET, request.pay_from))
        return OUTGOING_RESTRICTED if row is not None and row[0] & BAR_OUT else refusal

    async def _plan(self, request: Request, meaning: str) -> Plan | Refusal:
        """Look at a request in the order of payments.md 3.1, steps 5 to 8, as far as no lock is needed."""
        provider = self._catalogue.get(request.provider)
        if provider is None or not self._offered(provider):
            return PROVIDER_CLOSED
        refusal = _unusable(request, provider) or self._wrong_fields(request, provider)
        if refusal is not None:
            return refusal
        if provider.level > Level.ANONYMOUS and await self._limits.level(request.payer) < provider.level:
            return LEVEL_TOO_LOW
        if provider.id == WALLET_TRANSFER:
            return self._kinds.to_wallet(request, provider, meaning)
        if provider.id == NICKNAME_TRANSFER:
            return await self._kinds.to_nickname(request, provider, meaning)
        if provider.id == CONVERSION:
            return await self._kinds.conversion(request, provider, meaning)
        assert self._dispatch is not None
        return self._kinds.outside(request, provider, meaning, self._dispatch.lease)

    def _offered(self, provider: Provider) -> bool:
        if not provider.payable or provider.id in NOT_OFFERED or provider.kind == "internal":
            return False
        if provider.id in INSIDE:
            return True
        return self._dispatch is not None and self._prepared is not None and self._dispatch.reaches(provider)

    def _wrong_fields(self, request: Request, provider: Provider) -> Refusal | None:
        form, fields = provider.form, request.fields
        refusal = form.refusal(fields, request.payer, self._strict)
        if (
            refusal is None
            and form.prepared
            and (self._prepared is None or not self._prepared.fits(request.payer, fields))
        ):
            return WRONG_CARD_DATA
        return refusal


def _unusable(request: Request, provider: Provider) -> Refusal | None:
    if request.method != "Account":
        return UNUSABLE
    if request.currency not in provider.currencies or request.pay_from not in WALLET_CURRENCIES:
        return CURRENCY
    return CURRENCY if request.pay_from != request.currency and provider.id != CONVERSION else None


__all__ = ["Payments", "Request"]
