"""
The yardstick: bare uvicorn ASGI that parses and answers the same JSON, and does nothing else.

It is what anybody would write first: the caller is looked up by his token, the body is read into its model and
checked, the model of the answer is written. No rule, no money, nothing is kept. uvicorn runs as it comes, but for its
access log.
"""

import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import uvicorn


class Sum(msgspec.Struct):
    """As a payment has it."""

    amount: Decimal
    currency: Literal["643"]


class Method(msgspec.Struct):
    """As a payment has it."""

    type: Literal["Account"]
    accountId: Literal["643"]  # noqa: N815 - the wire's name


class Body(msgspec.Struct):
    """A payment as clients send it."""

    id: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,20}$")]
    sum: Sum
    paymentMethod: Method  # noqa: N815 - the wire's name
    fields: dict[str, str]
    comment: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class State(msgspec.Struct):
    """As an answer has it."""

    code: str


class Transaction(msgspec.Struct):
    """As an answer has it."""

    id: str
    state: State


class Info(msgspec.Struct):
    """What a payment is answered with."""

    id: str
    terms: str
    fields: dict[str, str]
    sum: Sum
    transaction: Transaction
    source: str
    comment: str | None


_decode = msgspec.json.Decoder(Body).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_route = re.compile(r"/sinap/api/v2/terms/(\d+)/payments").fullmatch
_account = re.compile(r"\+?[0-9]{10,15}", re.ASCII).fullmatch
TAKEN = Transaction("891520205697024", State("Accepted"))
TOKENS: set[bytes] = set()


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


def _paid(provider: str, raw: bytes) -> tuple[int, bytes]:
    try:
        body = _decode(raw)
    except msgspec.ValidationError:
        return 400, b"{}"
    if body.sum.amount <= 0 or _account(body.fields.get("account", "")) is None:
        return 400, b"{}"
    return 200, _encode(Info(body.id, provider, body.fields, body.sum, TAKEN, "account_643", body.comment))


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a payment with its own details, a GET with ten rows of history."""
    token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    route = _route(scope["path"])
    if token not in TOKENS:
        status, answer = 401, b"{}"
    elif route:
        status, answer = _paid(route[1], (await receive())["body"])
    else:
        status, answer = 200, _encode(PAGE)
    headers = [(b"content-type", b"application/json;charset=UTF-8"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    TOKENS.update(b"Bearer " + line.split()[1] for line in Path(sys.argv[2]).read_bytes().splitlines())
    uvicorn.run(application, port=int(sys.argv[1]), lifespan="off", ws="none", access_log=False, log_level="warning")
