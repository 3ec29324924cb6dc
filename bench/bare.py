"""
The yardstick: bare ASGI on the same server that parses and answers the same JSON, and does nothing else.
"""

import sys
from typing import Any

import msgspec
import uvicorn


class Sum(msgspec.Struct):
    """As a payment has it."""

    amount: msgspec.Raw
    currency: str


class Method(msgspec.Struct):
    """As a payment has it."""

    type: str
    accountId: str  # noqa: N815 - the wire's name


class Body(msgspec.Struct):
    """A payment as clients send it."""

    id: str
    sum: Sum
    paymentMethod: Method  # noqa: N815 - the wire's name
    fields: dict[str, str]
    comment: str | None = None


_decode = msgspec.json.Decoder(Body).decode
_encode = msgspec.json.encode


def _page() -> dict[str, Any]:
    side = {"id": 7, "shortName": "QIWI", "longName": "QIWI", "logoUrl": None, "description": None, "keys": None,
            "siteUrl": None, "extras": []}  # fmt: skip
    features = dict.fromkeys(
        ("chequeReady", "bankDocumentReady", "bankDocumentAvailable", "repeatPaymentEnabled", "favoritePaymentEnabled",
         "regularPaymentEnabled", "chatAvailable", "greetingCardAttached"), False)  # fmt: skip
    money = {"amount": 1, "currency": 643}
    row = {
        "txnId": 891520205697024, "personId": 79000000001, "date": "2026-01-14T15:12:08+03:00", "errorCode": 0,
        "error": None, "type": "OUT", "status": "SUCCESS", "statusText": "Успешно", "trmTxnId": "1768392728000",
        "account": "+79110000002", "sum": money, "commission": money, "total": money, "provider": side, "source": side,
        "comment": "", "currencyRate": 1, "paymentExtras": [], "features": features, "serviceExtras": {},
        "view": {"title": "QIWI", "account": "+79110000002"},
    }  # fmt: skip
    return {"data": [row] * 10, "nextTxnId": None, "nextTxnDate": None}


PAGE = _page()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a payment with its own details, a GET with ten rows of history."""
    if scope["method"] == "POST":
        body = _decode((await receive())["body"])
        answer = _encode(
            {
                "id": body.id, "terms": "99", "fields": body.fields,
                "sum": {"amount": body.sum.amount, "currency": body.sum.currency},
                "transaction": {"id": "891520205697024", "state": {"code": "Accepted"}}, "source": "account_643",
            }
        )  # fmt: skip
    else:
        answer = _encode(PAGE)
    headers = [(b"content-type", b"application/json;charset=UTF-8"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        application, port=int(sys.argv[1]), http="httptools", loop="uvloop", lifespan="off", ws="none",
        access_log=False, log_level="warning", server_header=False, date_header=False,
    )  # fmt: skip
