"""
The table of rows as test data: addresses, samples, wrong values. A parameter without a sample fails whoever needs it.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kalita.app import ROWS
from kalita.web.errors import code_of
from kalita.wire.endpoint import Caller, Endpoint
from kalita.wire.params import Param
from tests.api.house import payment

SAMPLES = {
    "agent": "nobody", "cardId": "133789472", "from": "2026-01-01T00:00:00Z", "till": "2026-01-02T00:00:00Z",
    "query": "OnLime", "phoneNumber": "79161234567",
    "invoice_uid": "aa0fa2bb-5452-47ca-9190-cd9c1a73718f",
    "uid": "aa0fa2bb-5452-47ca-9190-cd9c1a73718f", "dataType": "CREATED", "statuses": "READY_FOR_PAY",
    "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2026-01-02T00:00:00.000Z", "externalInvoiceId": "order-17",
    "billId": "order-17", "publicKey": "2", "refundId": "1", "next_id": "5", "min_creation_datetime": "5",
    "max_creation_datetime": "1714554000123", "next_creation_datetime": "1714554000",
    "code": "A" * 64, "type": "OUT",
    "id": "99", "transactionId": "1", "rows": "5", "startDate": "2026-01-01T00:00:00Z",
    "endDate": "2026-01-02T00:00:00Z",
    "hookType": "1", "param": "http%3A%2F%2F10.0.0.1%2F", "txnType": "2",
    "hookId": "d63a8729-f5c8-486f-907d-9fb8758afcfc", "before": "5",
    "token": "x", "alias": "qw_wallet_rub", "types": "TURNOVER",
    "operation": "1747ea28-1082-41bc-bde4-72994b3ffeb4", "nextTxnDate": "2026-01-02T00:00:00Z", "nextTxnId": "5",
}  # fmt: skip
BODIES: dict[str, Callable[[], Any]] = {
    "IdentificationBody": lambda: dict(PERSON),
    "DowngradeBody": lambda: {"identificationLevel": "VERIFIED"},
    "Confirmation": dict,
    "BillBody": lambda: {"amount": {"value": "100.50", "currency": "RUB"}, "customer": {"account": "client4563"}},
    "RefundBody": lambda: {"amount": {"value": "1.00", "currency": "RUB"}},
    "PayBody": lambda: {"invoice_uid": "1", "currency": "643"},
    "RejectBody": lambda: {"id": 1},
    "KeysBody": lambda: {"keysPairName": "My shop"},
    "NewBalance": lambda: {"alias": "qw_wallet_eur"},
    "DefaultBalance": lambda: {"defaultAccount": True},
    "ByMail": lambda: {"email": "my@example.org", "type": "OUT"},
    "QuoteBody": lambda: {
        "account": "+79994445566",
        "paymentMethod": {"type": "Account", "accountId": "643"},
        "purchaseTotals": {"total": {"amount": 10, "currency": "643"}},
    },
    "CardBody": lambda: {"account": "4111 1111 1111 1111"},
    "PrepareBody": lambda: {"cardNumber": "4111111111111111", "version": "2", "transferSum": "100", "src": "sinap"},
    "PaymentBody": payment,
}
"""A good body for each shape, by its name."""
PERSON = {
    "birthDate": "1990-02-11", "firstName": "Анна", "middleName": "Ивановна", "lastName": "Петрова",
    "passport": "4400111222", "inn": "", "snils": "", "oms": "",
}  # fmt: skip
TOGETHER = {"startDate": "endDate", "endDate": "startDate", "nextTxnDate": "nextTxnId", "nextTxnId": "nextTxnDate"}
"""Parameters that are only given in pairs."""


class Address(NamedTuple):
    """A row at one of its paths."""

    row: Endpoint
    path: str

    def __str__(self) -> str:
        return f"{self.row.method} {self.path}"

    @property
    def takes(self) -> bool:
        """Whether there is anything to get wrong."""
        return bool(self.row.at or self.row.query or self.row.body)

    def at(self, wallet: int, **query: str | None) -> str:
        """Return the address for a wallet, with every required parameter; None leaves one out."""
        names = SAMPLES | {"wallet": str(wallet)}
        path = self.path.format(**{param.name: names[param.name] for param in self.row.at})
        values = {param.name: SAMPLES[param.name] for param in self.row.query if param.required} | query
        pairs = [f"{name}={value}" for name, value in values.items() if value is not None]
        return f"{path}?{'&'.join(pairs)}" if pairs else path

    def body(self) -> Any:
        """Return a good body, None where none is read."""
        return BODIES[self.row.body.__name__]() if self.row.body else None

    @property
    def codes(self) -> set[str]:
        """What a good call may be answered with: nothing, or a refusal of the row's own."""
        return {"", *(code_of(refusal, self.row.family) for refusal in self.row.refusals)}


def addresses(caller: Caller | None = None) -> list[Address]:
    """Return every row at every path, of one kind of caller if asked."""
    rows = [row for row in ROWS if caller in (None, row.caller)]
    return [Address(row, path) for row in rows for path in (row.path, *row.aliases)]


OURS = addresses(Caller.TOKEN) + addresses(Caller.EITHER)
SECRETS = addresses(Caller.SECRET)
ANYONES = addresses(Caller.ANYONE)


def wrong_values(param: Param) -> Iterator[str]:
    """Make percent-encoded texts that a parameter's schema does not allow."""
    schema = param.schema["items"] if param.many else param.schema
    yield from ("%00", "%FF", "%ED%A0%80") if not param.many else ("X%00",)
    if schema["type"] == "integer":
        low, high = schema["minimum"], schema["maximum"]
        yield from (
            str(high + 1),
            "abc",
            "1.5",
            "1e1",
            "0x1",
            "-1",
            "%2B5",
            "5%20",
            "%EF%BC%95",
            "9" * 30,
            "01",
            "true",
        )
        if low > 0:
            yield str(low - 1)
    elif schema["type"] == "boolean":
        yield from ("1", "0", "yes", "on", "null", "true%20", "T")
    elif "enum" in schema:
        texts = (schema["enum"][0].lower(), schema["enum"][0] + "X", "null", "0", "'")
        yield from (text for text in texts if text not in schema["enum"])
    elif schema.get("format") == "date-time":
        yield from (
            "2026-01-01",
            "now",
            "1767225600",
            "2026-13-01T00:00:00Z",
            "2026-01-01T00:00:00%2B0300",
            "2026-W01-1T00:00:00Z",
        )
    elif "pattern" in schema:
        yield from ("abc", "-1", "1.5", "9" * 400, "%EF%BC%95" * 11, "1%0A")


def members(schema: Any, components: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Walk a body's schema: the path of each member, its own schema, whether it is required."""
    shape = schema
    for part in [schema, *schema.get("anyOf", [])]:
        if "$ref" in part:
            shape = components[part["$ref"].rsplit("/", 1)[1]]
    for name, part in shape.get("properties", {}).items():
        yield (*path, name), part, name in shape.get("required", [])
        yield from members(part, components, (*path, name))


def types_of(schema: Any, components: Any) -> set[str]:
    """Return the JSON types that a schema lets through."""
    if "$ref" in schema:
        return types_of(components[schema["$ref"].rsplit("/", 1)[1]], components)
    if "anyOf" in schema:
        return set().union(*(types_of(part, components) for part in schema["anyOf"]))
    kinds = schema["type"]
    return {kinds} if isinstance(kinds, str) else set(kinds)


OF_TYPE = {
    "null": (None,), "boolean": (True, False), "integer": (0, 5), "number": (1.5,), "string": ("x", ""),
    "array": ([], [1], [[]]), "object": ({}, {"a": 1}),
}  # fmt: skip


def foreign_values(schema: Any, components: Any) -> list[Any]:
    """Make values of every JSON type that a member's schema does not let through."""
    allowed = types_of(schema, components)
    if "number" in allowed:
        allowed |= {"integer"}
    return [value for kind, values in OF_TYPE.items() if kind not in allowed for value in values]


def changed(body: Any, path: tuple[str, ...], *value: Any) -> Any:
    """Return a body with one member changed; taken out when no value is given."""
    copy = dict(body)
    if len(path) > 1:
        copy[path[0]] = changed(body[path[0]], path[1:], *value)
    elif value:
        copy[path[0]] = value[0]
    else:
        copy.pop(path[0], None)
    return copy


def with_pair(param: Param, text: str) -> dict[str, str]:
    """Return a query that gives one parameter a text, and a good one to the parameter it goes together with."""
    other = TOGETHER.get(param.name)
    return {param.name: text} | ({other: SAMPLES[other]} if other else {})
