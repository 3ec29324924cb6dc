"""
The audit of the counters: what limits are measured with is what history shows.

Of each wallet in the newest month it counts: the turnover, and what went to other wallets, come out again from the
payments that succeeded or wait; the days of a month make up its cash. What was turned into tenge comes out again from
the conversions: by whom it went out, and to whom it came. A wallet that its owner moved to goes on with the counters of
the one before, but for the money that moved over.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from kalita.clock import month_of
from kalita.ids import moment_of
from kalita.ledger.audit_rows import END, Findings, Key, Rows
from kalita.ledger.counters import LAST_MONTH, month_in, read
from kalita.limits.table import BY_TOKEN, TENGE, TURNOVER_MASK, Category
from kalita.money import RUB
from kalita.people.wallets import parse_wallet
from kalita.storage.engine import Row, Snapshot

CASH, DAYS = "cash of the month beyond its days", "count of days without sense"
INTO_TENGE = {Category.TENGE_OUT: "money turned into tenge", Category.TENGE_IN: "money that came as tenge"}
Sum = tuple[int, int]
"""An amount and a number of payments."""
Shown = dict[tuple[int, str], Sum]
"""What history comes to, by month and name."""


def _none() -> Shown:
    return defaultdict(lambda: (0, 0))


@dataclass
class Sums:
    """
    What there is of one wallet.

    shown, least  what history comes to, at the most and at the least
    moved         what of it is money that moved to the owner's next wallet
    kept          what the counters say
    """

    shown: Shown = field(default_factory=_none)
    least: Shown = field(default_factory=_none)
    moved: Shown = field(default_factory=_none)
    kept: Shown = field(default_factory=_none)


async def counters(snapshot: Snapshot, found: Findings, transfers: Collection[int]) -> None:
    """
    Check every counter against history.

    transfers  the providers that are transfers between wallets
    """
    transfers = frozenset(transfers)
    spent = await Rows(snapshot, "audit_spent", lambda row: row[:1]).start()
    outgoing = await Rows(snapshot, "audit_outgoing", lambda row: row[:1]).start()
    sent = await Rows(snapshot, "audit_tenge_out", lambda row: row[:1]).start()
    received = await Rows(snapshot, "audit_tenge_in", lambda row: (parse_wallet(row[0]) or 0,)).start()
    moved = await Rows(snapshot, "audit_moved_out", lambda row: row[:1]).start()
    heirs: dict[int, int] = {new: old async for rows in snapshot.rows("audit_heirs") for new, old in rows}
    concerned, own = {*heirs, *heirs.values()}, dict[int, Sums]()
    while (key := min(spent.key, outgoing.key, moved.key, sent.key, received.key)) != END:
        (wallet,) = key
        sums = Sums()
        await _add_all(sums.shown, outgoing, key, transfers)
        await _add_all(sums.moved, moved, key, transfers)
        for rows, category in ((sent, Category.TENGE_OUT), (received, Category.TENGE_IN)):
            async for some in rows.runs(key):
                _add_tenge(sums.shown, sums.least, some, INTO_TENGE[category])
        sums.kept = _kept(await spent.take(key), found)
        if wallet in concerned:
            own[wallet] = sums
        if wallet not in heirs:
            _compare(wallet, sums, found)
    for wallet in heirs:
        _compare(wallet, _with_those_before(wallet, heirs, own), found)
    found.count("spent", spent.count)


def _compare(wallet: int, sums: Sums, found: Findings) -> None:
    newest = max((month for month, _ in (*sums.shown, *sums.kept)), default=0)
    for what in ("turnover", "transfers", CASH, DAYS, *INTO_TENGE.values()):
        said, right = sums.kept.get((newest, what), (0, 0)), sums.shown.get((newest, what), (0, 0))
        low = sums.least.get((newest, what), right)
        if said[1] != right[1] or not low[0] <= said[0] <= right[0]:
            found.note(
                "account",
                f"spent of wallet {wallet}, month {newest}",
                f"the {what} is {said[0]} in {said[1]} payments, history comes to {right[0]} in {right[1]}",
            )


def _with_those_before(wallet: int, heirs: dict[int, int], own: dict[int, Sums]) -> Sums:
    """Return the sums of a wallet with those of the wallets its owner had before it."""
    first = own.get(wallet, Sums())
    whole, seen = Sums(kept=first.kept), {wallet}
    _join(whole.shown, first.shown)
    _join(whole.least, first.least)
    while (old := heirs.get(wallet)) is not None and old not in seen:
        seen.add(old)
        before = own.get(old, Sums())
        _join(whole.shown, before.shown)
        _join(whole.least, before.least)
        _join(whole.shown, {key: (-amount, -number) for key, (amount, number) in before.moved.items()})
        wallet = old
    return whole


def _join(sums: Shown, more: Shown) -> None:
    for key, (amount, number) in more.items():
        sums[key] = (sums[key][0] + amount, sums[key][1] + number)


async def _add_all(shown: Shown, rows: Rows, key: Key, transfers: Collection[int]) -> None:
    """Add what left a wallet, one transaction after the other."""
    begun: list[Row] = []
    async for some in rows.runs(key):
        for row in some:
            if begun and begun[0][2] != row[2]:
                _add(shown, begun, transfers)
                begun = []
            begun.append(row)
    if begun:
        _add(shown, begun, transfers)


def _add(shown: Shown, rows: list[Row], transfers: Collection[int]) -> None:
    """Add what left a wallet in one transaction; what was converted and sent on left it once, as it was converted."""
    sent = [row for row in rows if row[3] in transfers]
    _, stream, txn_id, _, total, measured = next((row for row in rows if row not in sent), rows[0])
    amount, month = total if stream % 1000 == RUB else measured or 0, month_of(moment_of(txn_id))
    for what in ("turnover", "transfers") if sent else ("turnover",):
        before = shown[month, what]
        shown[month, what] = (before[0] + amount, before[1] + 1)


def _add_tenge(shown: Shown, least: Shown, rows: list[Row], what: str) -> None:
    """
    Add what was turned into tenge, at the most and at the least it was worth in roubles.

    The commission does not count, but what another currency was worth was measured with it and rounded up: without it
    the two may be a kopeck apart.
    """
    for _, stream, txn_id, cost, fee, measured in rows:
        if stream % 1000 == RUB:
            low = high = cost
        else:
            worth, whole = measured or 0, max(cost + fee, 1)
            low, high = (worth - 1) * cost // whole + 1, -(-worth * cost // whole)
        month = month_of(moment_of(txn_id))
        for sums, amount in ((shown, high), (least, low)):
            before = sums[month, what]
            sums[month, what] = (before[0] + amount, before[1] + 1)


def _kept(rows: list[Row], found: Findings) -> Shown:
    """Return what the counters say, by month; the cash of a month is to be that of its days."""
    kept: Shown = defaultdict(lambda: (0, 0))
    for wallet, account, text in rows:
        try:
            counters = read(text)
        except msgspec.DecodeError:
            found.note("account", f"account {account}", f"the counters of wallet {wallet} cannot be read")
            continue
        if len({month_in(period) for period, _ in counters}) > 1:
            found.note("account", f"account {account}", "it counts more than one month")
        for (period, category), (amount, number) in counters.items():
            if category == BY_TOKEN:
                continue
            for what, sign in _names(category % TENGE, period > LAST_MONTH):
                before = kept[month_in(period), what]
                kept[month_in(period), what] = (before[0] + sign * amount, before[1] + sign * number)
    return kept


def _names(category: int, daily: bool) -> list[tuple[str, int]]:
    if daily:
        return [(CASH, -1)] if category == Category.CASH else [(DAYS, 1)]
    if category in INTO_TENGE:
        return [(INTO_TENGE[Category(category)], 1)]
    names = [("turnover", 1)] if TURNOVER_MASK >> category & 1 else []
    if category == Category.TRANSFER:
        names.append(("transfers", 1))
    if category == Category.CASH:
        names.append((CASH, 1))
    return names
