"""Rows an accountant can read come true, on every engine. The language of the rows: runner.py."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from kalita.app import App
from kalita.clock import Clock
from kalita.ledger.writer import Writer
from kalita.settings import Settings
from tests.books import ENGINES, KEYS, Hand
from tests.scenarios.runner import Runner, WrongRow, read

SCENARIOS = sorted((Path(__file__).parent / "rows").glob("*.txt"))
Play = Callable[[Path], None]


@pytest.fixture(params=ENGINES)
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Return a function that runs a file of rows on a new installation. params: names of engines."""

    async def run(file: Path) -> None:
        settings, rows = read(file)
        hand = Hand()
        engine, clock = ENGINES[request.param](tmp_path), Clock(source=hand)
        app = App(Settings(data=tmp_path, **settings), engine, KEYS, clock, Writer(engine, KEYS, clock))
        await app.start()
        try:
            await Runner(app, hand).run(rows)
        finally:
            await app.close()

    return lambda file: asyncio.run(run(file))


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_rows_come_true(play: Play, file: Path) -> None:
    """Each row does what it says, and the books are in order after the last."""
    play(file)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("pay alice -> bob 100.00 not enough money", "says not enough money, the books say Accepted"),
        ("pay alice -> bob 100.01 Accepted", "says Accepted, the books say not enough money"),
        ("balance alice 99.99", "says 99.99 on hold 0.00, the books say 100.00 on hold 0.00"),
        ("balance bob 0.00", "says 0.00 on hold 0.00, the books say none"),
        ("house cash 100.00", "says 100.00, the books say -100.00"),
        ("history alice: nothing", "says nothing, the books say +100.00 IN"),
        ("totals alice in 100.00 out 0.01", "says in 100.00 out 0.01, the books say in 100.00 out 0.00"),
        ("top-up alice 1.00 Repeated", "says Repeated, the books say Accepted"),
        ("post 7", "KeyError('7')"),
        ("pay alice to bob 1.00 Accepted", "this is no row"),
    ],
)
def test_wrong_row_is_named(play: Play, tmp_path: Path, row: str, why: str) -> None:
    """What does not come true fails with the row's number, its text and the difference."""
    file = tmp_path / "wrong.txt"
    file.write_text(f"# A scenario.\n\nwallet alice 100.00 RUB\n{row}\nbooks balanced\n", "utf-8")
    with pytest.raises(WrongRow) as wrong:
        play(file)
    assert str(wrong.value).startswith(f"row 4, `{row}`: ")
    assert why in str(wrong.value)


def test_scenario_without_an_audit_is_refused(play: Play, tmp_path: Path) -> None:
    """No scenario ends before its books were audited."""
    file = tmp_path / "short.txt"
    file.write_text("wallet alice 100.00 RUB\n", "utf-8")
    with pytest.raises(WrongRow, match="books balanced"):
        play(file)
