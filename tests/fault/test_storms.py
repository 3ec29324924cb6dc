"""
Races for the same id, for the same money, across the same wallets: one wins, nothing is lost, nobody gets a 5xx.

Invariants I1 to I3 of the reliability programme.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.fault.crowd import Wish, crowd
from tests.fault.town import FIRST, Citizen, audit, balance, build, history, seed, serve
from tests.servers import Demo, stop

TIMES = 1 if "KALITA_LONG" not in os.environ else 10
COPIES, IDS = 64, 80
SPENDERS, ROUNDS = 64, 160
WALLETS, CALLERS, EACH = 10, 32, 160
REPEATED, NOT_ENOUGH = b"QWPRC-202", b"QWPRC-220"
ids = count(10**15)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[tuple[Demo, list[Citizen], Path]]:
    """A server with ten rich wallets, one with the money for one payment, and many that are empty."""
    folder = tmp_path_factory.mktemp("storms")
    citizens = build(folder, [1_000_000_00] * WALLETS + [100_00] + [0] * SPENDERS, engine)
    server = serve(folder)
    try:
        yield server, citizens, folder
    finally:
        assert stop(server) == 0
    audit(folder)


Town = tuple[Demo, list[Citizen], Path]


def test_sixty_four_copies_of_each_id_pay_once(town: Town) -> None:
    """All copies get the same answer; of copies with another amount none is paid, all are told so."""
    server, citizens, folder = town
    random_ = random.Random(seed())
    payer, payee = citizens[0], citizens[1]
    before, spent = balance(server, payer), 0
    with crowd(server, COPIES) as many:
        for client_id in (next(ids) for _ in range(IDS * TIMES)):
            amounts = [random_.choice((500, 500, 500, 700)) for _ in range(COPIES)]
            answers = many.at_once([Wish(payer, payee.number, client_id, amount) for amount in amounts])
            paid = {answer.body for answer in answers if answer.status == 200}
            assert len(paid) == 1
            won = {amount for amount, answer in zip(amounts, answers, strict=True) if answer.status == 200}
            assert len(won) == 1, "both amounts were accepted under one id"
            for amount, answer in zip(amounts, answers, strict=True):
                if amount in won:
                    assert answer.status == 200
                else:
                    assert answer.status == 400
                    assert REPEATED in answer.body
            spent += won.pop()
    assert balance(server, payer) == before - spent
    audit(folder)


def test_money_for_one_payment_is_spent_once(town: Town) -> None:
    """Sixty-four spenders at once, again and again: one wins each time, the others are told that there is no money."""
    server, citizens, folder = town
    rich, takers = citizens[WALLETS], citizens[WALLETS + 1 :]
    with crowd(server, SPENDERS) as many:
        for _ in range(ROUNDS * TIMES):
            answers = many.at_once([Wish(rich, taker.number, next(ids), 100_00) for taker in takers])
            winners = [taker for taker, answer in zip(takers, answers, strict=True) if answer.status == 200]
            assert len(winners) == 1
            for answer in answers:
                assert answer.status == 200 or (answer.status == 400 and NOT_ENOUGH in answer.body)
            (back,) = many.at_once([Wish(winners[0], rich.number, next(ids), 100_00)])
            assert back.status == 200
    assert balance(server, rich) == 100_00
    assert all(balance(server, taker) == 0 for taker in takers)
    audit(folder)


def test_part_of_the_money_is_spent_to_the_last_kopeck(town: Town) -> None:
    """Money for seven payments and a little: of sixty-four spenders exactly seven win."""
    server, citizens, _ = town
    rich, takers = citizens[WALLETS], citizens[WALLETS + 1 :]
    with crowd(server, SPENDERS) as many:
        for _ in range(10 * TIMES):
            answers = many.at_once([Wish(rich, taker.number, next(ids), 14_00) for taker in takers])
            winners = [taker for taker, answer in zip(takers, answers, strict=True) if answer.status == 200]
            assert len(winners) == 7
            assert balance(server, rich) == 2_00
            back = many.at_once([Wish(taker, rich.number, next(ids), 14_00) for taker in winners])
            assert {answer.status for answer in back} == {200}
    assert balance(server, rich) == 100_00


def test_transfers_that_cross_all_arrive(town: Town) -> None:
    """Thirty-two callers, ten wallets, any direction: every transfer is accepted, and the money is all there."""
    server, citizens, folder = town
    random_ = random.Random(seed())
    rich = citizens[:WALLETS]
    before = {citizen.number: balance(server, citizen) for citizen in rich}
    wishes = [[_any(rich, random_) for _ in range(EACH * TIMES)] for _ in range(CALLERS)]
    with crowd(server, CALLERS) as many:
        answers = many.one_by_one(wishes)
    assert {answer.status for answer in answers} == {200}
    moved: Counter[int] = Counter(before)
    for wish in (wish for own in wishes for wish in own):
        moved[wish.payer.number] -= wish.amount
        moved[wish.payee] += wish.amount
    assert {citizen.number: balance(server, citizen) for citizen in rich} == moved
    assert sum(moved.values()) == sum(before.values())
    audit(folder)


def _any(rich: list[Citizen], random_: random.Random) -> Wish:
    payer, payee = random_.sample(rich, 2)
    return Wish(payer, payee.number, next(ids), random_.randint(1_00, 99_99))


def test_one_new_number_is_paid_by_everyone_at_once(town: Town) -> None:
    """A wallet that nobody had is made once, by whoever comes first, and gets the money of all."""
    server, citizens, folder = town
    newcomer = FIRST + 5000
    rich = citizens[:WALLETS]
    with crowd(server, COPIES) as many:
        wishes = [Wish(rich[place % WALLETS], newcomer, next(ids), 1_00 + place) for place in range(COPIES)]
        answers = many.at_once(wishes)
    assert {answer.status for answer in answers} == {200}
    shown = history(server, rich[0])
    assert sum(one["account"] == f"+{newcomer}" for one in shown[:100]) == sum(wish.payer is rich[0] for wish in wishes)
    audit(folder)
