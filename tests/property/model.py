"""
The books as a child would keep them: plain dicts and lists, one thing after another.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from kalita.history.pages import DONE, FAILED, WAITING
from kalita.ledger.accounts import Direction
from kalita.refusals import (
    BELOW_MINIMUM,
    CURRENCY,
    NOT_ENOUGH_MONEY,
    OWN_WALLET,
    PROVIDER_CLOSED,
    REPEATED,
    UNUSABLE,
    WRONG_FORMAT,
    Refusal,
)
from tests.books import RUB
from tests.property.wishes import Charged, End, Payment, TopUp, Waiting, Wish

EUR, KZT = 978, 398

Purse = tuple[int, int]
"""A wallet's number and a currency."""


@dataclass(frozen=True)
class Line:
    """A line of a wallet's history."""

    txn_id: int
    direction: Direction
    currency: int
    provider: int
    account: str
    sum: int
    commission: int
    comment: str = ""
    client_id: str | None = None
    state: int = DONE
    error_code: int | None = None


@dataclass
class Model:
    """
    What the books must say.

    money, held   by wallet and currency; a purse that is in `money` is open
    house         what the house and outsiders have, by currency: all with `money` and `held` makes zero
    payments      the repeat keys: the wish that took each, and its transaction
    lines         each wallet's history, oldest first
    owned         wallets with an owner; the others came into being by a payment
    """

    money: dict[Purse, int] = field(default_factory=dict)
    held: dict[Purse, int] = field(default_factory=lambda: defaultdict(int))
    house: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    payments: dict[tuple[int, str], tuple[Wish, int]] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)
    lines: dict[int, list[Line]] = field(default_factory=lambda: defaultdict(list))
    owned: set[int] = field(default_factory=set)

    def create(self, wallet: int, currencies: tuple[int, ...]) -> bool:
        """Make or claim a wallet; False when it had an owner."""
        for currency in currencies:
            self.money.setdefault((wallet, currency), 0)
        new = wallet not in self.owned
        self.owned.add(wallet)
        return new

    def judge(self, wish: Wish) -> int | Refusal | None:
        """Return the first answer of a repeat, the refusal, or None when the wish is to be fulfilled."""
        if wish.key in self.payments:
            earlier, txn_id = self.payments[wish.key]
            return txn_id if earlier == wish else REPEATED
        match wish:
            case Payment():
                return _refused_at_the_door(wish) or self._short((wish.payer, RUB), wish.amount)
            case Charged() | Waiting():
                return self._short((wish.payer, wish.currency), wish.amount + wish.fee)
            case End():
                return None if wish.txn_id in self.waiting else UNUSABLE
        return None

    def fulfil(self, wish: Wish, txn_id: int) -> None:
        """Write down what an accepted wish does."""
        if wish.key is not None:
            self.payments[wish.key] = (wish, txn_id)
        match wish:
            case Payment(payer, to, amount):
                self._pay(txn_id, payer, int(to), RUB, amount, 0, wish.comment or "", wish.client_id)
            case Charged(payer, payee, amount, fee, currency):
                self._pay(txn_id, payer, payee, currency, amount, fee, "", wish.client_id)
            case TopUp(wallet, amount, currency, note):
                self._put((wallet, currency), amount)
                self.house[currency] -= amount
                self.lines[wallet].append(Line(txn_id, Direction.IN, currency, 7, note, amount, 0))
            case Waiting(payer, amount, fee, currency, client_id):
                self.money[payer, currency] -= amount + fee
                self.held[payer, currency] += amount + fee
                line = Line(
                    txn_id, Direction.OUT, currency, 1, "+79119999999", amount, fee, "", client_id, state=WAITING
                )
                self.lines[payer].append(line)
                self.waiting.add(txn_id)
            case End():
                self._end(wish)

    def _end(self, wish: End) -> None:
        first = wish.first
        purse, total = (first.payer, first.currency), first.amount + first.fee
        self.waiting.remove(wish.txn_id)
        self.held[purse] -= total
        if wish.error_code:
            self.money[purse] += total
        else:
            self.house[first.currency] += total
        state, code = (FAILED, wish.error_code) if wish.error_code else (DONE, None)
        lines = self.lines[first.payer]
        self.lines[first.payer] = [
            replace(line, state=state, error_code=code) if line.txn_id == wish.txn_id else line for line in lines
        ]

    def _pay(
        self, txn_id: int, payer: int, payee: int, currency: int, amount: int, fee: int, comment: str, key: str | None
    ) -> None:
        self.money[payer, currency] -= amount + fee
        self._put((payee, currency), amount)
        self.house[currency] += fee
        paid = Line(txn_id, Direction.OUT, currency, 99, f"+{payee}", amount, fee, comment, key)
        self.lines[payer].append(paid)
        self.lines[payee].append(Line(txn_id, Direction.IN, currency, 7, f"+{payer}", amount, 0, comment))

    def _put(self, purse: Purse, amount: int) -> None:
        self.money[purse] = self.money.get(purse, 0) + amount

    def _short(self, purse: Purse, total: int) -> Refusal | None:
        if purse not in self.money:
            return CURRENCY
        return NOT_ENOUGH_MONEY if total > self.money[purse] else None

    @property
    def wallets(self) -> list[int]:
        """Every wallet there is."""
        return sorted({wallet for wallet, _ in self.money})

    def shown(self, wallet: int, wanted: Callable[[Line], bool]) -> list[Line]:
        """Return lines of a wallet's history, newest first."""
        return [line for line in reversed(self.lines[wallet]) if wanted(line)]

    def totals(self, wallet: int, wanted: Callable[[Line], bool]) -> dict[tuple[Direction, int], int]:
        """Return the sums of what succeeded."""
        sums: dict[tuple[Direction, int], int] = {}
        for line in self.lines[wallet]:
            if line.state == DONE and wanted(line):
                key = line.direction, line.currency
                sums[key] = sums.get(key, 0) + line.sum + line.commission
        return sums


def _refused_at_the_door(wish: Payment) -> Refusal | None:
    """What the API refuses before money is looked at. Source: payments.md 3."""
    digits = wish.to.removeprefix("+")
    rules = (
        (wish.provider != 99, PROVIDER_CLOSED),
        (wish.method != "Account", UNUSABLE),
        (wish.currency != RUB or wish.pay_from != RUB, CURRENCY),
        (not (digits.isascii() and digits.isdigit()) or not 10 <= len(digits) <= 15 or digits[0] == "0", WRONG_FORMAT),
        (digits == str(wish.payer), OWN_WALLET),
        (wish.amount < 100, BELOW_MINIMUM),
    )
    return next((refusal for broken, refusal in rules if broken), None)
