"""The ledger in a process of its own: the same orders, the same outcomes, whatever becomes of either end."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalita.ledger import frames
from kalita.ledger.order import Accepted, Order
from kalita.ledger.process import core_of, reply_of
from kalita.ledger.remote import RemoteWriter, _settle
from kalita.ledger.writer import Fault
from kalita.refusals import NOT_ENOUGH_MONEY
from kalita.storage.engine import Step, Unavailable
from tests.books import ALICE, BOB, ENGINES, Books, bar, bill, books, pay
from tests.unit.test_writer import POISON

SECRET = bytes(range(32))
"""What tests/books.py makes its keys of."""


@pytest.mark.parametrize("order", [
    Order(1), pay(ALICE, BOB, 5, fee=1, client_id="7", meaning="m"), bill(ALICE, 10**14, client_id="x"), bar(ALICE, 3),
])  # fmt: skip
def test_order_arrives_as_it_was_sent(order: Order) -> None:
    """Nothing of an order is lost on the way, and every value has its own type again."""
    ((number, arrived),) = frames.decode_work(frames.framed(frames.Orders([(7, order)]))[4:]).orders
    assert (number, arrived) == (7, order)
    assert [type(record.direction) for record in arrived.records] == [type(one.direction) for one in order.records]


@given(st.lists(st.lists(st.integers(0, 2**63)), max_size=8), st.data())
def test_frames_may_be_cut_anywhere(contents: list[list[int]], data: st.DataObject) -> None:
    """A socket gives bytes in pieces of any size."""
    stream = b"".join(map(frames.framed, contents))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    cutter, arrived = frames.Frames(), list[bytes]()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        arrived += cutter.feed(stream[start:end])
    assert [msgspec.msgpack.decode(frame) for frame in arrived] == contents


@pytest.mark.parametrize("outcome", [
    Accepted(5, '{"id":"5"}', True), NOT_ENOUGH_MONEY, Fault("abc"), Unavailable("the disk is full"),
])  # fmt: skip
def test_outcome_arrives_as_it_was(outcome) -> None:
    """Acceptance, refusal, fault with its reference, trouble: each is what it was."""

    async def work() -> None:
        answer = asyncio.get_running_loop().create_future()
        (reply,) = frames.decode_replies(frames.framed(frames.Replies([reply_of(1, outcome)]))[4:]).replies
        _settle(answer, reply)
        if isinstance(outcome, Exception):
            with pytest.raises(type(outcome), match=str(outcome)):
                await answer
        else:
            assert await answer == outcome

    asyncio.run(work())


def _run(folder: Path, work: Callable[[Books, RemoteWriter], Awaitable[None]]) -> None:
    """Run work on books that are written by a ledger process."""

    async def main() -> None:
        async with books(folder) as on:
            await on.wallet(ALICE, RUB=1_000)
            await on.wallet(BOB)
        at = Books(ENGINES["sqlite"](folder))
        remote = RemoteWriter(frames.Hello(str(folder / "kalita.db"), SECRET, 0, 128))
        await remote.start()
        try:
            await work(at, remote)
            await at.proven()
        finally:
            await remote.stop()
            await at.engine.close()

    asyncio.run(main())


def test_bad_orders_fail_alone(tmp_path: Path) -> None:
    """An order that cannot be sent, and one that cannot be written, fail with a reference; neighbours are paid."""

    async def work(at: Books, remote: RemoteWriter) -> None:
        unsendable = pay(ALICE, BOB, 2**70), pay(ALICE, BOB, 1, client_id="\ud800")
        orders = [pay(ALICE, BOB, 1), unsendable[0], POISON, pay(ALICE, BOB, 2), unsendable[1], pay(ALICE, BOB, 2_000)]
        outcomes = await asyncio.gather(*map(remote.submit, orders), return_exceptions=True)
        kinds = [type(outcome) for outcome in outcomes[:5]]
        assert kinds == [Accepted, Fault, Fault, Accepted, Fault]
        assert outcomes[5] == NOT_ENOUGH_MONEY
        assert await at.balance(BOB) == 3

    _run(tmp_path, work)


def test_changes_are_made_by_the_ledger_process(tmp_path: Path) -> None:
    """A server's changes go through its ledger: whole or not at all, beside orders; a bad one fails alone."""

    async def work(at: Books, remote: RemoteWriter) -> None:
        at.engine.hand_over(remote.change)
        broken = Step("meta_put", ("a", "changed")), Step("meta_put", ("b", None))
        paid, first, failed, broken_text, unsendable, second = await asyncio.gather(
            remote.submit(pay(ALICE, BOB, 1)),
            at.engine.change(Step("meta_put", ("a", "1")), Step("meta_put", ("b", "2"))),
            at.engine.change(*broken),
            at.engine.change(Step("attempts_add", ("no JSON",))),
            at.engine.change(Step("meta_put", ("a", 2**70))),
            at.engine.change(Step("meta_put", ("c", "3"))),
            return_exceptions=True,
        )
        assert isinstance(paid, Accepted)
        assert (first, second) == ([1, 1], [1])
        assert [type(failed), type(broken_text), type(unsendable)] == [Fault, Fault, OverflowError]
        assert [await at.engine.one("meta_get", name) for name in "abc"] == [("1",), ("2",), ("3",)]

        assert remote._process is not None
        os.kill(remote._process.pid, signal.SIGKILL)
        with pytest.raises(Unavailable):
            await at.engine.change(Step("meta_put", ("c", "4")))
        at.engine.hand_over(None)
        assert await at.engine.change(Step("meta_put", ("c", "5"))) == [1]

    _run(tmp_path, work)


def test_killed_ledger_is_started_again(tmp_path: Path) -> None:
    """Who waited is told that nothing is known; a repeat pays once; the next ledger goes on with the books."""

    async def work(at: Books, remote: RemoteWriter) -> None:
        orders = [pay(ALICE, BOB, 1, client_id=str(number)) for number in range(20)]
        waiting = [asyncio.create_task(remote.submit(order)) for order in orders]
        await asyncio.sleep(0.002)
        assert remote._process is not None
        os.kill(remote._process.pid, signal.SIGKILL)
        await asyncio.wait(waiting)
        assert {type(task.exception()) for task in waiting} <= {Unavailable, type(None)}
        for order in orders:
            assert isinstance(await _patiently(remote, order), Accepted)
        assert await at.balance(BOB) == 20

    _run(tmp_path, work)


async def _patiently(remote: RemoteWriter, order: Order):
    for _ in range(200):
        try:
            return await remote.submit(order)
        except Unavailable:
            await asyncio.sleep(0.05)
    raise AssertionError("the ledger did not come back")


def test_stop_answers_what_was_sent(tmp_path: Path) -> None:
    """A server that stops waits for its ledger; later orders are told to come back."""

    async def work(at: Books, remote: RemoteWriter) -> None:
        waiting = [asyncio.create_task(remote.submit(pay(ALICE, BOB, 1))) for _ in range(20)]
        await asyncio.sleep(0)
        await remote.stop()
        assert all(isinstance(task.result(), Accepted) for task in waiting)
        with pytest.raises(Unavailable):
            await remote.submit(pay(ALICE, BOB, 1))
        assert await at.balance(BOB) == 20

    _run(tmp_path, work)


@pytest.mark.parametrize(
    ("cores", "chosen"), [([0, 1], {1}), ([3, 5, 7], {7}), ([0, 1, 2, 3], {2, 3}), (list(range(8)), {4, 5, 6, 7})]
)
def test_core_is_of_the_upper_half(cores: list[int], chosen: set[int]) -> None:
    """Ledgers of several installations spread over the upper half of what they may use."""
    assert {core_of(pid, cores) for pid in range(100, 140)} == chosen
