"""
The rows about payments to the outside: accepted on hold, carried to the simulator, posted; on PostgreSQL.
"""

import subprocess
import time

from bench import load, servers
from bench.measure import ROUNDS, Bench, Row, ratio
from bench.postgres import prepared
from tests import postgres

PROVIDERS = (120, 674, 1239, 23729, 31271, 32170)
HOT = PROVIDERS[:1]


def rows(bench: Bench) -> list[Row]:
    """Measure payments to the outside, from the call to the last commit, against transfers between wallets."""
    with prepared(bench) as (_, on):
        tokens = on.tokens()
        for number in PROVIDERS:
            change = ["provider", "set", str(number), "--connector", "simulator"]
            command = [servers.KALITA, *change, *servers.place(on.data, on.database)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        outside, hot = [], []
        with on.both() as (_, url, _pid):
            for turn in range(1, ROUNDS + 1):
                on.say(f"PostgreSQL, round {turn} of {ROUNDS}: payments to the outside, transfers, one provider")
                many = _rate(on, url, PROVIDERS)
                outside.append((many, load.run(url, "pay", tokens, on.seconds).rate))
                hot.append((_rate(on, url, HOT), _rate(on, url, PROVIDERS)))
    return [
        ratio("PostgreSQL: payments to the outside ÷ transfers", outside, 0.3, 0.6),
        ratio("PostgreSQL: one provider ÷ six providers", hot, 0.9, 1.0),
    ]


def _rate(on: Bench, url: str, providers: tuple[int, ...]) -> float:
    """Return how many payments a second ended: the time until the last one has is counted."""
    begun = time.perf_counter()
    run = load.run(url, "pay", on.tokens(), on.seconds, providers=providers)
    while postgres.ask(on.database, "SELECT 1 FROM payout WHERE state < 2 LIMIT 1"):
        time.sleep(0.02)
    return run.requests / (time.perf_counter() - begun)
