"""
Taking up what others changed beside a running server: part by part, again and again, for as long as it runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from kalita.observe import log
from kalita.storage.engine import Unavailable

Part = Callable[[], Awaitable[None]]


class Watch:
    """
    Look for changes.

    parts  by name: what takes up the changes of one kind, in their order
    """

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts
        self._told: dict[str, str] = {}

    async def once(self) -> None:
        """Take everything up; the first part that cannot be ends it."""
        for part in self._parts.values():
            await part()

    async def run(self, every_s: float) -> None:
        """Take up what there is until cancelled; a part that fails stays as it was, and holds no other up."""
        while True:
            await asyncio.sleep(every_s)
            for name, part in self._parts.items():
                try:
                    await part()
                except Exception as problem:
                    self._tell(name, problem)
                else:
                    self._told.pop(name, None)

    def _tell(self, name: str, problem: Exception) -> None:
        """Log why a part failed: once, until it fails in another way or works again."""
        reason = f"{type(problem).__name__}: {problem}"
        if self._told.get(name) != reason:
            self._told[name] = reason
            known = isinstance(problem, Unavailable)
            log.warning("not_refreshed", part=name, reason=str(problem), exc_info=None if known else problem)
