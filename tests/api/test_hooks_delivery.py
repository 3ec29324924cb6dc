"""
Delivery. Guarantee: each event of a committed payment arrives at least once, under one id, in the order of commits,
whatever its receiver or another one does. Source: webhooks.md 1 to 3 and 6.
"""

import time

import pytest

from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import Opening, Order, Record, Transfer
from kalita.outbound import deliver as deliver_
from kalita.outbound.deliver import Receiver
from kalita.outbound.notes import Told
from tests.api.hooked import (
    HOOKS,
    deliver,
    ids,
    key_of,
    pay,
    payments,
    register,
    signed,
    standard,
    told,
)
from tests.api.house import House, payment
from tests.books import bill
from tests.receivers import OK, receiver, status

__all__ = ["told"]
MINUTE, HOUR = 60, 3600


def test_a_payment_is_told_to_both_sides(told: House) -> None:
    """Each from its side, to the letter of the documentation."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    with receiver() as there:
        mine, theirs = register(told, payer, there.url("/out")), register(told, payee, there.url("/in"))
        txn = pay(told, payer, payee, 1.73, comment="lunch")
        deliver(told)
        found = {one.path: one for one in there.got}
        assert len(there.got) == 2
        out, into = found["/out"].json, found["/in"].json
        page = told.get(f"/payment-history/v2/persons/{payer.number}/payments?rows=1", payer).json["data"][0]
        assert out["payment"] == {
            "txnId": txn, "date": page["date"], "type": "OUT", "status": "SUCCESS", "errorCode": "0",
            "personId": payer.number, "account": f"+{payee.number}", "comment": "lunch", "provider": 99,
            "sum": {"amount": 1.73, "currency": 643}, "commission": {"amount": 0, "currency": 643},
            "total": {"amount": 1.73, "currency": 643},
            "signFields": "sum.currency,sum.amount,type,account,txnId",
        }  # fmt: skip
        assert (out["hookId"], out["version"], out["test"]) == (mine, "1.0.0", False)
        assert into["payment"] | {"type": "OUT", "personId": payer.number} != into["payment"]
        assert (into["payment"]["type"], into["payment"]["provider"], into["hookId"]) == ("IN", 7, theirs)
        assert signed(found["/out"], key_of(told, payer, mine))
        assert signed(found["/in"], key_of(told, payee, theirs))
        assert found["/out"].headers["content-type"] == found["/out"].headers["accept"] == "application/json"
        assert found["/out"].headers["user-agent"].startswith("Kalita-webhook/")
        assert "обед".encode() not in found["/out"].body


def test_a_hook_filters_by_direction(told: House) -> None:
    """0 incoming only, 1 outgoing only; a missing comment is an empty one, Russian is not escaped."""
    payer, payee = told.wallet(RUB=100_00), told.wallet(RUB=100_00)
    with receiver() as there:
        register(told, payer, there.url("/a"), 1)
        register(told, payee, there.url("/b"), 0)
        pay(told, payer, payee, comment="обед")
        pay(told, payee, payer)
        deliver(told)
        assert sorted((one.path, one.json["payment"]["type"]) for one in there.got) == [("/a", "OUT"), ("/b", "IN")]
        assert all("обед".encode() in one.body for one in there.got)


def test_what_was_before_the_registration_is_not_told(told: House) -> None:
    """Nor what a refused payment would have been, nor a repeat twice."""
    payer, payee = told.wallet(RUB=10_00), told.wallet()
    pay(told, payer, payee)
    with receiver() as there:
        register(told, payer, there.url())
        body = payment(payee.number, 2)
        for _ in range(3):
            assert told.pay(payer, body).status == 200
        assert told.pay(payer, payment(payee.number, 9000)).status == 400
        deliver(told)
        assert [one["sum"]["amount"] for one in payments(there)] == [2]


def test_three_attempts_under_one_id(told: House) -> None:
    """At once, 10 minutes and 1 hour later; then it is given up, and sent again when asked to."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    replies = [status(500), status(302, "Location: /x"), status(201)]
    with receiver(lambda got: replies.pop(0) if replies else OK) as there:
        hook = register(told, payer, there.url())
        pay(told, payer, payee)
        seen = []
        for seconds in (0, 9 * MINUTE, MINUTE, 59 * MINUTE, MINUTE, 30 * HOUR):
            told.later(seconds)
            deliver(told, 0.3)
            seen.append(len(there.got))
        assert seen == [1, 1, 2, 2, 3, 3]
        assert len(set(ids(there))) == 1
        page = told.get(f"{HOOKS}/{hook}/attempts", payer).json["attempts"]
        assert [(one["number"], one["status"], one["state"]) for one in page] == [
            (3, 201, "GIVEN_UP"), (2, 302, "GIVEN_UP"), (1, 500, "GIVEN_UP"),
        ]  # fmt: skip
        assert told.call("POST", f"{HOOKS}/{hook}/redeliver?failed=true", payer).json == {"messages": 1}
        deliver(told, 0.3)
        assert len(there.got) == 4
        assert len(set(ids(there))) == 1
        assert told.call("POST", f"{HOOKS}/{hook}/redeliver?failed=true", payer).json == {"messages": 0}
        assert told.call("POST", f"{HOOKS}/{hook}/redeliver?messageId={ids(there)[0]}", payer).json == {"messages": 1}
        assert told.call("POST", f"{HOOKS}/{hook}/redeliver?messageId={hook}", payer).json == {"messages": 0}
        assert told.call("POST", f"{HOOKS}/{hook}/redeliver", payer).status == 400
        day = "startDate=2026-01-01T00:00:00Z&endDate=2027-01-01T00:00:00Z"
        assert told.call("POST", f"{HOOKS}/{hook}/redeliver?{day}", payer).json == {"messages": 0}
        deliver(told, 0.3)
        assert told.call("POST", f"{HOOKS}/{hook}/redeliver?{day}", payer).json == {"messages": 1}


@pytest.mark.parametrize("failing", ["drop", "late", "endless"])
def test_a_receiver_without_an_answer_in_time_is_a_failure(told: House, failing: str) -> None:
    """It closes, it answers after the two seconds, it never ends its headers: written down, tried again."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    reply = {"drop": None, "late": 2.4, "endless": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000}[failing]
    with receiver(lambda got: reply) as there:
        hook = register(told, payer, there.url())
        pay(told, payer, payee)
        deliver(told, 0.3)
        (one,) = told.get(f"{HOOKS}/{hook}/attempts", payer).json["attempts"]
        assert (one["status"], one["state"]) == (None, "WAITING")
        assert one["failure"].split(":")[0] == ("timeout" if failing == "late" else "broken")
        assert one["milliseconds"] <= 2300


def test_an_answer_just_in_time_counts(told: House) -> None:
    """1.8 seconds is within the two."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    with receiver(lambda got: 1.8) as there:
        hook = register(told, payer, there.url())
        pay(told, payer, payee)
        deliver(told, 0.3)
        assert told.get(f"{HOOKS}/{hook}/attempts", payer).json["attempts"][0]["state"] == "DELIVERED"


def test_first_attempts_come_in_the_order_of_commits(told: House) -> None:
    """Also when some fail in between, and failed ones hold back no other."""
    payer, payee = told.wallet(RUB=1000_00), told.wallet()
    with receiver(lambda got: status(500) if len(there.got) % 3 == 0 else OK) as there:
        register(told, payer, there.url())
        txns = [pay(told, payer, payee) for _ in range(60)]
        deliver(told, 1.0)
        assert [one["txnId"] for one in payments(there)] == txns
        told.later(10 * MINUTE)
        deliver(told, 0.5)
        assert [one["txnId"] for one in payments(there)[60:]] == txns[2::3]


def test_all_streams_of_a_transaction_are_told(told: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wallet that pays and is paid in one transaction gets both messages, also where a page ends in between."""
    monkeypatch.setattr(deliver_, "AT_A_TIME", 3)
    who = told.wallet(RUB=1000_00, USD=1000_00)
    orders = [both_ways(who.number, 643 if number % 2 else 840) for number in range(7)]
    with receiver() as there:
        register(told, who, there.url())
        done = [str(told.run(told.app.writer.submit(order)).txn_id) for order in orders]
        deliver(told, 1.0)
        assert [one["txnId"] for one in payments(there)] == [txn for txn in done for _ in (1, 2)]
        assert {(one["txnId"], one["type"]) for one in payments(there)} == {(t, w) for t in done for w in ("IN", "OUT")}
        assert len(set(ids(there))) == 14


def both_ways(wallet: int, currency: int) -> Order:
    """Return an order that moves money to and fro, with a record of each."""
    own, other = (account_id(wallet, kind, currency) for kind in (Kind.WALLET, Kind.HOLD))
    return Order(
        owner=wallet,
        transfers=(Transfer(own, other, 5_00), Transfer(other, own, 5_00)),
        openings=(Opening(wallet, Kind.HOLD, currency),),
        records=tuple(
            Record(wallet, direction, currency, 99, "+79990001122", 5_00, 0, "", None)
            for direction in (Direction.OUT, Direction.IN)
        ),
    )


def test_what_was_delivered_is_sent_again_when_asked(told: House) -> None:
    """Of a period, under the same ids; of what an earlier hook was told nothing."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    day = "startDate=2026-01-01T00:00:00Z&endDate=2027-01-01T00:00:00Z"
    with receiver() as there:
        earlier = register(told, payer, there.url())
        pay(told, payer, payee)
        deliver(told, 0.3)
        assert told.call("DELETE", f"{HOOKS}/{earlier}", payer).status == 200
        hook = register(told, payer, there.url())
        txns = [pay(told, payer, payee) for _ in range(3)]
        again = f"{HOOKS}/{hook}/redeliver?{day}"
        assert told.call("POST", again, payer).json == {"messages": 0}
        deliver(told, 0.3)
        assert told.call("POST", again, payer).json == {"messages": 3}
        assert told.call("POST", again, payer).json == {"messages": 0}
        deliver(told, 0.3)
        assert [one["txnId"] for one in payments(there)[1:]] == txns * 2
        assert ids(there)[1:4] == ids(there)[4:]
        page = told.get(f"{HOOKS}/{hook}/attempts", payer).json["attempts"]
        assert [(one["txnId"], one["number"], one["state"]) for one in page[:3]] == [
            (txn, 1, "DELIVERED") for txn in txns[::-1]
        ]


def test_a_hook_that_was_replaced_is_sent_nothing(told: House) -> None:
    """Who took it while it was there finds nothing for it, and what he notes of it does not count for the next one."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    with receiver() as there:
        first = register(told, payer, there.url("/first"))
        deliverer = told.app.deliverer()
        old = Receiver(payer.number, 1, first, there.url("/first"), 3, "", "", 0)
        assert told.call("DELETE", f"{HOOKS}/{first}", payer).status == 200
        register(told, payer, there.url("/next"))
        txn = pay(told, payer, payee)
        assert told.run(deliverer._posts[1].due(old, told.app.clock.now(), 50)) == []
        deliverer._notes.told(Told(payer.number, 2643, first, int(txn)))
        told.run(deliverer._notes.write())
        deliver(told, 0.3)
        assert [(one.path, one.json["payment"]["txnId"]) for one in there.got] == [("/next", txn)]


def test_dead_and_slow_receivers_hold_up_nobody(told: House) -> None:
    """Forty of them, each with a backlog: the next hook's message is there within a second."""
    payee = told.wallet()
    with receiver(lambda got: 5.0) as slow, receiver() as well:
        for index in range(40):
            one = told.wallet(RUB=100_00)
            register(told, one, slow.url() if index % 2 else "http://127.0.0.1:9/".replace(":9/", ":8099/"))
            for _ in range(3):
                pay(told, one, payee)
        fine = told.wallet(RUB=100_00)
        register(told, fine, well.url())
        pay(told, fine, payee)
        begun = time.monotonic()
        deliver(told, 1.2, to_the_end=False)
        assert well.wait(1, 0.1)[0].at - begun < 1


def test_a_waiting_payment_is_told_twice(told: House) -> None:
    """WAITING, then how it ended, under two ids of one transaction; also when nothing was sent in between."""
    payer = told.wallet(RUB=100_00)
    run, writer = told.run, told.app.writer
    with receiver() as there:
        hook = register(told, payer, there.url())
        first = run(writer.submit(bill(payer.number, 10_00, fee=50))).txn_id
        deliver(told, 0.3)
        run(writer.submit(void(Held(payer.number, Direction.OUT, 643, first, 10_00, 50), 797)))
        deliver(told, 0.3)
        found = [(one["txnId"], one["status"], one["errorCode"]) for one in payments(there)]
        assert found == [(str(first), "WAITING", "0"), (str(first), "ERROR", "797")]
        assert payments(there)[0]["commission"] == {"amount": 0.5, "currency": 643}
        assert len(set(ids(there))) == 2
        second = run(writer.submit(bill(payer.number, 5_00))).txn_id
        run(writer.submit(post(Held(payer.number, Direction.OUT, 643, second, 5_00, 0), 1, writer.lane)))
        deliver(told, 0.3)
        assert [(one["txnId"], one["status"]) for one in payments(there)[2:]] == [(str(second), "SUCCESS")]
        assert all(signed(one, key_of(told, payer, hook)) for one in there.got)


def test_a_new_key_signs_what_is_sent_later(told: House) -> None:
    """The hash with the new one alone, the second signature with both for a day."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    replies = [status(500)]
    with receiver(lambda got: replies.pop(0) if replies else OK) as there:
        hook = register(told, payer, there.url())
        old = key_of(told, payer, hook)
        pay(told, payer, payee)
        deliver(told, 0.3)
        new = told.call("POST", f"{HOOKS}/{hook}/newkey", payer).json["key"]
        told.later(10 * MINUTE)
        deliver(told, 0.3)
        first, second = there.got
        assert signed(first, old)
        assert signed(second, new)
        assert standard(second, old)
        assert first.json["messageId"] == second.json["messageId"]
        assert first.json["hash"] != second.json["hash"]
        told.later(24 * HOUR)
        pay(told, payer, payee)
        deliver(told, 0.3)
        assert signed(there.got[-1], new)
        assert not standard(there.got[-1], old)


def test_deleting_a_hook_cancels_what_waits(told: House) -> None:
    """The next hook gets none of it, and its own messages alone."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    with receiver(lambda got: status(500)) as dead, receiver() as well:
        hook = register(told, payer, dead.url())
        pay(told, payer, payee)
        deliver(told, 0.3)
        pay(told, payer, payee)
        assert told.call("DELETE", f"{HOOKS}/{hook}", payer).status == 200
        register(told, payer, well.url())
        told.later(2 * HOUR)
        deliver(told, 0.3)
        assert (len(dead.got), len(well.got)) == (1, 0)
        txn = pay(told, payer, payee)
        deliver(told, 0.3)
        assert [one["txnId"] for one in payments(well)] == [txn]
        logged = told.get(f"{HOOKS}/{hook}/attempts", payer)
        assert hook in {one["hookId"] for one in logged.json["attempts"]}, "its owner still sees what came of it"
        assert told.get(f"{HOOKS}/{hook}/attempts", payee).code == "hook.not.found"


def test_a_name_that_turned_inner_is_not_called(told: House) -> None:
    """What was registered while it was an outer one is looked at again before it is sent to."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    with receiver() as there:
        hook = register(told, payer, there.url())
        pay(told, payer, payee)
        told.app.outbound._networks = ()
        deliver(told, 0.3)
        assert there.got == []
        (one,) = told.get(f"{HOOKS}/{hook}/attempts", payer).json["attempts"]
        assert one["failure"].startswith("address: ")


def test_attempts_are_paged_and_forgotten_after_thirty_days(told: House) -> None:
    """Newest first, each once."""
    payer, payee = told.wallet(RUB=100_00), told.wallet()
    with receiver() as there:
        hook = register(told, payer, there.url())
        txns = [pay(told, payer, payee) for _ in range(5)]
        deliver(told, 0.3)
        found, before = [], 2**53 - 1
        while before is not None:
            page = told.get(f"{HOOKS}/{hook}/attempts?rows=2&before={before}", payer).json
            found += page["attempts"]
            before = page["nextBefore"]
        assert [one["txnId"] for one in found] == txns[::-1]
        told.later(31 * 24 * HOUR)
        deliver(told, 0.3)
        assert told.get(f"{HOOKS}/{hook}/attempts", payer).json == {"attempts": [], "nextBefore": None}
