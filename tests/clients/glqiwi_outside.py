"""
glQiwiApi 2.18.3 pays the outside: a mobile number, cards, a bank account; it asks for commissions first.

Usage: .venv-glqiwi/bin/python glqiwi_outside.py < demo.json

The library has a method of its own for cards only; the others go out through that method's class with another
provider's id, so body, headers and address stay the library's. What it understood is printed as one JSON object.
"""

import asyncio
import json
import sys
from pathlib import Path

from glQiwiApi import QiwiWallet
from glQiwiApi.qiwi.clients.wallet.methods.predict_comission import PredictCommission
from glQiwiApi.qiwi.clients.wallet.methods.transfer_money_to_card import TransferMoneyToCard
from glQiwiApi.qiwi.clients.wallet.types import TransactionType

sys.path.insert(0, str(Path(__file__).parent))
from glqiwi_journey import Transport, failure, plain

VISA, ACCOUNT, PHONE = "4256121111111115", "40817810000000000001", "+79161234567"
BANK = {
    "account_type": "2", "urgent": "1", "mfo": "044525225", "lname": "Иванов", "fname": "Иван", "mname": "Иванович",
}  # fmt: skip
SENDER = {
    "rem_name": "Ivan", "rem_name_f": "Ivanov", "rec_address": "Lenina 1", "rec_city": "Moscow",
    "rec_country": "Russia", "reg_name": "Anna", "reg_name_f": "Petrova",
}  # fmt: skip


async def paid(client: QiwiWallet, provider: str, account: str, amount: float, **fields: str) -> dict:
    """Pay, wait until it has ended; return the answer, the record in history, what left the balance."""
    before = (await client.get_balance()).amount
    await asyncio.sleep(0.01)
    call = TransferMoneyToCard(private_card_id=provider, amount=amount, card_number=account, kwargs=fields)
    answer = await client._request_service.execute_api_method(call)
    for _ in range(100):
        record = await client.get_transaction_info(answer.transaction.id, TransactionType.OUT)
        if record.status != "WAITING":
            break
        await asyncio.sleep(0.1)
    after = (await client.get_balance()).amount
    return {"answer": plain(answer), "record": plain(record), "left": round(before - after, 2)}


async def quote(client: QiwiWallet, provider: str, account: str, amount: float) -> dict:
    """Ask for a commission with the library's own method."""
    call = PredictCommission(private_card_id=provider, invoice_amount=amount, to_account=account)
    return plain(await client._request_service.execute_api_method(call))


async def journey(demo: dict) -> dict:
    """Go the whole way."""
    Transport(demo["url"]).install()
    one = demo["wallets"][0]
    async with QiwiWallet(one["token"], f"+{one['wallet']}") as client:
        operator = (await client.detect_mobile_operator(PHONE.lstrip("+"))).message
        card = await client.detect_card_id(VISA)
        return {
            "operator": operator,
            "card_id": card,
            "mobile_quote": await quote(client, operator, PHONE, 50),
            "mobile": await paid(client, operator, "9161234567", 50),
            "card_quote": plain(await client.predict_commission(VISA, 1001)),
            "card": await paid(client, card, VISA, 1001),
            "abroad_quote": await quote(client, "1960", VISA, 200),
            "abroad": await paid(client, "1960", VISA, 200, **SENDER),
            "bank_quote": await quote(client, "870", ACCOUNT, 300),
            "bank": await paid(client, "870", ACCOUNT, 300, **BANK),
            "by_method": plain(await client.transfer_money_to_card(10, VISA)),
            "rates": [plain(rate) for rate in await client.get_cross_rates()],
            "wrong_card": await failure(client._request_service.execute_api_method(
                TransferMoneyToCard(private_card_id=card, amount=10, card_number="4256121111111116")
            )),
            "refused": await paid(client, operator, "0000100500", 20),
        }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(asyncio.run(journey(json.load(sys.stdin))), ensure_ascii=False))
