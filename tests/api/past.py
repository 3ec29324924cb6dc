"""
A past with everything in it that history can show, laid down for several wallets: one for each file of tests, because
history takes only 100 calls a minute for one wallet.
"""

from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import Accepted, Opening, Order, Record, Transfer
from tests.api.house import House
from tests.books import bill, pay

LIST, DATES, TOTALS, TRANSACTION, RECEIPT = OWNERS = tuple(79100000000 + number for number in range(1, 6))
FRIEND = 79100000009
RUB, USD, EUR, KZT = 643, 840, 978, 398

NEWEST_FIRST = (
    # (name, date in Moscow, type, currency, sum, commission, status)
    ("lunch", "2025-05-30T09:00:00+03:00", "OUT", RUB, 4, 0, "SUCCESS"),
    ("posted", "2025-04-04T12:00:00+03:00", "OUT", RUB, 11, 0.11, "SUCCESS"),
    ("failed", "2025-04-03T12:00:00+03:00", "OUT", RUB, 9, 0, "ERROR"),
    ("waiting", "2025-04-02T12:00:00+03:00", "OUT", RUB, 7, 0.07, "WAITING"),
    ("card", "2025-04-01T00:00:00+03:00", "QIWI_CARD", RUB, 10.5, 0, "SUCCESS"),
    ("tenge", "2025-03-20T08:00:00+03:00", "IN", KZT, 5, 0, "SUCCESS"),
    ("euro", "2025-03-16T00:00:00+03:00", "IN", EUR, 20, 0, "SUCCESS"),
    ("dollar", "2025-03-15T23:59:59+03:00", "IN", USD, 50, 0, "SUCCESS"),
    ("third", "2025-03-10T12:00:00+03:00", "OUT", RUB, 3, 0, "SUCCESS"),
    ("second", "2025-03-10T12:00:00+03:00", "OUT", RUB, 2, 0, "SUCCESS"),
    ("first", "2025-03-10T12:00:00+03:00", "OUT", RUB, 1, 0, "SUCCESS"),
    ("cash", "2025-03-01T10:00:00+03:00", "IN", RUB, 1000, 0, "SUCCESS"),
)
NAMES = tuple(row[0] for row in NEWEST_FIRST)


def lay_down(people: House) -> None:
    """Let the past happen, for every owner at the same moments. The house's lane must be new: ids only grow."""
    people.at("2025-02-28T12:00:00+03:00")
    people.run(people.app.wallets.create(FRIEND))
    for owner in OWNERS:
        people.run(people.app.wallets.create(owner, currencies=(RUB, USD, EUR, KZT)))
    for name, date, _, currency, amount, commission, _ in reversed(NEWEST_FIRST):
        people.at(date)
        for owner in OWNERS:
            people.run(_happen(people, owner, name, currency, round(amount * 100), round(commission * 100)))


async def _happen(people: House, owner: int, name: str, currency: int, amount: int, fee: int) -> None:
    submit = people.app.writer.submit
    if name in ("cash", "dollar", "euro", "tenge"):
        outcome = await people.app.wallets.top_up(owner, amount, currency, None, "Cash")
    elif name == "card":
        outcome = await submit(_by_card(owner, amount))
    elif name in ("waiting", "failed", "posted"):
        outcome = await submit(bill(owner, amount, fee=fee, client_id=name))
        assert isinstance(outcome, Accepted)
        held = Held(owner, Direction.OUT, RUB, outcome.txn_id, amount, fee)
        if name != "waiting":
            assert isinstance(await submit(void(held, 300) if name == "failed" else post(held, 1, 0)), Accepted)
    else:
        outcome = await submit(pay(owner, FRIEND, amount, client_id=name))
    assert isinstance(outcome, Accepted), (name, outcome)


def _by_card(owner: int, amount: int) -> Order:
    """Return the order of a payment by a card of the wallet."""
    shop = account_id(house(1, 0), Kind.SETTLEMENT, RUB)
    return Order(
        owner,
        transfers=(Transfer(account_id(owner, Kind.WALLET, RUB), shop, amount),),
        openings=(Opening(house(1, 0), Kind.SETTLEMENT, RUB),),
        records=(Record(owner, Direction.CARD, RUB, 1, "4256********1231", amount, 0, "", "card"),),
    )
