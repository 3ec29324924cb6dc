"""
Caps of a token. Guarantee: no payment and no crowd of them goes past what its owner set when it was issued.
"""

from typing import Any

import pytest

from kalita.access.caps import Caps, read_networks
from kalita.clock import DAY
from kalita.wire.endpoint import ALL_PERMISSIONS
from tests.api.house import House, payment
from tests.api.test_bills import body, keys, put
from tests.commands import kalita, wrong
from tests.servers import Wallet

ANYWHERE = "127.0.0.1"


def capped(house: House, **caps: Any) -> Wallet:
    """Return somebody with money whose token has caps."""
    number = house.wallet(RUB=1000_00, USD=100_00).number
    return Wallet(number, house.run(house.app.tokens.issue(number, ALL_PERMISSIONS, caps=Caps(**caps))))


def left(house: House, who: Wallet) -> int:
    """Return roubles in kopecks."""
    return house.run(house.app.wallets.balances(who.number))[0].available


def test_a_payment_has_a_cap(house: House) -> None:
    """To the kopeck, commission counted."""
    who, payee = capped(house, payment=100_00), house.wallet(RUB=0)
    assert house.pay(who, payment(payee.number, 100)).status == 200
    over = house.pay(who, payment(payee.number, 100.01))
    assert (over.status, over.code) == (400, "QWPRC-309")
    assert left(house, who) == 900_00


def test_a_day_has_a_cap_that_a_crowd_cannot_pass(house: House) -> None:
    """Thirty at once, ten fit; the next Moscow day begins anew; a repeat is answered though the day is full."""
    house.at("2026-05-05T12:00:00+03:00")
    who, payee = capped(house, day=100_00), house.wallet(RUB=0)
    sent = [payment(payee.number, 10) for _ in range(30)]
    answers = house.together(who, "/sinap/api/v2/terms/99/payments", sent)
    assert [answer.status for answer in answers].count(200) == 10
    assert {answer.code for answer in answers if answer.status != 200} == {"QWPRC-309"}
    assert left(house, who) == 900_00
    first = next(one for one, answer in zip(sent, answers, strict=True) if answer.status == 200)
    assert house.pay(who, first).status == 200
    assert house.pay(who, payment(payee.number, 1)).code == "QWPRC-309"
    house.later(DAY / 1_000_000)
    assert house.pay(who, payment(payee.number, 1)).status == 200


def test_only_named_providers_are_paid(house: House) -> None:
    """Others are refused before anything is looked at; a bill is a transfer."""
    who, payee = capped(house, providers=(99,)), house.wallet(RUB=0)
    assert house.pay(who, payment(payee.number, 1)).status == 200
    none = capped(house, providers=(1, 2))
    assert house.pay(none, payment(payee.number, 1)).code == "QWPRC-309"
    assert left(house, none) == 1000_00


def test_bills_are_capped_too(house: House) -> None:
    """Paid with the same token, they count towards the same day."""
    who, owner = capped(house, day=150_00), house.wallet(RUB=0)
    shop = keys(house, owner)
    for name, status in (("one", 200), ("two", 400)):
        link = put(house, shop, name, body("100")).json["payUrl"]
        sent = {"invoice_uid": link[-36:], "currency": "643"}
        answer = house.call("POST", "/checkout-api/invoice/pay/wallet", who, sent)
        assert (answer.status, answer.json.get("code")) == (status, "QWPRC-309" if status == 400 else None)
    assert left(house, who) == 900_00


def test_own_money_may_be_moved_between_balances(house: House) -> None:
    """What does not leave the owner is no spending; and the books are proven with counters of tokens in them."""
    who = capped(house, payment=1, day=1)
    answer = house.pay(who, payment(who.number, 1, sum={"amount": 1, "currency": "840"}), "1099")
    assert answer.code != "QWPRC-309"


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("10.0.0.0/8", 403), ("::1", 403)])
def test_a_token_is_used_from_named_networks_only(house: House, network: str, status: int) -> None:
    """Every call, not only payments."""
    who = capped(house, networks=read_networks([network]))
    assert house.get("/funding-sources/v1/accounts/current", who).status == status
    assert house.pay(who, payment(79_110_000_009, 1)).status == status


def test_caps_come_with_the_command_line(house: House) -> None:
    """Amounts, providers and networks; what makes no sense is a wrong command line."""
    number = str(house.wallet(RUB=100_00).number)
    place = ["--data", house.data, *(["--database", house.database] if house.database else [])]
    caps = ["--per-payment", "10", "--per-day", "15.50", "--provider", "99", "--from", "127.0.0.0/8"]
    issued = kalita("token", "issue", number, "--all", *caps, *place)
    assert issued.code == 0, issued.err
    who, payee = Wallet(int(number), issued.out.strip()), house.wallet(RUB=0)
    answers = [house.pay(who, payment(payee.number, amount)).code for amount in (10.01, 10, 5.51, 5.5)]
    assert answers == ["QWPRC-309", "", "QWPRC-309", ""]
    for wrong_one in (["--per-day", "0"], ["--per-payment", "1.001"], ["--from", "10.0.0.1/8"], ["--provider", "0"]):
        wrong(kalita("token", "issue", number, "--all", *wrong_one, *place))


def test_a_token_without_caps_has_none(house: House) -> None:
    """Nothing is stored for it."""
    assert house.run(house.app.tokens.bearer(house.wallet().token)).caps is None
    assert not Caps(networks=("10.0.0.0/8",)).admits("nonsense")
    assert Caps().admits(ANYWHERE)
