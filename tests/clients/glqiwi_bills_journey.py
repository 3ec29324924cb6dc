"""
A journey with the hooks and bills of glQiwiApi 2.18.3, in that library's own environment, apart from the tests.

Usage: .venv-glqiwi/bin/python glqiwi_bills_journey.py < order.json

What is changed lies below the library, as in glqiwi_journey.py. What happened is printed as one JSON object.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from urllib.error import HTTPError
from urllib.request import urlopen

from glqiwi_journey import Transport, failure, plain
from glQiwiApi import QiwiP2PClient, QiwiWallet
from glQiwiApi.qiwi.clients.p2p.types import Customer
from glQiwiApi.qiwi.clients.wallet.types.webhooks import TransactionWebhook
from glQiwiApi.types.exceptions import WebhookSignatureUnverifiedError

MOSCOW = timezone(timedelta(hours=3))


def arrived(address: str) -> None:
    """Wait until the test message has come: deleting a hook cancels what is still to be sent to it."""
    for _ in range(200):
        with suppress(HTTPError), urlopen(address):
            return
        time.sleep(0.05)
    raise AssertionError("no test message came")


async def hooks(wallet: QiwiWallet, order: dict) -> dict:
    """Bind a hook, have it tested, change its key, bind it anew."""
    none = await failure(wallet.get_current_webhook())
    first, key = await wallet.bind_webhook(order["hook"], send_test_notification=True)
    await asyncio.to_thread(arrived, order["arrived"])
    second = await failure(wallet.register_webhook(order["hook"]))
    changed = await wallet.generate_new_webhook_secret(first.id)
    told = {
        "none": none, "first": plain(first), "key": key, "second": second, "changed": changed,
        "again": await wallet.get_webhook_secret_key(first.id), "current": plain(await wallet.get_current_webhook()),
        "wrong": await failure(wallet.register_webhook("http://10.0.0.1/")),
    }  # fmt: skip
    bound, bound_key = await wallet.bind_webhook(order["hook"], delete_old=True)
    await wallet.transfer_money(f"+{order['payer']}", 12.34, "за обед")
    await wallet.transfer_money(f"+{order['payer']}", 1000)
    return told | {"bound": plain(bound), "bound_key": bound_key}


async def bills(token: str, payer: QiwiWallet, order: dict) -> dict:
    """Make keys, ask for money, pay, reject."""
    async with QiwiP2PClient(token) as keys:
        pair = await keys.create_pair_of_p2p_keys("my keys", order["bills"])
    async with QiwiP2PClient(pair.secret_key) as client:
        made = await client.create_p2p_bill(
            100.5, "gl-1", comment="Счёт", theme_code="Ivan-KaLi", pay_source_filter=["qw", "card"],
            expire_at=datetime.now(MOSCOW) + timedelta(hours=1), customer=Customer(phone="79120000002"),
        )  # fmt: skip
        plain_one = await client.create_p2p_bill("5")
        status = [await client.get_bill_status(made.id)]
        paid = await payer.pay_the_invoice(made.invoice_uid, "643")
        status.append(await client.get_bill_status(made.id))
        return {
            "pair": plain(pair), "made": plain(made), "plain": plain(plain_one), "status": status, "paid": plain(paid),
            "was_paid": await client.check_if_bill_was_paid(made),
            "rejected": plain(await client.reject_bill(plain_one)),
            "read": plain(await client.get_bill_by_id(plain_one.id)),
            "unpaid": [plain(one) for one in await payer.list_of_invoices(10)],
            "unknown": await failure(client.get_bill_by_id("unknown")),
            "exists": await failure(client.create_p2p_bill(7, "gl-1")),
            "unknown_invoice": await failure(payer.pay_the_invoice("00000000-0000-0000-0000-000000000000", "643")),
        }  # fmt: skip


def verified(body: str, key: str) -> bool:
    """Tell whether a message verifies by the library's own check."""
    try:
        TransactionWebhook.parse_raw(body).verify_signature(key)
    except WebhookSignatureUnverifiedError:
        return False
    return True


async def journey(order: dict) -> dict:
    """Go the whole way, or check the messages that arrived."""
    if order["what"] == "check":
        told = [TransactionWebhook.parse_raw(body) for body in order["bodies"]]
        checks = [verified(body, order["key"]) for body in order["bodies"] if json.loads(body)["payment"]]
        return {"read": [plain(one) for one in told], "good": checks, "test": [one.is_experimental for one in told]}
    Transport(order["url"]).install()
    one, two = order["wallets"]
    async with (
        QiwiWallet(one["token"], f"+{one['wallet']}") as wallet,
        QiwiWallet(two["token"], f"+{two['wallet']}") as payer,
    ):
        return {"hooks": await hooks(wallet, order), "bills": await bills(one["token"], payer, order)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(journey(json.load(sys.stdin))), ensure_ascii=False))
