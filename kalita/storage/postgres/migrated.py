"""Migrations on PostgreSQL: one transaction each, one program at a time."""

from kalita.storage import migrate
from kalita.storage.postgres.connection import Connection
from kalita.storage.postgres.group import NOW

LOCK = 0x6B616C697461
"""Who migrates holds the advisory lock of this number until his transaction ends."""


async def is_made(db: Connection) -> bool:
    """Tell whether there is an installation in the database."""
    rows = await db.fetch("SELECT to_regclass('migration') IS NOT NULL")
    return bool(rows[0][0])


async def migrated(db: Connection) -> None:
    """Bring the database up to the code, one transaction a migration; refuse a newer one."""
    known = migrate.load()
    while not await _next(db, known):
        pass


async def _next(db: Connection, known: list[migrate.Migration]) -> bool:
    """Apply the first migration that is missing; return whether there was none."""
    if await is_made(db) and not migrate.pending(known, await _applied(db)):
        return True
    await db.execute("BEGIN")
    await db.fetch("SELECT pg_advisory_xact_lock($1)", LOCK)
    await db.execute(migrate.TABLE)
    for migration in migrate.pending(known, await _applied(db))[:1]:
        for statement in migration.statements:
            await db.execute(migrate.for_postgres(statement))
        text = f"INSERT INTO migration (number, name, applied_at) VALUES ($1, $2, {NOW})"
        await db.execute(text, migration.number, migration.name)
    await db.execute("COMMIT")
    return False


async def _applied(db: Connection) -> list[int]:
    return [row[0] for row in await db.fetch("SELECT number FROM migration")]
