"""
One map from refusals to the body each API family gives them. Source: access.md 5, client-compatibility.md 2.
"""

import msgspec

from kalita.clock import with_milliseconds
from kalita.refusals import Refusal, Refused
from kalita.wire.endpoint import Family


def body_of(problem: Refused, family: Family, service: str, language: str, trace_id: str, now: int) -> bytes:
    """
    Write the body of a refusal.

    family   PAYMENT changes only refusals that have a payment code; the others look alike everywhere
    service  the name the service family carries
    now      microseconds since 1970
    """
    refusal = problem.refusal
    if family is Family.PAYMENT and refusal.code.isdigit():
        return msgspec.json.encode({"code": f"QWPRC-{refusal.code}", "message": refusal.text(language)})
    body = {
        "serviceName": service,
        "errorCode": refusal.code,
        "description": problem.detail or refusal.en,
        "userMessage": refusal.text(language),
        "dateTime": with_milliseconds(now),
        "traceId": trace_id,
    }
    if problem.fields:
        return msgspec.json.encode({**body, "cause": problem.fields})
    return msgspec.json.encode(body)


def schema_of(refusal: Refusal, family: Family) -> str:
    """Return the name of the body's schema in the description of the API."""
    return "PaymentError" if family is Family.PAYMENT and refusal.code.isdigit() else "ServiceError"
