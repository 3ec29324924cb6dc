"""
Connections to PostgreSQL: opened the same way everywhere, and what their troubles mean.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import asyncpg

from kalita.observe import log
from kalita.storage.engine import Row, Unavailable
from kalita.storage.postgres.address import Address, Server

Result = TypeVar("Result")
CONNECT_S = 2
MOST_RIVALS = 20
MOST_REMARKS = 8
OLDEST = 15
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""With one of these a commit that was answered may be lost."""

SESSION = {
    "application_name": "kalita",
    "jit": "off",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "1s",
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "8s",
}
"""A client that is gone, or frozen, keeps no lock for longer than some seconds."""

KEYED = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""
For short keyed statements: whatever the planner believes of a table that was empty when the statement was prepared,
it takes the key.
"""

RETRIED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.InvalidCachedStatementError,
)
"""A rival was faster: the same again, from the beginning, finds what he wrote."""

FULL = (asyncpg.DiskFullError, asyncpg.OutOfMemoryError)

LOST = (
    OSError,
    TimeoutError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
"""The connection, the server or its place in the cluster is the trouble, not what was asked."""


NO_ENTRY = (asyncpg.InterfaceError, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
"""A server that will not let us in."""


class Connection(Protocol):
    """
    What is used of the driver's connection.

    remarks  what the server said beside its answers
    """

    remarks: deque[object]

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; return its kind and how many rows it touched."""

    async def executemany(self, query: str, args: Sequence[Row]) -> None:
        """Run a statement for each of many rows, in one round trip."""

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        """Return the rows of a statement."""

    def cursor(self, query: str, *args: Any) -> Any:
        """Open a cursor."""

    def get_server_version(self) -> Any:
        """Return the server's version."""

    async def set_type_codec(self, name: str, **rest: Any) -> None:
        """Choose how values of a type are read."""

    def is_closed(self) -> bool:
        """Tell whether it ended."""

    def is_in_transaction(self) -> bool:
        """Tell whether a transaction is open."""

    async def close(self) -> None:
        """Say good-bye and end."""

    def terminate(self) -> None:
        """Close the socket now."""


class GivenUp(Unavailable):
    """Trouble that no repeat mends."""


class Unsafe(Exception):  # noqa: N818 - named for what is wrong
    """The server may lose what it has confirmed; the text says by which setting."""


async def connect(address: Address, settings: dict[str, str], strict: bool) -> Connection:
    """
    Connect to the first server of an address that can be written to.

    settings  of the session, on top of SESSION
    strict    refuse a server with settings that may lose a commit; else only warn
    raises    Unavailable, Unsafe
    """
    problems = []
    for server in address.servers:
        try:
            return await asyncio.wait_for(_connect(address, server, settings, strict), CONNECT_S)
        except (*LOST, *NO_ENTRY) as problem:
            problems.append(f"{server.host or 'the default host'}: {_said(problem)}")
    raise Unavailable("; ".join(problems))


class _Attentive(asyncpg.Connection):  # type: ignore[misc]
    """Keep what the server remarks: to listen anew for each commit costs a group 10 µs."""

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.remarks: deque[object] = deque(maxlen=MOST_REMARKS)
        self.add_log_listener(self._hear)

    def _hear(self, _: object, message: object) -> None:
        self.remarks.append(message)


async def _connect(address: Address, server: Server, settings: dict[str, str], strict: bool) -> Connection:
    connection: Connection = await asyncpg.connect(
        address.dsn,
        host=server.host,
        port=server.port,
        server_settings=SESSION | settings,
        target_session_attrs="read-write",
        statement_cache_size=1_000,
        max_cached_statement_lifetime=0,
        connection_class=_Attentive,
    )
    with closed_on_error(connection):
        # A sum of whole numbers is a numeric there; none of our numbers has a part after the point.
        await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=int, format="text")
        await _check(connection, strict)
    return connection


async def _check(connection: Connection, strict: bool) -> None:
    if connection.get_server_version().major < OLDEST:
        raise Unsafe(f"PostgreSQL {OLDEST} or newer is needed")
    rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY($1)", list(UNSAFE))
    unsafe = [f"{row[0]} = {row[1]}" for row in rows if UNSAFE[row[0]] == row[1]]
    if unsafe and strict:
        raise Unsafe(f"the server has {', '.join(unsafe)}: payments that were answered may be lost; switch it on")
    if unsafe:
        log.warning("unsafe_database", settings=unsafe)


@contextmanager
def closed_on_error(connection: Connection) -> Iterator[None]:
    """End the connection when the block fails."""
    try:
        yield
    except BaseException:
        connection.terminate()
        raise


async def within(seconds: float, connection: Connection, work: Awaitable[Result]) -> Result:
    """
    Wait for work on a connection; when it takes longer, close the socket.

    Work is never cancelled: a COMMIT that is cancelled may be there or not, and the server says neither.
    """
    timer = asyncio.get_running_loop().call_later(seconds, connection.terminate)
    try:
        return await work
    finally:
        timer.cancel()


async def patiently(work: Callable[[], Awaitable[Result]], seconds: float, pause_s: float = 0.1) -> Result:
    """
    Do work again, as long as it fails for what passes: a server that is being replaced, a rival.

    seconds  after which it is given up
    raises   Unavailable; what a repeat cannot mend
    """
    loop = asyncio.get_running_loop()
    ends, times = loop.time() + seconds, 0
    while True:
        times += 1
        try:
            return await work()
        except GivenUp:
            raise
        except FULL as problem:
            raise Unavailable(str(problem)) from problem
        except RETRIED as problem:
            if times > MOST_RIVALS:
                raise
            log.info("group_repeated", reason=type(problem).__name__)
        except (*LOST, Unavailable) as problem:
            if loop.time() + pause_s > ends:
                raise Unavailable(_said(problem)) from problem
            await asyncio.sleep(pause_s)


def _said(problem: Exception) -> str:
    return str(problem) or type(problem).__name__
