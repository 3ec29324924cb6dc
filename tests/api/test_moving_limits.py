"""
An owner who moves to another number goes on with what he spent of his limits: a move doubles nothing.

Guarantee: the new wallet counts what the old one had spent, but not the money that moved over; the audit recounts it.
"""

from collections.abc import Iterator

import pytest

from kalita.access.caps import Caps
from kalita.clock import month_of
from kalita.exchange.rates import read_rates
from kalita.ledger.accounts import Direction
from kalita.ledger.audit_rows import Findings
from kalita.ledger.holds import Held, post
from kalita.ledger.order import Accepted
from kalita.limits.audit import counters
from kalita.limits.table import Category
from kalita.people.wallets import Level
from kalita.wire.endpoint import ALL_PERMISSIONS
from tests.api.house import House, payment
from tests.api.test_limits import outside, paid, shown, spent
from tests.api.test_tenge_audit import RATES, convert
from tests.commands import past_the_program
from tests.servers import Wallet, database_of

P2P = "PAYMENTS_P2P"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation that may convert to tenge, in the middle of a month."""
    folder = tmp_path_factory.mktemp("moving")
    opened = House(folder, settings={"tenge_balances": True}, database=database_of(folder, engine))
    opened.at("2026-01-20T12:00:00+03:00")
    opened.run(opened.app.exchange.put(read_rates(RATES), "test"))
    yield opened
    opened.close()


def moved(house: House, who: Wallet) -> Wallet:
    """Move an owner to a number that was never used; return the new wallet and a token for it."""
    new = house.number()
    assert house.run(house.app.moving.move(who.number, new)) is None
    return house.token(new)


def kept(house: House, who: Wallet) -> dict[int, tuple[int, int]]:
    """Return what the wallet spent in this month, by category."""
    found = house.run(house.app.limits.spent(who.number, month_of(house.hand.now // 1000)))
    return {category: sums for category, sums in found.items() if any(sums)}


def findings(house: House) -> list[str]:
    """Audit the counters; return the wallets of which something is wrong."""

    async def run() -> Findings:
        found = Findings()
        async with house.app.engine.snapshot() as snapshot:
            await counters(snapshot, found, (99, 99999))
        return found

    return [one.key for one in house.run(run()).first]


async def pay_out(house: House, who: Wallet, category: Category) -> None:
    """Pay 2000 roubles to an outside provider, who takes them."""
    accepted = await outside(house, who, 2_000_00, category)
    assert isinstance(accepted, Accepted)
    held = Held(who.number, Direction.OUT, 643, accepted.txn_id, 2_000_00, 0)
    assert isinstance(await house.app.writer.submit(post(held, 674, 0)), Accepted)


def test_a_limit_is_not_had_twice(house: House) -> None:
    """What was left of the month is left after the move, to the kopeck, and after the next one."""
    who, payee = house.wallet(level=Level.SIMPLE, RUB=14_900_00), house.wallet()
    for piece in (10_000, 1_000):
        assert paid(house, who, payee, piece).status == 200
    for _ in range(2):
        who = moved(house, who)
        assert (spent(house, who), shown(house, who, P2P)[0]["spent"]) == (11_000, 11_000)
        assert shown(house, who, P2P)[0]["rest"] == 29_000
    house.run(house.app.wallets.top_up(who.number, 45_100_00, 643, None, "Cash"))
    for piece in (14_000, 14_000, 1_000):
        assert paid(house, who, payee, piece).status == 200
    assert paid(house, who, payee, 1).code == "QWPRC-943"
    house.proven()


def test_every_counter_goes_over(house: House) -> None:
    """Cash with its day, payouts, what was turned into tenge, other currencies; not what a token with a cap paid."""
    who, payee = house.wallet(level=Level.VERIFIED, RUB=60_000_00, USD=1_000_00), house.wallet()
    for category in (Category.CASH, Category.CASH, Category.PAYOUT):
        house.run(pay_out(house, who, category))
    convert(house, who, who, 643, 777.77)
    dollars = {"sum": {"amount": 3, "currency": "840"}, "paymentMethod": {"type": "Account", "accountId": "840"}}
    who = Wallet(who.number, house.run(house.app.tokens.issue(who.number, ALL_PERMISSIONS, caps=Caps(day=500_00))))
    assert paid(house, who, payee, 5).status == 200
    assert house.pay(who, payment(payee.number, **dollars), "1099").status == 200
    before = kept(house, who)
    new = moved(house, who)
    assert set(before) >= {
        Category.TRANSFER, Category.PAYOUT, Category.CASH, Category.TENGE_OUT, Category.TENGE_IN,
    }  # fmt: skip
    assert kept(house, new) == before
    assert house.run(house.app.limits.spent(new.number, 20260120)) == {Category.CASH: (4_000_00, 2)}
    assert findings(house) == []


def test_the_month_after_begins_anew(house: House) -> None:
    """Also when the money moves over in it, and the counters of the month before with it."""
    who, idle = house.wallet(RUB=100_00), house.wallet(RUB=7_00)
    payee = house.wallet()
    for one in (who, idle):
        assert paid(house, one, payee, 7).status == 200
    house.later(31 * 86400)
    assert [spent(house, moved(house, one)) for one in (who, idle)] == [0, 0]
    house.later(-31 * 86400)
    assert findings(house) == []


def test_the_audit_misses_what_did_not_go_over(house: House) -> None:
    """Only of wallets that moved since this holds: those from before are as they were."""
    who = house.wallet(RUB=100_00)
    assert paid(house, who, house.wallet(), 7).status == 200
    new = moved(house, who)
    past_the_program(house.data, house.database, "UPDATE account SET spent = '' WHERE owner = $1", new.number)
    assert {one.split(",")[0] for one in findings(house)} == {f"spent of wallet {new.number}"}
    past_the_program(house.data, house.database, "UPDATE act SET about = '' WHERE wallet = $1", new.number)
    assert findings(house) == []
