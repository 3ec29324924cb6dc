"""
The audit: recompute the books from their rows, in one snapshot, beside a live server.

    by commit    every row belongs to a group of the chain, and each group's keyed hash comes out again; within a
                 transaction entries, history, payment and closing agree
    by account   entries without a gap, running balances, what the account says of itself; the books sum to zero
    by stream    running totals of history, money on hold, owners of accounts

Tables are read in order and merged, so memory does not grow with the books.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from kalita.keys import Keys
from kalita.ledger.audit_accounts import accounts
from kalita.ledger.audit_commits import Commits, Head
from kalita.ledger.audit_rows import Finding, Findings
from kalita.ledger.audit_streams import holds, owners, streams
from kalita.storage.engine import Snapshot


@dataclass(frozen=True, slots=True)
class Report:
    """
    What an audit found.

    findings  what is wrong, the first thousand
    more      how many findings were left out after them
    counts    rows checked, by table
    heads     the newest head of every lane that ever wrote; kept outside, they show a tail that was cut off later
    """

    findings: tuple[Finding, ...]
    more: int
    counts: dict[str, int]
    heads: tuple[Head, ...]

    @property
    def proven(self) -> bool:
        """True when nothing is wrong."""
        return not self.findings


Check = Callable[[Snapshot, Findings], Awaitable[None]]


async def audit(snapshot: Snapshot, keys: Keys, kept: Iterable[Head] = (), also: Iterable[Check] = ()) -> Report:
    """
    Recompute the books and name everything that does not agree.

    kept  heads printed by earlier audits and kept outside the database
    also  checks of rooms above the ledger whose rows follow from the books
    """
    found = Findings()
    commits = Commits(snapshot, keys.of("chain"), kept, found)
    await commits.run()
    await accounts(snapshot, found)
    await streams(snapshot, found)
    await holds(snapshot, found)
    await owners(snapshot, found)
    for check in also:
        await check(snapshot, found)
    return Report(tuple(found.first), found.more, found.counts, commits.heads)


__all__ = ["Finding", "Head", "Report", "audit"]
