"""What every engine of storage keeps to: lanes, whole groups, snapshots, plain trouble."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kalita.storage.engine import Engine, Found, LaneLost, Needs, Step, Unavailable, Writes
from kalita.storage.sqlite.engine import LANES
from tests.books import ALICE, BOB, ENGINES, RUB, books, pay

LONG = 30


@pytest.fixture(params=ENGINES)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Engine], Awaitable[None]]], None]:
    """Return what runs a test's work on an engine of its own, for every engine there is."""

    def runner(work: Callable[[Engine], Awaitable[None]]) -> None:
        async def main() -> None:
            engine = ENGINES[request.param](tmp_path)
            try:
                await work(engine)
            finally:
                await engine.close()

        asyncio.run(main())

    return runner


def _needs(lane: int, holder: str) -> Needs:
    return Needs(lane, holder, [], [], [])


def test_every_holder_has_a_lane_of_its_own(run) -> None:
    """A lane has one holder at a time; asking again renews it; 64 writers have room, the 65th has not."""

    async def work(engine: Engine) -> None:
        lanes = [await engine.lease(f"h{number}", LONG) for number in range(LANES)]
        assert sorted(lanes) == list(range(LANES))
        assert await engine.lease("h7", LONG) == lanes[7]
        with pytest.raises(Unavailable, match="64 lanes"):
            await engine.lease("one too many", LONG)
        await engine.release("h9")
        assert await engine.lease("one too many", LONG) == lanes[9]

    run(work)


def test_lane_that_was_not_renewed_goes_to_the_next(run) -> None:
    """A holder that died, or slept too long, finds its lane lost and may not write in it."""

    async def work(engine: Engine) -> None:
        lane = await engine.lease("sleeper", -1)
        assert await engine.lease("next", LONG) == lane
        with pytest.raises(LaneLost):
            await engine.group(_needs(lane, "sleeper"), lambda found: Writes())
        await engine.group(_needs(lane, "next"), lambda found: Writes())
        with pytest.raises(LaneLost):
            await engine.group(_needs(lane + 1, "next"), lambda found: Writes())

    run(work)


def test_group_that_raises_leaves_nothing(run) -> None:
    """Whatever a judge does wrong, the next group finds the books as they were."""

    async def work(engine: Engine) -> None:
        lane = await engine.lease("me", LONG)

        def broken(found: Found) -> Writes:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await engine.group(_needs(lane, "me"), broken)
        await engine.group(_needs(lane, "me"), lambda found: Writes())

    run(work)


def test_change_is_whole(run) -> None:
    """Statements of one change happen together or not at all."""

    async def work(engine: Engine) -> None:
        assert await engine.change(Step("meta_put", ("a", "1")), Step("meta_put", ("b", "2"))) == [1, 1]
        with pytest.raises(Exception, match=r"meta\.value|violates not-null"):  # each engine has its own class for it
            await engine.change(Step("meta_put", ("a", "changed")), Step("meta_put", ("c", None)))
        assert await engine.one("meta_get", "a") == ("1",)
        assert await engine.one("meta_get", "c") is None
        assert await engine.all("meta_get", "b") == [("2",)]

    run(work)


@pytest.mark.parametrize("name", ENGINES)
def test_snapshot_shows_one_moment(tmp_path: Path, name: str) -> None:
    """What is written while a snapshot is open is not in it, and nobody waits for it."""

    async def work() -> None:
        async with books(tmp_path, ENGINES[name]) as on:
            await on.wallet(ALICE, RUB=100)
            async with on.engine.snapshot() as snapshot:
                before = [row async for batch in snapshot.rows("audit_wallets") for row in batch]
                await on.done(pay(ALICE, BOB, 5))
                after = [row async for batch in snapshot.rows("audit_wallets") for row in batch]
                entries = [row async for batch in snapshot.rows("audit_entries") for row in batch]
            assert before == after == [(ALICE,)]
            assert len(entries) == 2
            assert await on.balance(BOB, currency=RUB) == 5

    asyncio.run(work())


def test_sqlite_takes_paths_of_any_letters(tmp_path: Path) -> None:
    """A folder may be called what an address would read as something else."""
    folder = tmp_path / "данные 100% ?mode=memory#x"
    folder.mkdir()

    async def work() -> None:
        async with books(folder) as on:
            await on.wallet(ALICE, RUB=100)
            await on.proven()

    asyncio.run(work())
    assert (folder / "kalita.db").stat().st_size > 0


def test_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """Trouble with the file has one name, whatever SQLite calls it."""
    (tmp_path / "kalita.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(Unavailable):
        ENGINES["sqlite"](tmp_path)
