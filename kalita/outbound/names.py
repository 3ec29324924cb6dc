"""
Resolve names: on threads of their own, so that neither the loop nor the end of the process waits for a name server.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable

Resolver = Callable[[str], Awaitable[list[str]]]
"""Gives the addresses of a name, or raises OSError."""

LOOK_UPS = 64


class Unresolved(OSError):  # noqa: N818 - named for what it is
    """The name stands for no address."""


class Names:
    """Resolve names: on threads of their own, each name once at a time, so that a slow name server delays few."""

    def __init__(self, resolver: Resolver | None) -> None:
        self._resolver = resolver or self._ask
        self._free = asyncio.Semaphore(LOOK_UPS)
        self._asked: dict[str, asyncio.Task[list[str]]] = {}

    async def find(self, name: str) -> list[str]:
        """Return the addresses of a name; raise Unresolved when it has none."""
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.create_task(self._look_up(name))
            task.add_done_callback(lambda done: self._forget(name, done))
        return await asyncio.shield(task)

    def _forget(self, name: str, done: "asyncio.Task[list[str]]") -> None:
        del self._asked[name]
        if not done.cancelled():
            done.exception()  # whoever asked may be gone

    async def _look_up(self, name: str) -> list[str]:
        try:
            found = await self._resolver(name)
        except (OSError, UnicodeError) as problem:
            raise Unresolved(f"{name} does not resolve: {problem}") from None
        if not found:
            raise Unresolved(f"{name} does not resolve")
        return list(dict.fromkeys(found))

    async def _ask(self, name: str) -> list[str]:
        """Ask the machine's resolver on a thread that nobody has to wait for, not even at the end of the process."""
        async with self._free:
            answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
            threading.Thread(target=_tell, args=(name, answer), daemon=True).start()
            return await answer

    def close(self) -> None:
        """Forget the look-ups that are under way."""
        for task in list(self._asked.values()):
            task.cancel()


def _tell(name: str, answer: "asyncio.Future[list[str]]") -> None:
    found: list[str] | OSError | UnicodeError
    try:
        found = [str(row[4][0]) for row in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as problem:
        found = problem
    with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
        answer.get_loop().call_soon_threadsafe(_settle, answer, found)


def _settle(answer: "asyncio.Future[list[str]]", found: list[str] | OSError | UnicodeError) -> None:
    if answer.done():
        return
    if isinstance(found, list):
        answer.set_result(found)
    else:
        answer.set_exception(found)
