"""
The audit of what agents paid in: the rows that registries are written from say what the books say.

Every payment of an agent that was answered has its row, with the sum that left the agent's account and the wallet it
came to; no row is without such a payment. The accounting day is the agent's own word and stands nowhere else.
"""

from kalita.agents.register import account_of
from kalita.ledger.accounts import owner_of
from kalita.ledger.audit_rows import Findings, Rows
from kalita.people.wallets import parse_wallet
from kalita.storage.engine import Row, Snapshot


async def paid_in(snapshot: Snapshot, found: Findings) -> None:
    """Check every row against the books, and that none is missing."""
    rows = await Rows(snapshot, "audit_agent_payments", lambda row: row[:1]).start()
    while (row := await rows.next()) is not None:
        what = _wrong(row)
        if what:
            found.note("agent payment", f"agent {row[0]}, txn_id {row[1]}", what)
    found.count("agent payment", rows.count)
    missing = await Rows(snapshot, "audit_agent_payments_missing", lambda row: row[:1]).start()
    while (row := await missing.next()) is not None:
        found.note("agent payment", f"agent {row[0]}, txn_id {row[1]}", "it is missing, though it was answered")


def _wrong(row: Row) -> str:
    agent, _, account, amount, ours, answered, source, target, moved = row
    if answered != ours:
        return "no such payment was answered"
    if source != account_of(agent) or moved != amount:
        return f"its sum is {amount}, the books say {moved}"
    if parse_wallet(account) != owner_of(target):
        return f"its account is not the wallet {owner_of(target)} that was topped up"
    return ""
