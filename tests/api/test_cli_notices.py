"""
Notifications of bills for operators: `keys log|redeliver` beside a live server. Source: invoices.md 7, webhooks.md 3.

Guarantee: what is sent again is the same notification, to the same address, and has its day of attempts again.
"""

from collections.abc import Callable
from typing import Any

from tests.api.hooked import deliver
from tests.api.house import House
from tests.api.test_bills import BILLS, keys
from tests.api.test_checkout import DAY, issue, notice_key, pay, verified
from tests.api.test_cli_hooks import at
from tests.api.test_cli_keys import shop
from tests.commands import kalita, refused, wrong
from tests.receivers import OK, Got, Receiver, receiver, status
from tests.servers import Wallet

__all__ = ["shop"]


class Shaky:
    """What a receiver answers, which may change."""

    def __init__(self, code: int) -> None:
        self.code = code

    def __call__(self, got: Got) -> Any:
        """Answer (tests.receivers)."""
        return OK if self.code == 200 else status(self.code)


def paid(house: House, key: Wallet, payer: Wallet, *names: str) -> None:
    """Issue bills and pay them."""
    for name in names:
        assert pay(house, payer, issue(house, key, payer, name)["payUrl"][-36:]).status == 200


def bills(there: Receiver) -> list[str]:
    """Return which bills a receiver was told of."""
    return [got.json["bill"]["billId"] for got in there.got]


def log(house: House, owner: Wallet) -> list[dict[str, Any]]:
    """Return what the command shows."""
    return kalita("keys", "log", owner.number, "--json", *at(house)).json


def again(house: House, owner: Wallet, *which: str) -> int:
    """Send again; return how many."""
    count = kalita("keys", "redeliver", owner.number, *which, "--json", *at(house)).json["notifications"]
    deliver(house, 0.3)
    return count


def test_attempts_are_shown(shop: House) -> None:
    """The newest first, by the id of the bill; those of hooks are not among them; an empty log is no error."""
    owner, payer = shop.wallet(), shop.wallet(RUB=1000_00)
    assert log(shop, owner) == []
    with receiver(Shaky(503)) as there:
        key = notice_key(shop, owner, there.url())
        paid(shop, key, payer, "order-1")
        deliver(shop, 0.3)
        shop.later(70)
        deliver(shop, 0.3)
        second, first = log(shop, owner)
        assert first | {"at": "", "ms": 0} == {
            "at": "", "bill": "order-1", "attempt": 1, "ms": 0, "answer": 503, "state": "WAITING",
        }  # fmt: skip
        assert second["attempt"] == 2
        assert second["at"] > first["at"]
        shown = kalita("keys", "log", owner.number, "--rows", "1", *at(shop)).out.splitlines()
        assert [line.split()[0] for line in shown] == ["WHEN", second["at"]]
        assert shown[1].split()[1:3] == ["order-1", "2"]
        assert kalita("hook", "log", owner.number, "--json", *at(shop)).json == []


def test_those_given_up_are_sent_again(shop: House) -> None:
    """The same body and signature, once each; what was delivered stays so, and what is delivered now is not failed."""
    owner, payer, answers = shop.wallet(), shop.wallet(RUB=1000_00), Shaky(200)
    with receiver(answers) as there:
        key = notice_key(shop, owner, there.url())
        paid(shop, key, payer, "good")
        deliver(shop, 0.3)
        answers.code = 500
        paid(shop, key, payer, "a", "b")
        deliver(shop, 0.3)
        assert again(shop, owner, "--failed") == 0, "they are still being tried"
        shop.later(DAY + 3600)
        deliver(shop, 0.3)
        assert sorted(bills(there)) == ["a", "a", "b", "b", "good"]
        assert [one["state"] for one in log(shop, owner)] == ["GIVEN_UP"] * 4 + ["DELIVERED"]
        answers.code = 200
        assert again(shop, owner, "--failed") == 2
        assert sorted(bills(there)[5:]) == ["a", "b"]
        for name in ("a", "b"):
            sent = [got for got in there.got if got.json["bill"]["billId"] == name]
            assert len({(got.body, got.headers["x-api-signature-sha256"]) for got in sent}) == 1
            assert verified(sent[-1], key.token)
        assert {one["state"] for one in log(shop, owner)} == {"DELIVERED"}
        assert again(shop, owner, "--failed") == 0
        assert len(there.got) == 7


def test_what_is_sent_again_is_tried_for_a_day_again(shop: House) -> None:
    """However long ago the bill was paid, with the pauses from the beginning; and no longer."""
    owner, payer = shop.wallet(), shop.wallet(RUB=1000_00)
    with receiver(Shaky(500)) as there:
        paid(shop, notice_key(shop, owner, there.url()), payer, "old")
        deliver(shop, 0.3)
        shop.later(3 * DAY)
        deliver(shop, 0.3)
        shop.later(DAY)
        deliver(shop, 0.3)
        assert len(there.got) == 2
        assert again(shop, owner, "--failed") == 1
        assert len(there.got) == 3
        for count, minutes in enumerate((1, 2, 5, 10, 20, 40, 60), start=4):
            shop.later(minutes * 60 * 0.85)
            deliver(shop, 0.2)
            assert len(there.got) == count - 1
            shop.later(minutes * 60 * 0.3)
            deliver(shop, 0.2)
            assert len(there.got) == count
        assert [one["attempt"] for one in log(shop, owner)] == [*range(8, 0, -1), 2, 1]
        shop.later(20 * 3600)
        deliver(shop, 0.2)
        assert len(there.got) == 11
        assert log(shop, owner)[0]["state"] == "WAITING"
        shop.later(2 * 3600)
        deliver(shop, 0.2)
        assert len(there.got) == 12
        assert log(shop, owner)[0]["state"] == "GIVEN_UP"
        shop.later(10 * 3600)
        deliver(shop, 0.2)
        assert len(there.got) == 12


def test_one_and_a_period_are_sent_again(shop: House) -> None:
    """One by the bill's id; a period is when bills ended, however long before they were issued."""
    owner, payer = shop.wallet(), shop.wallet(RUB=1000_00)
    with receiver(Shaky(200)) as there:
        key = notice_key(shop, owner, there.url())
        shop.run(shop.app.key_pairs.tell(owner.number, shop.run(shop.app.key_pairs.live(owner.number))[0].id, 3))
        shop.at("2026-03-01T12:00:00+03:00")
        issue(shop, key, payer, "rejected")
        paid(shop, key, payer, "before")
        shop.at("2026-03-02T12:00:00+03:00")
        paid(shop, key, payer, "paid")
        assert shop.call("POST", f"{BILLS}/rejected/reject", key).status == 200
        shop.at("2026-03-03T12:00:00+03:00")
        paid(shop, key, payer, "after")
        deliver(shop, 0.4)
        told: Callable[[], list[str]] = lambda: sorted(bills(there)[4:])  # noqa: E731 - what came since
        assert told() == []
        assert again(shop, owner, "--from", "2026-03-02T00:00:00", "--till", "2026-03-03T00:00:00") == 2
        assert told() == ["paid", "rejected"]
        assert again(shop, owner, "--from", "2026-03-03T00:00:00") == 1
        assert told() == ["after", "paid", "rejected"]
        assert again(shop, owner, "--till", "2026-03-02T00:00:00") == 1
        assert again(shop, owner, "--bill", "rejected") == 1
        assert again(shop, owner, "--bill", "before") == 1
        assert told() == ["after", "before", "before", "paid", "rejected", "rejected"]
        assert again(shop, owner, "--failed", "--from", "2026-03-01T00:00:00") == 0
        assert "1 notifications will be sent again." in kalita(
            "keys", "redeliver", owner.number, "--bill", "paid", *at(shop)
        ).out  # fmt: skip


def test_another_pair_is_not_told(shop: House) -> None:
    """Only what was for the pair that has the address; nobody else's wallet either."""
    owner, other, payer = shop.wallet(), shop.wallet(), shop.wallet(RUB=1000_00)
    with receiver(Shaky(200)) as there:
        first, theirs = notice_key(shop, owner, there.url()), notice_key(shop, other, there.url())
        paid(shop, first, payer, "first")
        paid(shop, theirs, payer, "same")
        deliver(shop, 0.3)
        second = notice_key(shop, owner, there.url("/second"))
        paid(shop, second, payer, "same")
        deliver(shop, 0.3)
        before = len(there.got)
        assert again(shop, owner, "--from", "2020-01-01T00:00:00") == 1
        assert [(got.path, got.json["bill"]["billId"]) for got in there.got[before:]] == [("/second", "same")]
        refused(kalita("keys", "redeliver", owner.number, "--bill", "first", *at(shop)), "no notification")


def test_what_cannot_be_sent_again(shop: House) -> None:
    """No wallet, no address, no such bill, nothing named, no moment: one line each."""
    owner, stranger = shop.wallet(), "79000000000"
    for words in (("log",), ("redeliver", "--failed")):
        refused(kalita("keys", words[0], stranger, *words[1:], *at(shop)), "no wallet")
    keys(shop, owner)
    refused(kalita("keys", "redeliver", owner.number, "--failed", *at(shop)), "no address")
    with receiver() as there:
        issue(shop, notice_key(shop, owner, there.url()), None, "waits")
        for bill in ("none", "waits"):
            refused(kalita("keys", "redeliver", owner.number, "--bill", bill, *at(shop)), "no notification")
    for wrong_ones in ((), ("--bill", "x", "--failed"), ("--from", "soon")):
        wrong(kalita("keys", "redeliver", owner.number, *wrong_ones, *at(shop)), "--")
