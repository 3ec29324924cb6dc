"""What is kept of a wallet and its owner, beside what `wallet show` tells: for `wallet export`."""

from typing import Any

import msgspec

from kalita.app import App
from kalita.bills.bill import Bill, State
from kalita.clock import at_zone
from kalita.ids import LARGEST, moment_of
from kalita.ledger.accounts import Direction, stream
from kalita.money import CURRENCIES, WALLET_CURRENCIES, face
from kalita.storage.outbox import Channel

STATES = ("done", "waiting", "failed")
HOOK_KINDS = {1: "in", 2: "out", 3: "both"}
PAGE = 500
FAR = 2**62


async def kept(app: App, number: int) -> dict[str, Any]:
    """Return the owner, the payments, and what an owner set up and issued; secrets are left out."""
    identity = await app.identification.current(number)
    found = await app.wallets.get(number)
    assert found is not None
    return {
        "email": found.email,
        "language": found.language,
        "default_balance": CURRENCIES[found.default_currency].letters,
        "last_login_at": at_zone(found.last_login_at) if found.last_login_at else None,
        "last_login_address": found.last_login_ip,
        "person": identity.person._asdict() if identity.person else None,
        "payments": await _payments(app, number),
        "hook": await _hook(app, number),
        "bill_notices": await _notices(app, number),
        "pairs": [
            {
                "id": one.id, "name": one.name, "public": one.public, "may_spend": bool(one.may_spend),
                "created_at": at_zone(one.created_at),
            }
            for one in await app.key_pairs.live(number)
        ],
        "bills": await _bills(app, number),
        "bills_to_pay": [_bill(one) for one in await app.payers.unpaid(number, 0, FAR, FAR, PAGE)],
    }  # fmt: skip


async def _payments(app: App, number: int) -> list[dict[str, Any]]:
    fields: dict[int, str] = {row[0]: row[1] for row in await app.engine.all("payouts_shown", number)}
    found = []
    for direction in Direction:
        for currency in WALLET_CURRENCIES:
            last = LARGEST
            while rows := await app.engine.all("history_page", number, stream(direction, currency), 0, last, PAGE):
                found += [_payment(direction, currency, row, fields) for row in rows]
                last = rows[-1][0] - 1
    return sorted(found, key=lambda one: one["transaction"])


def _payment(direction: Direction, currency: int, row: Any, fields: dict[int, str]) -> dict[str, Any]:
    txn_id, _, provider, account, amount, fee, comment, client_id, state, error = row[:10]
    given = fields.get(txn_id) if direction is not Direction.IN else None
    return {
        "transaction": txn_id, "at": at_zone(moment_of(txn_id)), "type": direction.name.lower(),
        "currency": CURRENCIES[currency].letters, "sum": face(amount, currency), "commission": face(fee, currency),
        "provider": provider, "account": account, "comment": comment, "id": client_id, "state": STATES[state],
        "error": error, "fields": msgspec.json.decode(given) if given else None,
    }  # fmt: skip


async def _hook(app: App, number: int) -> dict[str, Any] | None:
    row = await app.engine.one("receiver_get", number, int(Channel.PAYMENTS))
    if row is None:
        return None
    return {"id": row[0], "url": row[1], "type": HOOK_KINDS[row[2]], "created_at": at_zone(row[6])}


async def _notices(app: App, number: int) -> dict[str, Any] | None:
    """Return where news of bills go to, for which pair."""
    row = await app.engine.one("receiver_get", number, int(Channel.BILLS))
    return None if row is None else {"pair": row[0], "url": row[1], "created_at": at_zone(row[6])}


async def _bills(app: App, number: int) -> list[dict[str, Any]]:
    found: list[Bill] = []
    last = ""
    while rows := await app.engine.all("bills_of_owner", number, last, PAGE):
        found += [Bill(*row) for row in rows]
        last = found[-1].bill_id
    return [_bill(one) for one in sorted(found, key=lambda one: one.number)]


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "owner": bill.owner, "id": bill.bill_id, "pair": bill.pair, "currency": CURRENCIES[bill.currency].letters,
        "amount": face(bill.amount, bill.currency), "refunded": face(bill.refunded, bill.currency),
        "state": State(bill.state).name.lower(), "created_at": at_zone(bill.created_at),
        "changed_at": at_zone(bill.changed_at), "expires_at": at_zone(bill.expires_at), "comment": bill.comment,
        "customer": _given(bill.customer), "custom": _given(bill.custom), "payer": bill.payer,
        "transaction": bill.txn_id,
    }  # fmt: skip


def _given(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
