"""
The server's side of the ledger process: the same `submit`, another place.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys

from kalita.ledger import frames
from kalita.ledger.order import Accepted, Order, Outcome
from kalita.ledger.writer import Fault
from kalita.observe import log
from kalita.refusals import Refusal
from kalita.storage.engine import Unavailable

LONGEST_QUEUE = 10_000
START_S = 30


class RemoteWriter:
    """
    Send orders to a ledger process and wait for its replies; start a new process when one dies.

    An order whose process died before it answered may be in the books or not: the caller is told that nothing is known
    (Unavailable), and a repeat with the same key finds out.
    """

    def __init__(self, hello: frames.Hello) -> None:
        self._hello = hello
        self._connection: _Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Start the process and wait until it leased its lane."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "kalita.ledger.process", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        _, connection = await asyncio.get_running_loop().create_connection(lambda: _Connection(self._lost), sock=ours)
        connection.send(self._hello)
        try:
            await asyncio.wait_for(connection.ready, START_S)
        except (TimeoutError, Unavailable):
            raise Unavailable("the ledger process did not start; its log says why") from None
        self._connection = connection

    async def stop(self) -> None:
        """Let the process write what waits, then end."""
        self._stopping = True
        if self._starting is not None:
            self._starting.cancel()
        if self._connection is not None:
            await self._connection.drained()
            self._connection.close()
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)

    @property
    def lane(self) -> int:
        """The lane of the process."""
        return self._connection.lane if self._connection else 0

    async def submit(self, order: Order) -> Outcome:
        """Put an order into the books. See Writer.submit."""
        connection = self._connection
        if connection is None or self._stopping or len(connection.waiting) >= LONGEST_QUEUE:
            raise Unavailable("the ledger takes no more orders now")
        return await connection.submit(order)

    def _lost(self) -> None:
        self._connection = None
        if not self._stopping and self._starting is None:
            log.error("ledger_process_lost")
            self._starting = asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
        while self._connection is None:
            with contextlib.suppress(Unavailable):
                await self.start()
                log.info("ledger_process_restarted")
                break
            await asyncio.sleep(1)
        self._starting = None


class _Connection(asyncio.Protocol):
    """The ledger's end as the server sees it."""

    def __init__(self, lost: "asyncio._ProtocolCallback") -> None: ...
