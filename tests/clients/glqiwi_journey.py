"""
A journey with glQiwiApi 2.18.3 as it is installed: it runs in that library's own environment, apart from the tests.

Usage: .venv-glqiwi/bin/python glqiwi_journey.py < demo.json

What is changed lies below the library: `aiohttp.ClientSession._request` sends what goes to the historic hosts to the
server under test. URLs, headers and bodies stay as the library makes them. What happened is printed as one JSON object.
"""

import asyncio
import json
import sys
from datetime import datetime, timedelta, timezone

import aiohttp
from glQiwiApi import QiwiWallet, __version__
from glQiwiApi.qiwi.clients.wallet.types import PaymentDetails, PaymentMethod, Source, TransactionType
from glQiwiApi.qiwi.exceptions import QiwiAPIError
from glQiwiApi.types.amount import AmountWithCurrency
from yarl import URL

HISTORIC = ("edge.qiwi.com", "qiwi.com", "api.qiwi.com", "oplata.qiwi.com")
PAYMENTS = ((100.5, "lunch"), ("99.01", None), (1, ""), (1.1 + 2.2, "ещё раз"), (250, "rent"))
MOSCOW = timezone(timedelta(hours=3))


class Transport:
    """What lies below the library: carries its requests to the server under test and notes what they looked like."""

    def __init__(self, address: str) -> None:
        self._address = URL(address)
        self._below = aiohttp.ClientSession._request
        self.seen: list[dict] = []
        self.twice = False
        self.first_answer: dict | None = None

    def install(self) -> None:
        """Put itself under every session."""
        transport = self

        async def carried(session: aiohttp.ClientSession, method: str, url: str, **rest: object) -> object:
            return await transport.carry(session, method, URL(url), rest)

        aiohttp.ClientSession._request = carried

    async def carry(self, session: aiohttp.ClientSession, method: str, url: URL, rest: dict) -> object:
        """Send a request on; once after `twice` was set, lose the first answer and send the same request again."""
        assert url.host in HISTORIC, url
        self.seen.append({"method": method, "host": url.host, "path": url.path, "header": session.headers.get("Host")})
        here = url.with_scheme("http").with_host(self._address.host).with_port(self._address.port)
        if self.twice:
            self.twice = False
            first = await self._below(session, method, here, **rest)
            self.first_answer = await first.json()
        return await self._below(session, method, here, **rest)


def plain(model: object) -> object:
    """Turn a model of the library into what JSON can show."""
    return json.loads(model.json())


async def failure(call: object) -> dict:
    """Return how a call failed: the library's exception, its status and its code."""
    try:
        await call
    except QiwiAPIError as problem:
        status = problem.http_response.status_code
        return {"class": type(problem).__name__, "status": status, "code": problem.error_code, "text": str(problem)}
    return {"class": "nothing failed"}


async def pages(client: QiwiWallet, **filters: object) -> list[list[dict]]:
    """Walk through the history with the library's own continuation."""
    found, following = [], {}
    while True:
        page = await client.history(rows=2, **filters, **following)
        found.append([plain(one) for one in page])
        if page.next_transaction_id is None:
            return found
        following = {"next_txn_id": page.next_transaction_id, "next_txn_date": page.next_transaction_date}


async def sides(payer: QiwiWallet, payee: QiwiWallet) -> dict:
    """Return both balances."""
    return {
        "payer": [plain(one) for one in await payer.get_list_of_balances()],
        "payee": [plain(one) for one in await payee.get_list_of_balances()],
    }


async def pay(payer: QiwiWallet, payee_number: str) -> list[dict]:
    """Make the payments, each in a millisecond of its own: the library takes the clock as the payment's id."""
    made = []
    for amount, comment in PAYMENTS:
        made.append(plain(await payer.transfer_money(payee_number, amount, comment)))
        await asyncio.sleep(0.002)
    return made


async def read_history(payer: QiwiWallet, payee: QiwiWallet, txn_id: int) -> dict:
    """Read both histories with every filter the library has, totals and one transaction."""
    now = datetime.now(MOSCOW)
    day = {"start_date": now - timedelta(days=1), "end_date": now + timedelta(hours=1)}
    before = {"start_date": now - timedelta(days=30), "end_date": now - timedelta(days=29)}
    in_, out = TransactionType.IN, TransactionType.OUT
    return {
        "payer_pages": await pages(payer),
        "payee_pages": await pages(payee, transaction_type=in_),
        "payer_out": [plain(one) for one in await payer.history(transaction_type=out)],
        "payer_in_usd": [plain(one) for one in await payer.history(transaction_type=in_, sources=[Source.USD])],
        "payer_two_sources": len(await payer.history(sources=[Source.RUB, Source.EUR])),
        "payer_cards": len(await payer.history(transaction_type=TransactionType.QIWI_CARD)),
        "payer_today": [plain(one) for one in await payer.history(transaction_type=out, **day)],
        "payer_today_pages": await pages(payer, transaction_type=out, sources=[Source.RUB], **day),
        "payer_last_month": len(await payer.history(**before)),
        "exists": await payee.check_whether_transaction_exists(lambda one: one.id == txn_id),
        "payer_total": plain(await payer.fetch_statistics(**day)),
        "payer_total_out": plain(await payer.fetch_statistics(operation=out, sources=["QW_RUB", "QW_USD"], **day)),
        "payee_total_in": plain(await payee.fetch_statistics(operation=in_, **day)),
        "payee_total_before": plain(await payee.fetch_statistics(**before)),
        "payer_transaction": plain(await payer.get_transaction_info(txn_id, out)),
        "payee_transaction": plain(await payee.get_transaction_info(txn_id, in_)),
    }


async def fail(payer: QiwiWallet, payer_number: str, payee_number: str, txn_id: int) -> dict:
    """Do what the server has to refuse; say what the library makes of it."""
    details = dict.fromkeys(PaymentDetails.__fields__, "1")
    by_details = payer.payment_by_payment_details(
        AmountWithCurrency(amount=5, currency="643"),
        PaymentMethod(payment_type="Account", account_id="643"),
        PaymentDetails(**details),
    )
    async with QiwiWallet("0" * 32, payer_number) as stranger:
        return {
            "no_money": await failure(payer.transfer_money(payee_number, 599_999)),
            "too_little": await failure(payer.transfer_money(payee_number, 0.001)),
            "to_oneself": await failure(payer.transfer_money(payer_number, 10)),
            "not_a_number": await failure(payer.transfer_money("+12", 10)),
            "by_details": await failure(by_details),
            "stranger_pays": await failure(stranger.transfer_money(payee_number, 10)),
            "stranger_looks": await failure(stranger.get_list_of_balances()),
            "unknown_transaction": await failure(payer.get_transaction_info(txn_id + 1, TransactionType.OUT)),
            "wrong_side": await failure(payer.get_transaction_info(txn_id, TransactionType.IN)),
            "swapped_dates": await failure(payer.fetch_statistics()),
        }


async def lose_an_answer(transport: Transport, payer: QiwiWallet, payee_number: str) -> dict:
    """Pay so that the transport gets the answer, drops it and asks again, as on a bad line."""
    transport.twice = True
    second = await payer.transfer_money(payee_number, 7.77, "sent twice")
    return {"first": transport.first_answer, "second": plain(second)}


async def journey(demo: dict) -> dict:
    """Go the whole way."""
    transport = Transport(demo["url"])
    transport.install()
    one, two = demo["wallets"][:2]
    payer_number, payee_number = f"+{one['wallet']}", f"+{two['wallet']}"
    async with QiwiWallet(one["token"], payer_number) as payer, QiwiWallet(two["token"], payee_number) as payee:
        told = {
            "version": __version__,
            "profile": plain(await payer.get_profile()),
            "profile_part": plain(await payer.get_profile(include_auth_info=False, include_contract_info=False)),
            "before": await sides(payer, payee),
            "first_balance": plain(await payer.get_balance()),
            "payments": await pay(payer, payee_number),
            "lost": await lose_an_answer(transport, payer, payee_number),
            "after": await sides(payer, payee),
        }
        txn_id = told["payments"][0]["transaction"]["id"]
        told |= await read_history(payer, payee, txn_id)
        told["failures"] = await fail(payer, payer_number, payee_number, txn_id)
        told["at_the_end"] = await sides(payer, payee)
    return told | {"seen": transport.seen}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(journey(json.load(sys.stdin))), ensure_ascii=False))
