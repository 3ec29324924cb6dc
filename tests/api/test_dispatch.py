"""
Dispatch by itself: who carries a payout, what becomes of it when he dies, connectors that break; on either engine.

Guarantee: a payout is carried by one process at a time, by the database's clock; whatever a connector does, the payment
ends once or stays held.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kalita.connectors.protocol import Absent, Done, Gate, Outcome, Payout, Rejected, Standing, Unknown
from kalita.ledger.writer import Fault
from kalita.storage.engine import Step, Unavailable
from tests.api.house import House, payment
from tests.commands import past_the_program
from tests.servers import Wallet, database_of


class Scripted:
    """A connector that answers what a test tells it, and notes what it was asked."""

    within_s = 0.5

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.answers: list[Any] = []
        self.shut: dict[int, asyncio.Event] = {}

    async def check(self, payout: Payout, gate: Gate) -> Outcome:
        """Take everything."""
        return Done()

    async def pay(self, payout: Payout, gate: Gate) -> Outcome:
        """Answer the next thing."""
        return await self._answer("pay", payout)

    async def status(self, payout: Payout, gate: Gate) -> Standing:
        """Answer the next thing."""
        return await self._answer("status", payout)

    async def close(self) -> None:
        """Nothing is open."""

    async def _answer(self, call: str, payout: Payout) -> Any:
        self.asked.append((call, payout.attempts))
        if payout.provider in self.shut:
            await self.shut[payout.provider].wait()
        answer = self.answers.pop(0) if self.answers else Done()
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return Done()
        return answer


@pytest.fixture
def house(tmp_path: Path, engine: str) -> Iterator[House]:
    """A demonstration in this process; nothing carries payouts unless a test says so."""
    opened = House(tmp_path, settings={"demo": True}, database=database_of(tmp_path, engine))
    yield opened
    opened.close()


@pytest.fixture
def provider(house: House) -> Scripted:
    """What stands behind every provider."""
    scripted = Scripted()
    house.app.connectors._made["simulator"] = scripted
    return scripted


def paid(house: House, owner: Wallet, amount: int = 100, provider: int = 674) -> int:
    """Pay the outside; return the transaction."""
    answer = house.pay(owner, payment(fields={"account": "7"}, amount=amount), str(provider))
    assert answer.status == 200, answer.body
    return int(answer.json["transaction"]["id"])


def work(house: House) -> int:
    """Let dispatch do what is due; return how many it took."""

    async def once() -> int:
        count = await house.app.dispatch.round()
        await house.app.dispatch.settled()
        return count

    return house.run(once())


def standing(house: House, txn: int) -> tuple[str, str]:
    """Return what history and payout say."""
    facts = house.run(house.app.operator.show(txn))
    return facts["records"][0]["status"], facts["payout"]["state"]


def test_what_is_claimed_is_asked_about_before_it_is_paid(house: House, provider: Scripted) -> None:
    """Its first carrier may have sent it: only what the provider never saw is sent."""
    owner = house.wallet(RUB=1_000_00)
    provider.answers = [Absent(), Done("17")]
    txn = paid(house, owner)
    assert work(house) == 1
    assert provider.asked == [("status", 0), ("pay", 0)]
    assert standing(house, txn) == ("SUCCESS", "done")
    assert work(house) == 0


def test_a_lease_keeps_others_away_until_it_runs_out(house: House, provider: Scripted) -> None:
    """By the database's clock: moving the settings' clock changes nothing."""
    owner = house.wallet(RUB=1_000_00)
    txn = paid(house, owner)
    claim = Step("payout_claim", ("another", 15_000_000, house.hand.now, 64, "[]"))
    (count,) = house.run(house.app.engine.change(claim))
    assert count == 1
    house.later(86_400)
    assert work(house) == 0
    assert provider.asked == []
    past_the_program(house.data, house.database, "UPDATE payout SET leased_until = 0")
    assert work(house) == 1
    assert standing(house, txn) == ("SUCCESS", "done")


@pytest.mark.parametrize(
    "answer",
    [
        Unknown("x"), RuntimeError("bug"), ValueError(), 5.0, ConnectionError(), KeyError("x"),
        RuntimeError("\0\ud800"), asyncio.CancelledError(), None, True, "done", Absent, Rejected("5"), Rejected(None),
        Rejected(10**30), Unknown("x", float("inf")), Unknown("x", "1"), Unknown(None, -1),
    ],
    ids=range(18),
)  # fmt: skip
def test_whatever_goes_wrong_leaves_it_unknown(house: House, provider: Scripted, answer: Any, monkeypatch: Any) -> None:
    """The money stays held; half a minute later the answer decides."""
    monkeypatch.setattr("kalita.payments.dispatch.GRACE_S", 0.1)
    owner = house.wallet(RUB=1_000_00)
    provider.answers = [answer]
    txn = paid(house, owner)
    work(house)
    assert standing(house, txn) == ("WAITING", "asked")
    assert work(house) == 0
    house.later(30)
    provider.answers = [Rejected(5, "no such account")]
    work(house)
    assert standing(house, txn) == ("ERROR", "failed")
    assert house.get("/funding-sources/v1/accounts/current", owner).json["accounts"][0]["balance"]["amount"] == 1000


def test_a_connector_that_cannot_be_made_leaves_it_unknown(house: House) -> None:
    """It is tried again like any other."""

    def breaks(_: Any) -> Any:
        raise SyntaxError("a plug-in for another version")

    house.app.connectors._makers["simulator"] = breaks
    txn = paid(house, house.wallet(RUB=1_000_00))
    work(house)
    facts = house.run(house.app.operator.show(txn))
    assert (standing(house, txn), facts["payout"]["attempts"]) == (("WAITING", "asked"), 1)
    assert "another version" in facts["payout"]["note"]


@pytest.mark.parametrize("how", [RuntimeError("bug"), 5.0], ids=["bug", "too slow"])
def test_a_connector_that_does_not_end_keeps_nothing_else_from_ending(
    tmp_path: Path, how: Any, monkeypatch: Any
) -> None:
    """The others are ended all the same, and so is the server."""
    monkeypatch.setattr("kalita.connectors.registry.CLOSING_S", 0.1)
    opened, ended = House(tmp_path, settings={"demo": True}), []

    class Stubborn(Scripted):
        async def close(self) -> None:
            if isinstance(how, Exception):
                raise how
            await asyncio.sleep(how)

    class Good(Scripted):
        async def close(self) -> None:
            ended.append("good")

    opened.app.connectors._made |= {"stubborn": Stubborn(), "good": Good()}
    opened.close()
    assert ended == ["good"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Done("a\0\ud800\nb" + "c" * 300), ("done", "a   b" + "c" * 195, None, 0)),
        (Done(None), ("done", None, None, 0)), (Done(17), ("done", "17", None, 0)),
        (Rejected(5, "\x1b[1m\ud800"), ("failed", None, "[1m", 5)), (Rejected(-7), ("failed", None, None, 300)),
    ],
    ids=range(5),
)  # fmt: skip
def test_what_a_connector_says_is_written_as_one_line(
    house: House, provider: Scripted, answer: Any, said: tuple[Any, ...]
) -> None:
    """Whatever characters it holds: a clear word ends the payment."""
    provider.answers = [answer]
    txn = paid(house, house.wallet(RUB=1_000_00))
    work(house)
    payout = house.run(house.app.operator.show(txn))["payout"]
    assert (payout["state"], payout["reference"], payout["note"], payout["error_code"]) == said
    house.proven()


@pytest.mark.parametrize("problem", [Unavailable("away"), Fault("7")], ids=["away", "fault"])
def test_a_claim_that_cannot_be_written_is_made_again(
    house: House, provider: Scripted, problem: Exception, monkeypatch: Any
) -> None:
    """Whoever carries payouts goes on: half a second later it looks again."""
    txn = paid(house, house.wallet(RUB=1_000_00))
    dispatch, change = house.app.dispatch, house.app.engine.change
    problems = [problem]

    async def broken(*steps: Step) -> list[int]:
        if problems:
            raise problems.pop()
        return await change(*steps)

    async def carry() -> None:
        running = asyncio.create_task(dispatch.run())
        await asyncio.sleep(1.5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    monkeypatch.setattr(house.app.engine, "change", broken)
    house.run(carry())
    assert (standing(house, txn), problems) == (("SUCCESS", "done"), [])


def test_what_a_provider_said_is_kept_until_it_can_be_written(
    house: House, provider: Scripted, monkeypatch: Any
) -> None:
    """The database is away for a while: the provider is not asked again, and the payment ends as he said."""
    owner = house.wallet(RUB=1_000_00)
    txn = paid(house, owner)
    real, failures = house.app.dispatch.end, [Unavailable("away"), Unavailable("away")]

    async def end(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(*args)

    monkeypatch.setattr(house.app.dispatch, "end", end)
    monkeypatch.setattr("kalita.payments.dispatch.FIRST_PAUSE_S", 0.01)
    provider.answers = [Done("1")]
    work(house)
    assert len(provider.asked) == 1
    assert standing(house, txn) == ("SUCCESS", "done")


def test_an_operator_and_the_provider_may_not_both_decide(house: House, provider: Scripted) -> None:
    """Whoever comes second changes nothing."""
    owner = house.wallet(RUB=1_000_00)
    txn = paid(house, owner)
    paid_out = house.run(house.app.operator.paid_out(txn))
    assert house.run(house.app.operator.settle(paid_out, False)) is None
    assert house.run(house.app.dispatch.end(paid_out, Done("late"))).code == "202"
    assert standing(house, txn) == ("ERROR", "failed")


def test_what_a_provider_says_too_late_is_kept(house: House, provider: Scripted) -> None:
    """The operator cancelled while it was asked, and it took the money: the note says so, and nothing moves."""
    owner = house.wallet(RUB=1_000_00)
    txn = paid(house, owner)
    paid_out = house.run(house.app.operator.paid_out(txn))

    async def both() -> None:
        provider.shut[674] = asyncio.Event()
        await house.app.dispatch.round()
        assert await house.app.operator.settle(paid_out, False) is None
        provider.shut[674].set()
        await house.app.dispatch.settled()

    provider.answers = [Done("17")]
    house.run(both())
    shown = house.run(house.app.operator.show(txn))["payout"]
    assert (shown["state"], shown["attempts"]) == ("failed", 0)
    assert shown["note"] == "cancelled by an operator, late answer: done 17"


def test_a_slow_provider_never_delays_another(house: House, provider: Scripted, monkeypatch: Any) -> None:
    """However many of its payments are due, and due before: the others are claimed past them, and are through first."""
    monkeypatch.setattr("kalita.payments.dispatch.CLAIMED", 4)
    monkeypatch.setattr("kalita.payments.dispatch.FULL", 6)
    owner = house.wallet(RUB=1_000_00)
    slow = [paid(house, owner, 1, 120) for _ in range(24)]
    other = paid(house, owner, 1)

    async def rounds() -> tuple[list[int], str]:
        provider.shut[120] = asyncio.Event()
        taken = [await house.app.dispatch.round() for _ in range(4)]
        async with asyncio.timeout(5):
            while (facts := await house.app.operator.show(other))["status"] == "WAITING":
                await asyncio.sleep(0.01)
        provider.shut.pop(120).set()
        await house.app.dispatch.settled()
        return taken, facts["status"]

    assert house.run(rounds()) == ([4, 4, 1, 0], "SUCCESS")
    while work(house):
        pass
    assert {standing(house, txn) for txn in slow} == {("SUCCESS", "done")}


def test_the_asking_that_ends_it_is_counted(house: House, provider: Scripted) -> None:
    """Unknown, then a word: twice. An operator's word is no asking."""
    owner = house.wallet(RUB=1_000_00)
    txn = paid(house, owner)
    provider.answers = [Unknown("x"), Done("1")]
    work(house)
    house.later(30)
    work(house)
    assert house.run(house.app.operator.show(txn))["payout"]["attempts"] == 2


def test_a_wallet_that_is_erased_leaves_no_fields_behind(house: House, provider: Scripted) -> None:
    """Names and accounts that a payment carried go with the rest."""
    owner = house.wallet(RUB=100_00)
    txn = paid(house, owner)
    work(house)
    assert house.run(house.app.operator.show(txn))["payout"]["fields"] == {"account": "7"}
    assert house.run(house.app.leaving.close(owner.number)) is None
    assert house.run(house.app.leaving.erase(owner.number)) is None
    assert house.run(house.app.operator.show(txn))["payout"]["fields"] == {}
