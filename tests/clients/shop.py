"""A shop for the tests of clients: a demonstration whose first wallet asks for money and is told at a receiver."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from tests.receivers import Receiver
from tests.servers import Demo

KEYS = "/widgets-api/api/p2p/protected/keys/create"


@dataclass(frozen=True)
class Shop:
    """The server, the pair of keys whose bills are told, and where."""

    server: Demo
    public: str
    secret: str
    there: Receiver

    @property
    def order(self) -> dict[str, str]:
        """What a journey has to know."""
        return {
            "url": self.server.url,
            "secret": self.secret,
            "public": self.public,
            "payer": str(self.server.wallets[1].number),
        }

    def pay(self, link: str) -> Any:
        """Let the second wallet pay a bill by its link; return the answer."""
        with self.server.client(1) as client:
            sent = {"invoice_uid": link.partition("invoice_uid=")[2][:36], "currency": "643"}
            answer = client.post("/checkout-api/invoice/pay/wallet", json=sent)
            assert answer.status_code == 200, answer.text
            return answer.json()


def open_shop(server: Demo, there: Receiver) -> Shop:
    """Make a pair of keys for the first wallet whose notifications go to a receiver."""
    with server.client() as client:
        answer = client.post(KEYS, json={"keysPairName": "shop", "serverNotificationsUrl": there.url("/bills")})
        assert answer.status_code == 200, answer.text
        told = answer.json()
    return Shop(server, told["PublicKey"], told["SecretKey"], there)


def secret_of(server: Demo, wallet: int = 0) -> str:
    """Return the secret key that a demonstration brings."""
    told: str = json.loads((server.data / "demo.json").read_text("utf-8"))["wallets"][wallet]["p2p_secret"]
    return told


def client_of(shop: Shop) -> httpx.Client:
    """Return a client that carries the shop's secret key."""
    return httpx.Client(base_url=shop.server.url, headers={"Authorization": f"Bearer {shop.secret}"}, timeout=10)
