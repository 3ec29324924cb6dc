"""
The audit notices whatever the rows of agents' payments say that the books do not; on either engine.

Guarantee: a registry that the audit has proven holds each payment that was answered, with its sum and wallet.
"""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from kalita.agents.audit import paid_in
from kalita.ledger.audit import audit
from tests.api.house import House
from tests.commands import past_the_program
from tests.servers import database_of

TAMPERING = {
    "a row is gone": ("DELETE FROM agent_payment WHERE txn_id = '1'", 1),
    "another sum": ("UPDATE agent_payment SET amount = amount + 1 WHERE txn_id = '1'", 1),
    "another account": ("UPDATE agent_payment SET account = '79990000000' WHERE txn_id = '1'", 1),
    "no account": ("UPDATE agent_payment SET account = 'x' WHERE txn_id = '1'", 1),
    "another id": ("UPDATE agent_payment SET txn_id = '77' WHERE txn_id = '1'", 2),
    "another agent": ("UPDATE agent_payment SET agent = agent + 1 WHERE txn_id = '1'", 2),
    "another transaction": ("UPDATE agent_payment SET ours = ours + 64 WHERE txn_id = '1'", 1),
    "a payment that was not": (
        "INSERT INTO agent_payment SELECT agent, '78', txn_date, account, amount, ours FROM agent_payment"
        " WHERE txn_id = '1'",
        1,
    ),
}


def findings(house: House) -> list[str]:
    """Audit; return what is wrong where."""

    async def run() -> list[str]:
        async with house.app.engine.snapshot() as snapshot:
            report = await audit(snapshot, house.app.keys, (), (paid_in,))
        return [one.table for one in report.findings]

    return house.run(run())


@pytest.fixture
def house(tmp_path: Path, engine: str) -> Iterator[House]:
    """Two agents; one paid in three times, was refused once and repeated itself, the other paid under the same id."""
    opened = House(tmp_path, database=database_of(tmp_path, engine))
    owner = opened.wallet(RUB=0)
    for name, ids in (("first", "1 2 3 1 9"), ("second", "2")):
        agent, password = opened.run(opened.app.agents.create(name, 100_00))
        opened.run(opened.app.agents.fund(agent, 50_00, f"fund-{name}"))
        pair = base64.b64encode(f"{name}:{password}".encode()).decode()
        for txn_id in ids.split():
            amount = "1000" if txn_id == "9" else "10.50"
            query = f"command=pay&txn_id={txn_id}&account=%2B{owner.number}&sum={amount}"
            answer = opened.get(f"/osmp/{name}?{query}", Authorization=f"Basic {pair}")
            assert f"<result>{300 if txn_id == '9' else 0}<" in answer.body.decode()
    yield opened
    opened.close()


@pytest.mark.parametrize("what", TAMPERING)
def test_the_audit_notices(house: House, what: str) -> None:
    """Nothing at first; then that one row."""
    assert findings(house) == []
    change, count = TAMPERING[what]
    past_the_program(house.data, house.database, change)
    assert findings(house) == ["agent payment"] * count
