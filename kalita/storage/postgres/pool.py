"""A few connections for short statements: whoever comes gets the one that was used last."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import asyncpg

from kalita.storage.engine import Unavailable
from kalita.storage.postgres.connection import Connection, within


class Connect(Protocol):
    """What opens a connection. raises: Unavailable"""

    async def __call__(self) -> Connection:
        """Open one."""


class Pool:
    """
    Connections that are opened when they are needed and kept.

    size   how many at most; who comes when all are in use waits
    begun  one may come back with a transaction that is begun and holds nothing yet
    """

    def __init__(self, connect: Connect, size: int, begun: bool = False) -> None:
        self._connect, self._begun = connect, begun
        self._free: list[Connection] = []
        self._room = asyncio.Semaphore(size)
        self._closed = False

    @asynccontextmanager
    async def connection(self, seconds: float) -> AsyncIterator[Connection]:
        """
        Lend a connection; on any error it is ended, since nobody knows in which state it is.

        seconds  after which its socket is closed, whatever is waited for
        raises   Unavailable when it was lost
        """
        async with self._room:
            connection = await self._take()
            timer = asyncio.get_running_loop().call_later(seconds, connection.terminate)
            failed = True
            try:
                yield connection
                failed = False
            except asyncpg.InterfaceError as problem:
                if connection.is_closed():
                    raise Unavailable(str(problem)) from problem
                raise
            finally:
                timer.cancel()
                self._give(connection, failed)

    async def _take(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return await self._connect()

    def _give(self, connection: Connection, failed: bool) -> None:
        if self._closed or connection.is_closed() or (connection.is_in_transaction() and (failed or not self._begun)):
            connection.terminate()
        else:
            self._free.append(connection)

    async def close(self) -> None:
        """End those that are not in use; one that is ends when it comes back."""
        self._closed = True
        free, self._free = self._free, []
        for connection in free:
            try:
                await within(1, connection, connection.close())
            except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
                connection.terminate()
