"""
The `osmp` connector against real servers: one that misbehaves as it is told, and a second Kalita.

Guarantee: only a clear answer about this very payment ends it; anything else leaves the money held, and the same
payment is asked about again under the same id and date. Source: osmp.md.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog

from kalita.connectors.osmp import read_answer
from kalita.connectors.protocol import Done, Rejected, Unknown
from kalita.outbound.client import Answer
from kalita.providers.cards import masked
from tests.api.house import House, payment
from tests.commands import kalita, refused
from tests.receivers import Got, Receiver, receiver, status
from tests.samples import SAMPLES, VISA
from tests.servers import Demo, Wallet, demo


def xml(txn_id: int | str, result: int | str = 0, more: str = "") -> bytes:
    """Write a provider's answer."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><response><osmp_txn_id>{txn_id}</osmp_txn_id><prv_txn>2016</prv_txn>'
        f"<result>{result}</result><comment>note</comment>{more}</response>"
    ).encode()


@pytest.mark.parametrize(
    ("result", "expected"),
    [(0, 0), (4, 4), (5, 5), (7, 8), (8, 8), (79, 5), (241, 241), (242, 242), (243, 5), (300, 300)],
)
def test_final_results(result: int, expected: int) -> None:
    """Each has its code; members may come in any order, with others between."""
    outcome = read_answer(
        Answer(200, xml(7, result, "<fields><field1 name='a' type='disp'>x</field1></fields>"), True), 7
    )
    assert outcome == (Done("2016") if result == 0 else Rejected(expected, f"result {result} note"))


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (200, xml(7, 1)), (200, xml(7, 90)), (200, xml(7, 12345)), (200, xml(8)), (200, xml("")), (200, xml(7, "")),
        (200, xml(7, "0x0")), (200, b""), (200, b"OK"), (200, xml(7)[:-3]), (302, xml(7)), (500, xml(7)), (204, b""),
        (200, b"<!DOCTYPE a><response><osmp_txn_id>7</osmp_txn_id><result>0</result></response>"),
        (200, b'<!DOCTYPE a [<!ENTITY b "0">]><response><osmp_txn_id>7</osmp_txn_id><result>&b;</result></response>'),
        (200, b"<other><osmp_txn_id>7</osmp_txn_id><result>0</result></other>"), (200, b"\xff\xfe\x00"),
        (200, xml(7, 0, "<result>300</result>")), (200, xml(7, "0<b/>5")),
    ],
    ids=range(19),
)  # fmt: skip
def test_anything_else_leaves_it_unknown(code: int, body: bytes) -> None:
    """Another's id, broken XML, a DTD, another status, a result that is not final, or not one."""
    assert isinstance(read_answer(Answer(code, body, True), 7), Unknown)
    assert isinstance(read_answer(Answer(200, xml(7), False), 7), Unknown)


@pytest.mark.parametrize("result", ["2", "999999", "1000000", "-1", "OK"])
def test_a_result_that_nobody_knows_is_told(result: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it looks like: the operator has to ask what it means."""
    structlog.reset_defaults()
    outcome = read_answer(Answer(200, xml(7, result), True), 7)
    assert outcome == Unknown(f"result {result} note")
    assert "provider_result_unknown" in capsys.readouterr().out


@pytest.fixture
def provider() -> Iterator[Receiver]:
    """A provider that runs."""
    with receiver() as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A demonstration in this process, its clock moved by hand."""
    opened = House(tmp_path_factory.mktemp("osmp"), settings={"demo": True})
    yield opened
    opened.close()


def through(house: House, provider: Receiver, number: int = 674, **more: str) -> Wallet:
    """Let a provider be reached over the protocol; return somebody with 100 roubles."""
    columns = {"connector": "osmp", "url": provider.url("/pay?prv_id=9"), "login": "kalita", "password": "hush"}
    house.run(house.app.providers.change({number: columns | more}))
    return house.wallet(RUB=100_00, KZT=500_00)


def paid(house: House, owner: Wallet) -> int:
    """Pay 10.50 to an account; return the transaction."""
    answer = house.pay(owner, payment("acc 7&<", 10.5), "674")
    assert answer.status == 200, answer.body
    return int(answer.json["transaction"]["id"])


def work(house: House) -> None:
    """Let dispatch do what is due."""

    async def once() -> None:
        await house.app.dispatch.round()
        await house.app.dispatch.settled()

    house.run(once())


def shown(house: House, owner: Wallet, txn: int) -> tuple[str, int, float]:
    """Return status and code in history, and the balance."""
    told = house.get(f"/payment-history/v2/transactions/{txn}", owner).json
    account = house.get("/funding-sources/v1/accounts/current", owner).json["accounts"][0]
    return told["status"], told["errorCode"], account["balance"]["amount"]


def query(got: Got) -> dict[str, str]:
    """Return the parameters of a request."""
    return {name: values[0] for name, values in parse_qs(urlsplit(got.path).query).items()}


def echo(result: int) -> Any:
    """Answer every request with a result, under its own id."""
    return lambda got: status(200, "Content-Type: text/xml", body=xml(query(got)["txn_id"], result))


def test_a_payment_as_it_goes_out(house: House, provider: Receiver) -> None:
    """Documented parameters, two decimals, Moscow time, Basic; what the address carries stays."""
    owner = through(house, provider)
    provider.reply = echo(0)
    house.at("2026-02-03T23:59:58+03:00")
    txn = paid(house, owner)
    work(house)
    (got,) = provider.got
    assert query(got) == {
        "prv_id": "9", "command": "pay", "txn_id": str(txn), "txn_date": "20260203235958", "account": "acc 7&<",
        "sum": "10.50",
    }  # fmt: skip
    assert got.headers["authorization"] == "Basic a2FsaXRhOmh1c2g="
    assert shown(house, owner, txn) == ("SUCCESS", 0, 89.5)


def sent(house: House, provider: Receiver, owner: Wallet, number: int, fields: dict[str, str], **more: Any) -> Any:
    """Pay a provider; return the parameters that went out."""
    provider.reply = echo(0)
    answer = house.pay(owner, payment(fields=fields, amount=10) | more, str(number))
    assert answer.status == 200, answer.body
    work(house)
    return query(provider.got[-1])


def test_other_fields_go_out_under_their_own_names(house: House, provider: Receiver) -> None:
    """Those that the form asks for; what a payer adds stays here."""
    owner, fields = through(house, provider, 816), SAMPLES[816][-1]
    assert len(fields) > 5
    got = sent(house, provider, owner, 816, fields | {"pay_type": "7"})
    assert {name: text for name, text in got.items() if name in fields} == fields
    assert "pay_type" not in got


def test_no_field_stands_in_for_the_protocol(house: House, provider: Receiver) -> None:
    """Neither for a parameter of it, in any case, nor for what the provider's address carries."""
    names = ("command", "txn_id", "txn_date", "SUM", "Account", "prv_id", "note")
    form = json.dumps([{"name": "account", "required": True}, *({"name": name} for name in names)])
    columns = {"name_ru": "Касса", "name_en": "Box", "kind": "service", "currencies": "643", "form": form}
    owner = through(house, provider, 9000700, **columns)
    got = sent(house, provider, owner, 9000700, {"account": "1"} | dict.fromkeys(names, "999"))
    assert set(got) == {"prv_id", "command", "txn_id", "txn_date", "account", "sum", "note"}
    assert (got["account"], got["sum"], got["command"], got["prv_id"], got["note"]) == ("1", "10.00", "pay", "9", "999")


def test_a_card_is_paid_by_its_number(house: House, provider: Receiver) -> None:
    """Where `account` is only its mask, as for banks of Kazakhstan; the note of the preparatory call stays here."""
    owner, card = through(house, provider, 27292), SAMPLES[27292][0]["cardNumber"]
    body = {"cardNumber": card, "version": "2", "transferSum": "100", "src": "sinap"}
    told = house.call("POST", "/sinap/api/refs/a42ebc79-0584-4271-b8a0-15cb4ea8b340/containers", owner, body)
    fields = SAMPLES[27292][0] | {one["name"]: one["value"] for one in told.json["elements"]}
    tenge = {"amount": 100, "currency": "398"}
    got = sent(house, provider, owner, 27292, fields, sum=tenge, paymentMethod={"type": "Account", "accountId": "398"})
    assert (got["account"], got["transferSum"]) == (card, "100")
    assert not {"ev_account1", "cardNumber"} & set(got)


def test_a_card_that_nobody_asked_for_is_paid_as_it_was_typed(house: House, provider: Receiver) -> None:
    """The provider gets the whole number as `account`; history shows the mask."""
    owner = through(house, provider)
    assert sent(house, provider, owner, 674, {"account": VISA})["account"] == VISA
    (row,) = house.get(f"/payment-history/v2/persons/{owner.number}/payments?rows=1&operation=OUT", owner).json["data"]
    assert row["account"] == masked(VISA)


def test_a_final_no_gives_the_money_back(house: House, provider: Receiver) -> None:
    """With the code of the table."""
    owner = through(house, provider)
    provider.reply = echo(79)
    txn = paid(house, owner)
    work(house)
    assert shown(house, owner, txn) == ("ERROR", 5, 100)


def test_what_is_not_known_is_asked_again_by_the_schedule(house: House, provider: Receiver) -> None:
    """Half a minute, one, two, five, ten, thirty, sixty, then hourly for three days; then the operator decides."""
    owner = through(house, provider)
    provider.reply = lambda got: None  # the line is cut after the request was sent
    txn = paid(house, owner)
    work(house)
    assert shown(house, owner, txn) == ("WAITING", 0, 89.5)
    for minutes in (0.5, 1, 2, 5, 10, 30, 60, *[60] * 72):
        asked = len(provider.got)
        house.later(minutes * 60 - 1)
        work(house)
        assert len(provider.got) == asked
        house.later(1)
        work(house)
        assert len(provider.got) == asked + 1
    assert len({got.path for got in provider.got}) == 1
    provider.reply = echo(0)
    house.later(100 * 3600)
    work(house)
    assert shown(house, owner, txn) == ("WAITING", 0, 89.5)
    facts = house.run(house.app.operator.show(txn))
    assert (facts["payout"]["state"], facts["payout"]["attempts"]) == ("stuck", 80)


def test_the_later_answer_decides(house: House, provider: Receiver) -> None:
    """A cut line, an error page, another's answer; then a clear word, and the money moves once."""
    for result, ended in ((0, ("SUCCESS", 0, 89.5)), (300, ("ERROR", 300, 100))):
        owner = through(house, provider)
        txn = paid(house, owner)
        for reply in (lambda got: None, lambda got: status(500), lambda got: status(200, body=xml(1)), echo(90)):
            provider.reply = reply
            work(house)
            assert shown(house, owner, txn) == ("WAITING", 0, 89.5)
            house.later(3600)
        provider.reply = echo(result)
        for _ in range(3):
            work(house)
            house.later(3600)
        assert shown(house, owner, txn) == ended


def test_a_provider_that_cannot_be_reached(house: House, provider: Receiver) -> None:
    """Nothing was sent: it is tried again all the same, and the money waits."""
    owner = through(house, provider)
    house.run(house.app.providers.change({674: {"url": "http://127.0.0.1:1/"}}))
    txn = paid(house, owner)
    work(house)
    assert shown(house, owner, txn)[0] == "WAITING"
    house.run(house.app.providers.change({674: {"url": "http://192.0.2.1/"}}))
    house.later(60)
    work(house)
    facts = house.run(house.app.operator.show(txn))
    assert "https" in facts["payout"]["note"]


def test_two_kalitas_pay_each_other(tmp_path_factory: pytest.TempPathFactory, tmp_path: Any) -> None:
    """One as the network, one as the provider: the same payments, the same sums, both books proven."""
    with demo(tmp_path_factory.mktemp("payer")) as payer, demo(tmp_path_factory.mktemp("provider")) as provider:
        agent = kalita("agent", "create", "network", "--overdraft", "1000", "--json", *provider.place).json
        connect = ("--connector", "osmp", "--url", agent["url"], "--login", agent["login"])
        secret = ("--password", agent["password"])
        assert kalita("provider", "set", "674", *connect, *secret, *payer.place).code == 0
        time.sleep(2)
        good = [pay(payer, "79994445566", amount) for amount in (1, 2.5, 300)]
        bad = [pay(payer, account, 5) for account in ("79990000000", "abc")]
        assert [until(payer, txn) for txn in good] == [("SUCCESS", 0)] * 3
        assert [until(payer, txn) for txn in bad] == [("ERROR", 5), ("ERROR", 4)]
        day = time.strftime("%Y%m%d", time.gmtime(time.time() + 3 * 3600))
        ours = kalita("registry", "provider", "674", day, *payer.place).out
        file = tmp_path / "registry.csv"
        file.write_text(ours, "utf-8")
        assert re.fullmatch(r"3;303\.50", ours.splitlines()[-1])
        agreed = kalita("registry", "agent", "network", day, "--against", file, *provider.place)
        assert (agreed.code, agreed.json["differences"]) == (0, [])
        over = pay(payer, "79994445566", 900)
        assert until(payer, over) == ("ERROR", 300)
        for one in (payer, provider):
            assert kalita("audit", *one.place).code == 0
        refused(kalita("payment", "settle", str(good[0]), "--failure", *payer.place), "had ended")


def pay(payer: Demo, account: str, amount: float) -> int:
    """Pay over real HTTP; return the transaction."""
    with payer.client() as client:
        body = payment(account, amount)
        answer = client.post("/sinap/api/v2/terms/674/payments", json=body | {"fields": {"account": account}})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["transaction"]["id"])


def until(payer: Demo, txn: int) -> tuple[str, int]:
    """Wait for the end of a payment; return status and code."""
    with payer.client() as client:
        for _ in range(100):
            told = client.get(f"/payment-history/v2/transactions/{txn}?type=OUT").json()
            if told.get("status") in ("SUCCESS", "ERROR"):
                return told["status"], told["errorCode"]
            time.sleep(0.2)
    raise AssertionError(told)
