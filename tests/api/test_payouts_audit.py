"""
The audit notices whatever a payout says that the ledger does not; on either engine.
"""

from pathlib import Path

import pytest
from msgspec.structs import replace

from kalita.ledger.audit import audit
from kalita.ledger.order import Accepted
from kalita.payments.audit import payouts
from kalita.payments.payouts import PaidOut, State, refunded
from kalita.refusals import Refusal
from tests.api.house import House, payment
from tests.commands import past_the_program
from tests.servers import database_of

FORGOTTEN = "UPDATE payout SET refunded = 0"
TAMPERING = {
    "a payout is gone": ("DELETE FROM payout WHERE state = 1", "payout"),
    "a payout that failed is gone": ("DELETE FROM payout WHERE state = 3", "payout"),
    "a payout that was done is gone": ("DELETE FROM payout WHERE state = 2", "payout"),
    "another provider": ("UPDATE payout SET provider = 675 WHERE state = 2", "payout"),
    "another account": ("UPDATE payout SET account = '2' WHERE state = 2", "payout"),
    "another sum": ("UPDATE payout SET amount = amount + 1 WHERE state = 1", "payout"),
    "another commission": ("UPDATE payout SET commission = 7 WHERE state = 2", "payout"),
    "said to be done": ("UPDATE payout SET state = 2 WHERE state = 1", "payout"),
    "said to have failed": ("UPDATE payout SET state = 3 WHERE state = 2", "payout"),
    "fields not erased": ("UPDATE payout SET sealed = 'x' WHERE state = 2", "payout"),
    "more given back": ("UPDATE payout SET refunded = refunded + 1 WHERE state = 2", "payout"),
    "a refund is gone": ("DELETE FROM refund", "payout refund"),
    "a refund of another sum": ("UPDATE refund SET amount = 1", "payout refund refund"),
    "a refund of another payment": ("UPDATE refund SET txn_id = txn_id + 64", "payout refund"),
    "a refund that was not": (
        "INSERT INTO refund SELECT wallet, txn_id, refund_txn + 64, 0, currency FROM refund",
        "refund",
    ),
    "never given back": (f"{FORGOTTEN}; DELETE FROM refund", "refund"),
    "a strange state": ("UPDATE payout SET state = 9 WHERE state = 1", "payout"),
    "a conversion is gone": ("DELETE FROM conversion", "conversion"),
    "another rate": ("UPDATE conversion SET rate = '1.5'", "conversion"),
    "a rate a little lower": ("UPDATE conversion SET rate = '79.3'", "conversion"),
    "a rate that is none": ("UPDATE conversion SET rate = 'x'", "conversion"),
    "a conversion that was not": (
        "INSERT INTO conversion SELECT wallet, txn_id + 64, rate FROM conversion",
        "conversion",
    ),
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


def paid(house: House) -> PaidOut:
    """Return the payment that succeeded."""

    async def row() -> tuple[int, ...]:
        async with house.app.engine.snapshot() as snapshot:
            async for batch in snapshot.rows("audit_payouts"):
                return next(row for row in batch if row[2] == State.DONE)
        raise AssertionError("no payout")

    return house.run(house.app.operator.paid_out(house.run(row())[1]))


@pytest.fixture
def house(tmp_path: Path, engine: str) -> House:
    """A demonstration with a payment that waits, one that failed, one that succeeded and was given back in part."""
    opened = House(tmp_path, settings={"demo": True}, database=database_of(tmp_path, engine))
    owner = opened.wallet(RUB=1_000_00)
    for account in ("0000500000", "0000100300", "1"):
        assert opened.pay(owner, payment(fields={"account": account}, amount=100), "674").status == 200
    work(opened)
    done = paid(opened)
    assert opened.run(opened.app.operator.refund(done, 40_00)).amount == 40_00
    converted = {
        "sum": {"amount": 1, "currency": "840"}, "paymentMethod": {"type": "Account", "accountId": "643"},
        "fields": {"account": f"+{owner.number}"},
    }  # fmt: skip
    assert opened.pay(owner, payment(**converted), "1099").status == 200
    yield opened
    opened.close()


@pytest.mark.parametrize("what", TAMPERING)
def test_the_audit_notices(house: House, what: str) -> None:
    """Nothing at first; then that one row."""
    assert findings(house) == []
    change, tables = TAMPERING[what]
    for one in change.split(";"):
        past_the_program(house.data, house.database, one)
    found = findings(house)
    assert " ".join(table for table, _ in found) == tables, found


def test_what_was_given_back_is_not_given_back_again(house: House) -> None:
    """Though nothing but the books knows of it any more."""
    done = paid(house)
    for change in ("UPDATE payout SET refunded = 0", "DELETE FROM refund"):
        past_the_program(house.data, house.database, change)
    for amount in (40_00, 1_00, None):
        assert isinstance(house.run(house.app.operator.refund(done, amount)), Refusal)
    assert house.run(house.app.wallets.balances(done.wallet))[0].available < 1_000_00 - 100_00


def test_books_from_before_the_key_of_refunds_are_proven(house: House) -> None:
    """A refund that was booked for the payer, without a key."""
    done = paid(house)
    order = refunded(done, "1", 40_00, 10_00, house.app.writer.lane)
    older = replace(order, owner=done.wallet, client_id=None, meaning="")
    assert isinstance(house.run(house.app.writer.submit(older)), Accepted)
    assert findings(house) == []
    assert house.run(house.app.operator.refund(done, 50_00)).amount == 50_00
    assert findings(house) == []


ABSURD = (2**63 - 1, -(2**63), -1, 2**53)
NUMBERS = {
    "payout": ("wallet", "txn_id", "provider", "currency", "amount", "commission", "state", "refunded"),
    "refund": ("wallet", "txn_id", "refund_txn", "amount", "currency"),
    "conversion": ("wallet", "txn_id"),
}


@pytest.mark.parametrize(("table", "column"), [(table, one) for table, columns in NUMBERS.items() for one in columns])
def test_any_number_is_a_finding_not_a_crash(house: House, table: str, column: str) -> None:
    """However absurd the figure, the audit reads on to its end and names it; two refunds do not add up to a crash."""
    assert house.run(house.app.operator.refund(paid(house), 1_00)).amount == 1_00
    for value in ABSURD:
        where = f"{column} = (SELECT MAX({column}) FROM {table})" if column in ("txn_id", "refund_txn") else "1 = 1"
        if (table, column) == ("payout", "wallet"):
            where = "state = 2"
        past_the_program(house.data, house.database, f"UPDATE {table} SET {column} = $1 WHERE {where}", value)
        assert table in [name for name, _ in findings(house)], value
