"""
Calls to a real server over real HTTP, for one wallet.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.servers import Demo, Wallet

PAY = "/sinap/api/v2/terms/99/payments"


@dataclass
class Live:
    """A connection and whose token it carries."""

    client: httpx.Client
    number: int

    def get(self, target: str, headers: dict[str, str] | None = None, **query: str) -> httpx.Response:
        """Ask for something; `{w}` stands for the wallet."""
        return self.client.get(target.format(w=self.number), params=query or None, headers=headers)

    def told(self, target: str, **query: str) -> Any:
        """Return the JSON of an answer that is a success."""
        answer = self.get(target, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, target: str, **query: str) -> tuple[int, str, list[str]]:
        """Return the status and code of a refusal, and which parameters its cause names."""
        answer = self.get(target, **query)
        body = answer.json()
        return answer.status_code, body["errorCode"], list(body.get("cause", {}))

    def pay(self, body: Any, path: str = PAY, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a payment. body: bytes as they are, anything else as JSON."""
        if isinstance(body, bytes):
            heads = {"Content-Type": "application/json"} | (headers or {})
            return self.client.post(path, content=body, headers=heads)
        return self.client.post(path, json=body, headers=headers)

    def balance(self) -> Any:
        """Return the amount of roubles."""
        return self.told("/funding-sources/v1/accounts/current")["accounts"][0]["balance"]["amount"]


@contextlib.contextmanager
def live(server: Demo, wallet: Wallet) -> Iterator[Live]:
    """Open a connection until the block ends."""
    with httpx.Client(base_url=server.url, headers=wallet.headers, timeout=20) as client:
        yield Live(client, wallet.number)
