"""Named statements: one text for both engines."""

import re
import sqlite3

import pytest

from kalita.storage import migrate
from kalita.storage.postgres import attempts, group
from kalita.storage.queries import for_postgres, for_sqlite, statements
from tests import postgres


def test_names_are_words_and_parameters_have_no_gap() -> None:
    """A statement is found by its name; its parameters are $1, $2 and so on."""
    for name, text in statements().items():
        assert re.fullmatch(r"[a-z_]+", name)
        numbers = {int(number) for number in re.findall(r"\$(\d+)", text)}
        assert numbers == set(range(1, len(numbers) + 1)), name
        assert ";" not in text


def _made() -> sqlite3.Connection:
    """Return an empty database with its tables."""
    db = sqlite3.connect(":memory:")
    for migration in migrate.load():
        for statement in migration.statements:
            db.execute(migrate.for_sqlite(statement))
    return db


@pytest.mark.parametrize("name", list(statements()))
def test_statement_fits_the_schema(name: str) -> None:
    """Every statement can be prepared against the tables as the migrations make them."""
    db = _made()
    count = len(set(re.findall(r"\$(\d+)", statements()[name])))
    db.execute("EXPLAIN " + for_sqlite()[name], [None] * count)
    db.close()


@pytest.fixture(scope="module")
def url() -> str:
    """Return a database on PostgreSQL."""
    return postgres.database()


@pytest.mark.parametrize("name", list(statements()))
def test_statement_fits_the_schema_of_postgres(url: str, name: str) -> None:
    """Every statement can be prepared there too, with types for all its parameters."""
    assert postgres.plan(url, for_postgres()[name])


GROUP = {
    name: text
    for module in (group, attempts)
    for name, text in vars(module).items()
    if name.isupper() and isinstance(text, str) and "$1" in text
}


@pytest.mark.parametrize("name", list(GROUP))
def test_statement_of_a_group_takes_the_key(url: str, name: str) -> None:
    """Prepared on empty tables, it never reads one of them from end to end, however long it gets."""
    plan = postgres.plan(url, GROUP[name])
    scanned = set(re.findall(r"Seq Scan on (\w+)", plan))
    assert scanned <= ({"lane"} if name in ("OWN_LANE", "FREE_LANE") else set()), plan
    assert "Hash Join" not in plan
    assert "Merge Join" not in plan


READ = (
    "history_page", "history_merged", "history_running", "history_undone", "payment_by_client_id", "accounts_between",
    "bills_issued",
)  # fmt: skip


def test_history_of_postgres_is_read_by_its_key(url: str) -> None:
    """No scan and no sort there either."""
    for name in READ:
        plan = postgres.plan(url, for_postgres()[name])
        assert "Index" in plan
        assert "Seq Scan" not in plan
        if name == "history_merged":
            assert plan.count("Limit") == 3  # what is sorted is no more than a page of each stream
        else:
            assert name == "accounts_between" or "Sort" not in plan


def test_history_is_read_by_its_key() -> None:
    """A page, a total, a repeat's answer cost the same in a short and a long history: no scan, no sort."""
    db = _made()
    for name in READ:
        count = len(set(re.findall(r"\$(\d+)", statements()[name])))
        plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + for_sqlite()[name], [None] * count)]
        assert any(step.startswith("SEARCH") for step in plan)
        assert not any(step.startswith("SCAN") for step in plan), (name, plan)
        assert name == "accounts_between" or not any("TEMP B-TREE" in step for step in plan), (name, plan)
    db.close()


LAST_OF_KEY = {
    "history_pkey": "stream", "event_pkey": "caused_by", "closing_pkey": "txn_id", "told_pkey": "stream",
    "receiver_pkey": "wallet", "account_pkey": "id", "attempt_pkey": "at", "chain_pkey": "seq", "entry_pkey": "txn_id",
}  # fmt: skip
DELIVERY = (
    "messages_due", "receivers_release", "told_add", "told_begin", "attempts_before", "attempts_began",
    "events_of_told", "receivers_touched", "receivers_wake", "receivers_lock",
)  # fmt: skip


@pytest.mark.parametrize("name", DELIVERY)
def test_what_is_due_is_found_by_its_key(url: str, name: str) -> None:
    """However long the history of a hook's wallet, and however many hooks there are."""
    plan = postgres.plan(url, for_postgres()[name])
    assert "Index" in plan
    assert not re.findall(r"Seq Scan on (\w+)", plan), plan
    for index, condition in re.findall(r"using (\w+_pkey) on .*\n\s*Index Cond: (.*)", plan):
        assert re.search(rf"\b{LAST_OF_KEY[index]}\b", condition), plan
    db = _made()
    count = len(set(re.findall(r"\$(\d+)", statements()[name])))
    found = db.execute("EXPLAIN QUERY PLAN " + for_sqlite()[name], [None] * count).fetchall()
    db.close()
    scanned = {row[3].split()[1] for row in found if row[3].startswith("SCAN")}
    assert not [row for row in found if "AUTOMATIC" in row[3]], found
    assert scanned <= {"d", "back", "json_each", "again", "fresh", "CONSTANT"}, found
