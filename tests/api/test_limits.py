"""
Limits of a level: what the API shows, which payments they refuse and with which code. Source: profile.md 7 and 8.
"""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from kalita.ledger.holds import Held, void
from kalita.ledger.order import Accepted, Order
from kalita.limits.table import Category, Limit, built_in
from kalita.people.wallets import Level
from kalita.refusals import Refusal
from tests.api.house import Answer, House, payment
from tests.books import bill, pay
from tests.servers import Wallet

KINDS = (
    "REFILL", "TURNOVER", "PAYMENTS_P2P", "PAYMENTS_PROVIDER_INTERNATIONALS", "PAYMENTS_PROVIDER_PAYOUT",
    "WITHDRAW_CASH",
)  # fmt: skip
JANUARY = "2026-01-20T12:00:00+03:00"
MINIMAL = (Level.ANONYMOUS, Level.SIMPLE)


@pytest.fixture(autouse=True)
def _january(house: House) -> None:
    """Each test begins in the middle of a month; ids only grow, so months only go on."""
    house.later(40 * 86400)


def shown(house: House, who: Wallet, *kinds: str) -> list[dict[str, Any]]:
    """Return the limits in roubles."""
    query = "&".join(f"types[{number}]={kind}" for number, kind in enumerate(kinds))
    answer = house.get(f"/qw-limits/v1/persons/{who.number}/actual-limits?{query}", who)
    assert answer.status == 200, answer.body
    assert answer.json["limits"]["KZ"] == []
    return answer.json["limits"]["RU"]


def spent(house: House, who: Wallet, kind: str = "TURNOVER") -> Any:
    """Return what is spent of one limit."""
    return shown(house, who, kind)[0]["spent"]


def paid(house: House, payer: Wallet, payee: Wallet, amount: Any, **rest: Any) -> Answer:
    """Pay to a wallet."""
    return house.pay(payer, payment(payee.number, amount, **rest))


async def outside(house: House, who: Wallet, amount: int, category: Category) -> Accepted | Refusal:
    """Pay an outside provider of a category; the money is on hold then."""
    return await house.app.writer.submit(await house.app.limits.bind(bill(who.number, amount), category))


@pytest.mark.parametrize("level", list(Level))
def test_each_level_has_the_figures_of_the_table(house: House, level: Level) -> None:
    """All six kinds in the order asked, numbers in roubles, whole months of Moscow; nothing spent: rest is max."""
    who = house.wallet(level=level, RUB=100_50)
    found = shown(house, who, *KINDS)
    assert [one["type"] for one in found] == list(KINDS)
    limits = (
        Limit.BALANCE, Limit.TURNOVER, Limit.TRANSFERS, Limit.INTERNATIONALS, Limit.PAYOUTS, Limit.CASH,
    )  # fmt: skip
    assert [one["max"] * 100 for one in found] == [built_in().most(limit, level) for limit in limits]
    for one in found:
        assert one["currency"] == "RUB"
        assert one["spent"] == (100.5 if one["type"] == "REFILL" else 0)
        assert one["rest"] + one["spent"] == max(one["max"], one["spent"])
        assert one["interval"]["dateFrom"][7:] == one["interval"]["dateTill"][7:] == "-01T00:00:00+03:00"


def test_types_are_read_in_every_form(house: House) -> None:
    """Duplicates count once; none, an empty and an unknown one are refused."""
    who = house.wallet()
    assert len(shown(house, who, "TURNOVER", "TURNOVER")) == 1
    base = f"/qw-limits/v1/persons/{who.number}/actual-limits"
    for query in ("?types=TURNOVER&types=REFILL", "?types%5B1%5D=TURNOVER&types[7]=REFILL", "?types=TURNOVER,REFILL"):
        assert [one["type"] for one in house.get(base + query, who).json["limits"]["RU"]] == ["TURNOVER", "REFILL"]
    for query in ("", "?types=", "?types[0]=", "?types=,", "?types=%20", "?types=turnover", "?types=TURNOVER&types=X"):
        answer = house.get(base + query, who)
        assert (answer.status, list(answer.json["cause"])) == (400, ["types"]), query


def test_what_counts_is_shown(house: House) -> None:
    """Turnover and transfers grow by the total; the remainder falls; the count of transfers is by wallet and month."""
    payer, payee = house.wallet(RUB=1_000_00), house.wallet()
    for amount in (99, 1.5):
        assert paid(house, payer, payee, amount).status == 200
    assert [one["spent"] for one in shown(house, payer, *KINDS)] == [899.5, 100.5, 100.5, 0, 0, 0]
    assert [one["spent"] for one in shown(house, payee, "REFILL", "TURNOVER")] == [100.5, 0]
    count = f"/qw-limits/v1/persons/{payer.number}/p2p-payment-count-limit"
    assert house.get(count, payer).json == {"p2pPaymentCountLimit": 2}
    assert paid(house, payer, payee, 10_000).code == "QWPRC-220"
    assert house.get(count, payer).json == {"p2pPaymentCountLimit": 2}
    house.later(31 * 86400)
    assert house.get(count, payer).json == {"p2pPaymentCountLimit": 0}


def test_repeat_is_counted_once(house: House) -> None:
    """The same id again moves nothing and counts nothing, also when the limit is used up meanwhile."""
    payer, payee = house.wallet(level=Level.SIMPLE, RUB=14_000_00), house.wallet()
    first = payment(payee.number, 14_000)
    one = house.pay(payer, first)
    again = house.pay(payer, first)
    assert (one.status, again.body) == (200, one.body)
    assert spent(house, payer) == 14_000


@pytest.mark.parametrize("level", [Level.SIMPLE, Level.VERIFIED, Level.FULL])
def test_one_operation(house: House, level: Level) -> None:
    """558 above the figure for one payment, its commission included; the figure itself passes."""
    most = built_in().most(Limit.OPERATION, level)
    assert most
    payer, payee = house.wallet(level=level, RUB=most + 1_00), house.wallet()
    assert paid(house, payer, payee, (most + 1) // 100 + 0.01).code == "QWPRC-558"
    assert paid(house, payer, payee, most // 100).status == 200


async def _looked_at(house: House, order: Order) -> Refusal | None:
    return await house.app.limits.would_refuse(await house.app.limits.bind(order, Category.TRANSFER))


@pytest.mark.parametrize(("level", "piece", "times"), [(Level.SIMPLE, 10_000, 4), (Level.VERIFIED, 50_000, 4)])
def test_transfers_of_a_month(house: House, level: Level, piece: int, times: int) -> None:
    """943 for the kopeck after the last; English on demand; the next month begins anew, once."""
    payer, payee = house.wallet(level=level, RUB=(piece * times * 2) * 100), house.wallet()
    for _ in range(times):
        assert paid(house, payer, payee, piece).status == 200
    order = pay(payer.number, payee.number, 1)
    looked = house.run(_looked_at(house, order))
    assert looked is not None
    assert looked.code == "943"
    refused = paid(house, payer, payee, 1)
    assert (refused.code, refused.status) == ("QWPRC-943", 400)
    assert refused.json["message"].startswith("Превышен месячный лимит переводов")
    english = house.pay(payer, payment(payee.number, 1), accept_language="en")
    assert english.json["message"].startswith("The monthly transfer limit")
    assert shown(house, payer, "PAYMENTS_P2P")[0]["rest"] == 0
    house.later(31 * 86400)
    assert spent(house, payer) == 0
    for _ in range(times):
        assert paid(house, payer, payee, piece).status == 200
    assert paid(house, payer, payee, 1).code == "QWPRC-943"


@pytest.mark.parametrize(
    ("level", "category", "piece", "times", "code"),
    [
        (Level.SIMPLE, Category.OTHER, 10_000, 4, "704"),
        (Level.VERIFIED, Category.OTHER, 50_000, 4, "705"),
        (Level.SIMPLE, Category.PAYOUT, 15_000, 1, "711"),
        (Level.SIMPLE, Category.INTERNATIONAL, 15_000, 1, "711"),
        (Level.VERIFIED, Category.PAYOUT, 50_000, 4, "711"),
        (Level.SIMPLE, Category.CASH, 0, 0, "716"),
        (Level.VERIFIED, Category.CASH, 5_000, 1, "717"),
    ],
)
def test_kinds_of_payments(
    house: House, level: Level, category: Category, piece: int, times: int, code: str
) -> None:  # fmt: skip
    """Each kind of outside payment has its limit and its code, looked at before the balance."""
    who = house.wallet(level=level, RUB=piece * times * 100)
    for _ in range(times):
        assert isinstance(house.run(outside(house, who, piece * 100, category)), Accepted)
    refusal = house.run(outside(house, who, 1_00, category))
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


def test_cash_has_a_day_and_a_month(house: House) -> None:
    """The day ends at midnight in Moscow; the month holds all its days."""
    who = house.wallet(level=Level.VERIFIED, RUB=60_000_00)
    day = 86400 - (house.hand.now // 10**9 + 3 * 3600) % 86400
    house.later(day)
    for _ in range(8):
        assert isinstance(house.run(outside(house, who, 5_000_00, Category.CASH)), Accepted)
        house.later(86_000)
        house.later(400)
    refusal = house.run(outside(house, who, 1_00, Category.CASH))
    assert isinstance(refusal, Refusal)
    assert refusal.code in ("716", "717")
    assert spent(house, who, "WITHDRAW_CASH") <= 40_000


def test_what_fails_gives_back_to_the_month_of_the_payment(house: House) -> None:
    """A payment of last month that fails now makes no room this month, and takes none."""
    who = house.wallet(RUB=1_000_00)
    first, second = (house.run(outside(house, who, 100_00, Category.OTHER)) for _ in range(2))
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert spent(house, who) == 200
    order = bill(who.number, 100_00)
    house.run(_fail(house, order.records[0], first.txn_id))
    assert spent(house, who) == 100
    house.later(31 * 86400)
    house.run(outside(house, who, 5_00, Category.OTHER))
    house.run(_fail(house, order.records[0], second.txn_id))
    assert spent(house, who) == 5


async def _fail(house: House, record: Any, txn_id: int) -> None:
    held = Held(record.wallet, record.direction, record.currency, txn_id, record.sum, record.commission)
    back = await house.app.limits.given_back(record, txn_id, Category.OTHER)
    assert isinstance(await house.app.writer.submit(replace(void(held, 300), counts=back)), Accepted)


def test_payee_has_room_or_not(house: House) -> None:
    """702 when the payee's balance would pass what its level may hold; what is paid out makes room."""
    payer, payee = house.wallet(RUB=200_000_00), house.wallet(level=Level.SIMPLE, RUB=14_999_00)
    assert paid(house, payer, payee, 1.01).code == "QWPRC-702"
    for amount, expected in ((1_01, "702"), (1_00, None)):
        looked = house.run(_looked_at(house, pay(payer.number, payee.number, amount)))
        assert (looked.code if looked else None) == expected
    assert paid(house, payer, payee, 1).status == 200
    assert paid(house, payee, payer, 500).status == 200
    assert paid(house, payer, payee, 500).status == 200
    unknown = house.number()
    assert house.pay(payer, payment(unknown, 15_000.01)).code == "QWPRC-702"
    assert house.pay(payer, payment(unknown, 15_000)).status == 200
    assert house.pay(payer, payment(unknown, 1)).code == "QWPRC-702"


def test_level_that_rises_makes_room_at_once(house: House) -> None:
    """The level that the wallet has now counts, though it was known before."""
    payer, number = house.wallet(RUB=100_000_00), house.number()
    assert house.pay(payer, payment(number, 15_000)).status == 200
    assert house.pay(payer, payment(number, 1)).code == "QWPRC-702"
    assert house.run(house.app.wallets.create(number, Level.VERIFIED))
    assert house.pay(payer, payment(number, 45_000)).status == 200
    assert house.pay(payer, payment(number, 1)).code == "QWPRC-702"


async def transfer(house: House, payer: Wallet, payee: Wallet, amount: int, currency: int) -> Any:
    """Pay to a wallet in another currency than roubles, as the provider of transfers does not."""
    order = pay(payer.number, payee.number, amount, currency=currency)
    return await house.app.writer.submit(await house.app.limits.bind(order, Category.TRANSFER))


def test_foreign_money_is_measured_in_roubles(house: House) -> None:
    """By what it is worth at the moment; a payee's balance likewise."""
    payer, payee, poor = house.wallet(USD=1_000_00), house.wallet(USD=0), house.wallet(level=Level.SIMPLE, USD=0)
    assert isinstance(house.run(transfer(house, payer, payee, 10_00, 840)), Accepted)
    assert [one["spent"] for one in shown(house, payer, "TURNOVER", "PAYMENTS_P2P")] == [900, 900]
    assert house.run(transfer(house, payer, poor, 200_00, 840)).code == "702"


def test_limits_in_tenge(house: House) -> None:
    """Where the operator keeps them, payments in tenge are measured by them alone and shown apart."""
    payer, payee = house.wallet(KZT=1_000_00), house.wallet(KZT=0)
    before = house.run(house.app.limits.table())
    house.run(house.app.limits.put(before.with_(Limit.TURNOVER, Level.FULL, 100_00, 398)))
    assert isinstance(house.run(transfer(house, payer, payee, 60_00, 398)), Accepted)
    assert house.run(transfer(house, payer, payee, 60_00, 398)).code == "705"
    told = house.get(f"/qw-limits/v1/persons/{payer.number}/actual-limits?types=REFILL,TURNOVER", payer).json["limits"]
    assert [(one["type"], one["currency"], one["spent"], one["rest"]) for one in told["KZ"]] == [
        ("TURNOVER", "KZT", 60, 40)
    ]
    assert [one["spent"] for one in told["RU"]] == [0, 0]
    house.run(house.app.limits.put(before.with_(Limit.CASH, Level.FULL, 0, 398)))
    told = house.get(f"/qw-limits/v1/persons/{payer.number}/actual-limits?types=WITHDRAW_CASH", payer).json["limits"]
    assert [(one["max"], one["rest"]) for one in told["KZ"]] == [(0, 0)]
    house.run(house.app.limits.put(before))


def test_what_turns_into_tenge_is_counted_both_ways(house: House) -> None:
    """866 for whom it leaves, 867 for whom it reaches; a full level has no such limit."""
    payer, payee = (house.wallet(level=Level.SIMPLE, RUB=1, KZT=1) for _ in range(2))
    full = house.wallet(RUB=9_000_00, KZT=1)

    async def turn(who: Wallet, whom: Wallet, amount: int) -> Any:
        counts = await house.app.limits.to_tenge(who.number, whom.number, amount, 643)
        return await house.app.writer.submit(replace(pay(full.number, payer.number, 1), counts=counts))

    assert isinstance(house.run(turn(payer, full, 5_000_00)), Accepted)
    assert house.run(turn(payer, full, 1)).code == "866"
    assert isinstance(house.run(turn(full, payee, 5_000_00)), Accepted)
    assert house.run(turn(full, payee, 1)).code == "867"
    assert isinstance(house.run(turn(full, full, 50_000_00)), Accepted)


def test_storm_never_passes_the_limit(house: House) -> None:
    """64 payments at once where only some have room: as many pass as fit, to the kopeck."""
    payee = house.wallet()
    for _ in range(3):
        payer = house.wallet(level=Level.SIMPLE, RUB=60_000_00)
        bodies = [payment(payee.number, 1_000, id=str(number)) for number in range(64)]
        answers = house.together(payer, "/sinap/api/v2/terms/99/payments", bodies)
        assert sorted(answer.code for answer in answers) == [""] * 40 + ["QWPRC-943"] * 24
        assert spent(house, payer) == 40_000


def test_month_changes_in_moscow_within_one_group(house: House) -> None:
    """Payments around midnight of the first count in the month of their own transaction, each once."""
    house.at("2030-01-31T23:59:59+03:00")
    payer, payee = house.wallet(level=Level.SIMPLE, RUB=60_000_00), house.wallet()
    house.hand.now += 999_999_000

    async def both() -> list[Answer]:
        bodies = [payment(payee.number, 10_000, id=f"9{number}") for number in range(5)]
        return await asyncio.gather(
            *(house._ask("POST", "/sinap/api/v2/terms/99/payments", payer, body, {}) for body in bodies)
        )

    codes = [answer.code for answer in house.run(both())]
    assert codes.count("QWPRC-943") <= 1
    house.later(1)
    assert house.pay(payer, payment(payee.number, 10_000, id="99")).status == 200
