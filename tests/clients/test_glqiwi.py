"""
glQiwiApi 2.18.3, unmodified, uses the server as if it were the original. Source: client-compatibility.md.

The library runs in its own environment as another process (`glqiwi_journey.py`); what it understood of each answer
comes back and is looked at here. Its client has no way to choose a payment's id: it takes the clock, so the repeat is
made below it, by a transport that loses an answer and asks again.
"""

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.servers import demo

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-glqiwi" / "bin" / "python"
PAYER, PAYEE = 79991112233, 79994445566
PAID = [Decimal(text) for text in ("100.5", "99.01", "1", "3.3", "250")]
LOST = Decimal("7.77")
ALL = sum(PAID) + LOST


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[dict[str, Any]]:
    """What the library understood on its journey."""
    with demo(tmp_path_factory.mktemp("glqiwi"), engine=engine) as server:
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name("glqiwi_journey.py")],
            input=(server.data / "demo.json").read_bytes(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        yield json.loads(done.stdout)


def money(model: dict[str, Any]) -> tuple[Decimal, str]:
    """Return an amount as the library's model has it: its sum, its currency's ISO number."""
    return Decimal(str(model["amount"])), model["currency"]["iso_format"]


def flat(pages: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return what the pages hold, one after the other."""
    return [one for page in pages for one in page]


def roubles(balances: list[dict[str, Any]]) -> Decimal:
    """Return the rouble balance out of a list of balances."""
    (balance,) = [money(one["balance"])[0] for one in balances if one["alias"] == "qw_wallet_rub"]
    return balance


def test_the_library_is_the_one_that_is_installed(told: dict[str, Any]) -> None:
    """Nothing of it was changed: its version, its hosts, the Host it pins to every call."""
    assert told["version"] == "2.18.3"
    assert {one["host"] for one in told["seen"]} == {"edge.qiwi.com"}
    assert {one["header"] for one in told["seen"]} == {"edge.qiwi.com"}
    assert len(told["seen"]) > 40


def test_it_reads_its_profile(told: dict[str, Any]) -> None:
    """Every part it models, with the undocumented members it cannot do without."""
    profile = told["profile"]
    assert profile["auth_info"]["person_id"] == PAYER
    assert profile["contract_info"]["contract_id"] == PAYER
    assert profile["contract_info"]["identification_info"][0]["identification_level"] == "FULL"
    assert money(profile["contract_info"]["sms_notification"]["price"]) == (0, "643")
    assert profile["user_info"]["default_pay_currency"]["code"] == "RUB"
    part = told["profile_part"]
    assert part["auth_info"] is None
    assert part["contract_info"] is None
    assert part["user_info"] == profile["user_info"]


def test_it_reads_balances_roubles_first(told: dict[str, Any]) -> None:
    """Three balances of the payer, the rouble one first and the default one."""
    balances = told["before"]["payer"]
    assert [one["alias"] for one in balances] == ["qw_wallet_rub", "qw_wallet_usd", "qw_wallet_eur"]
    assert [one["currency"]["code"] for one in balances] == ["RUB", "USD", "EUR"]
    assert [one["is_default_account"] for one in balances] == [True, False, False]
    assert [money(one["balance"])[0] for one in balances] == [500_000, 1_000, 1_000]
    assert money(told["first_balance"]) == (500_000, "643")
    assert roubles(told["before"]["payee"]) == 100_000


def test_its_payments_move_the_money(told: dict[str, Any]) -> None:
    """Amounts it makes of floats and of texts arrive to the kopeck; the answer repeats what was asked."""
    assert [money(one["amount"]) for one in told["payments"]] == [(amount, "643") for amount in PAID]
    assert [one["comment"] for one in told["payments"]] == ["lunch", None, "", "ещё раз", "rent"]
    for one in told["payments"]:
        assert one["terms"] == "99"
        assert one["fields"]["account"] == f"+{PAYEE}"
        assert one["source"] == "account_643"
        assert one["transaction"]["state"]["code"] == "Accepted"
    assert roubles(told["after"]["payer"]) == 500_000 - ALL
    assert roubles(told["after"]["payee"]) == 100_000 + ALL


def test_a_lost_answer_comes_again_and_pays_once(told: dict[str, Any]) -> None:
    """The same request twice: the same transaction twice, one debit, one line of history."""
    first, second = told["lost"]["first"], told["lost"]["second"]
    assert int(first["transaction"]["id"]) == second["transaction"]["id"]
    assert int(first["id"]) == second["id"]
    assert money(second["amount"]) == (LOST, "643")
    assert [one["id"] for one in told["payer_out"]].count(second["transaction"]["id"]) == 1


def test_both_histories_show_each_payment_under_the_same_id(told: dict[str, Any]) -> None:
    """Payer and payee see the same transaction, each from its side."""
    made = [*told["payments"], told["lost"]["second"]]
    payee = {one["id"]: one for one in flat(told["payee_pages"])}
    assert [one["id"] for one in told["payer_out"]] == [one["transaction"]["id"] for one in reversed(made)]
    for one, mine in zip(reversed(made), told["payer_out"], strict=True):
        theirs = payee[mine["id"]]
        assert (mine["type"], theirs["type"]) == ("OUT", "IN")
        assert (mine["person_id"], theirs["person_id"]) == (PAYER, PAYEE)
        assert (mine["to_account"], theirs["to_account"]) == (f"+{PAYEE}", f"+{PAYER}")
        assert (mine["provider"]["id"], theirs["provider"]["id"]) == (99, 7)
        assert mine["trm_transaction_id"] == str(one["id"])
        for side in (mine, theirs):
            assert money(side["sum"]) == money(one["amount"])
            assert money(side["total"]) == money(one["amount"])
            assert money(side["commission"]) == (0, "643")
            assert side["status"] == "SUCCESS"
            assert side["comment"] == (one["comment"] or "")


def test_pages_of_two_hold_everything_once(told: dict[str, Any]) -> None:
    """The library's own continuation loses nothing and repeats nothing, with filters and without."""
    for name, count in (("payer_pages", 9), ("payee_pages", 7), ("payer_today_pages", 6)):
        pages = told[name]
        assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)
        found = [one["id"] for one in flat(pages)]
        assert len(found) == len(set(found)) == count
        assert found == sorted(found, reverse=True)
    assert flat(told["payer_today_pages"]) == told["payer_out"]


def test_filters_choose(told: dict[str, Any]) -> None:
    """By direction, by balance (`source[1]`), by period."""
    assert told["payer_today"] == told["payer_out"]
    assert [money(one["sum"]) for one in told["payer_in_usd"]] == [(1_000, "840")]
    assert told["payer_two_sources"] == 8
    assert told["payer_cards"] == 0
    assert told["payer_last_month"] == 0
    assert told["exists"] is True


def test_totals_agree_with_the_payments(told: dict[str, Any]) -> None:
    """By currency in the order of their codes; `sources=A B` in one parameter; nothing in an empty period."""
    total = told["payer_total"]
    assert [money(one) for one in total["incoming"]] == [(500_000, "643"), (1_000, "840"), (1_000, "978")]
    assert [money(one) for one in total["out"]] == [(ALL, "643")]
    assert told["payer_total_out"]["incoming"] == []
    assert [money(one) for one in told["payer_total_out"]["out"]] == [(ALL, "643")]
    assert [money(one) for one in told["payee_total_in"]["incoming"]] == [(100_000 + ALL, "643")]
    assert told["payee_total_in"]["out"] == []
    assert told["payee_total_before"] == {"incoming": [], "out": []}


def test_one_transaction_from_both_sides(told: dict[str, Any]) -> None:
    """The old address, with the query repeated in the body of a GET: the same object as in the list."""
    first = told["payments"][0]["transaction"]["id"]
    assert told["payer_transaction"] == next(one for one in told["payer_out"] if one["id"] == first)
    assert told["payee_transaction"] == next(one for one in flat(told["payee_pages"]) if one["id"] == first)


def test_refusals_become_its_own_exceptions(told: dict[str, Any]) -> None:
    """
    Each refusal is the exception the library has for it, and nothing was debited.

    Payments by bank details cannot work with this library: it writes the currency as an object and a UUID as the id.
    It gets a clean 400. `fetch_statistics()` without dates swaps them itself, and gets a 400 as well.
    """
    expected = {
        "no_money": ("NotEnoughFundsError", 400, "220"),
        "too_little": ("ValidationError", 400, "241"),
        "to_oneself": ("QiwiAPIError", 400, "319"),
        "not_a_number": ("IncorrectDataFormat", 400, "4"),
        "by_details": ("ValidationError", 400, "validation.error"),
        "stranger_pays": ("QiwiAPIError", 401, "auth.unauthorized"),
        "stranger_looks": ("QiwiAPIError", 401, "auth.unauthorized"),
        "unknown_transaction": ("ObjectNotFoundError", 404, "payment.history.not.found"),
        "wrong_side": ("ObjectNotFoundError", 404, "payment.history.not.found"),
        "swapped_dates": ("ValidationError", 400, "validation.error"),
    }
    found = {name: (one["class"], one.get("status"), one.get("code")) for name, one in told["failures"].items()}
    assert found == expected
    assert "Wrong API token or token expired" in told["failures"]["stranger_looks"]["text"]
    assert told["at_the_end"] == told["after"]
