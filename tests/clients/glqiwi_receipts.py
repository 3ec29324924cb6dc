"""
What glQiwiApi 2.18.3 makes of receipts, and of pages that end inside a conversion; see glqiwi_journey.py.

Usage: .venv-glqiwi/bin/python glqiwi_receipts.py < demo.json
"""

import asyncio
import base64
import json
import sys

from glqiwi_journey import Transport, pages, plain
from glQiwiApi import QiwiWallet
from glQiwiApi.qiwi.clients.wallet.types import TransactionType


async def journey(demo: dict) -> dict:
    """Fetch receipts of both sides of a payment, and walk through a history with conversions in it."""
    Transport(demo["url"]).install()
    (first, number), (second, other_number) = [(one["token"], f"+{one['wallet']}") for one in demo["wallets"][:2]]
    out, in_ = TransactionType.OUT, TransactionType.IN
    async with QiwiWallet(first, number) as payer, QiwiWallet(second, other_number) as payee:
        walked = await pages(payer)
        txn = int((await payer.transfer_money(other_number, 12.5, "обед")).transaction.id)
        files = {
            "pdf": await payer.get_receipt(txn, out),
            "jpeg": await payer.get_receipt(str(txn), out, file_format="JPEG"),
            "payee": await payee.get_receipt(txn, in_, "PDF"),
            "wrong_side": await payer.get_receipt(txn, in_),
            "unknown": await payer.get_receipt(5, out),
        }
        return {
            "txn": txn,
            "files": {
                name: base64.b64encode(one.get_underlying_file_descriptor().read()).decode()
                for name, one in files.items()
            },
            "walked": walked,
            "whole": [plain(one) for one in await payer.history(rows=50)][1:],
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(journey(json.load(sys.stdin))), ensure_ascii=False, default=str))
