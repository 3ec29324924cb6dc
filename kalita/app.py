"""
The one place that knows every part: builds them from the settings, in the order of the floors.
"""

import asyncio
import ssl
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from kalita.access import renewal
from kalita.access.acts import Acts
from kalita.access.codes import PhoneCodes
from kalita.access.issuing import Issuing
from kalita.access.pairs import Pairs
from kalita.access.rates import Rates
from kalita.access.tokens import Tokens
from kalita.agents import api as agents_api
from kalita.agents.register import Agents
from kalita.bills import api as bills_api
from kalita.bills import checkout, issued, link, page
from kalita.bills.issue import Bills
from kalita.bills.keys import KeyPairs
from kalita.bills.notify import Notices
from kalita.bills.pay import Payers
from kalita.bills.refund import Refunds
from kalita.cards import api as cards
from kalita.clock import DEMO, MOVED, SECOND, Clock
from kalita.connectors.registry import Registry
from kalita.exchange.feed import keep_up
from kalita.exchange.store import Exchange
from kalita.history import api as history_api
from kalita.history.pages import History
from kalita.history.shapes import Shapes
from kalita.hooks import api as hooks_api
from kalita.hooks.message import Messages
from kalita.hooks.register import Hooks
from kalita.keys import Keys, read_or_create
from kalita.ledger.frames import Hello
from kalita.ledger.remote import RemoteWriter
from kalita.ledger.writer import Ledger, Writer
from kalita.limits import api as limits_api
from kalita.limits import downgrade
from kalita.limits.bind import Limits
from kalita.limits.worth import worth
from kalita.messages.mail import Folder, Smtp
from kalita.messages.post import Post
from kalita.messages.sms import way_of
from kalita.outbound.addresses import LOOPBACK, networks
from kalita.outbound.client import Failure, Outbound
from kalita.outbound.deliver import Deliverer
from kalita.outbound.targets import check_services
from kalita.payments import api as payments_api
from kalita.payments.accept import Payments
from kalita.payments.dispatch import Dispatch
from kalita.payments.operate import Operator
from kalita.people import balances, identification, profile, restrictions
from kalita.people.balances import Balances
from kalita.people.contacts import Contacts
from kalita.people.identify import Identification
from kalita.people.leaving import Leaving
from kalita.people.mail_binding import MailBinding
from kalita.people.moving import Moving
from kalita.people.profile import Profiles
from kalita.people.restrictions import Restrictions
from kalita.people.telling import Telling
from kalita.people.verify import Anybody, Asked, Listed, Verifier
from kalita.people.wallets import Wallets
from kalita.providers import api as providers_api
from kalita.providers import finding
from kalita.providers.catalogue import built_in
from kalita.providers.detect import Detector
from kalita.providers.prepared import Prepared
from kalita.providers.store import Store
from kalita.receipts import api as receipts_api
from kalita.receipts.api import ReceiptsApi
from kalita.receipts.draw import Press
from kalita.receipts.find import Receipts
from kalita.receipts.receipt import Codes, Issuer
from kalita.settings import BadSetting, Settings, pauses_s
from kalita.storage.engine import Engine, Step, Unavailable
from kalita.storage.outbox import Channel
from kalita.storage.place import Place
from kalita.storage.watch import Part, Watch
from kalita.web import openapi, reference, status
from kalita.web.openapi import Description
from kalita.web.reference import Reference
from kalita.web.server import Server
from kalita.web.status import Status

KEY = "secret.key"
WATCH_S = 1
"""How often a server looks for changes that commands made."""

ROWS = (
    *profile.ROWS,
    *renewal.ROWS,
    *identification.ROWS,
    *restrictions.ROWS,
    *downgrade.ROWS,
    *balances.ROWS,
    *limits_api.ROWS,
    *payments_api.ROWS,
    *providers_api.ROWS,
    *agents_api.ROWS,
    *finding.ROWS,
    *history_api.ROWS,
    *receipts_api.ROWS,
    *cards.ROWS,
    *bills_api.ROWS,
    *checkout.ROWS,
    *issued.ROWS,
    *page.ROWS,
    *link.ROWS,
    *hooks_api.ROWS,
    *openapi.ROWS,
    *reference.ROWS,
    *status.ROWS,
)
"""Every call of the API; those that renew tokens are served where the operator switched them on."""


def outbound(settings: Settings, ca: str = "") -> Outbound:
    """
    Build the guarded way out: a demonstration may call loopback and names that do not resolve.

    ca  file of an authority that is trusted besides the system's
    """
    named = networks(settings.outbound_networks)
    allowed = (*named, *LOOPBACK) if settings.demo else named
    verify: bool | ssl.SSLContext = settings.outbound_verify
    if ca:
        verify = ssl.create_default_context()
        verify.load_verify_locations(ca)
    return Outbound(allowed, settings.demo, verify)


class App:
    """One installation: its database, its ledger, its services."""

    def __init__(self, settings: Settings, engine: Engine, keys: Keys, clock: Clock, ledger: Ledger) -> None:
        self.settings, self.engine, self.keys, self.clock = settings, engine, keys, clock
        self._serving, self._tasks = False, list[asyncio.Task[None]]()
        self.is_new = False
        self.rates: Rates | None = None
        self.catalogue = built_in()
        self.writer = ledger
        self.providers = Store(engine, keys, clock, self.catalogue)
        self.outbound = outbound(settings)
        self._ways: dict[str, Outbound] = {}
        self.tokens = Tokens(engine, clock)
        self.sms = way_of(settings.sms, settings.data / "outbox")
        self.codes = PhoneCodes(engine, keys, clock, self.sms)
        self.issuing = Issuing(engine, self.codes, clock)
        self.wallets = Wallets(engine, self.writer, clock, keys)
        self.limits = Limits(engine, clock, lifted=not settings.sum_limits, worth=self._worth)
        self.persons = Listed(engine, keys, clock)
        self.identification = Identification(engine, keys, clock, self._verifier())
        self.restrictions = Restrictions(engine, self.writer, self.wallets, clock)
        self.acts = Acts(engine, clock)
        self.contacts = Contacts(engine, self.wallets, clock)
        self.leaving = Leaving(engine, self.writer, self.wallets, self.identification, clock)
        self.moving = Moving(
            self.writer, self.wallets, self.identification, self.leaving, self.limits.unbound, self.limits.carried,
            clock,
        )  # fmt: skip
        self.history = History(engine)
        self.public_url = settings.public_url or f"http://{settings.host}:{settings.port}"
        self.post, self.press = Post(engine, keys, clock, _mail(settings), settings.mail_from), Press()
        self.telling = Telling(self.wallets, self.sms, self.post)
        self.mail_binding = MailBinding(keys, clock, self.wallets, self.contacts, self.post)
        self.receipts = Receipts(engine, self.history, Codes(keys))
        self.pairs = Pairs(engine)
        self.key_pairs = KeyPairs(
            engine, clock, keys, self.wallets, self.outbound, settings.bill_notices_anywhere or settings.demo
        )
        self.bills = Bills(engine, clock, self.wallets, self.key_pairs)
        self.notices = Notices(engine, self.bills, self.key_pairs)
        self.payers = Payers(engine, self.writer, clock, self.wallets, self.limits, self.bills)
        self.refunds = Refunds(engine, self.writer, clock, self.limits, settings.bill_refunds)
        self.hooks = Hooks(engine, clock, keys, self.outbound)
        self.agents = Agents(engine, self.writer, clock)
        self.exchange = Exchange(
            engine, clock, Decimal(settings.rates_spread), settings.rates_max_age_days, settings.demo
        )
        self.connectors = Registry(self._way)
        self.dispatch = Dispatch(
            engine, self.writer, keys, clock, self.catalogue, self.providers, self.limits, self.connectors,
            settings.demo,
        )  # fmt: skip
        self.operator = Operator(engine, self.writer, self.dispatch, self.limits)
        self.prepared, self.detector = Prepared(keys, clock), Detector(engine)
        self.payments = Payments(
            engine, self.writer, self.catalogue, keys, settings.make_wallets, self.limits, self.exchange,
            self.dispatch, self.prepared, settings.strict_requisites,
        )  # fmt: skip
        self._watch = Watch(self._parts())

    @classmethod
    async def open(
        cls, settings: Settings, clock: Clock | None = None, create: bool = False, serving: bool = False
    ) -> "App":
        """
        Open an installation.

        create   make the directory, the key and the database when they are not there
        serving  the ledger gets a process, and so a core, of its own
        raises  BadSetting when there is nothing to open, the key is not the database's, or a service cannot be called
        """
        if serving:
            check_services(settings)
        place = Place(settings)
        made = await place.holds()
        if not create and not made:
            raise BadSetting(f"there is no database of Kalita in {place.name}: run `kalita init` like this first")
        secret = _secret(settings, create and not made)
        keys, clock, engine = Keys(secret), clock or Clock(), await place.open()
        await _move(engine, clock, settings, serving)
        ledger: Ledger = Writer(engine, keys, clock, settings.largest_group)
        if serving:
            database = settings.database or str(place.file)
            own_core = settings.ledger_core and bool(settings.database) and settings.processes == 1
            hello = Hello(database, secret, clock.offset, settings.largest_group, settings.demo, own_core)
            ledger = RemoteWriter(hello, engine)
        app = cls(settings, engine, keys, clock, ledger)
        app.is_new = not made
        app.exchange.demo = settings.demo or (not serving and await engine.one("meta_get", DEMO) is not None)
        await app._check_key()
        app._serving = serving
        await app.refresh()
        return app

    async def refresh(self) -> None:
        """Take up what commands changed beside this process: the clock, the catalogue."""
        await self._watch.once()

    def _parts(self) -> dict[str, Part]:
        return {
            "clock": lambda: _move(self.engine, self.clock, self.settings, self._serving),
            "token_uses": self.tokens.write_uses, "catalogue": self.providers.refresh,
            "rates": self.exchange.refresh, "prefixes": self.detector.refresh,
        }  # fmt: skip

    async def start(self) -> None:
        """Begin to write: lease a lane. A server also begins to look for changes."""
        await self.writer.start()
        if self._serving:
            self._tasks.append(asyncio.create_task(self._watch.run(WATCH_S)))
            self._tasks.append(asyncio.create_task(self.dispatch.run()))
            if self.settings.rates_url:
                work = keep_up(self.settings.rates_url, self.outbound, self.exchange)
                self._tasks.append(asyncio.create_task(work))
            self._tasks.append(asyncio.create_task(self.post.run()))
            self._tasks.append(asyncio.create_task(self.deliverer().run()))
            self._tasks.append(asyncio.create_task(self.bills.keep_sweeping()))

    async def close(self) -> None:
        """Write what waits and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.writer.stop()
        await self.press.close()
        await self.connectors.close()
        for one in (self.outbound, *self._ways.values()):
            await one.close()
        await self.engine.close()

    def server(self) -> Server:
        """Build the ASGI application of the API."""
        if self.settings.oauth_renewal:
            return self._server(ROWS)
        return self._server(tuple(row for row in ROWS if row.of is not renewal.Renewal))

    def metrics_server(self) -> Server:
        """Build the ASGI application of the operator's own address."""
        return self._server(status.METRICS_ROWS)

    def _server(self, rows: tuple[Any, ...]) -> Server:
        description = Description(rows)
        issuer = Issuer(self.settings.service_name, self.public_url)
        rates = self.rates or Rates(self.settings.requests_a_minute, self.settings.bad_tokens_a_minute)
        services: dict[type, Any] = {
            Profiles: Profiles(self.engine, self.wallets, self.keys, self.clock),
            identification.IdentificationApi: identification.IdentificationApi(self.identification, self.clock),
            Restrictions: self.restrictions,
            renewal.Renewal: renewal.Renewal(self.engine, self.tokens, self.clock, rates.general, self.telling.renewed),
            downgrade.Downgrades: downgrade.Downgrades(self.engine, self.limits, self.wallets, self.clock),
            Balances: Balances(
                self.engine, self.writer, self.wallets, self.settings.tenge_balances, self.settings.phone_accounts
            ),
            Payments: self.payments,
            providers_api.Quotes: providers_api.Quotes(self.catalogue, self.exchange, self.detector, self.prepared),
            agents_api.AgentApi: agents_api.AgentApi(
                self.agents,
                self.writer,
                self.wallets,
                self.limits,
                self.keys,
                self.clock,
                self.settings.agents_make_wallets,
                self.settings.agent_certificate_header,
            ),
            finding.Finding: finding.Finding(self.catalogue, self.detector),
            limits_api.LimitsApi: limits_api.LimitsApi(self.engine, self.limits, self.wallets, self.clock),
            history_api.HistoryApi: history_api.HistoryApi(self.history, Shapes(self.catalogue), self.clock),
            bills_api.BillsApi: bills_api.BillsApi(self.bills, self.refunds, lambda: self.public_url),
            page.BillPage: page.BillPage(self.payers, self.wallets),
            link.BillLink: link.BillLink(self.bills, self.wallets, self.clock, rates.general),
            issued.Issued: issued.Issued(self.engine, self.clock, self.bills, self.payers),
            checkout.Checkout: checkout.Checkout(self.payers, self.key_pairs, self.wallets, lambda: self.public_url),
            hooks_api.HooksApi: hooks_api.HooksApi(self.hooks, self.clock, self.settings.hook_key_status, rates.tests),
            ReceiptsApi: ReceiptsApi(self.receipts, self.catalogue, self.press, self.post, issuer),
            cards.Cards: cards.Cards(),
            Description: description,
            Reference: Reference(description),
            Status: Status(self.engine),
        }
        return Server(rows, services, self.tokens, self.pairs, rates, self.clock)

    def deliverer(self) -> Deliverer:
        """Build what sends messages to receivers."""
        chosen = self.settings
        delays = tuple(pause * SECOND for pause in pauses_s(chosen.hook_retries))
        messages = Messages(self.engine, self.keys, delays, chosen.hook_timeout_ms / 1000)
        return Deliverer(
            self.engine, self.clock, self.outbound, {Channel.PAYMENTS: messages, Channel.BILLS: self.notices}
        )

    def _worth(self, amount: int, currency: int, wanted: int) -> int:
        """Measure an amount in another currency for limits, by the rates that hold now."""
        middle = self.exchange.middle
        return (
            worth(amount, currency, wanted, middle.roubles) if middle is not None else worth(amount, currency, wanted)
        )

    def _verifier(self) -> Verifier:
        """Choose who says whether a person is who he says to be."""
        chosen = self.settings.identification
        if chosen == "listed":
            return self.persons
        return Anybody() if chosen == "anybody" else Asked(partial(self._ask, chosen))

    async def _ask(self, url: str, body: bytes) -> tuple[int, bytes]:
        heads = {"content-type": "application/json", "accept": "application/json"}
        answer = await self.outbound.post(url, body, heads, 10.0, 4096)
        if isinstance(answer, Failure):
            raise Unavailable(f"the identification service: {answer.reason}")
        return answer.status, answer.body

    def _way(self, ca: str) -> Outbound:
        if not ca:
            return self.outbound
        if ca not in self._ways:
            self._ways[ca] = outbound(self.settings, ca)
        return self._ways[ca]

    async def _check_key(self) -> None:
        check = self.keys.digest("check", b"kalita")
        row = await self.engine.one("meta_get", "key_check")
        if row is None:
            await self.engine.change(Step("meta_put", ("key_check", check)))
        elif row[0] != check:
            await self.engine.close()
            raise BadSetting("the secret key is not the one this database was made with; put the right key back")


async def _move(engine: Engine, clock: Clock, settings: Settings, serving: bool) -> None:
    """Set the clock as a demonstration's books have it; a server with real money never looks there."""
    if settings.demo or (not serving and await engine.one("meta_get", DEMO) is not None):
        row = await engine.one("meta_get", MOVED)
        clock.offset = int(row[0]) if row else clock.offset


def _mail(settings: Settings) -> Smtp | Folder | None:
    """Choose how mail gets out: a mail server, the outbox of a demonstration, or not at all."""
    if settings.smtp_host:
        return Smtp(
            settings.smtp_host, settings.smtp_port, settings.smtp_user, settings.smtp_password, settings.smtp_tls
        )
    return Folder(settings.data / "outbox") if settings.demo else None


def _secret(settings: Settings, create: bool) -> bytes:
    if create:
        settings.data.mkdir(parents=True, exist_ok=True)
    if settings.secret_key:
        return bytes.fromhex(settings.secret_key)
    path: Path = settings.data / KEY
    if not create and not path.exists():
        raise BadSetting(f"{path} is missing: put the key of this database back, or give it in KALITA_SECRET_KEY")
    return read_or_create(path)
