"""
The audit of the counters: what limits are measured with is what history shows.

Of each wallet and month: the turnover, and what went to other wallets, come out again from the payments that succeeded
or wait; the days of a month make up its cash.
"""

from collections import defaultdict
from collections.abc import Collection

from kalita.clock import month_of
from kalita.ids import moment_of
from kalita.ledger.audit_rows import END, Findings, Rows
from kalita.limits.table import TENGE, TURNOVER_MASK, Category
from kalita.money import RUB
from kalita.storage.engine import Row, Snapshot

LAST_MONTH = 999_912
"""Larger numbers of periods are days."""
Sum = tuple[int, int]
"""An amount and a number of payments."""


async def counters(snapshot: Snapshot, found: Findings, transfers: Collection[int]) -> None:
    """
    Check every counter against history.

    transfers  the providers that are transfers between wallets
    """
    transfers = frozenset(transfers)
    spent = await Rows(snapshot, "audit_spent", lambda row: row[:1]).start()
    outgoing = await Rows(snapshot, "audit_outgoing", lambda row: row[:1]).start()
    while (key := min(spent.key, outgoing.key)) != END:
        shown: dict[tuple[int, str], Sum] = defaultdict(lambda: (0, 0))
        begun: list[Row] = []
        async for some in outgoing.runs(key):
            for row in some:
                if begun and begun[0][2] != row[2]:
                    _add(shown, begun, transfers)
                    begun = []
                begun.append(row)
        if begun:
            _add(shown, begun, transfers)
        kept = _kept(await spent.take(key))
        for month, what in sorted({*shown, *kept}):
            if shown.get((month, what), (0, 0)) != kept.get((month, what), (0, 0)):
                said, right = kept.get((month, what), (0, 0)), shown.get((month, what), (0, 0))
                found.note(
                    "spent",
                    f"wallet {key[0]}, month {month}",
                    f"the {what} is {said[0]} in {said[1]} payments, history comes to {right[0]} in {right[1]}",
                )
    found.count("spent", spent.count)


def _add(shown: dict[tuple[int, str], Sum], rows: list[Row], transfers: Collection[int]) -> None:
    """Add what left a wallet in one transaction; what was converted and sent on left it once, as it was converted."""
    sent = [row for row in rows if row[3] in transfers]
    _, stream, txn_id, _, total, measured = next((row for row in rows if row not in sent), rows[0])
    amount, month = total if stream % 1000 == RUB else measured or 0, month_of(moment_of(txn_id))
    for what in ("turnover", "transfers") if sent else ("turnover",):
        before = shown[month, what]
        shown[month, what] = (before[0] + amount, before[1] + 1)


def _kept(rows: list[Row]) -> dict[tuple[int, str], Sum]:
    """Return what the counters say, by month; the cash of a month is to be that of its days."""
    kept: dict[tuple[int, str], Sum] = defaultdict(lambda: (0, 0))
    for _, period, category, amount, number in rows:
        daily = period > LAST_MONTH
        names = _names(category % TENGE, daily)
        for what, sign in names:
            month = period // 100 if daily else period
            before = kept[month, what]
            kept[month, what] = (before[0] + sign * amount, before[1] + sign * number)
    return kept


def _names(category: int, daily: bool) -> list[tuple[str, int]]:
    if daily:
        return [("cash of the month beyond its days", -1)] if category == Category.CASH else [("days without sense", 1)]
    names = [("turnover", 1)] if TURNOVER_MASK >> category & 1 else []
    if category == Category.TRANSFER:
        names.append(("transfers", 1))
    if category == Category.CASH:
        names.append(("cash of the month beyond its days", 1))
    return names
