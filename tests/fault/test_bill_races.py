"""
Bills under fire: paid by two, rejected by both sides, expiring, all at once and over several processes.

Invariant I5: of all of them one wins, the money moves exactly then, once. KALITA_LONG=1: 500 rounds.
"""

import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.fault.town import Answer, Citizen, Line, audit, balance, build, seed, serve
from tests.servers import stop

ROUNDS = 500 if os.environ.get("KALITA_LONG") else 60
AMOUNT = 10_00
BILLS, PAY = "/partner/bill/v1/bills", "/checkout-api/invoice/pay/wallet"
MOSCOW = timezone(timedelta(hours=3))


def test_each_bill_ends_in_one_way(tmp_path: Path, engine: str) -> None:
    """Nobody's word contradicts another's, and at the end everybody has what the words say."""
    chance = random.Random(seed())
    owner, one, two = build(tmp_path, [0, ROUNDS * AMOUNT, ROUNDS * AMOUNT], engine)
    server, stack = serve(tmp_path), ExitStack()
    try:
        lines = [stack.enter_context(closing(Line(server.address, who))) for who in (owner, one, two, one, owner)]
        made = lines[0].ask("POST", "/widgets-api/api/p2p/protected/keys/create", json.dumps({"keysPairName": "races"}))
        shop = Citizen(owner.number, made.json["SecretKey"], 0)
        merchant, rival = (stack.enter_context(closing(Line(server.address, shop))) for _ in range(2))
        paid = {one.number: 0, two.number: 0}
        words: dict[str, int] = {}
        with ThreadPoolExecutor(4) as pool:
            for number in range(ROUNDS):
                bill = issued(merchant, number, one, chance.choice((0.02, 0.05, 60, 60)))
                link = json.dumps({"invoice_uid": bill["payUrl"][-36:], "currency": "643"})
                found = lines[3].ask("GET", "/checkout-api/api/bill/search").json["bills"]
                known = [shown["id"] for shown in found if shown["external_id"] == f"race-{number}"]
                calls = [
                    (lines[1], PAY, link), (lines[2], PAY, link), (merchant, f"{BILLS}/race-{number}/reject", None),
                    (lines[3], "/checkout-api/api/bill/reject", json.dumps({"id": known[0] if known else 1})),
                ]  # fmt: skip
                order = chance.sample(range(4), 4)
                jobs = {}
                for place in order:
                    jobs[place] = pool.submit(calls[place][0].ask, "POST", *calls[place][1:])
                    time.sleep(chance.choice((0, 0, 0.002, 0.02)))
                answers: list[Answer] = [jobs[place].result() for place in range(4)]
                assert {answer.status for answer in answers} <= {200, 400, 404, 409}, answers
                word = rival.ask("GET", f"{BILLS}/race-{number}").json["status"]["value"]
                winners = [place for place in (0, 1) if answers[place].status == 200]
                assert len(winners) == (word == "PAID"), (word, answers)
                for place in winners:
                    paid[(one, two)[place].number] += AMOUNT
                rejected = answers[2].status == 200 or answers[3].status == 200
                assert rejected is (word == "REJECTED"), (word, answers)
                words[word] = words.get(word, 0) + 1
        assert balance(server, owner) == sum(paid.values()) == words.get("PAID", 0) * AMOUNT
        for payer in (one, two):
            assert balance(server, payer) == payer.funds - paid[payer.number]
        assert len(words) >= 2, words
    finally:
        stack.close()
        stop(server)
    audit(tmp_path)


def issued(merchant: Line, number: int, payer: Citizen, seconds: float) -> Any:
    """Issue a bill that ends in so many seconds, or in more when this machine is too slow to issue it within them."""
    while True:
        sent = {
            "amount": {"value": "10.00", "currency": "RUB"}, "customer": {"phone": str(payer.number)},
            "expirationDateTime": (datetime.now(MOSCOW) + timedelta(seconds=seconds)).isoformat(),
        }  # fmt: skip
        answer = merchant.ask("PUT", f"{BILLS}/race-{number}", json.dumps(sent))
        if answer.status == 200:
            return answer.json
        assert (answer.status, seconds < 60) == (400, True), answer
        seconds *= 2
