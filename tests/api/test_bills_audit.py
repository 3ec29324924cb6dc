"""
The audit notices whatever a paid bill or a refund of one says that the books do not; on either engine.

The cases are made from the table definitions: a new column is tested by itself.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kalita.bills.audit import bills
from kalita.bills.booked import KEEPER
from kalita.ledger.audit import audit
from kalita.payments.payouts import Key
from kalita.storage import migrate
from tests.api.house import Answer, House, payment
from tests.api.test_bills import BILLS, body, keys, put
from tests.commands import past_the_program
from tests.servers import Wallet, database_of

PAY = "/checkout-api/invoice/pay/wallet"
ABSURD = (2**63 - 1, -(2**63), -1, 2**53)


def columns(table: str) -> list[tuple[str, bool, bool]]:
    """Return each column of a table, whether it is a number, and whether it may be left out."""
    db = sqlite3.connect(":memory:")
    for migration in migrate.load():
        for statement in migration.statements:
            db.execute(migrate.for_sqlite(statement))
    found = db.execute(f"PRAGMA table_info({table})").fetchall()
    db.close()
    return [(row[1], row[2] == "INTEGER", not row[3]) for row in found]


COLUMNS = {table: columns(table) for table in ("bill", "bill_refund")}
WHERE = {"bill": "bill_id = 'part'", "bill_refund": "bill_id = 'part' AND refund_id = '2'"}
CASES = [(table, *column) for table, all_of_it in COLUMNS.items() for column in all_of_it]


class Shop:
    """An installation with bills in every state, some of them given back."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.house = House(folder, settings={"bill_refunds": True}, database=database_of(folder, engine))
        self.payer = self.house.wallet(RUB=10_000_00)
        self.owner = self.house.wallet(RUB=0)
        self.secret = keys(self.house, self.owner)

    def issue(self, name: str) -> str:
        """Issue a bill; return the id of its pay link."""
        sent = body(comment="Order 17", customer={"phone": "79120000002"}, customFields={"a": "b"})
        answer = put(self.house, self.secret, name, sent)
        assert answer.status == 200, answer.body
        return str(answer.json["payUrl"][-36:])

    def pay(self, uid: str, payer: Wallet | None = None) -> Answer:
        """Pay a bill."""
        return self.house.call("POST", PAY, payer or self.payer, {"invoice_uid": uid, "currency": "643"})

    def give_back(self, name: str, refund: str, amount: str) -> Answer:
        """Give money of a bill back."""
        return self.house.call("PUT", f"{BILLS}/{name}/refunds/{refund}", self.secret, body(amount))

    def findings(self) -> list[tuple[str, str]]:
        """Audit; return what is wrong where."""

        async def run() -> list[tuple[str, str]]:
            async with self.house.app.engine.snapshot() as snapshot:
                report = await audit(snapshot, self.house.app.keys, (), (bills,))
            return [(one.table, one.what) for one in report.findings]

        return self.house.run(run())

    def named(self) -> set[str]:
        """Audit; return the tables that are named."""
        return {table for table, _ in self.findings()}

    def past(self, text: str, *args: int | str | None) -> list[tuple[object, ...]]:
        """Run a statement past the program."""
        return past_the_program(self.house.data, self.house.database, text, *args)


def fill(shop: Shop) -> None:
    """Let everything happen to bills that can."""
    for name in ("waits", "rejected", "paid", "part", "whole"):
        uid = shop.issue(name)
        if name in ("paid", "part", "whole"):
            assert shop.pay(uid).status == 200
    shop.house.call("POST", f"{BILLS}/rejected/reject", shop.secret)
    for name, refund, amount in (
        ("part", "1", "10"),
        ("part", "2", "20.50"),
        ("whole", "1", "0.50"),
        ("whole", "a:б", "100"),
    ):
        assert shop.give_back(name, refund, amount).status == 200


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Shop]:
    """A shop; whoever changes it puts it right again."""
    opened = Shop(tmp_path_factory.mktemp("audited"), engine)
    fill(opened)
    yield opened
    opened.house.close()


@pytest.fixture
def own(tmp_path: Path, engine: str) -> Iterator[Shop]:
    """A shop of one test."""
    opened = Shop(tmp_path, engine)
    fill(opened)
    yield opened
    opened.house.close()


def test_untouched_bills_are_proven(shop: Shop) -> None:
    """The cases below start from here; the keys are found by the number that the query names."""
    assert shop.findings() == []
    assert KEEPER == -6337
    assert len(shop.past("SELECT 1 FROM payment WHERE owner = -6337")) == 7


@pytest.mark.parametrize(("table", "column", "number", "optional"), CASES)
def test_a_changed_column_is_named(shop: Shop, table: str, column: str, number: bool, optional: bool) -> None:
    """Whatever else stands there, however absurd, the audit reads on and names the table."""
    ((before,),) = shop.past(f"SELECT {column} FROM {table} WHERE {WHERE[table]}")
    others = [*ABSURD, before + 1] if number else [f"{before}0", ""]
    for value in [*others, *([None] if optional else [])]:
        shop.past(f"UPDATE {table} SET {column} = $1 WHERE {WHERE[table]}", value)
        found = shop.named()
        changed = f"{column} = '{value}'" if column in ("bill_id", "refund_id") else WHERE[table]
        shop.past(f"UPDATE {table} SET {column} = $1 WHERE {changed}", before)
        assert table in found, value
    assert shop.findings() == []


def test_bills_of_an_owner_who_was_erased_are_proven_without_words(own: Shop) -> None:
    """Not those of anybody else; and everything but the words is still compared."""
    house, owner = own.house, own.owner
    left = house.get(f"/funding-sources/v2/persons/{owner.number}/accounts", owner).json["accounts"][0]["balance"]
    assert house.pay(owner, payment(str(own.payer.number), left["amount"])).status == 200
    assert house.run(house.app.leaving.close(owner.number)) is None
    own.past("UPDATE bill SET comment = NULL, customer = NULL, custom = NULL")
    assert own.named() == {"bill", "bill_refund"}
    assert house.run(house.app.leaving.erase(owner.number)) is None
    assert own.findings() == []
    own.past("UPDATE bill SET expires_at = expires_at + 1 WHERE bill_id = 'part'")
    assert own.named() == {"bill"}


@pytest.mark.parametrize("table", COLUMNS)
@pytest.mark.parametrize("name", ["paid", "part", "whole"])
def test_a_deleted_row_is_named(shop: Shop, table: str, name: str) -> None:
    """Of any bill that was paid; of any refund."""
    rows = shop.past(f"SELECT * FROM {table} WHERE bill_id = $1", name)
    shop.past(f"DELETE FROM {table} WHERE bill_id = $1", name)
    found = shop.named()
    for row in rows:
        places = ", ".join(f"${index}" for index, _ in enumerate(row, start=1))
        shop.past(f"INSERT INTO {table} VALUES ({places})", *row)
    assert (table in found) is bool(rows)
    assert shop.findings() == []


LIES = {
    "never paid": ("UPDATE bill SET state = 0, payer = NULL, txn_id = NULL WHERE bill_id = 'paid'", {"bill"}),
    "never given back": (
        "UPDATE bill SET refunded = 0 WHERE bill_id = 'part'; DELETE FROM bill_refund WHERE bill_id = 'part'",
        {"bill_refund"},
    ),
    "waits, and is said to be paid with the payment of another": (
        "UPDATE bill SET state = 1, (changed_at, payer, txn_id) = (SELECT b.changed_at, b.payer, b.txn_id FROM bill b"
        " WHERE b.bill_id = 'paid') WHERE bill_id = 'waits'",
        {"bill"},
    ),
    "given back twice with one payment": (
        "INSERT INTO bill_refund SELECT owner, bill_id, '9', amount, whole, made_at, txn_id FROM bill_refund"
        " WHERE bill_id = 'part' AND refund_id = '1';"
        " UPDATE bill SET refunded = refunded + 1000 WHERE bill_id = 'part'",
        {"bill_refund"},
    ),
    "two bills that changed places": (
        "UPDATE bill SET bill_id = 'x' WHERE bill_id = 'paid';"
        " UPDATE bill SET bill_id = 'paid' WHERE bill_id = 'waits';"
        " UPDATE bill SET bill_id = 'waits' WHERE bill_id = 'x'",
        {"bill"},
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_named(own: Shop, lie: str) -> None:
    """Though every sum agrees."""
    text, tables = LIES[lie]
    for one in text.split(";"):
        own.past(one)
    assert own.named() == tables


def test_what_the_books_hold_does_not_happen_again(own: Shop) -> None:
    """A bill is not paid and nothing is given back a second time, though nothing but the books knows of the first."""
    (uid,) = (row[0] for row in own.past("SELECT uid FROM bill WHERE bill_id = 'paid'"))
    own.past("UPDATE bill SET state = 0, payer = NULL, txn_id = NULL WHERE bill_id = 'paid'")
    for payer in (own.payer, own.house.wallet(RUB=1_000_00)):
        answer = own.pay(uid, payer)
        assert (answer.status, answer.json["invoice_status"]) == (400, "NOT_PAID_STATUS")
    own.past("UPDATE bill SET refunded = 0 WHERE bill_id = 'part'")
    own.past("DELETE FROM bill_refund WHERE bill_id = 'part'")
    for amount in ("10", "11"):
        assert own.give_back("part", "1", amount).code == "api.invoice.conflict"
    assert own.house.run(own.house.app.wallets.balances(own.payer.number))[0].available == 10_000_00 - 201_00 + 30_50


def test_an_ordinary_transfer_pays_no_bill(own: Shop) -> None:
    """Though payer, owner, sum and words are those of the bill."""
    sent = {
        "id": "1700000000001", "sum": {"amount": 100.5, "currency": "643"}, "comment": "Order 17",
        "paymentMethod": {"type": "Account", "accountId": "643"}, "fields": {"account": f"+{own.secret.number}"},
    }  # fmt: skip
    paid = own.house.pay(own.payer, sent)
    assert paid.status == 200, paid.body
    txn = int(paid.json["transaction"]["id"])
    own.past("UPDATE bill SET state = 1, payer = $1, txn_id = $2 WHERE bill_id = 'waits'", own.payer.number, txn)
    assert own.named() == {"bill"}


def test_bills_from_before_the_keys_are_proven(own: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are compared with history, and nobody misses their keys."""
    older = Key(own.payer.number, None, "")  # type: ignore[arg-type]
    monkeypatch.setattr("kalita.bills.pay.payment_key", lambda *_: older)
    monkeypatch.setattr("kalita.bills.refund.refund_key", lambda *_: older)
    assert own.pay(own.issue("old")).status == 200
    assert own.give_back("old", "1", "100").status == 200
    monkeypatch.undo()
    assert own.give_back("old", "2", "0.50").json["status"] == "FULL"
    assert own.findings() == []
    for change in (
        "amount = amount + 1",
        "payer = payer + 1",
        "currency = 398",
        "owner = owner + 1",
        "txn_id = txn_id + 64",
    ):
        own.past(f"UPDATE bill SET {change} WHERE bill_id = 'old'")
        assert "bill" in own.named(), change
        own.past(f"UPDATE bill SET {change.replace('+', '-').replace('398', '643')} WHERE bill_id LIKE 'old%'")
    own.past("UPDATE bill_refund SET whole = 1 WHERE bill_id = 'old' AND refund_id = '1'")
    assert own.named() == {"bill_refund"}


def test_the_same_at_one_moment_happens_once(own: Shop) -> None:
    """Copies of a refund get one answer, another amount is refused; copies of a payment pay once."""
    answers = own.house.together(own.secret, f"{BILLS}/paid/refunds/7", [body("1"), body("1"), body("2"), body("1")])
    assert [answer.status for answer in answers] in ([200, 200, 409, 200], [409, 409, 200, 409])
    uid = own.issue("once")
    answers = own.house.together(own.payer, PAY, [{"invoice_uid": uid, "currency": "643"}] * 5)
    assert {answer.status for answer in answers} == {200}
    assert len(own.past("SELECT 1 FROM history WHERE wallet = $1 AND stream = 2643", own.payer.number)) == 4
    assert own.findings() == []
