"""
One map from refusals to the body each API family gives them. Source: access.md 5, client-compatibility.md 2.
"""

import msgspec

from kalita.clock import with_milliseconds
from kalita.refusals import (
    BLOCKED,
    FORBIDDEN,
    INTERNAL,
    METHOD_NOT_ALLOWED,
    PERSON_NOT_FOUND,
    ROUTE_NOT_FOUND,
    TOO_LARGE_BODY,
    TOO_LARGE_HEADERS,
    TOO_LONG_ADDRESS,
    UNAUTHORIZED,
    UNAVAILABLE,
    VALIDATION,
    Refusal,
    Refused,
)
from kalita.web.request import is_of_bills
from kalita.wire.endpoint import Caller, Endpoint, Family

OF_ALL = (VALIDATION, METHOD_NOT_ALLOWED, TOO_LARGE_BODY, TOO_LONG_ADDRESS, TOO_LARGE_HEADERS, INTERNAL)
INVOICING = "invoicing-api"
_OF_BILLS = {METHOD_NOT_ALLOWED.code: "http.method.not.supported", ROUTE_NOT_FOUND.code: "http.url.not.found"}
OF_TOKENS = (UNAUTHORIZED, PERSON_NOT_FOUND, BLOCKED, UNAVAILABLE)


class ServiceError(msgspec.Struct, rename="camel"):
    """A refusal outside payments, and everywhere when it is not about the payment itself."""

    service_name: str
    error_code: str
    description: str
    user_message: str
    date_time: str
    trace_id: str
    cause: dict[str, list[str]] | msgspec.UnsetType = msgspec.UNSET


class PaymentError(msgspec.Struct):
    """A refused payment: `QWPRC-` and the number, and a text for a person."""

    code: str
    message: str


def body_of(problem: Refused, family: Family, service: str, language: str, trace_id: str, now: int) -> bytes:
    """
    Write the body of a refusal.

    family   PAYMENT changes only refusals that have a payment code; the others look alike everywhere
    service  the name the service family carries
    now      microseconds since 1970
    """
    refusal = problem.refusal
    if shape_of(refusal, family) is PaymentError:
        return msgspec.json.encode(PaymentError(code_of(refusal, family), refusal.text(language)))
    return msgspec.json.encode(
        ServiceError(
            INVOICING if family is Family.BILL else service,
            code_of(refusal, family),
            problem.detail or refusal.en,
            refusal.text(language),
            with_milliseconds(now),
            trace_id,
            _cause(problem, family),
        )
    )


def _cause(problem: Refused, family: Family) -> dict[str, list[str]] | msgspec.UnsetType:
    """Name the fields of a request that could not be read; no other refusal has any. Source: access.md 5.1."""
    if family is Family.BILL or problem.refusal is not VALIDATION or not problem.fields:
        return msgspec.UNSET
    return problem.fields


def service_of(address: str) -> str:
    """Return the name that a refusal under an address carries: the first segment of its path."""
    segments = [part for part in address.partition("?")[0].split("/") if part] if address[:1] == "/" else []
    return segments[0][:64] if segments else "kalita"


def shape_of(refusal: Refusal, family: Family) -> type[ServiceError | PaymentError]:
    """Return the shape of a refusal's body."""
    return PaymentError if family is Family.PAYMENT and refusal.code.isdigit() else ServiceError


def code_of(refusal: Refusal, family: Family) -> str:
    """Return the code of a refusal as its body has it."""
    if shape_of(refusal, family) is PaymentError:
        return f"QWPRC-{refusal.code}"
    return _OF_BILLS.get(refusal.code, refusal.code) if family is Family.BILL else refusal.code


def family_of(path: str) -> Family:
    """Return the family of a path without a row."""
    return Family.BILL if is_of_bills(path) else Family.SERVICE


def refusals_of(row: Endpoint) -> list[Refusal]:
    """Return everything a row may refuse with, its own and what the gate says before it, by status."""
    found = [*OF_ALL, *row.refusals]
    if row.caller in (Caller.TOKEN, Caller.OPTIONAL):
        found += OF_TOKENS
    if row.caller in (Caller.SECRET, Caller.EITHER):
        found += OF_TOKENS
    if row.permission is not None or any(param.name == "wallet" for param in row.at):
        found.append(FORBIDDEN)
    return sorted(dict.fromkeys(found), key=lambda refusal: refusal.status)
