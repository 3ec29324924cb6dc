"""
A random walk through an installation, beside the model: draw a wish, ask both, compare.
"""

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from kalita import ids
from kalita.app import App
from kalita.clock import SECOND, at_zone
from kalita.history.pages import EVERYTHING, Shown, Span, from_cursor, span_of
from kalita.ledger.accounts import Direction
from kalita.people.wallets import Level
from kalita.refusals import Refusal
from tests.books import RUB, USD, Hand
from tests.property.model import EUR, KZT, Line, Model
from tests.property.wishes import OPERATOR, Charged, End, Payment, TopUp, Waiting, Wish

CURRENCIES = (RUB, RUB, RUB, USD, EUR, KZT)
NUMBERS = tuple(79110000000 + number for number in range(1, 25))
LEAST, MOST = 1_600_000_000 * SECOND, 3_000_000_000 * SECOND
"""Where the walk's clock may go: 2020 to 2065."""

Wanted = Callable[[Line], bool]


def seed() -> int:
    """Return the seed of a random run and print it: `KALITA_SEED` runs the same again."""
    chosen = int(os.environ.get("KALITA_SEED") or int.from_bytes(os.urandom(4), "big"))
    print(f"KALITA_SEED={chosen}")
    return chosen


class Walk:
    """
    One walk.

    steps  how many times the books were asked
    """

    def __init__(self, app: App, hand: Hand, chance: random.Random) -> None:
        self._app, self._hand, self._chance = app, hand, chance
        self._model = Model()
        self._holds: list[End] = []
        self._last = self._latest = 0
        self.steps = 0
        self.seen: dict[str, int] = {}

    async def step(self) -> None:
        """Move the clock, then do one thing, or several at once."""
        self._tick()
        await self._chance.choices((self._create, self._alone, self._together), (5, 80, 15))[0]()

    def _tick(self) -> None:
        chance = self._chance
        span = chance.choice((0, 0, 1_000, 1_000_000, 60_000_000, 86_400_000_000))
        now = self._hand.now // 1000 + chance.randint(-span, span * 2)
        if chance.random() < 0.2:
            now -= now % SECOND  # the first id of a second is where periods are cut
        self._hand.now = min(max(now, LEAST), MOST) * 1000
        self._latest = max(self._latest, self._hand.now // 1_000_000)

    async def _create(self) -> None:
        wallet, currencies = self._chance.choice(NUMBERS), tuple({self._chance.choice(CURRENCIES), RUB})
        self.steps += 1
        made = await self._app.wallets.create(wallet, Level.SIMPLE, currencies)
        assert made == self._model.create(wallet, currencies)

    async def _alone(self) -> None:
        if self._model.owned:
            await self._ask([self._wish()])

    async def _together(self) -> None:
        if self._model.owned:
            rush = self._chance.choice((None, None, str(self._chance.randint(10**10, 10**11))))
            wishes = [self._aimed(self._wish(), rush) for _ in range(self._chance.randint(2, 12))]
            wishes += [replace(wish) for wish in self._chance.sample(wishes, 2)]
            self._chance.shuffle(wishes)
            await self._ask(wishes)

    def _aimed(self, wish: Wish, rush: str | None) -> Wish:
        """Aim a payment at the number everybody pays to in a rush: it has no wallet before."""
        return replace(wish, to=rush) if rush and isinstance(wish, Payment) else wish

    async def _ask(self, wishes: list[Wish]) -> None:
        """
        Ask for everything at once: some order of one after another must explain the answers.

        Only what was fulfilled changes anything, and its ids tell in which order that was. Every other answer has to
        be the right one somewhere before, between or after.
        """
        self.steps += len(wishes)
        answers = await asyncio.gather(*(wish.ask(self._app) for wish in wishes))
        known = {txn_id for _, txn_id in self._model.payments.values()}
        new: dict[int, Wish] = {}
        open_: list[tuple[Wish, int | Refusal]] = []
        for wish, answer in zip(wishes, answers, strict=True):
            if isinstance(answer, Refusal) or answer in known or answer in new:
                open_.append((wish, answer))
            else:
                new[answer] = wish
            self._note(wish, answer)
        unexplained = self._explain(open_)
        for txn_id in sorted(new):
            self._fulfil(new[txn_id], txn_id)
            unexplained = self._explain(unexplained)
        assert not unexplained, unexplained

    def _explain(self, answers: list[tuple[Wish, int | Refusal]]) -> list[tuple[Wish, int | Refusal]]:
        return [(wish, answer) for wish, answer in answers if self._model.judge(wish) != answer]

    def _fulfil(self, wish: Wish, txn_id: int) -> None:
        judged = self._model.judge(wish)
        assert judged is None, f"{wish} was fulfilled, the model says {judged}"
        milliseconds = (txn_id >> 12) + ids.EPOCH_S * 1000
        assert self._last < txn_id < 2**53
        assert self._hand.now // 1_000_000 <= milliseconds <= self._latest + self.steps // 64 + 1
        self._last = txn_id
        self._model.fulfil(wish, txn_id)
        if isinstance(wish, Waiting):
            self._holds.append(End(wish, txn_id, 0))

    def _note(self, wish: Wish, answer: int | Refusal) -> None:
        said = f" {answer.code}" if isinstance(answer, Refusal) else ""
        name = type(wish).__name__ + said
        self.seen[name] = self.seen.get(name, 0) + 1

    def _wish(self) -> Wish:
        draw = self._chance.choices(
            (self._payment, self._charged, self._top_up, self._waiting, self._end, self._again),
            (35, 15, 15, 12, 12, 11),
        )
        return draw[0]()

    def _payment(self) -> Payment:
        chance, payer = self._chance, self._someone()
        wish = Payment(payer, str(chance.choice(NUMBERS)), self._amount(payer, RUB), self._client_id())
        oddities = (
            {"to": str(payer)},
            {"to": "+" + wish.to},
            {"to": str(chance.randint(10**9, 10**10 - 1))},
            {"to": str(chance.randint(10**14, 10**15 - 1))},
            {"to": chance.choice(("", "79", "0079110000001", "7911000000a", "٧٩١١٠٠٠٠٠٠١", "1" * 16))},
            {"amount": chance.randint(1, 100)},
            {"currency": chance.choice((USD, None))},
            {"pay_from": chance.choice((USD, None))},
            {"method": "Card"},
            {"provider": chance.choice((1, 7, 10**6))},
            {"comment": chance.choice(("", "Обед", 'a "quote"\n'))},
        )
        return replace(wish, **chance.choice(oddities)) if chance.random() < 0.4 else wish

    def _charged(self) -> Charged:
        payer, currency = self._someone(), self._chance.choice(CURRENCIES)
        payee = self._chance.choice([number for number in NUMBERS if number != payer])
        client_id = self._chance.choice((None, self._client_id()))
        return Charged(payer, payee, self._amount(payer, currency), self._fee(), currency, client_id)

    def _top_up(self) -> TopUp:
        chance = self._chance
        amount = chance.choice((chance.randint(1, 10**6), chance.randint(1, 10**12)))
        client_id = chance.choice((None, self._client_id()))
        return TopUp(self._someone(), amount, chance.choice(CURRENCIES), chance.choice(("Cash", "Bank")), client_id)

    def _waiting(self) -> Waiting:
        payer, currency = self._someone(), self._chance.choice(CURRENCIES)
        client_id = self._chance.choice((None, self._client_id()))
        return Waiting(payer, self._amount(payer, currency), self._fee(), currency, client_id)

    def _end(self) -> Wish:
        if not self._holds:
            return self._waiting()
        recent = self._chance.choice((self._holds, self._holds[-4:]))
        return replace(self._chance.choice(recent), error_code=self._chance.choice((0, 0, 5, 300)))

    def _again(self) -> Wish:
        """The id of an earlier wish: with what it meant then, or with something else."""
        if not self._model.payments:
            return self._top_up()
        earlier, _ = self._chance.choice(list(self._model.payments.values()))
        if self._chance.random() < 0.5:
            return earlier
        if self._chance.random() < 0.5:
            return replace(earlier, amount=earlier.amount + 1)
        owner, client_id = earlier.key or (0, "")
        other = self._top_up() if owner == OPERATOR else replace(self._payment(), payer=owner)
        return replace(other, client_id=client_id)

    def _someone(self) -> int:
        return self._chance.choice(sorted(self._model.owned))

    def _amount(self, payer: int, currency: int) -> int:
        """Draw an amount: small, about what the payer has, or more."""
        has = self._model.money.get((payer, currency), 0)
        small = self._chance.randint(100, 100_000)
        return max(self._chance.choice((small, small, has // 3, has, has + 1, has - small)), 1)

    def _fee(self) -> int:
        return self._chance.choice((0, 1, self._chance.randint(1, 5_000)))

    def _client_id(self) -> str:
        return str(self._chance.randint(1, 10**18))

    async def compare(self) -> None:
        """Compare everything the books can be asked with the model."""
        model = self._model
        for currency in set(CURRENCIES):
            purses = [purse for purse in model.money if purse[1] == currency]
            assert sum(model.money[one] + model.held[one] for one in purses) + model.house[currency] == 0
        for wallet in model.wallets:
            shown = await self._app.wallets.balances(wallet)
            assert {one.currency: (one.available, one.on_hold) for one in shown} == {
                purse[1]: (has, model.held[purse]) for purse, has in model.money.items() if purse[0] == wallet
            }
            lines = [line.txn_id for line in model.lines[wallet]]
            assert lines == sorted(set(lines))
            await self._pages(wallet, lambda line: True, tuple(Direction), None, EVERYTHING)
            await self._read(wallet)
        assert {one.wallet for one in await self._app.wallets.after(0, 10_000)} == set(model.wallets)

    async def _read(self, wallet: int) -> None:
        """Read a wallet's history and totals, a few filters of the many."""
        for _ in range(2):
            directions = tuple(self._chance.sample(list(Direction), self._chance.randint(1, 3)))
            currencies = self._chance.choice((None, set(self._chance.sample(CURRENCIES, 2))))
            for start, end in ((None, None), self._period(wallet)):
                wanted = _wanted(directions, currencies, start, end)
                span = EVERYTHING if start is None or end is None else span_of(start, end)
                await self._pages(wallet, wanted, directions, currencies, span)
                totals = await self._app.history.totals(wallet, directions, currencies, span)
                assert totals == self._model.totals(wallet, wanted)
        for line in self._chance.sample(self._model.lines[wallet], min(3, len(self._model.lines[wallet]))):
            one = await self._app.history.transaction(wallet, line.txn_id, None)
            assert one is not None
            assert _line(one) == line
            other = await self._app.history.transaction(wallet, line.txn_id + 64, None)
            assert other is None or other.txn_id == line.txn_id + 64

    def _period(self, wallet: int) -> tuple[datetime, datetime]:
        lines = self._model.lines[wallet]
        some = [line.txn_id for line in self._chance.choices(lines, k=2)] if lines else [1 << 40, 1 << 41]
        zone = timezone(timedelta(hours=self._chance.choice((-12, 0, 3, 14))))
        start, end = sorted(ids.moment_of(txn_id) + self._chance.randint(-2, 2) * SECOND for txn_id in some)
        return _stamp(start, zone), _stamp(end, zone)

    async def _pages(self, wallet: int, wanted: Wanted, directions, currencies, span: Span) -> None:
        """Read page after page by the cursor; together they are the model's list."""
        expected, found, rows = self._model.shown(wallet, wanted), [], self._chance.choice((1, 2, 3, 7, 10, 20, 50))
        if len(expected) > 20 * rows:
            rows = 50
        high = span.high
        while True:
            page, following = await self._app.history.page(wallet, directions, currencies, Span(span.low, high), rows)
            found += map(_line, page)
            if following is None:
                break
            assert len(page) == rows
            stamp = datetime.fromisoformat(at_zone(ids.moment_of(following.txn_id)))
            high = min(span.high, from_cursor(stamp, following.txn_id).high)
        assert found == expected


def _wanted(directions, currencies, start: datetime | None, end: datetime | None) -> Wanted:
    def wanted(line: Line) -> bool:
        moment = _stamp(((line.txn_id >> 12) // 1000 + ids.EPOCH_S) * SECOND, UTC)
        within = start is None or end is None or start <= moment <= end
        return line.direction in directions and (currencies is None or line.currency in currencies) and within

    return wanted


def _stamp(moment: int, zone: timezone) -> datetime:
    return datetime.fromtimestamp(moment // SECOND, zone)


def _line(shown: Shown) -> Line:
    txn_id, stream, *rest = shown
    direction, currency = divmod(stream, 1000)
    return Line(txn_id, Direction(direction), currency, *rest)
