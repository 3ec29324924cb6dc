"""
Connectors by name: those that come with the program, and installed plug-ins (entry points of `kalita.connectors`).
"""

import asyncio
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from kalita.connectors.osmp import Osmp
from kalita.connectors.protocol import Connector
from kalita.connectors.simulator import Simulator
from kalita.observe import log
from kalita.outbound.client import Outbound

GROUP = "kalita.connectors"
CLOSING_S = 5.0
SIMULATOR, OSMP = "simulator", "osmp"
Way = Callable[[str], Outbound]
Maker = Callable[[Way], Connector]


class Registry:
    """
    Make each connector once, when it is first asked for.

    way  returns the guarded way out, for the file of an authority that is trusted; empty: the system's
    """

    def __init__(self, way: Way) -> None:
        self._way = way
        self._makers: dict[str, Maker] = {
            SIMULATOR: lambda _: Simulator(),
            OSMP: Osmp,
        }
        self._made: dict[str, Connector] = {}

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        """What is installed; looked for only when a name is asked for that is not our own."""
        return {one.name: one for one in entry_points(group=GROUP)}

    def names(self) -> list[str]:
        """Return every name that can be used."""
        return sorted({*self._makers, *self._plugins})

    def knows(self, name: str) -> bool:
        """Tell whether there is such a connector."""
        return name in self._makers or name in self._plugins

    def is_own(self, name: str) -> bool:
        """Tell whether a connector comes with the program; so does none at all."""
        return not name or name in self._makers

    def get(self, name: str) -> Connector | None:
        """Return a connector; None when there is none of this name, or it cannot be loaded."""
        if name not in self._made:
            maker = self._makers.get(name) or self._load(name)
            if maker is None:
                return None
            self._made[name] = maker(self._way)
        return self._made[name]

    def _load(self, name: str) -> Maker | None:
        found = self._plugins.get(name)
        if found is None:
            return None
        try:
            maker: Maker = found.load()
        except (ImportError, AttributeError) as problem:
            log.error("connector_not_loaded", connector=name, exc_info=problem)
            return None
        return maker

    async def close(self) -> None:
        """End what connectors hold open; one that does not end in time, or breaks, keeps nothing else from ending."""
        for name, connector in self._made.items():
            try:
                async with asyncio.timeout(CLOSING_S):
                    await connector.close()
            except Exception as problem:
                log.warning("connector_not_closed", connector=name, exc_info=problem)
