"""
Random orders against an obviously right model: invariants I1 to I5, and every reading of them.

Any installation, asked for anything in any order and at any time of a clock that jumps, one thing after another or
many at once, says what the model says; every now and then, and in the end, the audit proves its books.
"""

import asyncio
import os
import random
from pathlib import Path

from kalita.app import App
from kalita.clock import Clock
from kalita.ledger.audit import audit
from kalita.settings import Settings
from tests.books import Hand
from tests.property.walk import Walk, seed
from tests.servers import database_of

STEPS = 20_000 if os.environ.get("KALITA_LONG") else 2_500
COMPARED_EVERY = 200


def test_books_say_what_the_model_says(tmp_path: Path, engine: str) -> None:
    """Balances, holds, pages, totals, ids and repeats agree with the model all along a walk."""
    chosen = seed()
    try:
        seen = asyncio.run(_walk(tmp_path, engine, random.Random(chosen)))
    except Exception as problem:
        problem.add_note(f"run it again with KALITA_SEED={chosen}")
        raise
    print(dict(sorted(seen.items())))
    assert seen.keys() >= EVERY_WAY, f"KALITA_SEED={chosen} never saw {EVERY_WAY - seen.keys()}"


EVERY_WAY = {
    *("Payment", "Payment 4", "Payment 155", "Payment 202", "Payment 220", "Payment 241", "Payment 319"),
    *("Payment 1002", "Charged", "Charged 220", "TopUp", "TopUp 202"),
    *("Waiting", "Waiting 220", "End", "End 202"),
}
"""What a walk has to meet, or it proves too little."""


async def _walk(folder: Path, engine: str, chance: random.Random) -> dict[str, int]:
    hand = Hand()
    settings = Settings(data=folder, database=database_of(folder, engine), sum_limits=False)
    app = await App.open(settings, Clock(source=hand), create=True)
    try:
        await app.start()
        walk, compared = Walk(app, hand, chance), 0
        while walk.steps < STEPS:
            await walk.step()
            if walk.steps - compared >= COMPARED_EVERY:
                await walk.compare()
                await _prove(app)
                compared = walk.steps
        await walk.compare()
        await _prove(app)
    finally:
        await app.close()
    return walk.seen


async def _prove(app: App) -> None:
    async with app.engine.snapshot() as snapshot:
        report = await audit(snapshot, app.keys)
    assert report.findings == ()
    assert report.proven
