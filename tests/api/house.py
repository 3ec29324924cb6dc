"""
An installation in the test's own process: calls go straight into its server, its clock is moved by hand.

Opened on the folder of a running server it makes wallets and tokens there, as the command line does.
"""

import asyncio
import itertools
import json
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import structlog

from kalita.agents.audit import paid_in
from kalita.app import App
from kalita.bills.audit import bills
from kalita.clock import Clock
from kalita.ledger.audit import Report, audit
from kalita.ledger.audit_rows import Findings
from kalita.limits.audit import counters
from kalita.money import LETTERS
from kalita.payments.audit import payouts
from kalita.people.wallets import Level
from kalita.providers.catalogue import NICKNAME_TRANSFER, WALLET_TRANSFER
from kalita.settings import Settings
from kalita.storage.engine import Snapshot
from kalita.wire.endpoint import ALL_PERMISSIONS, Permission
from tests.books import Hand
from tests.servers import Wallet

JSON = "application/json"
Headers = dict[str, str]


@dataclass
class Answer:
    """One answer. Headers by lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a refusal of either family; empty for a success."""
        if self.status < 400:
            return ""
        told = self.json
        return told.get("errorCode") or told["code"]


async def _counters(snapshot: Snapshot, found: Findings) -> None:
    await counters(snapshot, found, (WALLET_TRANSFER, NICKNAME_TRANSFER))


@dataclass
class House:
    """An installation, and the loop it runs on."""

    data: Path
    create: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    hand: Hand = field(default_factory=Hand)
    database: str = ""

    def __post_init__(self) -> None:
        """Open it and lease a lane."""
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self._loop = asyncio.Runner()
        self._numbers = itertools.count(79_200_000_001)
        settings = Settings(
            **(
                {"requests_a_minute": 0, "bad_tokens_a_minute": 0}
                | self.settings
                | {"data": self.data, "database": self.database}
            )
        )
        self.app = self.run(App.open(settings, Clock(source=self.hand), create=self.create))
        self.run(self.app.start())
        self.server = self.app.server()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the house's loop."""
        return self._loop.run(work)

    def close(self) -> None:
        """End."""
        self.run(self.app.close())
        self._loop.close()

    def at(self, moment: str) -> None:
        """Move the clock to a moment written with its zone."""
        self.hand.now = int(datetime.fromisoformat(moment).timestamp()) * 10**9

    def later(self, seconds: float) -> None:
        """Move the clock on."""
        self.hand.now += int(seconds * 10**9)

    def number(self) -> int:
        """Return a wallet's number that was never used here."""
        return next(self._numbers)

    def wallet(
        self,
        permissions: Permission = ALL_PERMISSIONS,
        number: int | None = None,
        level: Level = Level.FULL,
        **funds: int,
    ) -> Wallet:
        """Make a wallet with money in minor units, by letters of the currency, and a token for it."""
        number = number or self.number()
        codes = tuple(LETTERS[letters] for letters in funds) or (643,)
        self.run(self.app.wallets.create(number, level, codes))
        for letters, amount in funds.items():
            if amount:
                self.run(self.app.wallets.top_up(number, amount, LETTERS[letters], None, "Cash"))
        return self.token(number, permissions)

    def token(self, number: int, permissions: Permission = ALL_PERMISSIONS) -> Wallet:
        """Issue a token for a wallet; the one before dies."""
        return Wallet(number, self.run(self.app.tokens.issue(number, permissions)))

    def secret(self, owner: Wallet) -> Wallet:
        """Make a pair for the holder of a token: who holds its secret key."""
        answer = self.call("POST", "/widgets-api/api/p2p/protected/keys/create", owner, {"keysPairName": "shop"})
        assert answer.status == 200, answer.body
        return Wallet(owner.number, answer.json["SecretKey"])

    def call(self, method: str, target: str, wallet: Wallet | None = None, body: Any = None, **headers: str) -> Answer:
        """Call the server. body: bytes as they are, anything else as JSON. headers: `_` stands for `-`."""
        return self.run(self._ask(method, target, wallet, body, headers))

    def proven(self) -> None:
        """Audit the books and all that hangs on them, which must be in order."""

        async def work() -> Report:
            async with self.app.engine.snapshot() as snapshot:
                return await audit(snapshot, self.app.keys, (), (_counters, payouts, bills, paid_in))

        report = self.run(work())
        assert report.findings == ()

    def get(self, target: str, wallet: Wallet | None = None, **headers: str) -> Answer:
        """Ask for something."""
        return self.call("GET", target, wallet, **headers)

    def pay(self, wallet: Wallet, body: Any, provider: str = "99", **headers: str) -> Answer:
        """Send a payment."""
        return self.call("POST", f"/sinap/api/v2/terms/{provider}/payments", wallet, body, **headers)

    def together(self, wallet: Wallet, target: str, bodies: Iterable[Any]) -> list[Answer]:
        """Send many bodies to one address at once."""

        async def all_of_them() -> list[Answer]:
            return await asyncio.gather(*(self._ask("POST", target, wallet, body, {}) for body in bodies))

        return self.run(all_of_them())

    async def _ask(self, method: str, target: str, wallet: Wallet | None, body: Any, more: Headers) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        heads = [(name.lower().replace("_", "-").encode(), text.encode("latin-1")) for name, text in more.items()]
        if wallet is not None:
            heads.append((b"authorization", f"Bearer {wallet.token}".encode()))
        if raw and not any(name == b"content-type" for name, _ in heads):
            heads.append((b"content-type", JSON.encode()))
        return await ask(self.server, method, target, heads, raw)


async def ask(server: Any, method: str, target: str, heads: list[tuple[bytes, bytes]], raw: bytes) -> Answer:
    """Call an ASGI application as uvicorn would."""
    path, _, query = target.partition("?")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(),
        "query_string": query.encode("latin-1"), "headers": heads, "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await server(scope, receive, send)
    start, finish = sent
    headers = {name.decode(): text.decode() for name, text in start["headers"]}
    return Answer(start["status"], headers, finish["body"])


_ids = itertools.count(1_700_000_000_000)


def payment(to: int | str = 79994445566, amount: Any = 1, **changes: Any) -> dict[str, Any]:
    """Return the body of a payment under an id of its own, with some members changed; None takes one out."""
    body = {
        "id": str(next(_ids)),
        "sum": {"amount": amount, "currency": "643"},
        "paymentMethod": {"type": "Account", "accountId": "643"},
        "fields": {"account": f"+{to}" if isinstance(to, int) else to},
    } | changes
    return {name: value for name, value in body.items() if value is not None}
