"""
`kalita payment`: an operator looks at payments and settles them, beside a server that runs.

Guarantee: a payment ends once, whoever ends it; money given back is a payment of its own, never more than was paid.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import Live, live
from tests.commands import kalita, refused, wrong
from tests.samples import VISA
from tests.servers import Demo, demo

STUCK = {"account": "0000500000"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Demo]:
    """A demonstration of its own: its books are audited at the end."""
    with demo(tmp_path_factory.mktemp("payments"), engine=engine) as running:
        yield running


@pytest.fixture(scope="module")
def people(server: Demo) -> Iterator[House]:
    """Whoever makes wallets there."""
    opened = House(server.data, create=False, database=server.database)
    opened.hand.now = time.time_ns()
    yield opened
    opened.close()


@pytest.fixture
def payer(server: Demo, people: House) -> Iterator[Live]:
    """A payer with 1 000 roubles."""
    with live(server, people.wallet(RUB=1_000_00)) as opened:
        yield opened


def paid(payer: Live, fields: dict[str, str], provider: int = 674, amount: int = 100) -> int:
    """Pay a provider; return the transaction."""
    answer = payer.pay(payment(fields=fields, amount=amount), f"/sinap/api/v2/terms/{provider}/payments")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["transaction"]["id"])


def status(payer: Live, txn: int, wanted: str) -> Any:
    """Wait for a status in history, with pauses that grow: it takes 100 calls a minute."""
    ends, pause = time.monotonic() + 20, 0.05
    while (found := payer.told(f"/payment-history/v2/transactions/{txn}?type=OUT"))["status"] != wanted:
        assert time.monotonic() < ends, found
        time.sleep(pause)
        pause *= 1.1
    return found


def test_a_payment_is_shown_with_all_that_hangs_on_it(server: Demo, payer: Live) -> None:
    """Records, entries, what the provider said; the card masked."""
    txn = paid(payer, {"account": VISA}, 1963)
    status(payer, txn, "SUCCESS")
    told = kalita("payment", "show", str(txn), "--json", *server.place).json
    (record,) = told["records"]
    assert told["status"] == "SUCCESS"
    assert (record["wallet"], record["type"], record["status"], record["sum"]) == (
        payer.number,
        "OUT",
        "SUCCESS",
        "100",
    )
    assert (record["account"], record["commission"], told["payout"]["state"]) == ("4256********1115", "52", "done")
    assert told["payout"]["reference"] == f"S{txn}"
    assert {entry["kind"] for entry in told["entries"]} == {"wallet", "hold"}
    shown = kalita("payment", "show", str(txn), *server.place).out
    assert VISA not in shown + str(told)
    assert f"transaction {txn}" in shown
    refused(kalita("payment", "show", "12345", *server.place), "no transaction 12345")
    wrong(kalita("payment", "show", "x", *server.place), "TXN")


@pytest.mark.parametrize(("how", "ended", "code"), [("--success", "SUCCESS", 0), ("--failure", "ERROR", 797)])
def test_a_stuck_payment_is_settled_once(server: Demo, payer: Live, how: str, ended: str, code: int) -> None:
    """The money goes to the provider, or comes back with 797; a second word changes nothing."""
    txn = paid(payer, STUCK)
    assert txn in [one["transaction"] for one in kalita("payment", "list", "--json", *server.place).json["payments"]]
    wrong(kalita("payment", "settle", str(txn), *server.place), "--success or --failure")
    done = kalita("payment", "settle", str(txn), how, "--json", *server.place).json
    assert done["records"][0]["status"] == ended
    found = status(payer, txn, ended)
    assert (found["errorCode"], payer.balance()) == (code, 900 if ended == "SUCCESS" else 1000)
    for again in ("--success", "--failure"):
        refused(kalita("payment", "settle", str(txn), again, *server.place), "had ended before")
    time.sleep(1)
    assert status(payer, txn, ended)["errorCode"] == code
    assert payer.balance() == (900 if ended == "SUCCESS" else 1000)


def test_money_is_given_back_in_parts_and_never_too_much(server: Demo, payer: Live) -> None:
    """Each a new record of the payer, linked to the payment, which stays what it was."""
    txn = paid(payer, {"account": "1"})
    refused(kalita("payment", "refund", "12345", *server.place), "no payment to an outside provider")
    status(payer, txn, "SUCCESS")
    first = kalita("payment", "refund", str(txn), "30.50", "--id", "bank-7", "--json", *server.place).json
    again = kalita("payment", "refund", str(txn), "30.50", "--id", "bank-7", "--json", *server.place).json
    assert again == first | {"repeated": True}
    for other in (("30.51",), ()):
        refused(kalita("payment", "refund", str(txn), *other, "--id", "bank-7", *server.place), "something else before")
    wrong(kalita("payment", "refund", str(txn), "--id", "a b", *server.place), "visible ASCII")
    assert (first["of"], first["amount"], first["currency"]) == (txn, "30.5", "RUB")
    refused(kalita("payment", "refund", str(txn), "69.51", *server.place), "less than that is left")
    for words in ("Transaction", "Done before: transaction"):
        assert kalita("payment", "refund", str(txn), "--id", "bank-8", *server.place).out.startswith(words)
    refused(kalita("payment", "refund", str(txn), *server.place), "nothing was moved")
    assert payer.balance() == 1000
    told = kalita("payment", "show", str(txn), "--json", *server.place).json
    assert [one["amount"] for one in told["refunds"]] == ["30.5", "69.5"]
    assert told["records"][0]["status"] == "SUCCESS"
    back = payer.told(f"/payment-history/v2/transactions/{first['transaction']}")
    assert (back["type"], back["status"], back["sum"]["amount"], back["provider"]["id"]) == ("IN", "SUCCESS", 30.5, 674)


def test_what_waits_or_failed_gives_nothing_back(server: Demo, payer: Live) -> None:
    """Only what the provider had can come back from it."""
    txn = paid(payer, STUCK)
    refused(kalita("payment", "refund", str(txn), "1", *server.place), "has not succeeded")
    assert kalita("payment", "settle", str(txn), "--failure", *server.place).code == 0
    refused(kalita("payment", "refund", str(txn), "1", *server.place), "has not succeeded")
    assert payer.balance() == 1000


def test_a_closed_wallet_is_given_nothing_back(server: Demo, payer: Live) -> None:
    """The line says that it is the wallet, not the payment."""
    txn = paid(payer, {"account": "1"}, amount=1000)
    status(payer, txn, "SUCCESS")
    assert kalita("wallet", "close", str(payer.number), *server.place).code == 0
    refused(kalita("payment", "refund", str(txn), *server.place), "takes no money")


def test_the_books_are_proven_after_all_that(server: Demo) -> None:
    """The audit finds nothing."""
    done = kalita("audit", *server.place)
    assert done.code == 0, done.out
