"""
Dispatch: carry payments on hold to their providers and let the answer decide.

    Done       the hold goes to the provider's settlement and the fee to the house
    Rejected   the hold goes back to its owner, with the provider's code in history
    Unknown    the money stays held, and the provider is asked again: after half a minute at first, hourly at last

Whoever accepts a payment carries it at once: its row is born with his lease, which he renews as long as he lives. A
payout whose carrier died is claimed by another process, and then the provider is asked what became of it.
Source: payments.md 3.3, osmp.md "Rules"
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Coroutine
from functools import partial

import msgspec
from msgspec.structs import replace

from kalita.clock import HOUR, MINUTE, SECOND, Clock
from kalita.connectors.protocol import (
    Absent,
    Connector,
    Done,
    Gate,
    Outcome,
    Payout,
    Rejected,
    Unknown,
    one_line,
    understood,
)
from kalita.connectors.registry import SIMULATOR, Registry
from kalita.ids import moment_of
from kalita.keys import Keys
from kalita.ledger.writer import Fault, Ledger
from kalita.limits.bind import Limits
from kalita.observe import log
from kalita.payments.kinds import SEALED, Lease, Plan
from kalita.payments.payouts import OPERATORS, PaidOut, ended, said_of
from kalita.payments.request import Request
from kalita.providers.catalogue import INSIDE, Catalogue
from kalita.providers.provider import Provider
from kalita.providers.store import Store
from kalita.refusals import Refusal
from kalita.storage.engine import Engine, Row, Step, Unavailable

LEASE = 15 * SECOND
RENEW_S = 5.0
POLL_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
GRACE_S = 5.0
"""How long a connector may take beyond its own time."""
CLAIMED = 64
AT_ONCE = 64
"""How many payments are under way at one provider; the others wait, and no other provider waits with them."""
FULL = 2 * AT_ONCE
"""As many again wait at its door: no more of its payments are claimed until some are through."""
REPEATS = (30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR)
MOST_ATTEMPTS = len(REPEATS) + 72
"""After three days of hourly questions the operator decides."""
ASKED = 1
_encode = msgspec.json.encode
_fields = msgspec.json.Decoder(dict[str, str]).decode


class Dispatch:
    """Carry payouts of this process, and those that nobody carries."""

    def __init__(
        self, engine: Engine, writer: Ledger, keys: Keys, clock: Clock, catalogue: Catalogue, store: Store,
        limits: Limits, registry: Registry, demo: bool,
    ) -> None:  # fmt: skip
        self._engine, self._writer, self._keys, self._clock = engine, writer, keys, clock
        self._catalogue, self._store, self._limits, self._registry = catalogue, store, limits, registry
        self._demo, self._running = demo, False
        self._holder, self._claims = secrets.token_hex(8), 0
        self._doors: dict[int, asyncio.Semaphore] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._count: Counter[int] = Counter()

    @property
    def lease(self) -> Lease:
        """The lease that a new payout is born with: ours when this process carries payouts, else nobody's."""
        return Lease(self._holder, LEASE) if self._running else Lease("", -SECOND)

    def reaches(self, provider: Provider) -> bool:
        """Tell whether there is a way to a provider."""
        return self._registry.knows(self._name(provider))

    def _name(self, provider: Provider) -> str:
        if provider.id in INSIDE:
            return ""
        return provider.gateway.connector or (SIMULATOR if self._demo else "")

    def take(self, request: Request, plan: Plan, txn_id: int) -> None:
        """Carry a payout that was accepted here just now."""
        if not self._running or plan.payout is None:
            return
        record = plan.order.records[0]
        paid_out = PaidOut(
            request.payer, txn_id, record.provider, record.currency, record.sum, record.commission, plan.category
        )
        self._begin(paid_out, plan.payout, 0, 0)

    async def run(self) -> None:
        """Carry payouts until cancelled; those under way are cancelled too, and may be claimed at once."""
        self._running = True
        renewing = asyncio.create_task(self._keep_leases())
        try:
            while True:
                if await self._tried(self.round()) < CLAIMED:
                    await asyncio.sleep(POLL_S)
        finally:
            self._running = False
            tasks = [renewing, *self._under_way]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._tried(self._change("payout_release", *self._ours))

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            if self._under_way:
                await self._tried(self._change("payout_renew", *self._ours, LEASE))

    async def _tried(self, work: Coroutine[None, None, int]) -> int:
        """Do something that may be tried again later."""
        try:
            return await work
        except (Unavailable, Fault) as problem:
            log.warning("payouts_not_reached", reason=str(problem))
            return 0

    async def _change(self, query: str, *args: int | str) -> int:
        (count,) = await self._engine.change(Step(query, args))
        return count

    @property
    def _ours(self) -> tuple[str, str]:
        """The range of holders that are this process: itself, and each of its claims."""
        return self._holder, f"{self._holder}~"

    async def round(self) -> int:
        """Claim what is due, but for providers whose door is full, and begin to carry it; return how many."""
        full = _encode([provider for provider, count in self._count.items() if count >= FULL]).decode()
        now = self._clock.now()
        if await self._engine.one("payout_unclaimed", now, full) is None:
            return 0  # the usual case costs a look, and no write
        self._claims += 1
        claim = f"{self._holder}-{self._claims}"
        count = await self._change("payout_claim", claim, LEASE, now, CLAIMED, full)
        if count:
            for row in await self._engine.all("payouts_held", claim, now):
                self._claimed(row)
        return count

    def _claimed(self, row: Row) -> None:
        *facts, sealed, state, attempts = row
        text = self._keys.open(SEALED, sealed, str(facts[0]))
        if text is None:
            log.error("payout_not_readable", transaction=row[1])
            return
        self._begin(PaidOut(*facts), _fields(text), state, attempts, born=False)

    def _begin(self, paid: PaidOut, fields: dict[str, str], state: int, attempts: int, born: bool = True) -> None:
        provider = self._catalogue.get(paid.provider)
        payout = Payout(
            paid.wallet,
            paid.txn_id,
            paid.provider,
            fields,
            paid.amount,
            paid.currency,
            moment_of(paid.txn_id),
            attempts,
            *(provider.form.carried(fields) if provider is not None else ()),
        )
        task = asyncio.create_task(self._carry(paid, payout, born and state == 0))
        self._under_way.add(task)
        self._count[paid.provider] += 1
        task.add_done_callback(partial(self._through, paid.provider))

    def _through(self, provider: int, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._count[provider] -= 1
        if not self._count[provider]:
            del self._count[provider]

    async def settled(self) -> None:
        """Wait until nothing is under way here."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _carry(self, paid: PaidOut, payout: Payout, first: bool) -> None:
        async with self._doors.setdefault(paid.provider, asyncio.Semaphore(AT_ONCE)):
            outcome = await self._ask(payout, first)
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._settle(paid, payout, outcome)
            except (Unavailable, Fault) as problem:  # the provider has spoken: what it said is kept until it is written
                log.warning("payout_not_settled", transaction=paid.txn_id, reason=str(problem))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                return

    async def _ask(self, payout: Payout, first: bool) -> Outcome:
        """Ask the provider; whatever goes wrong on the way leaves the payment unknown."""
        provider = self._catalogue.get(payout.provider)
        try:
            connector = self._registry.get(self._name(provider)) if provider is not None else None
            if provider is None or connector is None:
                return Unknown("there is no connector")
            where = provider.gateway
            gate = Gate(where.url, where.login, self._store.password(provider), where.ca)
            async with asyncio.timeout(connector.within_s + GRACE_S):
                return await _asked(connector, payout, gate, first)
        except (Exception, asyncio.CancelledError) as problem:
            task = asyncio.current_task()
            if isinstance(problem, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            log.warning("connector_failed", transaction=payout.txn_id, exc_info=problem)
            return Unknown(one_line(f"{type(problem).__name__}: {problem}"))

    async def _settle(self, paid: PaidOut, payout: Payout, outcome: Outcome) -> None:
        if isinstance(outcome, Unknown):
            await self._again(paid, payout.attempts, outcome)
            return
        if await self.end(paid, outcome, 1) is not None:
            await self._late(paid, outcome)

    async def _late(self, paid: PaidOut, outcome: Done | Rejected) -> None:
        """Keep what a provider said of a payment that an operator had settled: he may have to set it right."""
        said = f"late answer: {said_of(outcome)}"
        log.error("payout_ended_before", transaction=paid.txn_id, outcome=said)
        await self._engine.change(Step("payout_late", (paid.wallet, paid.txn_id, said)))

    async def end(self, paid: PaidOut, outcome: Done | Rejected, asked: int = 0) -> Refusal | None:
        """
        Let a payment on hold end, in one commit with all that hangs on it.

        asked    1 when it is a provider's answer, which counts as an attempt; 0 when an operator says so
        returns  the refusal when it had ended before, and then nothing was moved
        """
        order = ended(paid, outcome, self._writer.lane, asked)
        if isinstance(outcome, Rejected):
            order = replace(order, counts=await self._limits.given_back(paid.record, paid.txn_id, paid.limited))
        done = await self._writer.submit(order)
        return done if isinstance(done, Refusal) else None

    async def _again(self, paid: PaidOut, attempts: int, outcome: Unknown) -> None:
        state, wait = ASKED, REPEATS[min(attempts, len(REPEATS) - 1)]
        if outcome.ask_in_s is not None:
            wait = int(outcome.ask_in_s * SECOND)
        elif attempts >= MOST_ATTEMPTS:
            state = OPERATORS
            log.error("payout_needs_operator", transaction=paid.txn_id, note=outcome.note)
        due = self._clock.now() + wait
        await self._engine.change(Step("payout_again", (paid.wallet, paid.txn_id, state, due, outcome.note)))


async def _asked(connector: Connector, payout: Payout, gate: Gate, first: bool) -> Outcome:
    """Pay what was never sent; of anything else ask what became of it, and pay only what the provider never saw."""
    if not first:
        standing = understood(await connector.status(payout, gate))
        if not isinstance(standing, Absent):
            return standing
    outcome = understood(await connector.pay(payout, gate))
    return Unknown("the connector answered Absent to `pay`") if isinstance(outcome, Absent) else outcome
