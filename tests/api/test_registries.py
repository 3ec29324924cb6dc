"""
`kalita registry provider` where payments of a day are in several currencies.

Guarantee: the list keeps the form of the contract, and no sum of money is told that adds different currencies up.
"""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.api.house import House, payment
from tests.api.live import live
from tests.commands import kalita, wrong
from tests.servers import Demo

CLUB, WITHIN_S = 9000600, 20


@pytest.fixture(scope="module")
def day(server: Demo, people: House) -> str:
    """A day on which a provider took 10.45 and 5 roubles and 700 tenge."""
    named = ("--name-ru", "Клуб", "--name-en", "Club", "--kind", "service", "--form", "identifier")
    made = kalita("provider", "set", str(CLUB), *named, "--currencies", "643 398", *server.place)
    assert made.code == 0, made.err
    with live(server, people.wallet(RUB=100_00, KZT=1000_00)) as payer:
        for amount, currency in ((10.45, "643"), (700, "398"), (5, "643")):
            until_paid(payer, amount, currency)
    return time.strftime("%Y%m%d", time.gmtime(time.time() + 3 * 3600))


def until_paid(payer: Any, amount: Any, currency: str) -> None:
    """Pay, once every process knows the provider, and wait for the end."""
    method = {"type": "Account", "accountId": currency}
    body = payment("12345678", sum={"amount": amount, "currency": currency}, paymentMethod=method)
    ends = time.monotonic() + WITHIN_S
    while (answer := payer.pay(body, f"/sinap/api/v2/terms/{CLUB}/payments")).status_code != 200:
        assert time.monotonic() < ends, answer.text
        time.sleep(0.3)
    txn = answer.json()["transaction"]["id"]
    while payer.told(f"/payment-history/v2/transactions/{txn}?type=OUT")["status"] != "SUCCESS":
        assert time.monotonic() < ends
        time.sleep(0.3)


def test_each_currency_has_a_total_of_its_own(server: Demo, day: str, tmp_path: Path) -> None:
    """Beside the list, in what `--against` tells, and alone; the list itself is one that the other side can read."""
    registry = ("registry", "provider", str(CLUB), day)
    told = kalita(*registry, *server.place)
    assert [line.split(";")[-1] for line in told.out.splitlines()] == ["10.45", "700.00", "5.00", "715.45"]
    assert told.err.splitlines()[1:] == ["1 payments, 700 KZT", "2 payments, 15.45 RUB"]
    file = tmp_path / "theirs.csv"
    file.write_text(told.out, "utf-8")
    compared = kalita(*registry, "--against", file, *server.place).json
    assert compared["totals"] == [
        {"currency": "KZT", "payments": 1, "sum": "700"}, {"currency": "RUB", "payments": 2, "sum": "15.45"},
    ]  # fmt: skip
    assert (compared["ours"], compared["theirs"], compared["differences"]) == (3, 3, [])
    for currency, last in (("RUB", "2;15.45"), ("KZT", "1;700.00"), ("USD", "0;0.00")):
        alone = kalita(*registry, "--currency", currency, *server.place)
        assert (alone.out.splitlines()[-1], alone.err) == (last, "")
    file.write_text(kalita(*registry, "--currency", "KZT", *server.place).out, "utf-8")
    assert kalita(*registry, "--currency", "KZT", "--against", file, *server.place).json["differences"] == []
    wrong(kalita(*registry, "--currency", "GBP", *server.place), "no currency of a wallet")
