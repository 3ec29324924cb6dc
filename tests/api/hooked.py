"""
Delivery under the tests' control: an installation whose clock is moved by hand, and the deliverer run for a while.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from kalita.hooks.sign import verifies
from tests.api.house import House, payment
from tests.receivers import Got, Receiver
from tests.servers import Wallet, database_of

HOOKS = "/payment-notifier/v1/hooks"
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


def deliver(house: House, seconds: float = 0.5) -> None:
    """Let the deliverer work for some real seconds: what is due by the house's clock goes out."""

    async def work() -> None:
        task = asyncio.create_task(house.app.deliverer().run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    house.run(work())


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
