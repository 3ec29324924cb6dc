"""
A journey with pyQiwiP2P 2.0.7 as it is installed: it runs in that library's own environment, apart from the tests.

Usage: .venv-pyqiwip2p/bin/python pyqiwip2p_journey.py < order.json

What is changed lies below the library: httpx's transports send what goes to the historic host to the server under test.
"""

import asyncio
import json
import sys
from importlib.metadata import version

import httpx
from pyqiwip2p import AioQiwiP2P, QiwiP2P
from pyqiwip2p.p2p_types import QiwiError

SEEN = []


def redirect(url: str) -> None:
    """Put the way to the server under every transport."""
    here = httpx.URL(url)
    below, below_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def moved(request: httpx.Request) -> httpx.Request:
        SEEN.append({"method": request.method, "host": request.url.host, "accept": request.headers["accept"]})
        request.url = request.url.copy_with(scheme=here.scheme, host=here.host, port=here.port)
        return request

    async def handle_async(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return await below_async(transport, moved(request))

    httpx.HTTPTransport.handle_request = lambda transport, request: below(transport, moved(request))
    httpx.AsyncHTTPTransport.handle_async_request = handle_async


def plain(bill: object) -> dict:
    """Turn a bill of the library into what JSON can show."""
    names = ("bill_id", "site_id", "status", "amount", "currency", "pay_url", "comment", "fields")
    return {name: getattr(bill, name, None) for name in names}


def failure(call: object) -> dict:
    """Return how a call failed."""
    try:
        return {"class": "nothing failed", "bill": plain(call())}
    except QiwiError as problem:
        return {"class": "QiwiError", "text": str(problem), "code": getattr(problem, "error_code", None)}
    except ValueError as problem:
        return {"class": "ValueError", "text": str(problem)}


async def together(secret: str) -> dict:
    """Do the same with the library's other face."""
    async with AioQiwiP2P(auth_key=secret) as client:
        made = await client.bill(amount=7.1, lifetime=5)
        return {"made": plain(made), "rejected": plain(await client.reject(made))}


def journey(order: dict) -> dict:
    """Go the whole way."""
    redirect(order["url"])
    with QiwiP2P(auth_key=order["secret"]) as client:
        customer = {"phone": order["payer"], "email": "m@example.org", "account": "client-17"}
        made = client.bill(
            bill_id="py:1", amount=100.5, customer=customer, comment="Счёт", pay_sources=["qw", "card"],
            theme_code="Ivan-KaLi", fields={"city": "Москва"},
        )  # fmt: skip
        told = {
            "version": version("pyQiwiP2P"),
            "made": plain(made),
            "default": plain(client.bill()),
            "checked": plain(client.check(made)),
            "rejected": plain(client.reject(client.bill(bill_id="py:2", lifetime=10))),
            "unknown": failure(lambda: client.check("unknown")),
            "other": failure(lambda: client.bill(bill_id="py:1", amount=5)),
        }
    told["crap"] = failure(lambda: QiwiP2P(auth_key="crap"))
    told["together"] = asyncio.run(together(order["secret"]))
    return told | {"seen": SEEN}


if __name__ == "__main__":
    print(json.dumps(journey(json.load(sys.stdin)), ensure_ascii=False, default=str))
