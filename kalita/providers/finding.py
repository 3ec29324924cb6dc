"""
Finding a provider over HTTP: search, whose a phone or a card is, one provider's card. Source: payments.md 12 to 15.
"""

from typing import Any

from kalita.providers.catalogue import Catalogue
from kalita.providers.detect import Detector
from kalita.providers.search import found, words
from kalita.providers.shapes import (
    Card,
    Category,
    Found,
    Item,
    MobileOperator,
    MobileOperators,
    SearchInfo,
)
from kalita.refusals import ROUTE_NOT_FOUND, Refused, malformed
from kalita.wire.amounts import encode
from kalita.wire.endpoint import Call, Caller, Endpoint, Rate
from kalita.wire.oldsite import ERROR, NORMAL, OldAnswer
from kalita.wire.params import Param, pattern

LONGEST = 200
KINDS = {
    "mobile": "Mobile", "internet": "Internet", "bank": "Banks", "card": "Cards", "wallet": "Transfers",
    "conversion": "Transfers", "charity": "Charity", "requisites": "Transfers", "service": "Services",
}  # fmt: skip
NOT_FOUND = {
    "phone": ("Оператор не определён", "The operator is not known"),
    "card": ("Неверный номер карты", "The card number is wrong"),
}


class Finding:
    """Answer who can be paid, by name or number."""

    def __init__(self, catalogue: Catalogue, detector: Detector) -> None:
        self._catalogue, self._detector = catalogue, detector

    async def search(self, call: Call) -> bytes:
        """Answer the providers that the words lead to."""
        if not words(call.query["query"]):
            raise malformed("query", "a word is needed")
        return encode(
            SearchInfo(
                [
                    Item(
                        one.name(call.language),
                        one.name(call.language),
                        None,
                        Found(one.id, None, None, Category(KINDS.get(one.kind, "Services")), "PROVIDER"),
                    )
                    for one in found(self._catalogue, call.query["query"])
                ]
            )
        )

    async def old_search(self, call: Call) -> bytes:
        """Answer the same in the shape of the old site."""
        text = (call.query["searchPhrase"] or "")[:LONGEST]
        items = [_old_item(one.id, one.name(call.language)) for one in found(self._catalogue, text)]
        empty = dict.fromkeys(("additionalData", "applicationContext", "component", "emptyMessage", "extraData"))
        return encode(OldAnswer(NORMAL, {"items": items, "paging": None, "useSuggestion": False, **empty}))

    async def mobile(self, call: Call) -> bytes:
        """Answer the operator of a phone number, or an empty list."""
        number = self._detector.mobile(call.query["phoneNumber"])
        provider = self._catalogue.get(number) if number is not None else None
        operators = [MobileOperator(provider.id, provider.name(call.language), None)] if provider is not None else []
        return encode(MobileOperators(operators))

    async def old_mobile(self, call: Call) -> bytes:
        """Answer the operator of a phone number as the old site did."""
        return _told(self._detector.mobile(call.query["phone"] or ""), "phone", call.language)

    async def old_card(self, call: Call) -> bytes:
        """Answer the provider of a card number as the old site did."""
        return _told(self._detector.card(call.query["cardNumber"] or ""), "card", call.language)

    async def card(self, call: Call) -> bytes:
        """Answer what is known of one provider."""
        provider = self._catalogue.get(int(call.path["id"]))
        if provider is None:
            raise Refused(ROUTE_NOT_FOUND, "there is no such provider")
        name = provider.name(call.language)
        keys = ",".join(provider.keys.split())
        return encode(
            Card("PROVIDER", provider.id, name, name, None, keys, provider.payable, None, provider.payable, None, {})
        )


def _told(provider: int | None, what: str, language: str) -> bytes:
    if provider is not None:
        return encode(OldAnswer(NORMAL, None, str(provider)))
    russian, english = NOT_FOUND[what]
    return encode(OldAnswer(ERROR, None, english if language == "en" else russian, {}))


def _old_item(number: int, name: str) -> dict[str, Any]:
    kind = {"id": "1", "new": False, "_name": "PROVIDER"}
    key = {"id": str(number), "type": kind}
    item = {
        "id": key, "key": key, "image": None, "new": False, "text": name, "type": kind,
        "url": f"/payment/form/{number}",
    }  # fmt: skip
    return {"item": item, "logo": ""}


def _text(name: str, example: str, required: bool = False) -> Param:
    schema = {"type": "string", "maxLength": LONGEST} if required else {"type": "string"}
    return Param(
        name,
        lambda text: text if len(text) <= LONGEST or not required else None,
        f"1 to {LONGEST} characters are needed",
        schema,
        required,
        example=example,
        raw=not required,
    )


def _old(method: str, path: str, handler: Any, title: str, param: Param, source: str) -> Endpoint:
    return Endpoint(
        method,
        path,
        Finding,
        handler,
        f"{title}, old form",
        source,
        caller=Caller.ANYONE,
        query=(param,),
        answers=OldAnswer,
        rate=Rate.NONE,
        form=True,
    )


_PHONE = _text("phone", "79161234567")
_CARD = _text("cardNumber", "4256121111111117")
_PHRASE = _text("searchPhrase", "OnLime")

ROWS = (
    Endpoint(
        "GET",
        "/search/v1/search",
        Finding,
        Finding.search,
        "Find providers by words",
        "payments.md 12.1",
        query=(_text("query", "OnLime", True),),
        answers=SearchInfo,
    ),
    Endpoint(
        "GET",
        "/qw-mobile-providers-resolver/v1/providers",
        Finding,
        Finding.mobile,
        "Whose a phone number is",
        "payments.md 13.1",
        query=(pattern("phoneNumber", r"7\d{10}", "11 digits that begin with 7 are needed", True, "79161234567"),),
        answers=MobileOperators,
    ),
    *(
        _old(method, path, handler, title, param, source)
        for path, handler, title, param, source in (
            ("/search/results/json.action", Finding.old_search, "Find providers by words", _PHRASE, "payments.md 12.2"),
            ("/mobile/detect.action", Finding.old_mobile, "Whose a phone number is", _PHONE, "payments.md 13.2"),
            ("/card/detect.action", Finding.old_card, "The provider of a card", _CARD, "payments.md 14"),
        )
        for method in ("POST", "GET")
    ),
    Endpoint(
        "GET",
        "/providers-catalog/v2/providers/{id}",
        Finding,
        Finding.card,
        "One provider",
        "payments.md 15",
        caller=Caller.ANYONE,
        at=(pattern("id", r"[0-9]{1,9}", "a provider's id has at most 9 digits", True, "99"),),
        answers=Card,
        rate=Rate.NONE,
        refusals=(ROUTE_NOT_FOUND,),
    ),
)
