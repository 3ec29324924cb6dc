"""Named statements: one text for both engines."""

import re
import sqlite3

import pytest

from kalita.storage import migrate
from kalita.storage.queries import for_sqlite, statements


def test_names_are_words_and_parameters_have_no_gap() -> None:
    """A statement is found by its name; its parameters are $1, $2 and so on."""
    for name, text in statements().items():
        assert re.fullmatch(r"[a-z_]+", name)
        numbers = {int(number) for number in re.findall(r"\$(\d+)", text)}
        assert numbers == set(range(1, len(numbers) + 1)), name
        assert ";" not in text


@pytest.mark.parametrize("name", list(statements()))
def test_statement_fits_the_schema(name: str) -> None:
    """Every statement can be prepared against the tables as the migrations make them."""
    db = sqlite3.connect(":memory:")
    for migration in migrate.load():
        for statement in migration.statements:
            db.execute(statement)
    count = len(set(re.findall(r"\$(\d+)", statements()[name])))
    db.execute("EXPLAIN " + for_sqlite()[name], [None] * count)
    db.close()


def test_history_is_read_by_its_key() -> None:
    """A page, a total, a repeat's answer cost the same in a short and a long history: no scan, no sort."""
    db = sqlite3.connect(":memory:")
    for migration in migrate.load():
        for statement in migration.statements:
            db.execute(statement)
    for name in ("history_page", "history_running", "history_undone", "payment_by_client_id", "accounts_between"):
        count = len(set(re.findall(r"\$(\d+)", statements()[name])))
        plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + for_sqlite()[name], [None] * count)]
        assert any(step.startswith("SEARCH") for step in plan)
        assert not any(step.startswith("SCAN") for step in plan), (name, plan)
    db.close()
