"""
Delivery under the tests' control: an installation whose clock is moved by hand, and the deliverer run for a while.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kalita.hooks.sign import verifies
from kalita.outbound.deliver import Deliverer
from tests.api.house import House, payment
from tests.receivers import Got, Receiver
from tests.servers import Wallet, database_of

HOOKS = "/payment-notifier/v1/hooks"
PATIENCE_S = 30
_ids = itertools.count(5_000)


@pytest.fixture
def told(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation that may call loopback."""
    folder = tmp_path_factory.mktemp("told")
    opened = House(folder, settings={"outbound_networks": "127.0.0.0/8"}, database=database_of(folder, engine))
    yield opened
    opened.close()


def register(house: House, wallet: Wallet, url: str, kinds: int = 2) -> str:
    """Register a hook; return its id."""
    answer = house.call("PUT", f"{HOOKS}?hookType=1&param={url}&txnType={kinds}", wallet)
    assert answer.status == 200, answer.body
    return answer.json["hookId"]


def key_of(house: House, wallet: Wallet, hook: str) -> str:
    """Return a hook's key."""
    return house.get(f"{HOOKS}/{hook}/key", wallet).json["key"]


def deliver(house: House, seconds: float = 0.5, to_the_end: bool = True) -> None:
    """
    Let the deliverer work for some real seconds: what is due by the house's clock goes out.

    to_the_end  and then for as long as anything is due, however slow this machine is
    """

    async def work() -> None:
        deliverer = house.app.deliverer()
        task = asyncio.create_task(deliverer.run())
        await asyncio.sleep(seconds)
        if to_the_end:
            async with asyncio.timeout(PATIENCE_S):
                while await _busy(house, deliverer):
                    await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    house.run(work())


async def _busy(house: House, deliverer: Deliverer) -> bool:
    """Tell whether something is being sent, is not written down, or is due."""
    notes = deliverer._notes
    if deliverer._running or notes._attempts or notes._over or notes._told or notes._back:
        return True
    return await house.app.engine.one("receivers_any_due", house.app.clock.now(), time.time_ns() // 1000) is not None


def pay(house: House, payer: Wallet, payee: Wallet, amount: Any = 1, **more: Any) -> str:
    """Pay; return the transaction's id."""
    answer = house.pay(payer, payment(payee.number, amount, **more))
    assert answer.status == 200, answer.body
    return answer.json["transaction"]["id"]


def signed(got: Got, key: str) -> bool:
    """Tell whether both signatures of a message are a key's, the documented one made from what JSON says."""
    told = got.json
    values = [told["payment"]["sum"]["currency"], told["payment"]["sum"]["amount"]]
    values += [told["payment"][name] for name in ("type", "account", "txnId")]
    content = "|".join(map(str, values)).encode()
    documented = hmac.new(base64.b64decode(key), content, hashlib.sha256).hexdigest() == told["hash"]
    return documented and standard(got, key)


def standard(got: Got, key: str) -> bool:
    """Tell whether the Standard Webhooks signature is a key's, among others perhaps."""
    heads = got.headers
    return verifies(key, heads["webhook-id"], heads["webhook-timestamp"], got.body, heads["webhook-signature"])


def payments(there: Receiver) -> list[dict[str, Any]]:
    """Return the payments a receiver was told of, in the order of arrival."""
    return [one.json["payment"] for one in there.got]


def ids(there: Receiver) -> list[str]:
    """Return the ids of the messages that arrived."""
    return [one.json["messageId"] for one in there.got]
