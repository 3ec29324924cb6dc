"""
The audit notices whatever a payout says that the ledger does not; on either engine.
"""

from pathlib import Path

import pytest

from kalita.ledger.audit import audit
from kalita.payments.audit import payouts
from tests.api.house import House, payment
from tests.commands import past_the_program
from tests.servers import database_of

TAMPERING = {
    "a payout is gone": "DELETE FROM payout WHERE state = 1",
    "another sum": "UPDATE payout SET amount = amount + 1 WHERE state = 1",
    "another commission": "UPDATE payout SET commission = 7 WHERE state = 2",
    "said to be done": "UPDATE payout SET state = 2 WHERE state = 1",
    "said to have failed": "UPDATE payout SET state = 3 WHERE state = 2",
    "fields not erased": "UPDATE payout SET sealed = 'x' WHERE state = 2",
    "more given back": "UPDATE payout SET refunded = refunded + 1 WHERE state = 2",
    "a refund is gone": "DELETE FROM refund",
    "a strange state": "UPDATE payout SET state = 9 WHERE state = 1",
}


def findings(house: House) -> list[tuple[str, str]]:
    """Audit; return what is wrong where."""

    async def run() -> list[tuple[str, str]]:
        async with house.app.engine.snapshot() as snapshot:
            report = await audit(snapshot, house.app.keys, (), (payouts,))
        return [(one.table, one.what) for one in report.findings]

    return house.run(run())


def work(house: House) -> None:
    """Let dispatch do what is due."""

    async def once() -> None:
        await house.app.dispatch.round()
        await house.app.dispatch.settled()

    house.run(once())


@pytest.fixture
def house(tmp_path: Path, engine: str) -> House:
    """A demonstration with a payment that waits, one that failed, one that succeeded and was given back in part."""
    opened = House(tmp_path, settings={"demo": True}, database=database_of(tmp_path, engine))
    owner = opened.wallet(RUB=1_000_00)
    for account in ("0000500000", "0000100300", "1"):
        assert opened.pay(owner, payment(fields={"account": account}, amount=100), "674").status == 200
    work(opened)
    done = opened.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=1", owner).json["data"][0]
    paid = opened.run(opened.app.operator.paid_out(done["txnId"]))
    assert opened.run(opened.app.operator.refund(paid, 40_00)).amount == 40_00
    yield opened
    opened.close()


@pytest.mark.parametrize("what", TAMPERING)
def test_the_audit_notices(house: House, what: str) -> None:
    """Nothing at first; then that one row."""
    assert findings(house) == []
    past_the_program(house.data, house.database, TAMPERING[what])
    found = findings(house)
    assert [table for table, _ in found] == ["payout"], found
