"""
What a payer asks for, in our words, and the answer he gets. Source: payments.md 2.
"""

import msgspec

from kalita.keys import Keys
from kalita.money import face

_encode = msgspec.json.encode


class Request(msgspec.Struct, frozen=True):
    """
    What a payer asks for, its shape checked, its words ours.

    client_id  the payer's own id, digits
    amount     minor units, already rounded down
    currency   of the sum; None when it is no currency we know
    pay_from   currency of the balance to debit; None likewise
    method     how to pay; only `Account` is offered
    fields     the provider's details as sent
    """

    payer: int
    provider: int
    client_id: str
    amount: int
    currency: int | None
    pay_from: int | None
    method: str
    fields: dict[str, str]
    comment: str | None


def meaning_of(request: Request, keys: Keys) -> str:
    """Hash what a request means: the same id with another meaning is refused. Source: payments.md 3.2."""
    content = (
        request.provider,
        request.amount,
        request.currency,
        request.pay_from,
        request.method,
        sorted(request.fields.items()),
        request.comment,
    )
    return keys.digest("meaning", _encode(content))


def answer_around(request: Request, currency: int, shown: dict[str, str]) -> tuple[str, str]:
    """
    Write the answer to a payment, cut where the transaction id goes.

    It is stored with the payment and replayed to repeats, never built again. shown: the fields, card numbers masked;
    clients want `account` among them even where a provider asks for none.
    Source: payments.md 2.2
    """
    fields = _encode(shown if "account" in shown else {"account": "", **shown}).decode()
    comment = "" if request.comment is None else f',"comment":{_encode(request.comment).decode()}'
    return (
        f'{{"id":"{request.client_id}","terms":"{request.provider}","fields":{fields},'
        f'"sum":{{"amount":{face(request.amount, currency)},"currency":"{currency}"}},"transaction":{{"id":"',
        f'","state":{{"code":"Accepted"}}}},"source":"account_{request.pay_from}"{comment}}}',
    )
