"""
Guarantee: whoever was paid or paid is woken once his payment is committed, whoever gives his hook back meanwhile.
"""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from kalita.ids import LANES
from kalita.ledger.accounts import stream
from kalita.ledger.order import Direction
from kalita.outbound import follow
from kalita.outbound.follow import Follower
from kalita.outbound.notes import Back
from kalita.storage.engine import Step
from kalita.storage.outbox import NEVER, Channel
from kalita.storage.queries import for_postgres
from tests import postgres
from tests.books import ALICE, BOB, CAROL, ENGINES, RUB, Books, Factory, bill, books, pay

LATER = 10**15
FAR = 4 * 10**15


async def hook(on: Books, wallet: int, next_at: int = NEVER, kinds: int = 3) -> None:
    """Let a wallet have a hook that sleeps."""
    row = (wallet, Channel.PAYMENTS, f"hook{wallet}", "http://127.0.0.1/", kinds, "", 1, next_at)
    await on.engine.change(Step("receiver_add", row), Step("told_begin", (wallet, f"hook{wallet}")))


async def waits(on: Books) -> dict[int, int]:
    """Return when something is due, by wallet."""
    return {row[0]: row[6] for row in await on.engine.all("receivers_after", Channel.PAYMENTS, 0, 100)}


async def followed(follower: Follower, now: int) -> None:
    """Follow to the end."""
    while await follower.follow(now):
        pass


def test_who_pays_and_who_is_paid_are_woken(tmp_path: Path, factory: Factory) -> None:
    """Nobody else; one that is due already keeps his place, and one that waits for later need not."""

    async def work() -> None:
        async with books(tmp_path, factory) as on:
            for wallet in (ALICE, BOB, CAROL):
                await on.wallet(wallet, RUB=100)
            follower = Follower(on.engine)
            await followed(follower, 1)
            for wallet in (ALICE, BOB, CAROL):
                await hook(on, wallet)
            await on.done(pay(ALICE, BOB, 1))
            await followed(follower, LATER)
            assert await waits(on) == {ALICE: LATER, BOB: LATER, CAROL: NEVER}
            await on.done(pay(CAROL, BOB, 1))
            await followed(follower, LATER + 5)
            assert await waits(on) == {ALICE: LATER, BOB: LATER, CAROL: LATER + 5}
            await on.done(bill(ALICE, 5))
            await followed(follower, LATER - 5)
            assert (await waits(on))[ALICE] == LATER - 5

    asyncio.run(work())


def test_it_goes_on_where_it_was(tmp_path: Path, factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some groups at a time; how far it came is kept with whom it woke, and what was told wakes nobody again."""
    for name in ("FEW_GROUPS", "MOST_GROUPS"):
        monkeypatch.setattr(follow, name, 3)

    async def work() -> None:
        async with books(tmp_path, factory, largest_group=1) as on:
            await on.wallet(ALICE, RUB=100)
            await on.wallet(BOB, RUB=1)
            one = Follower(on.engine)
            await followed(one, 1)
            await hook(on, ALICE)
            ((lane, begun, _),) = await on.engine.all("lanes_followed")
            for _ in range(7):
                last = await on.done(pay(ALICE, BOB, 1))
            assert [await one.follow(LATER + turn) for turn in range(3)] == [True, True, False]
            assert await waits(on) == {ALICE: LATER}
            assert await on.engine.all("lanes_followed") == [(lane, begun + 7, begun + 3)]
            told = f'[{{"wallet":{ALICE},"stream":2643,"receiver":"hook{ALICE}","txn_id":{last.txn_id}}}]'
            back = f'[{{"wallet":{ALICE},"channel":1,"holder":"","at":{FAR}}}]'
            await on.engine.change(Step("told_add", (told,)), Step("receivers_release", (back,)))
            await followed(Follower(on.engine), FAR)
            assert await waits(on) == {ALICE: NEVER}

    asyncio.run(work())


def test_hook_is_not_woken_for_what_it_is_not_told_of(tmp_path: Path, factory: Factory) -> None:
    """One for what goes out sleeps while money comes in, and the other way round."""

    async def work() -> None:
        async with books(tmp_path, factory) as on:
            for wallet, kinds in ((ALICE, 1), (BOB, 2)):
                await on.wallet(wallet, RUB=100)
                await hook(on, wallet, kinds=kinds)
            await on.done(pay(ALICE, BOB, 1))
            await followed(Follower(on.engine), LATER)
            assert await waits(on) == {ALICE: NEVER, BOB: NEVER}
            await on.done(pay(BOB, ALICE, 1))
            await followed(Follower(on.engine), LATER)
            assert await waits(on) == {ALICE: LATER, BOB: LATER}

    asyncio.run(work())


def test_how_far_it_came_is_kept_without_a_hook_too(tmp_path: Path, factory: Factory) -> None:
    """A server that starts does not begin with the oldest payment."""

    async def work() -> None:
        async with books(tmp_path, factory, largest_group=1) as on:
            await on.wallet(ALICE, RUB=100_000)
            await on.wallet(BOB, RUB=1)
            await asyncio.gather(*(on.done(pay(ALICE, BOB, 1)) for _ in range(follow.KEPT_EVERY)))
            await followed(Follower(on.engine), 1)
            ((lane, newest, kept),) = await on.engine.all("lanes_followed")
            assert 0 <= lane < LANES
            assert newest - kept < follow.KEPT_EVERY

    asyncio.run(work())


@pytest.mark.parametrize("locked", [True, False], ids=["while it is given back", "before it is given back"])
def test_hook_that_is_given_back_meanwhile_is_not_overlooked(tmp_path: Path, locked: bool) -> None:
    """Who gives it back did not see the payment: he is waited for. Or he has not begun: then he will see it."""
    give_back = Back(ALICE, Channel.PAYMENTS, "somebody", LATER + 7)

    async def work() -> None:
        async with books(tmp_path, ENGINES["postgres"]) as on:
            await on.wallet(ALICE, RUB=100)
            await on.wallet(BOB, RUB=1)
            await followed(Follower(on.engine), 1)
            await hook(on, ALICE, 0)
            await on.engine.change(Step("receivers_claim", ("somebody", FAR, 1, 1, 1)))
            given = f'[{{"wallet":{give_back.wallet},"channel":1,"holder":"somebody","at":{give_back.at}}}]'
            statements = for_postgres()
            rival = await asyncpg.connect(postgres.database_of(tmp_path))
            transaction = rival.transaction()
            await transaction.start()
            if locked:
                await rival.fetch(statements["receivers_lock"], given)
                await rival.execute(statements["receivers_release"], given)
            await on.done(pay(ALICE, BOB, 1))
            following = asyncio.create_task(followed(Follower(on.engine), LATER))
            await asyncio.sleep(0.3)
            assert following.done() != locked
            if not locked:
                await rival.fetch(statements["receivers_lock"], given)
                await rival.execute(statements["receivers_release"], given)
            await transaction.commit()
            await following
            await rival.close()
            assert await waits(on) == {ALICE: LATER if locked else give_back.at}

    asyncio.run(work())


def test_events_are_of_the_hooks_kind(tmp_path: Path, factory: Factory) -> None:
    """What waits is written down for a hook that is told of what goes out, and for no other."""

    async def work() -> None:
        async with books(tmp_path, factory) as on:
            for wallet, kinds in ((ALICE, 2), (BOB, 1)):
                await on.wallet(wallet, RUB=100)
                await hook(on, wallet, kinds=kinds)
                await on.done(bill(wallet, 5))
            await on.done(bill(ALICE, 5))
            found = [
                row for wallet in (ALICE, BOB, CAROL) for row in await on.engine.all("messages_due", wallet, FAR, 9)
            ]
            waiting = [(row[1], row[2], row[4]) for row in found if not row[13]]
            assert waiting == [(stream(Direction.OUT, RUB), 1, f"hook{ALICE}")] * 2

    asyncio.run(work())
