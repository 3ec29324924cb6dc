"""
Where the rows of an installation are: a file of its directory, or PostgreSQL when the setting `database` names one.
"""

from pathlib import Path

from kalita.settings import BadSetting, Settings
from kalita.storage.engine import Engine
from kalita.storage.postgres.engine import PostgresEngine
from kalita.storage.sqlite.engine import SqliteEngine

DATABASE = "kalita.db"


class Place:
    """
    The database that settings name.

    file  of the embedded engine; None: it is on PostgreSQL
    """

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        self.file: Path | None = None
        self._server: PostgresEngine | None = None
        if not settings.database:
            self.file = settings.data / DATABASE
            return
        try:
            self._server = PostgresEngine(settings.database, strict=not settings.demo)
        except ValueError as problem:
            raise BadSetting(f"setting `database`: {problem}") from None

    @property
    def name(self) -> str:
        """What to call it before a person; no password."""
        return str(self.file) if self.file is not None else "the database on PostgreSQL"

    async def holds(self) -> bool:
        """Tell whether there is an installation; an empty file is none. raises: Unavailable, Unsafe"""
        if self._server is not None:
            return await self._server.open(create=False)
        return self.file is not None and self.file.exists() and self.file.stat().st_size > 0

    async def open(self) -> Engine:
        """Open it, its tables up to the code. raises: Unavailable, Unsafe, NewerDatabase"""
        if self._server is not None:
            await self._server.open()
            return self._server
        assert self.file is not None
        return SqliteEngine(self.file)
