"""
What only PostgreSQL can meet: rivals in other processes, connections that die, servers that are replaced or unsafe.

Guarantee: a group is written once whatever becomes of its connection; nobody waits for a dead one; a server that may
lose what it has confirmed is refused.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import Awaitable, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from kalita.ledger.accounts import Kind
from kalita.ledger.order import Accepted
from kalita.refusals import NOT_ENOUGH_MONEY, REPEATED
from kalita.storage.engine import Step, Unavailable
from kalita.storage.postgres import attempts, engine
from kalita.storage.postgres.address import Server, read
from kalita.storage.postgres.connection import KEYED, Connection, Unsafe, connect
from kalita.storage.postgres.engine import PostgresEngine
from tests import postgres
from tests.books import ALICE, BOB, CAROL, Books, bar, bill, pay
from tests.postgres import Postgres


@pytest.fixture
def url() -> str:
    """A database of the test's own."""
    return postgres.database()


@asynccontextmanager
async def books(url: str, **funds: int):
    """Open books on a database."""
    on = Books(PostgresEngine(url))
    await on.writer.start()
    try:
        yield on
    finally:
        await on.writer.stop()
        await on.engine.close()


def run(work: Awaitable[None]) -> None:
    """Run a test's work."""
    asyncio.run(work)


@pytest.mark.parametrize(
    ("url", "servers", "dsn"),
    [
        ("postgresql://u:p@one:1,two:2/db?connect_timeout=2", [("one", 1), ("two", 2)], "postgresql://u:p@/db"),
        ("postgres://one,two/db?port=5,6&sslmode=require", [("one", 5), ("two", 6)], "postgres:/db?sslmode=require"),
        ("postgresql://u@/db?host=/run/pg&port=5433", [("/run/pg", 5433)], "postgresql://u@/db"),
        ("postgresql://[::1]:5432/db", [("::1", 5432)], "postgresql:/db"),
        ("postgresql:///db", [(None, None)], "postgresql:/db"),
    ],
)
def test_address_is_a_list_of_servers(url: str, servers: list[tuple[str | None, int | None]], dsn: str) -> None:
    """As the other programs of PostgreSQL write it."""
    found = read(url)
    assert found.servers == tuple(Server(*one) for one in servers)
    assert found.dsn == dsn


@pytest.mark.parametrize("url", ["mysql://a/b", "a/b", "postgresql://one:port/db", "postgresql://one:99999/db"])
def test_wrong_address_is_refused(url: str) -> None:
    """Before anything is tried."""
    with pytest.raises(ValueError, match="needed"):
        read(url)


def test_rivals_open_one_account_and_use_one_id_once(url: str) -> None:
    """Two processes that pay the same newcomer, under the same ids, at the same moment: once each, nobody fails."""

    async def work() -> None:
        async with books(url) as one, books(url) as other:
            await one.wallet(ALICE, RUB=1_000_000)
            for number in range(25):
                newcomer = CAROL + number
                orders = [
                    pay(ALICE, newcomer, 7, client_id=f"{number}"),
                    pay(ALICE, newcomer, 8, client_id=f"{number}"),
                ]
                found = await asyncio.gather(*(on.submit(order) for on in (one, other) for order in orders))
                paid = [outcome for outcome in found if isinstance(outcome, Accepted)]
                assert len(paid) == 2
                assert len({outcome.txn_id for outcome in paid}) == 1
                assert [outcome for outcome in found if outcome is REPEATED] == [REPEATED, REPEATED]
            assert await one.balance(ALICE) == 1_000_000 - sum([await one.balance(CAROL + n) for n in range(25)])
            await one.proven()

    run(work())


def test_crossing_transfers_of_two_processes_all_arrive(url: str) -> None:
    """Locks are taken in one order: nothing waits in a circle."""

    async def work() -> None:
        async with books(url) as one, books(url) as other:
            people = [ALICE + number for number in range(6)]
            for number in people:
                await one.wallet(number, RUB=100_000)
            orders = [pay(people[n % 6], people[(n * 5 + 1 + n // 6) % 6], 1) for n in range(600)]
            orders = [order for order in orders if order.transfers[0].source != order.transfers[0].target]
            found = await asyncio.gather(*((one, other)[n % 2].submit(order) for n, order in enumerate(orders)))
            assert all(isinstance(outcome, Accepted) for outcome in found)
            await one.proven()

    run(work())
    name = url.split("/")[3].split("?")[0]
    assert postgres.ask(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = $1", name) == [(0,)]


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not committed"])
def test_group_whose_commit_was_not_answered_is_written_once(
    url: str, committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain tells whether it is there: orders without an id of their own are not paid twice either."""
    commit, cuts = attempts.commit, []

    async def cut(db: attempts.Connection, chain: bool = False) -> None:
        if cuts:
            await commit(db, chain)
            return
        cuts.append(1)
        if committed:
            await commit(db, chain)
        db.terminate()
        raise asyncpg.ConnectionDoesNotExistError("cut")

    async def work() -> None:
        async with books(url) as on:
            await on.wallet(ALICE, RUB=1_000)
            monkeypatch.setattr(attempts, "commit", cut)
            found = await asyncio.gather(
                *map(on.submit, (pay(ALICE, BOB, 100), pay(ALICE, BOB, 10, client_id="x"), bill(ALICE, 5), bar(BOB, 1)))
            )
            assert [outcome.repeated for outcome in found] == [False] * 4
            assert cuts
            assert [await on.balance(ALICE), await on.balance(BOB), await on.balance(ALICE, Kind.HOLD)] == [885, 110, 5]
            report = await on.proven()
            assert report.counts["bar"] == 1

    run(work())


def test_change_whose_commit_was_not_answered_is_told_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not repeated behind its caller's back: he asks again, or looks."""

    async def cut(db: attempts.Connection, chain: bool = False) -> None:
        db.terminate()
        raise asyncpg.ConnectionDoesNotExistError("cut")

    async def work() -> None:
        async with books(url) as on:
            with monkeypatch.context() as patched:
                patched.setattr(attempts, "commit", cut)
                with pytest.raises(Unavailable, match="nothing is known"):
                    await on.engine.change(Step("meta_put", ("a", "1")))
            assert await on.engine.change(Step("meta_put", ("a", "2"))) == [1]

    run(work())


def test_sessions_that_are_ended_by_the_server_are_replaced(url: str) -> None:
    """An operator, or a fail-over, ends every connection again and again; payments and readings go on."""

    async def work() -> None:
        async with books(url) as on:
            await on.wallet(ALICE, RUB=10_000)
            for number in range(5):
                paid = [
                    asyncio.create_task(on.submit(pay(ALICE, BOB, 1, client_id=f"{number}.{n}"))) for n in range(50)
                ]
                await asyncio.sleep(0.005 * number)
                await asyncio.to_thread(end_sessions)
                assert await on.engine.epoch() >= 0
                assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*paid))
            assert await on.balance(BOB) == 250
            await on.proven()

    def end_sessions() -> None:
        postgres.ask(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kalita'")

    run(work())


def test_lock_of_a_frozen_rival_is_waited_for_no_longer_than_a_bound(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket is closed, the caller told; once the rival is gone the same order is paid."""
    monkeypatch.setattr(engine, "WRITE_S", 0.3)
    monkeypatch.setattr(engine, "WRITE_PATIENCE_S", 0.5)

    async def work() -> None:
        async with books(url) as on:
            await on.wallet(ALICE, RUB=1_000)
            rival = await asyncpg.connect(url)
            await rival.execute("BEGIN")
            await rival.execute("SELECT * FROM account FOR UPDATE")
            order = pay(ALICE, BOB, 1, client_id="x")
            with pytest.raises(Unavailable):
                await on.submit(order)
            await rival.close()
            await on.done(order)
            assert await on.balance(BOB) == 1

    run(work())


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_unsafe_server_is_refused(name: str, unsafe: Postgres) -> None:
    """One that may lose what it has confirmed; a demonstration is only warned."""
    unsafe_url = unsafe.url(tcp=True)
    postgres.ask(unsafe_url, f"ALTER SYSTEM SET {name} = off")
    postgres.ask(unsafe_url, "SELECT pg_reload_conf()")

    async def work() -> None:
        with pytest.raises(Unsafe, match=name):
            await PostgresEngine(unsafe_url).open()
        lenient = PostgresEngine(unsafe_url, strict=False)
        await lenient.open()
        await lenient.close()

    run(work())
    postgres.ask(unsafe_url, f"ALTER SYSTEM RESET {name}")
    postgres.ask(unsafe_url, "SELECT pg_reload_conf()")


@pytest.fixture(scope="module")
def unsafe() -> Iterator[Postgres]:
    """A server whose settings a test may spoil."""
    server = Postgres().start()
    yield server
    server.remove()


def test_server_that_hangs_or_is_read_only_is_passed_over(url: str) -> None:
    """Of a list the first that takes writes is used, though one before takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port, shared = silent.getsockname()[1], postgres.shared()
        name = url.split("/")[3].split("?")[0]
        hosts = f"127.0.0.1:{port},127.0.0.1:{shared.port}"

        async def work() -> None:
            connection = await connect(read(f"postgresql://kalita@{hosts}/{name}"), KEYED, strict=True)
            assert (await connection.fetch("SELECT 1"))[0][0] == 1
            await connection.close()
            with pytest.raises(Unavailable, match=r"read.only|read.write|session"):
                await connect(read(f"{url}&default_transaction_read_only=on"), KEYED, strict=True)

        run(work())


def test_commit_that_no_standby_confirmed_is_not_answered(url: str) -> None:
    """An operator who ends the wait for a standby makes the server say yes with a warning: that is no yes."""
    server = Postgres(synchronous_standby_names="nobody").start()
    try:

        async def work() -> None:
            connection = await connect(read(server.url()), KEYED, strict=True)
            await connection.execute("BEGIN")
            await connection.execute("CREATE TABLE a (x BIGINT)")
            ((pid,),) = await connection.fetch("SELECT pg_backend_pid()")
            timer = threading.Timer(0.5, cancel, (pid,))
            timer.start()
            with pytest.raises(Unavailable, match="not confirmed"):
                await attempts.commit(connection)
            timer.join()

        def cancel(pid: int) -> None:
            postgres.ask(server.url(), f"SELECT pg_cancel_backend({pid})")

        run(work())
    finally:
        server.remove()


def test_nobody_waits_for_a_pool_that_lost_its_connections(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away is told within a second, and found again when it is back."""
    server = Postgres().start()

    async def work() -> None:
        on = PostgresEngine(server.url(tcp=True))
        assert await on.epoch() == 0
        await asyncio.to_thread(server.kill, signal.SIGINT)
        begun = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await on.one("meta_get", "a")
        with pytest.raises(Unavailable):
            await on.epoch()
        assert asyncio.get_running_loop().time() - begun < 3
        await asyncio.to_thread(server.start)
        assert await on.one("meta_get", "a") is None
        assert await on.epoch() == 0
        await on.close()

    try:
        run(work())
    finally:
        server.remove()


def test_repeat_that_waited_for_the_first_gets_its_answer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The money is gone when its turn comes, and its statement began before the first was there: it is no refusal."""
    real = attempts.commit

    async def late(connection: Connection, chain: bool = False) -> None:
        await asyncio.sleep(0.3)
        await real(connection, chain)

    async def work() -> None:
        async with books(url) as one, books(url) as two:
            await one.wallet(ALICE, RUB=100)
            monkeypatch.setattr(attempts, "commit", late)
            first = asyncio.create_task(one.submit(pay(ALICE, BOB, 100, client_id="1")))
            await asyncio.sleep(0.1)
            again, other = await asyncio.gather(
                two.submit(pay(ALICE, BOB, 100, client_id="1")), two.submit(pay(ALICE, BOB, 100, client_id="2"))
            )
            accepted = await first
            assert isinstance(accepted, Accepted)
            assert again == accepted._replace(repeated=True)
            assert other is NOT_ENOUGH_MONEY
            await one.proven()

    run(work())


def test_transaction_that_is_begun_ahead_ends_when_nothing_comes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit begins the next transaction; an idle server keeps none open, and pays as before."""
    monkeypatch.setattr(engine, "REST_S", 0.1)
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kalita' AND state LIKE 'idle in%'"

    async def work() -> None:
        async with books(url) as on:
            await on.wallet(ALICE, RUB=100)
            for _ in range(2):
                await on.done(pay(ALICE, BOB, 10))
                await asyncio.sleep(0.5)
                async with asyncio.timeout(10):
                    while await asyncio.to_thread(postgres.ask, url, open_ones) != [(0,)]:
                        await asyncio.sleep(0.05)
            await on.proven()

    run(work())


def test_server_counts_what_is_written_while_groups_follow_each_other(url: str) -> None:
    """Without a pause between transactions it would not, and no table of a busy wallet would see its vacuum."""
    count = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'entry'"

    async def work() -> None:
        async with books(url) as on:
            await on.wallet(ALICE, RUB=1_000_00)
            ends, counted = asyncio.get_running_loop().time() + 20, 0
            while counted < 10:
                await on.done(pay(ALICE, BOB, 1))
                ((counted,),) = await asyncio.to_thread(postgres.ask, url, count)
                assert asyncio.get_running_loop().time() < ends

    run(work())
