"""
A bill by a link: whoever opens it issues a bill in the name of a public key's owner. Source: invoices.md 4.

Anyone can write such a link, so what it says proves nothing: the receiver is shown, and only a link with an id of its
own issues at once, the same bill every time. The bills that one address issues by links of one pair are counted: behind
a proxy all come from one address, and a flood of one shop's links holds up no other shop.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import msgspec

from kalita.access.rates import Window, count
from kalita.bills.api import BILL_ID, LONGEST, LONGEST_CONTACT, AmountBody, BillBody, CustomerBody, wish_of
from kalita.bills.bill import MOST, Bill, Wish, expiry_of
from kalita.bills.issue import Bills
from kalita.bills.page import LONGEST_URL, destination, document, receiver, refusal_page, shown, table
from kalita.clock import Clock
from kalita.money import RUB, padded, parse_amount
from kalita.people.wallets import Wallets
from kalita.refusals import BILL_EXISTS, BILL_NOT_FOUND, BLOCKED, FORBIDDEN, UNAVAILABLE, Refused, malformed
from kalita.wire.dates import parse_moment
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint
from kalita.wire.params import Param, choice

_LIFETIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)", re.ASCII)
WORDS = {
    "ru": {
        "title": "Выставить счёт", "to": "Кому", "amount": "Сумма, ₽", "comment": "Назначение", "do": "Выставить счёт",
        "how": "Сумму и назначение назвал тот, кто дал ссылку. Проверьте, кому вы платите.",
    },
    "en": {
        "title": "Issue a bill", "to": "To", "amount": "Amount, ₽", "comment": "For", "do": "Issue the bill",
        "how": "Whoever gave the link named amount and purpose. Check whom you pay.",
    },
}  # fmt: skip


class BillLink:
    """Answer links that issue bills."""

    def __init__(self, bills: Bills, wallets: Wallets, clock: Clock, window: Window) -> None:
        self._bills, self._wallets, self._clock, self._window = bills, wallets, clock, window

    async def open(self, call: Call) -> Answer:
        """Issue the bill of a link with an id and an amount; else ask first. HEAD only ever asks."""
        owner, pair = await self._pair(call.query["publicKey"])
        if call.method == "HEAD" or call.query["billId"] is None or call.query["amount"] is None:
            name = await receiver(self._wallets, owner)
            return shown(asked(call.query, name, call.language), call.language)
        return await self._issue(owner, pair, call)

    async def confirm(self, call: Call) -> Answer:
        """Issue a bill on the button of the page."""
        owner, pair = await self._pair(call.query["publicKey"])
        return await self._issue(owner, pair, call)

    async def _pair(self, public: str) -> tuple[int, str]:
        found = await self._bills.pairs.by_public(public)
        if found is None:
            raise Refused(BILL_NOT_FOUND, "there is no such public key")
        return found

    async def _issue(self, owner: int, pair: str, call: Call) -> Answer:
        query, now = call.query, self._clock.now()
        if query["amount"] is None:
            raise malformed("amount", "it is required")
        bill_id, wish = query["billId"] or str(uuid4()), _wish(query)
        if await self._bills.get(owner, bill_id) is None:
            if wish.expiry is not None and expiry_of(wish.expiry, now) is None:
                raise malformed("lifetime", "a moment to come is needed")
            count(self._window, f"{call.client} {pair}", now)

        def same(bill: Bill, wish: Wish) -> bool:
            return (bill.pair, bill.amount, bill.currency) == (pair, wish.amount, wish.currency)

        bill = await self._bills.issue(owner, pair, bill_id, wish, same)
        carried = {name: query[name] for name in ("successUrl", "paySource") if query[name]}
        target = f"/form/?{urlencode({'invoice_uid': bill.uid} | carried)}"
        return Answer(b"", 303, headers=((b"location", target.encode()), (b"cache-control", b"no-store")))


def _wish(query: dict[str, Any]) -> Wish:
    """Turn a link into what is asked for, by the rules of a body; raise the 400 that names the parameter."""
    customer = CustomerBody(query["phone"], query["email"], query["account"])
    amount = AmountBody(msgspec.Raw(padded(query["amount"]).encode()), "RUB")
    return wish_of(BillBody(amount, query["comment"], query["lifetime"], customer, query["customFields"]))


def asked(query: dict[str, Any], name: str, language: str) -> str:
    """Write the page that asks before a bill is issued; its id is made here, so that the button counts once."""
    words = WORDS[language]
    _wish(query | {"amount": query["amount"] or 1})  # what the button would be refused for is told at once
    kept = {one: query[one] for one in KEPT if query[one] is not None} | {"billId": query["billId"] or str(uuid4())}
    if query["lifetime"]:
        kept["lifetime"] = query["lifetime"][:16].replace(":", "")
    kept |= {f"customFields[{key}]": text for key, text in query["customFields"].items()}
    rows, field = [(words["to"], name), (words["comment"], query["comment"] or "")], ""
    if query["amount"] is None:
        field = (
            f'<label>{words["amount"]}<input name="amount" inputmode="decimal" autocomplete="off" required '
            'pattern="[0-9]{1,6}([.,][0-9]{1,2})?" maxlength="9"></label>\n'
        )
    else:
        kept["amount"] = padded(query["amount"])
        rows.insert(1, (words["amount"], kept["amount"]))
    hidden = "".join(
        f'<input type="hidden" name="{escape(one)}" value="{escape(text)}">\n' for one, text in kept.items()
    )
    form = f'<form method="post" action="?">\n{hidden}{field}<button>{words["do"]}</button>\n</form>\n'
    return document(language, words["title"], f"{table(rows)}<p>{words['how']}</p>\n{form}")


def _lifetime(text: str) -> str | None:
    found = _LIFETIME.fullmatch(text)
    moment = f"{found[1]}T{found[2]}:{found[3]}:00" if found else ""
    return moment if parse_moment(moment) else None


def _amount(text: str) -> int | None:
    """Read roubles; people write a comma too."""
    amount = parse_amount(text.strip().replace(",", "."), RUB)
    return amount if amount is not None and 0 < amount <= MOST else None


def _text(name: str, longest: int, **more: Any) -> Param:
    schema = {"type": "string", "maxLength": longest}
    return Param(name, _at_most(longest), f"at most {longest} characters are needed", schema, **more)


def _at_most(longest: int) -> Callable[[str], str | None]:
    return lambda text: text if len(text) <= longest else None


KEPT = ("publicKey", "phone", "email", "account", "comment", "successUrl", "paySource")
_CUSTOM = {"type": "object", "additionalProperties": {"type": "string", "maxLength": LONGEST}}
QUERY = (
    _text("publicKey", 256, required=True),
    replace(BILL_ID, required=False, read=lambda text: None if "/" in text else BILL_ID.read(text)),
    Param(
        "amount", _amount, "more than zero and at most 999999.99 is needed",
        {"type": "string", "pattern": r"^[0-9]{1,6}(\.[0-9]{1,30})?$"}, example="100.50",
    ),
    _text("phone", LONGEST_CONTACT), _text("email", LONGEST_CONTACT), _text("account", LONGEST_CONTACT),
    _text("comment", LONGEST),
    Param("customFields", _at_most(LONGEST), f"at most {LONGEST} characters each are needed", _CUSTOM, keyed=True),
    Param(
        "lifetime", _lifetime, "a Moscow time like 2026-01-14T1512 is needed",
        {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{4}$"}, example="2026-01-14T1512",
    ),
    Param(
        "successUrl", destination, "an http or https address is needed", {"type": "string", "maxLength": LONGEST_URL},
        example="https://example.com/thanks",
    ),
    choice("paySource", ("qw", "card", "mobile")),
)  # fmt: skip


def _row(method: str, handler: Any, title: str, **more: Any) -> Endpoint:
    return Endpoint(
        method, "/create", BillLink, handler, title, "invoices.md 4", caller=Caller.ANYONE, query=QUERY,
        media="text/html", refusals=(BILL_NOT_FOUND, BILL_EXISTS, FORBIDDEN, BLOCKED, UNAVAILABLE),
        said_as=refusal_page, moves=True, **more,
    )  # fmt: skip


ROWS = (
    _row("GET", BillLink.open, "A bill issued by a link"),
    _row("POST", BillLink.confirm, "A bill issued by a link, confirmed", form=True, success=303),
)
