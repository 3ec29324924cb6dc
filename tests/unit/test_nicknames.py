"""
Nicknames that are chosen at the same moment.

Guarantee: of those who choose one name at once exactly one gets it, and each other is told so, as if he had come later.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path

from kalita.access.acts import Acts
from kalita.people.contacts import RESTS, TAKEN, Contacts
from tests.books import ALICE, BOB, CAROL, Books, Factory, books

ROUNDS = 10


async def together(folder: Path, factory: Factory, choices: list[tuple[int, str]]) -> tuple[Counter, Counter]:
    """
    Let wallets choose names at once, from two processes, some times over.

    returns  what they were told and how often; the acts that were written of it, by wallet
    """
    told: Counter = Counter()
    async with books(folder, factory) as on, books(folder, factory) as beside:
        wallets = {wallet for wallet, _ in choices}
        for wallet in wallets:
            await on.wallet(wallet)
        for number in range(ROUNDS):
            on.hand.now = beside.hand.now = on.hand.now + 31 * 86_400 * 10**9
            asked = [_choose(one, wallet, f"{name}{number}") for wallet, name in choices for one in (on, beside)]
            told.update(await asyncio.gather(*asked))
        kept = Acts(on.engine, on.clock)
        acts = {wallet: len(await kept.of_wallet(wallet)) for wallet in wallets}
    return told, Counter(acts)


def _choose(on: Books, wallet: int, name: str) -> Awaitable[str | None]:
    return Contacts(on.engine, on.wallets, on.clock).nickname(wallet, name)


def test_one_of_those_who_choose_at_once_gets_the_name(tmp_path: Path, factory: Factory) -> None:
    """The others hear that somebody else has it; nobody's log of acts tells of a change that was none."""
    told, acts = asyncio.run(together(tmp_path, factory, [(ALICE, "NAME"), (BOB, "NAME"), (CAROL, "NAME")]))
    assert told == {None: ROUNDS, RESTS: ROUNDS, TAKEN: 4 * ROUNDS}, "the winner asked twice as well"
    assert acts.total() == ROUNDS


def test_two_changes_of_one_wallet_at_once_are_one(tmp_path: Path, factory: Factory) -> None:
    """The second is told of the 30 days: nobody else has the name."""
    told, acts = asyncio.run(together(tmp_path, factory, [(ALICE, "FIRST"), (ALICE, "OTHER")]))
    assert told == {None: ROUNDS, RESTS: 3 * ROUNDS}
    assert acts == {ALICE: ROUNDS}
