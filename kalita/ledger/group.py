"""
Judge a group of orders against what was read under lock; collect what it writes. Pure: no clock, no I/O.
"""

from collections.abc import Set

from kalita.clock import day_of, month_of
from kalita.ids import moment_of, next_id
from kalita.ledger.accounts import (
    Direction,
    Kind,
    account_id,
    account_range,
    balances_beside,
    new_account,
    owner_of,
)  # fmt: skip
from kalita.ledger.accounts import stream as stream_of
from kalita.ledger.chain import Digest, opened
from kalita.ledger.counters import Counters, add, read, written
from kalita.ledger.decide import Entry, decide
from kalita.ledger.order import DAY, MONTH, TXN, Accepted, Ceiling, Closing, Count, Order, Outcome, Record
from kalita.refusals import NOT_ENOUGH_MONEY, OUTDATED, REPEATED, UNUSABLE, Refusal, payment
from kalita.storage.engine import Found, Needs, Writes
from kalita.storage.rows import (
    AccountRow,
    BarRow,
    ClosingRow,
    EntryRow,
    GroupRow,
    HistoryRow,
    PaymentRow,
    WalletRow,
)


class Unread(Exception):  # noqa: N818 - named for what happened
    """Balances are to be opened in wallets whose other balances were not read: read those too, and judge again."""

    def __init__(self, owners: set[int]) -> None:
        super().__init__(f"the balances of {len(owners)} wallets were not read")
        self.owners = owners


def needs_of(orders: list[Order], lane: int, holder: str, beside: Set[int] = frozenset()) -> Needs:
    """
    Return what has to be read before a group can be judged, in the order of locking.

    beside  owners all of whose balances are to be read
    """
    accounts: set[int] = set()
    owners = set(beside)
    keys: set[tuple[int, str]] = set()
    waiting: set[tuple[int, int, int]] = set()
    guards: set[tuple[str, tuple[int | str | None, ...]]] = set()
    for order in orders:
        for source, target, _ in order.transfers:
            accounts.add(source)
            accounts.add(target)
        for opening in order.openings:
            accounts.add(account_id(opening.owner, opening.kind, opening.currency))
        for record in order.records:
            accounts.add(account_id(record.wallet, Kind.WALLET, record.currency))
        if order.client_id is not None:
            keys.add((order.owner, order.client_id))
        if order.closes is not None:
            waiting.add(order.closes[:3])
        for bar in order.bars:
            accounts.add(bar.account)
        for count in order.counts:
            owners.add(owner_of(count.account))  # a limit is the wallet's, whatever the currency
        if order.guard is not None:
            guards.add((order.guard.query, order.guard.args))
    ranges = [account_range(owner) for owner in owners]
    ranges += [(account, account) for account in accounts if owner_of(account) not in owners]
    return Needs(lane, holder, sorted(ranges), sorted(keys), sorted(waiting), sorted(guards, key=str))


def period_at(period: int, moment: int) -> int:
    """Return the number of a period; MONTH and DAY are those of a moment."""
    if period == MONTH:
        return month_of(moment)
    return day_of(moment) if period == DAY else period


class Group:
    """
    One group being judged.

    orders   judged in the order they came
    now      microseconds since 1970
    key      the chain's key
    beside   owners all of whose balances were read
    outcomes one for each order once `judge` has run
    """

    def __init__(self, orders: list[Order], now: int, key: bytes, beside: Set[int] = frozenset()) -> None:
        self._orders, self._now, self._key, self._beside = orders, now, key, beside
        self.outcomes: list[Outcome] = []

    def judge(self, found: Found) -> Writes:
        """
        Judge every order; return what the accepted ones write. May run again after a failed commit.

        raises  Unread
        """
        unread = self._openers(found) - self._beside
        if unread:
            raise Unread(unread)
        self._found, self._writes = found, Writes()
        self._touched: set[int] = set()
        self._opened: set[int] = set()
        self._counters: dict[int, Counters] = {}
        self._counted: set[int] = set()
        self._first, self._last = 0, found.lane.last_txn
        self.outcomes = [self._judge(order) for order in self._orders]
        self._writes.refused = any(isinstance(outcome, Refusal) for outcome in self.outcomes)
        return self._finish()

    def _openers(self, found: Found) -> set[int]:
        """Return the owners who get a balance that is not there yet: it is barred as those beside it are."""
        accounts = found.accounts
        return {
            opening.owner
            for order in self._orders
            for opening in order.openings
            if opening.kind == Kind.WALLET and account_id(opening.owner, Kind.WALLET, opening.currency) not in accounts
        }

    def _judge(self, order: Order) -> Outcome:
        if order.client_id is not None:
            earlier = self._found.payments.get((order.owner, order.client_id))
            if earlier is not None:
                same = earlier.meaning == order.meaning
                return Accepted(earlier.txn_id, earlier.answer, True) if same else REPEATED
        if order.closes is not None and not self._may_close(order, order.closes):
            return UNUSABLE
        if order.guard is not None and order.guard not in self._found.guards:
            return OUTDATED
        txn_id = next_id(self._now, self._last_of(order), self._found.lane.lane)
        newcomers = self._open(order, txn_id)
        entries = decide(self._found.accounts, order.transfers)
        moment = moment_of(txn_id)
        counts = [(count, period_at(count.period, moment)) for count in order.counts]
        if counts or order.ceilings:
            entries = self._within_limits(counts, order.ceilings, entries)
        if isinstance(entries, Refusal):
            for account in newcomers:
                del self._found.accounts[account.id]
            return entries
        for index, entry in enumerate(entries):
            self._enter(txn_id, index // 2, *entry)
        for count, period in counts:
            self._count(count, period)
        answer = order.answer[0] + str(txn_id) + order.answer[1]
        self._accept(order, txn_id, answer, newcomers)
        return Accepted(txn_id, answer, False)

    def _within_limits(
        self, counts: list[tuple[Count, int]], ceilings: tuple[Ceiling, ...], entries: list[Entry] | Refusal
    ) -> list[Entry] | Refusal:
        """
        Limits are looked at before the balance, and after everything else. Source: payments.md 3.1.

        counts  each with the number of its period: that of the transaction, the date which history shows
        """
        if isinstance(entries, Refusal) and entries is not NOT_ENOUGH_MONEY:
            return entries
        for count, period in counts:
            spent = self._spent(count.account, period) if count.checks else []
            for categories, most, code in count.checks:
                total = count.amount
                for category, amount in spent:
                    if categories >> category & 1:
                        total += amount
                if total > most:
                    return payment(code)
        if not isinstance(entries, Refusal):
            reached = {account: balance for account, _, balance in entries}
            for account, most, code in ceilings:
                if reached.get(account, 0) > most:
                    return payment(code)
        return entries

    def _spent(self, one: int, period: int) -> list[tuple[int, int]]:
        """Return what the wallet of an account spent in each category in a period."""
        return [
            (category, amount)
            for account in balances_beside(one)
            if account in self._found.accounts
            for (at, category), (amount, _) in self._counters_of(account).items()
            if at == period
        ]

    def _counters_of(self, account: int) -> Counters:
        counters = self._counters.get(account)
        if counters is None:
            counters = self._counters[account] = read(self._found.accounts[account].spent)
        return counters

    def _count(self, count: Count, period: int) -> None:
        add(self._counters_of(count.account), period, count.category, count.amount, count.number)
        self._counted.add(count.account)
        self._touched.add(count.account)

    def _may_close(self, order: Order, closes: Closing) -> bool:
        """Only what still waits can be closed, and then its hold is emptied to the kopeck."""
        total = self._found.waiting.get(closes[:3])
        hold = account_id(closes.wallet, Kind.HOLD, closes.stream % 1000)
        moved = sum(amount for source, _, amount in order.transfers if source == hold)
        assert total is None or total == moved, "a hold is closed with another sum than it holds"
        return total is not None

    def _last_of(self, order: Order) -> int:
        accounts, last = self._found.accounts, self._last
        for source, target, _ in order.transfers:
            for account in (accounts.get(source), accounts.get(target)):
                if account is not None and account.last_txn > last:
                    last = account.last_txn
        for bar in order.bars:
            if bar.account in accounts:
                last = max(last, accounts[bar.account].last_txn)
        return last

    def _open(self, order: Order, txn_id: int) -> list[AccountRow]:
        accounts, newcomers = self._found.accounts, []
        for owner, kind, currency, _, _, overdraft in order.openings:
            number = account_id(owner, kind, currency)
            if number not in accounts:
                account = accounts[number] = new_account(owner, kind, currency, txn_id, overdraft)
                newcomers.append(account)
                if kind == Kind.WALLET:
                    account.bars = self._bars_beside(number)
        return newcomers

    def _bars_beside(self, number: int) -> int:
        bars = 0
        for other in balances_beside(number):
            if other in self._found.accounts:
                bars |= self._found.accounts[other].bars
        return bars

    def _enter(self, txn_id: int, leg: int, account: int, change: int, balance: int) -> None:
        row = self._found.accounts[account]
        row.balance, row.last_txn = balance, txn_id
        row.entries += 1
        self._touched.add(account)
        self._writes.entries.append(EntryRow(txn_id, leg, account, row.entries, change, balance))

    def _accept(self, order: Order, txn_id: int, answer: str, newcomers: list[AccountRow]) -> None:
        writes = self._writes
        self._first, self._last = self._first or txn_id, txn_id
        if newcomers:
            self._make_wallets(order, newcomers)
        for record in order.records:
            writes.history.append(self._record(record, txn_id))
        if order.client_id is not None:
            payment = PaymentRow(order.owner, order.client_id, txn_id, order.meaning, answer)
            self._found.payments[order.owner, order.client_id] = payment
            writes.payments.append(payment)
        if order.closes is not None:
            del self._found.waiting[order.closes[:3]]
            writes.closings.append(ClosingRow(*order.closes, txn_id))
        if order.bars or newcomers:
            inherited = {account.id: account.bars for account in newcomers if account.bars}
            for account, bars in (inherited | dict(order.bars)).items():
                if account in self._found.accounts:
                    self._bar(txn_id, account, bars)
        if order.guard is not None:
            self._found.guards.discard(order.guard)
        for query, args in order.extras:
            writes.extras.append((query, tuple(txn_id if arg == TXN else arg for arg in args)))

    def _make_wallets(self, order: Order, newcomers: list[AccountRow]) -> None:
        owners = {account.owner for account in newcomers}
        self._opened.update(account.id for account in newcomers)
        for opening in order.openings:
            if opening.level is not None and opening.owner in owners:
                registered = self._now if opening.level else None
                wallet = WalletRow(opening.owner, self._now, registered, opening.level, opening.nickname)
                self._writes.wallets.append(wallet)

    def _bar(self, txn_id: int, account: int, bars: int) -> None:
        row = self._found.accounts[account]
        row.bars, row.last_txn = bars, txn_id
        self._touched.add(account)
        self._writes.bars.append(BarRow(account, txn_id, bars))

    def _record(self, record: Record, txn_id: int) -> HistoryRow:
        wallet, direction, currency, provider, shown, sum_, commission, comment, client_id, waiting = record
        row = self._found.accounts[account_id(wallet, Kind.WALLET, currency)]
        if direction is Direction.IN:
            running = row.sum_in = row.sum_in + sum_ + commission
        elif direction is Direction.OUT:
            running = row.sum_out = row.sum_out + sum_ + commission
        else:
            running = row.sum_card = row.sum_card + sum_ + commission
        self._touched.add(row.id)
        return HistoryRow(
            wallet, stream_of(direction, currency), txn_id, running, provider,
            shown, sum_, commission, comment, client_id, int(waiting),
        )  # fmt: skip

    def _finish(self) -> Writes:
        writes, accounts, lane = self._writes, self._found.accounts, self._found.lane
        if not self._first:
            return writes
        writes.opened = [accounts[number] for number in sorted(self._opened)]
        writes.accounts = [accounts[number] for number in sorted(self._touched - self._opened)]
        for number in self._counted:
            accounts[number].spent = written(self._counters[number])
        writes.entries.sort()
        digest = Digest(self._key)
        digest.opened(opened(row) for row in sorted(writes.opened, key=lambda row: (row.opened_by, row.id)))
        digest.entries(writes.entries)
        digest.payments(writes.payments)
        digest.history(sorted(writes.history, key=lambda row: (row.txn_id, row.wallet, row.stream)))
        digest.closings(writes.closings)
        digest.bars(sorted(writes.bars, key=lambda row: (row.txn_id, row.account_id)))
        head = digest.head(lane.head, lane.lane, lane.seq + 1, self._first, self._last)
        writes.group = GroupRow(lane.lane, lane.seq + 1, self._first, self._last, head, digest.parts())
        return writes
