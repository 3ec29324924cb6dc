"""
The demonstration: two funded wallets, and a file that tells how to reach them. Source: design.md "What runs".
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from kalita.admin.running import Refused
from kalita.app import App
from kalita.clock import DEMO
from kalita.money import EUR, RUB, USD
from kalita.people.persons import Person
from kalita.people.wallets import Level
from kalita.storage.engine import Step
from kalita.wire.endpoint import ALL_PERMISSIONS

FILE = "demo.json"
MARK = (DEMO, "yes")
"""What tells the books of a demonstration from those of an installation with real money."""

WALLETS = (
    (79991112233, {RUB: 500_000_00, USD: 1_000_00, EUR: 1_000_00}),
    (79994445566, {RUB: 100_000_00}),
)


OWNERS = {
    79991112233: Person("1990-02-11", "Анна", "Ивановна", "Петрова", "4400111222", "", "", ""),
    79994445566: Person("1985-07-30", "Иван", "Сергеевич", "Смирнов", "4400333444", "", "", ""),
}
"""People who do not exist."""


async def prepare(app: App, address: str) -> Callable[[], None]:
    """Make what is missing of the demonstration; return what writes `DIR/demo.json` once the server listens."""
    await _claim(app)
    path = app.settings.data / FILE
    before = _written(path)
    wallets = [await _wallet(app, number, funds, before.get(str(number), {})) for number, funds in WALLETS]
    text = msgspec.json.format(msgspec.json.encode({"url": address, "wallets": wallets}), indent=2)
    return lambda: _announce(path, text + b"\n", address)


async def _claim(app: App) -> None:
    """Mark new books as a demonstration's; refuse to bring play money into others."""
    if await app.engine.one("meta_get", MARK[0]) is None:
        if await app.wallets.after(0, 1):
            raise Refused(f"{app.settings.data} holds wallets of no demonstration: choose another --data")
        await app.engine.change(Step("meta_put", MARK))


def _announce(path: Path, text: bytes, address: str) -> None:
    _write(path, text)
    click.echo(f"The demonstration listens on {address}; its wallets and tokens are in {path}. Ctrl-C ends it.")


def _write(path: Path, text: bytes) -> None:
    """Write a file that only its owner may read, at once and whole."""
    partial = path.with_suffix(".part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
    partial.replace(path)


async def _wallet(app: App, number: int, funds: dict[int, int], before: dict[str, str | None]) -> dict[str, str | None]:
    await app.wallets.create(number, Level.FULL, tuple(funds))
    await app.identification.identify(number, OWNERS[number])
    for currency, amount in funds.items():
        await app.wallets.top_up(number, amount, currency, f"demo-{number}-{currency}", "Demo")
    token, public, secret = before.get("token"), before.get("p2p_public"), before.get("p2p_secret")
    if token is None or await app.tokens.bearer(token) is None:
        token = await app.tokens.issue(number, ALL_PERMISSIONS)
    if public is None or secret is None or await app.pairs.holder(secret) is None:
        made = await app.key_pairs.create(number, "Demo")
        public, secret = made.public, made.secret
    return {"wallet": str(number), "token": token, "p2p_public": public, "p2p_secret": secret, "password": None}


def _written(path: Path) -> dict[str, dict[str, str | None]]:
    """Return what an earlier run wrote down, by wallet: a reopened demonstration keeps tokens and keys."""
    with contextlib.suppress(OSError, msgspec.DecodeError, KeyError, TypeError):
        written: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        return {one["wallet"]: one for one in written["wallets"]}
    return {}
