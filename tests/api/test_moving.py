"""
An owner moves to another number: his money goes to nobody else, and what broke off is ended by the same command.

Guarantee: whatever fails on the way, every kopeck is in the old wallet or in one that was made for it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kalita.clock import month_of
from kalita.people.wallets import Level
from kalita.storage.engine import Step, Unavailable
from tests.api.house import House, payment
from tests.api.table import PERSON
from tests.commands import past_the_program
from tests.servers import Wallet

HOOKS = "/payment-notifier/v1/hooks"
TABLES = ("receiver", "told", "event", "attempt", "pair")
TAKEN = "the new number has an owner already"


class Broken:
    """Lets so many steps through and fails at the next, before or after it is done."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch, steps: int, done: bool) -> None:
        self.left, self.done, self.broke = steps, done, False
        for room, name in ((house.app.engine, "change"), (house.app.writer, "submit")):
            monkeypatch.setattr(room, name, self._around(getattr(room, name)))

    def _around(self, really: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def step(*args: Any) -> Any:
            self.left -= 1
            if self.left >= 0:
                return await really(*args)
            self.broke = True
            if self.done and self.left == -1:
                await really(*args)
            raise Unavailable("broken off")

        return step


def money(house: House, *numbers: int) -> list[dict[int, int]]:
    """Return what is in wallets, by currency."""
    return [
        {one.currency: one.available for one in house.run(house.app.wallets.balances(number)) if one.available}
        for number in numbers
    ]


def kept(house: House, number: int) -> dict[str, int]:
    """Return how many rows of hooks and keys there are of a wallet."""
    counts = {}
    for table in TABLES:
        text = f"SELECT COUNT(*) FROM {table} WHERE wallet = {number}"
        ((counts[table],),) = past_the_program(house.data, house.database, text)
    return counts


def counted(house: House, number: int) -> dict[int, tuple[int, int]]:
    """Return what a wallet spent of its limits in this month."""
    return house.run(house.app.limits.spent(number, month_of(house.hand.now // 1000)))


def mover(house: House) -> Wallet:
    """Make an owner with money in two currencies, a person, a nickname and an address."""
    who = house.wallet(RUB=103_00, USD=7_00)
    assert house.pay(who, payment(house.wallet().number, 3)).status == 200
    where = f"/identification/v1/persons/{who.number}/identification"
    passport = f"{who.number % 10**10:010d}"
    assert house.call("POST", where, who, PERSON | {"passport": passport}).status == 200
    assert house.run(house.app.contacts.mail(who.number, "anna@example.org"))
    return who


def move(house: House, old: int, new: int) -> str | None:
    """Move."""
    return house.run(house.app.moving.move(old, new))


def test_a_move_that_broke_off_is_ended_by_the_same_command(house: House) -> None:
    """After each step of it, and in the middle of each; nothing is lost, doubled or somebody else's meanwhile."""
    steps, broke = 0, True
    while broke:
        for done in (False, True):
            who, new = mover(house), house.number()
            known = house.run(house.app.wallets.get(who.number))
            before = house.run(house.app.identification.current(who.number))
            with pytest.MonkeyPatch.context() as patch:
                broken = Broken(house, patch, steps, done)
                with contextlib.suppress(Unavailable):
                    move(house, who.number, new)
            left, came = money(house, who.number, new)
            assert {one: left.get(one, 0) + came.get(one, 0) for one in (643, 840)} == {643: 100_00, 840: 7_00}
            ended = house.run(house.app.wallets.get(who.number)).closed_at is not None
            assert ended or move(house, who.number, new) is None, steps
            assert money(house, who.number, new) == [{}, {643: 100_00, 840: 7_00}]
            after = house.run(house.app.wallets.get(new))
            assert (after.nickname, after.email, after.level) == (known.nickname, known.email, known.level)
            assert house.run(house.app.identification.current(new)) == before
            assert sum(amount for amount, _ in counted(house, new).values()) == 3_00, steps
            assert house.get("/person-profile/v1/profile/current", who).status == 404
            broke = broken.broke
        steps += 1
    assert steps > 6
    house.proven()


def test_nobody_elses_wallet_takes_over(house: House) -> None:
    """Neither one that was there nor one that was made while a move had broken off before it."""
    who, stranger = mover(house), house.wallet()
    assert move(house, who.number, stranger.number) == TAKEN
    new = house.number()
    with pytest.MonkeyPatch.context() as patch:
        Broken(house, patch, 0, True)
        with pytest.raises(Unavailable):
            move(house, who.number, new)
    assert house.run(house.app.wallets.create(new, Level.SIMPLE))
    house.run(house.app.engine.change(Step("wallet_moves", (who.number, new))))
    assert move(house, who.number, new) == TAKEN
    assert money(house, who.number, new) == [{643: 100_00, 840: 7_00}, {}]
    assert house.run(house.app.wallets.get(who.number)).closed_at is None


def test_of_two_who_move_to_one_number_one_wins(house: House) -> None:
    """The other is refused, and keeps everything."""

    async def at_once(*wanted: tuple[int, int]) -> list[str | None]:
        return await asyncio.gather(*(house.app.moving.move(*one) for one in wanted))

    for _ in range(5):
        one, other, new = mover(house).number, mover(house).number, house.number()
        told = house.run(at_once((one, new), (other, new)))
        assert sorted(told, key=str) == [None, TAKEN], told
        loser = (one, other)[told.index(TAKEN)]
        assert money(house, loser, new) == [{643: 100_00, 840: 7_00}] * 2
        assert house.run(house.app.wallets.get(loser)).closed_at is None
        assert move(house, loser, house.number()) is None


def test_an_owner_moves_to_one_number_only(house: House) -> None:
    """To two at once: one wins. Another one while a move has broken off: that has to be ended first."""
    who, news = mover(house).number, (house.number(), house.number())

    async def at_once() -> list[str | None]:
        return await asyncio.gather(*(house.app.moving.move(who, new) for new in news))

    told = house.run(at_once())
    assert told.count(None) == 1, told
    assert money(house, who, news[told.index(None)]) == [{}, {643: 100_00, 840: 7_00}]
    who, new = mover(house).number, house.number()
    with pytest.MonkeyPatch.context() as patch:
        Broken(house, patch, 3, False)
        with pytest.raises(Unavailable):
            move(house, who, new)
    assert move(house, who, house.number()) == f"it began to move to {new}: repeat that first"
    assert move(house, who, new) is None


def test_what_is_personal_is_erased_and_hooks_end(house: House) -> None:
    """Nobody is told of a closed wallet any more; erased, nothing tells whom it told and from where it was used."""
    who = house.wallet()
    assert house.call("PUT", f"{HOOKS}?hookType=1&param=http://93.184.216.34/&txnType=2", who).status == 200
    house.secret(who)
    assert house.call("GET", f"{HOOKS}/test", who).status == 200
    use = "UPDATE token SET last_used_at = 1, last_used_from = '192.0.2.1' WHERE wallet = {}"
    past_the_program(house.data, house.database, use.format(who.number))
    assert house.run(house.app.leaving.close(who.number)) is None
    assert kept(house, who.number) == {"receiver": 0, "told": 0, "event": 1, "attempt": 0, "pair": 1}
    assert house.run(house.app.leaving.erase(who.number)) is None
    assert kept(house, who.number) == dict.fromkeys(TABLES, 0)
    (token,) = house.run(house.app.engine.all("tokens_of_wallet", who.number))
    assert token[-2:] == (None, None)
