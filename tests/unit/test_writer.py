"""The one writer: orders wait, share a commit, and are answered after it; a bad one harms nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kalita.ledger import writer as writer_module
from kalita.ledger.accounts import Kind, account_id
from kalita.ledger.order import Accepted, Order, Transfer
from kalita.ledger.writer import Fault, Writer
from kalita.refusals import NOT_ENOUGH_MONEY, REPEATED
from kalita.storage.engine import LaneLost, Unavailable
from tests.books import ALICE, BOB, CAROL, KEYS, RUB, Books, Factory, books, pay

POISON = Order(ALICE, transfers=(Transfer(account_id(ALICE, Kind.WALLET, RUB), account_id(BOB, Kind.WALLET, RUB), 0),))
"""No rule refuses a transfer of nothing; the ledger asserts that nobody builds one."""


class Stubborn:
    """
    An engine that will not write.

    trouble  raised by the next groups before they are written
    late     raised by the next groups after they were
    gate     what groups wait for
    groups   how many payments each group wrote
    """

    def __init__(self, engine) -> None:
        self._engine = engine
        self.groups: list[int] = []
        self.trouble: list[Exception] = []
        self.late: list[Exception] = []
        self.gate: asyncio.Event | None = None

    def __getattr__(self, name: str):
        return getattr(self._engine, name)

    async def group(self, needs, judge) -> None:
        """Write a group, or refuse to."""
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble:
            raise self.trouble.pop(0)

        def noted(found):
            writes = judge(found)
            self.groups.append(len(writes.payments))
            return writes

        await self._engine.group(needs, noted)
        if self.late:
            raise self.late.pop(0)


def _run(folder: Path, factory: Factory, work: Callable[[Books, Stubborn], Awaitable[None]], **rest) -> None:
    async def run() -> None:
        async with books(folder, lambda at: Stubborn(factory(at)), **rest) as on:
            await on.wallet(ALICE, RUB=1_000)
            await on.wallet(BOB)
            on.engine.groups.clear()
            await work(on, on.engine)
            await on.proven()

    asyncio.run(run())


def _pays(count: int, first: int = 0) -> list[Order]:
    return [pay(ALICE, BOB, 1, client_id=str(first + number)) for number in range(count)]


def test_orders_that_wait_share_a_commit(tmp_path: Path, factory: Factory) -> None:
    """What gathers while a group is written goes with the next one, never more than the largest group."""

    async def work(on: Books, engine: Stubborn) -> None:
        outcomes = await asyncio.gather(*map(on.submit, _pays(10)))
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert len(engine.groups) <= 5
        assert max(engine.groups) == 4
        assert sum(engine.groups) == 10
        assert await on.balance(BOB) == 10

    _run(tmp_path, factory, work, largest_group=4)


def test_poison_fails_alone_with_a_reference(tmp_path: Path, factory: Factory) -> None:
    """Of a group that cannot be written only the bad order fails; its neighbours are in the books."""

    async def work(on: Books, engine: Stubborn) -> None:
        orders = [*_pays(3), POISON, *_pays(3, first=3)]
        outcomes = await asyncio.gather(*map(on.submit, orders), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Accepted] * 3 + [Fault] + [Accepted] * 3
        fault = outcomes[3]
        assert isinstance(fault, Fault)
        assert len(fault.reference) == 16
        assert fault.reference in str(fault)
        assert await on.balance(BOB) == 6

    _run(tmp_path, factory, work)


def test_refused_order_disturbs_nobody(tmp_path: Path, factory: Factory) -> None:
    """A refusal is an answer; the group goes on."""

    async def work(on: Books, engine: Stubborn) -> None:
        outcomes = await asyncio.gather(*map(on.submit, [*_pays(1), pay(ALICE, BOB, 5_000), *_pays(1, first=1)]))
        assert outcomes[1] is NOT_ENOUGH_MONEY
        assert await on.balance(BOB) == 2

    _run(tmp_path, factory, work)


def test_database_away_fails_the_group_and_it_may_be_sent_again(tmp_path: Path, factory: Factory) -> None:
    """Nothing was acknowledged, nothing is half there; the same orders succeed afterwards."""

    async def work(on: Books, engine: Stubborn) -> None:
        engine.trouble = [Unavailable("the disk is full")] * 3
        outcomes = await asyncio.gather(*map(on.submit, _pays(5)), return_exceptions=True)
        await asyncio.gather(*map(on.submit, _pays(1)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {Unavailable, Accepted}
        assert any(isinstance(outcome, Unavailable) for outcome in outcomes)
        engine.trouble = []
        for order in _pays(5):
            await on.done(order)
        assert await on.balance(BOB) == 5

    _run(tmp_path, factory, work)


def test_lost_answer_is_found_by_a_repeat(tmp_path: Path, factory: Factory) -> None:
    """When the commit came through but its answer did not, the same id finds the payment and moves nothing."""

    async def work(on: Books, engine: Stubborn) -> None:
        engine.late = [Unavailable("the line was cut")]
        with pytest.raises(Unavailable):
            await on.submit(_pays(1)[0])
        again = await on.done(_pays(1)[0])
        assert again.repeated
        assert await on.balance(BOB) == 1

    _run(tmp_path, factory, work)


def test_repeats_later_and_at_once(tmp_path: Path, factory: Factory) -> None:
    """Same id and meaning: the first answer, for ever; other meaning: refused; the id of another owner is another."""

    async def work(on: Books, engine: Stubborn) -> None:
        order = pay(ALICE, BOB, 7, client_id="x")
        outcomes = await asyncio.gather(*(on.done(order) for _ in range(20)))
        assert len({(outcome.txn_id, outcome.answer) for outcome in outcomes}) == 1
        assert sorted(outcome.repeated for outcome in outcomes) == [False] + [True] * 19
        assert await on.submit(pay(ALICE, BOB, 8, client_id="x")) is REPEATED
        on.hand.now += 10**17
        assert (await on.done(order)).answer == outcomes[0].answer
        assert await on.balance(BOB) == 7
        assert not (await on.done(pay(BOB, ALICE, 7, client_id="x"))).repeated

    _run(tmp_path, factory, work)


def test_lost_lane_is_replaced_by_another(tmp_path: Path, factory: Factory) -> None:
    """A writer whose lane was taken over writes on in a new one; the group is not lost."""

    async def work(on: Books, engine: Stubborn) -> None:
        before = on.writer.lane
        on.writer._holder = "somebody who lost his lease"
        await on.done(_pays(1)[0])
        assert on.writer.lane != before
        report = await on.proven()
        assert {head.lane for head in report.heads} == {before, on.writer.lane}
        engine.trouble = [LaneLost(9)]
        await on.done(_pays(1, first=1)[0])

    _run(tmp_path, factory, work)


def test_two_writers_write_beside_each_other(tmp_path: Path, factory: Factory) -> None:
    """A command beside a server has a lane of its own; neither overdraws, ids grow, both chains hold."""

    async def work(on: Books, engine: Stubborn) -> None:
        other = Books(factory(tmp_path), on.hand)
        await other.writer.start()
        assert other.writer.lane != on.writer.lane
        spend = [pay(ALICE, BOB, 300) for _ in range(5)]
        outcomes = await asyncio.gather(*map(on.submit, spend), *map(other.submit, spend))
        accepted = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
        assert len(accepted) == 3
        assert len({outcome.txn_id for outcome in accepted}) == 3
        assert await on.balance(ALICE) == 100
        assert await other.balance(BOB) == 900
        await other.writer.stop()
        await other.engine.close()

    _run(tmp_path, factory, work)


def test_lanes_of_ended_writers_are_used_again(tmp_path: Path, factory: Factory) -> None:
    """However often commands run, lanes do not run out; a chain is continued by the next writer."""

    async def work(on: Books, engine: Stubborn) -> None:
        seen = set()
        for number in range(70):
            other = Writer(on.engine, KEYS, on.clock)
            await other.start()
            seen.add(other.lane)
            if number % 10 == 0:
                await other.submit(pay(ALICE, CAROL, 1))
            await other.stop()
        assert len(seen) == 1

    _run(tmp_path, factory, work)


def test_stop_writes_what_waits_and_takes_no_more(tmp_path: Path, factory: Factory) -> None:
    """Orders that were taken in are answered; later ones are told to come back."""

    async def work(on: Books, engine: Stubborn) -> None:
        other = Writer(on.engine, KEYS, on.clock, 2)
        await other.start()
        waiting = [asyncio.create_task(other.submit(order)) for order in _pays(7)]
        await asyncio.sleep(0)
        stopping = asyncio.create_task(other.stop())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await other.submit(pay(ALICE, BOB, 1))
        assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*waiting))
        await stopping
        assert await on.balance(BOB) == 7

    _run(tmp_path, factory, work)


def test_queue_is_bounded(tmp_path: Path, factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written soon is refused at once, so that memory and waiting stay bounded."""
    monkeypatch.setattr(writer_module, "LONGEST_QUEUE", 3)

    async def work(on: Books, engine: Stubborn) -> None:
        engine.gate = asyncio.Event()
        tasks = [asyncio.create_task(on.submit(order)) for order in _pays(10)]
        await asyncio.sleep(0.01)
        refused = [task for task in tasks if task.done()]
        assert 6 <= len(refused) <= 7
        assert all(isinstance(task.exception(), Unavailable) for task in refused)
        engine.gate.set()
        await asyncio.wait(tasks)
        assert await on.balance(BOB) == 10 - len(refused)

    _run(tmp_path, factory, work)


def test_caller_who_left_does_not_stop_the_group(tmp_path: Path, factory: Factory) -> None:
    """A client that hangs up leaves its order in the books, and its neighbours are answered."""

    async def work(on: Books, engine: Stubborn) -> None:
        engine.gate = asyncio.Event()
        tasks = [asyncio.create_task(on.submit(order)) for order in _pays(3)]
        await asyncio.sleep(0.01)
        tasks[1].cancel()
        engine.gate.set()
        await asyncio.wait(tasks)
        assert isinstance(tasks[2].result(), Accepted)
        assert await on.balance(BOB) == 3

    _run(tmp_path, factory, work)


def test_lease_is_renewed_while_idle(tmp_path: Path, factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet writer keeps its lane; trouble with the renewal does not end it."""
    monkeypatch.setattr(writer_module, "LEASE_S", 0.03)

    async def work(on: Books, engine: Stubborn) -> None:
        asked: list[float] = []

        async def lease(holder: str, seconds: float) -> int:
            asked.append(seconds)
            raise Unavailable("away") if len(asked) == 1 else ValueError("odd")

        monkeypatch.setattr(on.writer._engine, "lease", lease, raising=False)
        other = on.writer
        for _ in range(200):
            await asyncio.sleep(0.01)
            if len(asked) >= 2:
                break
        assert len(asked) >= 2
        monkeypatch.undo()
        assert isinstance(await other.submit(_pays(1)[0]), Accepted)

    _run(tmp_path, factory, work)
