"""
Cards are not offered here: there are none to list, and none to state. Source: cards.md 4 and 5, history.md 6.
"""

from typing import Any

import msgspec

from kalita.history.api import check_period
from kalita.refusals import CARD_NOT_FOUND, Refused
from kalita.wire.amounts import encode
from kalita.wire.endpoint import Call, Endpoint, Permission, Rate
from kalita.wire.params import moment, pattern, wallet_number

ALL_FOUR = Permission.PROFILE | Permission.HISTORY | Permission.PAYMENTS | Permission.CARDS


class Card(msgspec.Struct):
    """A card; there is none yet."""

    qvx: dict[str, Any]
    balance: dict[str, Any] | None
    info: dict[str, Any]


class Cards:
    """Answer the calls about cards."""

    async def listed(self, call: Call) -> bytes:
        """Answer the cards of the wallet: an empty list, whatever `vas-alias` asks for."""
        return encode(list[Card]())

    async def statement(self, call: Call) -> bytes:
        """Refuse the statement of a card, which nobody has."""
        check_period(call.query["from"], call.query["till"], "from", "till")
        raise Refused(CARD_NOT_FOUND, "no cards are offered here")


ROWS = (
    Endpoint(
        "GET",
        "/cards/v1/cards",
        Cards,
        Cards.listed,
        "Cards of the token's wallet; none are offered yet",
        "cards.md 4",
        permission=ALL_FOUR,
        answers=list[Card],
    ),
    Endpoint(
        "GET",
        "/payment-history/v1/persons/{wallet}/cards/{cardId}/statement",
        Cards,
        Cards.statement,
        "Statement of a card; none are offered yet",
        "history.md 6",
        permission=ALL_FOUR,
        at=(
            wallet_number("wallet"),
            pattern("cardId", "[0-9]{1,19}", "a card's id has 1 to 19 digits", True, "133789472"),
        ),
        query=(moment("from", True), moment("till", True)),
        media="application/pdf",
        refusals=(CARD_NOT_FOUND,),
        rate=Rate.HISTORY,
    ),
)
