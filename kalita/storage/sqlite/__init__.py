"""The embedded engine: one SQLite file in WAL mode, one server process."""

import ctypes
import importlib.util
from contextlib import suppress

_MULTITHREAD = 2
"""SQLITE_CONFIG_MULTITHREAD: no lock within a connection. Each of ours is used by one thread at a time."""
_MEMORY_STATUS = 9
"""SQLITE_CONFIG_MEMSTATUS: whether every piece of memory is counted, under one lock for all of a process."""


def _without_locks() -> None:
    """
    Ask SQLite, before it is first used, to take no lock for every value it hands out, nor for every piece of memory.

    That is a tenth of a page's reading.

    Python has no word for it. Where it cannot be asked, or is in use already, all is as it was.
    """
    extension = importlib.util.find_spec("_sqlite3")
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(extension.origin if extension else None)
        library.sqlite3_config(_MULTITHREAD)
        library.sqlite3_config(_MEMORY_STATUS, 0)


_without_locks()
