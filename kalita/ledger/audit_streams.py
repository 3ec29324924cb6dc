"""
The audit by stream: running totals of history, money on hold, owners of accounts.
"""

from kalita.ledger.audit_rows import END, Findings, Rows
from kalita.storage.engine import Row, Snapshot


async def streams(snapshot: Snapshot, found: Findings) -> None:
    """A stream's running totals have no gap, and its account keeps the last of them."""
    history = await Rows(snapshot, "audit_streams", lambda row: row[:2]).start()
    totals = await Rows(snapshot, "audit_stream_totals", lambda row: row[:2]).start()
    while (key := min(history.key, totals.key)) != END:
        running = 0
        async for some in history.runs(key):
            running = _run(running, some, found)
        kept = await totals.take(key)
        if not kept:
            found.note("account", f"owner {key[0]}", f"history has a stream {key[1]} that no account has")
        elif kept[0][2] != running:
            what = f"its total of stream {key[1]} is {kept[0][2]}, history comes to {running}"
            found.note("account", f"owner {key[0]}", what)


def _run(running: int, rows: list[Row], found: Findings) -> int:
    for wallet, stream, txn_id, after, amount, commission in rows:
        if after != running + amount + commission:
            key = f"wallet {wallet}, stream {stream}, transaction {txn_id}"
            found.note("history", key, f"its running total is {after}, not {running + amount + commission}")
        running = after
    return running


async def holds(snapshot: Snapshot, found: Findings) -> None:
    """What is on hold is the sum of the payments that wait."""
    waiting = await Rows(snapshot, "audit_waiting", lambda row: row[:2]).start()
    kept = await Rows(snapshot, "audit_holds", lambda row: row[:2]).start()
    while (key := min(waiting.key, kept.key)) != END:
        total = 0
        async for some in waiting.runs(key):
            total += sum(row[2] + row[3] for row in some)
        balance = sum(row[2] for row in await kept.take(key))
        if balance != total:
            what = f"{balance} of currency {key[1]} is on hold, waiting payments come to {total}"
            found.note("account", f"owner {key[0]}", what)


async def owners(snapshot: Snapshot, found: Findings) -> None:
    """Every wallet has an account, and every owner of one is a wallet."""
    wallets = await Rows(snapshot, "audit_wallets", lambda row: row[:1]).start()
    owning = await Rows(snapshot, "audit_wallet_owners", lambda row: row[:1]).start()
    while (key := min(wallets.key, owning.key)) != END:
        there, has = await wallets.take(key), await owning.take(key)
        if not there:
            found.note("wallet", f"wallet {key[0]}", "it is missing, though it has accounts")
        if not has:
            found.note("wallet", f"wallet {key[0]}", "it has no account")
    found.count("wallet", wallets.count)
