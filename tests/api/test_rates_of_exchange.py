"""
Rates of exchange: taken from files and from a bank's address, shown, grown stale. Source: payments.md 8.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from kalita.exchange.feed import take
from kalita.exchange.rates import BadRates, read_rates
from tests.api.house import House, payment
from tests.commands import kalita, wrong
from tests.receivers import receiver, status
from tests.servers import Demo, demo

XML = b"""<?xml version="1.0" encoding="windows-1251"?>
<ValCurs Date="20.01.2026" name="Foreign Currency Market">
<Valute ID="R01235"><NumCode>840</NumCode><CharCode>USD</CharCode><Nominal>1</Nominal><Name>x</Name>
<Value>75,4100</Value></Valute>
<Valute ID="R01335"><NumCode>398</NumCode><CharCode>KZT</CharCode><Nominal>100</Nominal><Value>16,66</Value></Valute>
<Valute ID="R01000"><NumCode>960</NumCode><CharCode>XDR</CharCode><Nominal>1</Nominal><Value>1</Value></Valute>
</ValCurs>"""


def test_the_central_banks_form_is_read() -> None:
    """Nominals, commas, its own encoding; currencies that are not known here are left out."""
    middle = read_rates(XML)
    assert middle.day == "2026-01-20"
    assert middle.roubles == {840: Decimal("75.41"), 398: Decimal("0.1666")}
    assert read_rates(b"2026-01-20\nUSD,1,75.41\n\nKZT,100,16.66\n") == middle


@pytest.mark.parametrize(
    "content",
    [
        b"", b"x", b"2026-01-20\n", b"2026-01-20\nUSD,1\n", b"2026-01-20\nUSD,0,1\n", b"2026-01-20\nUSD,1,-1\n",
        b"2026-13-20\nUSD,1,1\n", b"2026-01-20\nUSD,1,1e5\n", b"\xff\xfe", b"<ValCurs/>", b"<", XML[:-9],
        XML.replace(b"20.01.2026", b"2026-01-20"), XML.replace(b"75,4100", b"NaN"), b"x" * 300_000,
        b"2026-01-20\nUSD,1,75.41\nEUR,1,90\nUSD,1,76\n",
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + XML[45:],
    ],
    ids=range(17),
)  # fmt: skip
def test_what_is_no_file_of_rates_is_refused(content: bytes) -> None:
    """With words; a DTD is never looked at."""
    with pytest.raises(BadRates):
        read_rates(content)


def test_commands_beside_a_demonstration_see_the_rates_it_begins_with(tmp_path: Path) -> None:
    """`rates show` says what holds now: as long as none were loaded those of the program, never stale."""
    with demo(tmp_path) as server:
        with server.client() as client:
            served = client.get("/sinap/crossRates").json()["result"]
        shown = kalita("rates", "show", "--json", *server.place).json
    assert len(shown["rates"]) == len(served) > 0
    assert shown["stale"] is False


def test_a_file_holds_from_the_next_second_on(server: Demo, tmp_path: Path) -> None:
    """Loaded beside the server; a wrong file changes nothing."""
    file, today = tmp_path / "rates.csv", datetime.now(UTC).date().isoformat()  # other tests convert after this one
    file.write_text(f"{today}\nUSD,1,80\nEUR,1,90\nKZT,100,16\n", "utf-8")
    told = kalita("rates", "load", file, "--json", *server.place).json
    assert told["day"] == today
    assert {"from": "RUB", "to": "USD", "rate": "80.8"} in told["rates"]
    assert kalita("rates", "show", *server.place).out.splitlines()[1].split() == ["FROM", "TO", "RATE"]
    file.write_text("x", "utf-8")
    wrong(kalita("rates", "load", file, *server.place), "FILE")


def test_a_feed_is_taken_once(tmp_path: Path) -> None:
    """New rates are kept, the same ones are not; a bank that says something else changes nothing."""
    house = House(tmp_path, settings={"demo": True})
    try:
        with receiver() as bank:
            exchange, outbound = house.app.exchange, house.app.outbound
            bank.reply = lambda got: status(200, body=XML)
            assert house.run(take(bank.url(), outbound, exchange))
            assert exchange.rates.get(643, 840) == Decimal("76.1641")
            assert not house.run(take(bank.url(), outbound, exchange))
            for answer in (status(200, body=b"<html>"), status(500, body=XML), status(302, "Location: /x"), None):
                bank.reply = lambda got, answer=answer: answer
                with pytest.raises(BadRates):
                    house.run(take(bank.url(), outbound, exchange))
            assert exchange.rates.day == "2026-01-20"
    finally:
        house.close()


def test_stale_rates_convert_nothing(house: House) -> None:
    """After the days an operator allows, conversions are refused for a technical reason, and no rate is told."""
    owner = house.wallet(RUB=1_000_00)
    house.at("2026-01-20T12:00:00+03:00")
    house.run(house.app.exchange.put(read_rates(XML), "test"))
    body = payment(f"+{owner.number}", sum={"amount": 1, "currency": "840"})
    assert house.pay(owner, body, "1099").status == 200
    house.later(8 * 86400)
    assert house.pay(owner, payment(f"+{owner.number}", sum={"amount": 1, "currency": "840"}), "1099").code == "QWPRC-3"
    assert house.get("/sinap/crossRates").json == {"result": []}
    house.later(-8 * 86400)
