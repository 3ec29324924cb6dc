"""
Books for tests: an engine of storage, the ledger on it, people and history beside it, below HTTP.

ENGINES names every engine that tests of behaviour run on.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kalita.clock import Clock
from kalita.history.pages import History
from kalita.keys import Keys
from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.audit import Report, audit
from kalita.ledger.holds import accept_on_hold
from kalita.ledger.order import Accepted, Bar, Opening, Order, Record, Transfer
from kalita.ledger.writer import Writer
from kalita.people.wallets import Wallets
from kalita.refusals import Refusal
from kalita.storage.engine import Engine
from kalita.storage.postgres.engine import PostgresEngine
from kalita.storage.sqlite.engine import SqliteEngine
from tests import postgres

KEYS = Keys(bytes(range(32)))
ALICE, BOB, CAROL = 79110000001, 79110000002, 79110000003
RUB, USD = 643, 840

Factory = Callable[[Path], Engine]
ENGINES: dict[str, Factory] = {
    "sqlite": lambda folder: SqliteEngine(folder / "kalita.db"),
    "postgres": lambda folder: PostgresEngine(postgres.database_of(folder)),
}


@dataclass
class Hand:
    """A clock's source that a test moves, in nanoseconds like time.time_ns."""

    now: int = 1_770_000_000_000_000_000

    def __call__(self) -> int:
        """Return what time it is."""
        return self.now


@dataclass
class Books:
    """One installation below HTTP."""

    engine: Engine
    hand: Hand = field(default_factory=Hand)
    largest_group: int = 128

    def __post_init__(self) -> None:
        """Build the parts on the engine."""
        self.clock = Clock(source=self.hand)
        self.writer = Writer(self.engine, KEYS, self.clock, self.largest_group)
        self.wallets = Wallets(self.engine, self.writer, self.clock, KEYS)
        self.history = History(self.engine)

    async def submit(self, order: Order) -> Accepted | Refusal:
        """Put an order into the books."""
        return await self.writer.submit(order)

    async def done(self, order: Order) -> Accepted:
        """Put an order into the books that must be accepted."""
        outcome = await self.writer.submit(order)
        assert isinstance(outcome, Accepted), outcome
        return outcome

    async def wallet(self, number: int, **funds: int) -> None:
        """Make a wallet with money in it, by letters of the currency; no money: a balance in roubles."""
        codes = {"RUB": RUB, "USD": USD, "EUR": 978, "KZT": 398}
        await self.wallets.create(number, currencies=tuple(codes[name] for name in funds) or (RUB,))
        for name, amount in funds.items():
            if amount:
                await self.wallets.top_up(number, amount, codes[name], None, "Cash")

    async def balance(self, owner: int, kind: Kind = Kind.WALLET, currency: int = RUB) -> int | None:
        """Return an account's balance, None when there is no such account."""
        number = account_id(owner, kind, currency)
        row = await self.engine.one("accounts_between", number, number)
        return row[2] if row else None

    async def audit(self, *kept) -> Report:
        """Audit the books."""
        async with self.engine.snapshot() as snapshot:
            return await audit(snapshot, KEYS, kept)

    async def proven(self) -> Report:
        """Audit the books, which must be in order."""
        report = await self.audit()
        assert report.findings == ()
        return report


@asynccontextmanager
async def books(folder: Path, factory: Factory = ENGINES["sqlite"], **rest) -> AsyncIterator[Books]:
    """Open books in a folder and close them again."""
    opened = Books(factory(folder), **rest)
    await opened.writer.start()
    try:
        yield opened
    finally:
        await opened.writer.stop()
        await opened.engine.close()


def pay(
    payer: int, payee: int, amount: int, *, fee: int = 0, currency: int = RUB, client_id: str | None = None, **rest
) -> Order:
    """Return the order of a payment from wallet to wallet, as payments/accept.py builds it. Amounts in minor units."""
    source, target = (account_id(wallet, Kind.WALLET, currency) for wallet in (payer, payee))
    fees = (Transfer(source, account_id(house(0, 0), Kind.FEE, currency), fee),) if fee else ()
    openings = (Opening(payee, Kind.WALLET, currency, 0), *((Opening(house(0, 0), Kind.FEE, currency),) if fee else ()))
    return Order(
        owner=payer,
        client_id=client_id,
        meaning=rest.get("meaning", f"{payee} {amount} {fee} {currency}"),
        transfers=(Transfer(source, target, amount), *fees),
        openings=openings,
        records=(
            Record(payer, Direction.OUT, currency, 99, f"+{payee}", amount, fee, "", client_id),
            Record(payee, Direction.IN, currency, 7, f"+{payer}", amount, 0, "", None),
        ),
        answer=('{"id":"', '"}'),
    )


def bill(payer: int, amount: int, *, fee: int = 0, currency: int = RUB, client_id: str | None = None) -> Order:
    """Return the order of a payment to an outside provider, its money on hold. Amounts in minor units."""
    record = Record(payer, Direction.OUT, currency, 1, "+79119999999", amount, fee, "", client_id)
    order = Order(payer, client_id, f"{amount} {fee} {currency}", answer=('{"id":"', '"}'))
    return accept_on_hold(record, order)


def bar(wallet: int, bars: int, currency: int = RUB) -> Order:
    """Return the order that bars a wallet's account."""
    return Order(wallet, bars=(Bar(account_id(wallet, Kind.WALLET, currency), bars),))
