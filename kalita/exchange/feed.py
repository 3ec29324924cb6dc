"""
Rates from a bank's address: fetched now and then, kept when they are new.
"""

import asyncio

from kalita.exchange.rates import LARGEST_FILE, BadRates, Middle, read_rates
from kalita.exchange.store import Exchange
from kalita.observe import log
from kalita.outbound.client import Answer, Outbound
from kalita.storage.engine import Unavailable

EVERY_S = 3600
WITHIN_S = 30.0


async def fetch(url: str, outbound: Outbound) -> Middle:
    """
    Fetch a set of rates.

    raises  BadRates that says why there is none
    """
    answer = await outbound.get(url, {"Accept": "*/*"}, WITHIN_S, LARGEST_FILE + 1)
    if not isinstance(answer, Answer):
        raise BadRates(f"{answer.reason}: {answer.detail}")
    if answer.status != 200 or not answer.whole:
        raise BadRates(f"it answered with status {answer.status}" if answer.whole else "its answer is cut or too long")
    return read_rates(answer.body)


async def take(url: str, outbound: Outbound, exchange: Exchange) -> bool:
    """Fetch a set of rates and keep it if it is another one than the newest; return whether it was kept."""
    middle = await fetch(url, outbound)
    await exchange.refresh()
    if exchange.middle == middle:
        return False
    await exchange.put(middle, url)
    return True


async def keep_up(url: str, outbound: Outbound, exchange: Exchange) -> None:
    """Fetch every hour until cancelled; a bank that cannot be reached is tried again, and old rates grow stale."""
    while True:
        try:
            if await take(url, outbound, exchange):
                log.info("rates_taken", day=exchange.rates.day)
        except (BadRates, Unavailable) as problem:
            log.warning("rates_not_fetched", reason=str(problem))
        await asyncio.sleep(EVERY_S)
