"""
Cards are not offered: clients that list them get none, and a statement is of a card that nobody has.

Source: cards.md 4 and 5, history.md 6, client-compatibility.md 3.
"""

import pytest

from kalita.cards.api import ALL_FOUR
from tests.api.house import House

DAY, LATER = "2026-01-14T00:00:00%2B03:00", "2026-01-15T00:00:00%2B03:00"


@pytest.mark.parametrize(
    "target", ["/cards/v1/cards", "/cards/v1/cards?vas-alias=qvc-master", "/cards/v1/cards/?vas-alias=qvc-master"]
)
def test_nobody_has_a_card(house: House, target: str) -> None:
    """A bare list, empty, for whoever has the four permissions."""
    answer = house.get(target, house.wallet(ALL_FOUR))
    assert (answer.status, answer.body) == (200, b"[]")


def test_statement_of_a_card_that_nobody_has(house: House) -> None:
    """404, in the words of history; dates are looked at first, and at most 90 days lie between them."""
    who = house.wallet(ALL_FOUR)
    path = f"/payment-history/v1/persons/{who.number}/cards/133789472/statement"
    answer = house.get(f"{path}?from={DAY}&till={LATER}", who)
    assert (answer.status, answer.code) == (404, "card.not.found")
    assert answer.json["serviceName"] == "payment-history"
    for query, name in (
        ("", "from"),
        (f"from={DAY}", "till"),
        (f"from=today&till={LATER}", "from"),
        (f"from={LATER}&till={DAY}", "from"),
        (f"from={DAY}&till=2026-06-15T00:00:00%2B03:00", "till"),
        (f"from={DAY}&till=2026-01-15T00:00:00%2B05:00", "till"),
    ):
        refused = house.get(f"{path}?{query}", who)
        assert (refused.status, refused.code, name in refused.json["cause"]) == (400, "validation.error", True), query
