"""Hooks for operators: `hook list`, `hook log`, `hook redeliver`."""

from pathlib import Path
from typing import Any

import click

from kalita import ids
from kalita.admin.options import WALLET, data_option, json_option, settings_of, show, table
from kalita.admin.running import Refused, run, with_app
from kalita.admin.sent import MOST_LINES, again_options, rows_option, show_again, show_attempts, span_of
from kalita.app import App
from kalita.clock import at_zone
from kalita.hooks.api import NAMES
from kalita.hooks.register import Hook
from kalita.hooks.sign import event_of, message_id
from kalita.outbound.sent import Attempt
from kalita.refusals import Refused as NoHook


@click.group()
def hook() -> None:
    """See where owners are told of their payments, what came of it, and send messages again."""


@hook.command("list")
@data_option
@json_option
def list_(data: Path | None, as_json: bool) -> None:
    """
    List the hooks of all wallets.

    \b
    Example:  kalita hook list
    Exit:     0 listed, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    settings = settings_of(data=data)

    async def work(app: App) -> list[Hook]:
        found: list[Hook] = []
        while page := await app.hooks.of_all(found[-1].wallet if found else 0, MOST_LINES):
            found += page
        return found

    found = run(lambda: with_app(settings, work, writes=False))
    if as_json:
        show([_facts(one) for one in found])
        return
    rows = [tuple(map(str, _facts(one).values())) for one in found]
    table([("WALLET", "HOOK", "ADDRESS", "TELLS OF", "SINCE"), *rows])


def _facts(one: Hook) -> dict[str, Any]:
    since = at_zone(one.created_at)
    return {"wallet": one.wallet, "id": one.id, "url": one.url, "payments": NAMES[one.kinds], "created_at": since}


@hook.command()
@click.argument("number", type=WALLET)
@rows_option
@data_option
@json_option
def log(number: int, rows: int, data: Path | None, as_json: bool) -> None:
    """
    Show the newest attempts to deliver messages of the wallet NUMBER, of the last 30 days.

    \b
    Example:  kalita hook log 79991112233 --rows 50
    Exit:     0 shown, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    settings = settings_of(data=data)

    async def work(app: App) -> list[Attempt]:
        return await app.hooks.attempts(number, ids.LARGEST, rows)

    found = run(lambda: with_app(settings, work, writes=False))
    show_attempts(found, "message", lambda one: message_id(one.receiver, one.caused_by, one.stream), as_json)


@hook.command()
@click.argument("number", type=WALLET)
@click.option("--message", help="One message, by its id.")
@again_options("payments")
@data_option
@json_option
def redeliver(
    number: int, message: str | None, failed: bool, start: str | None, end: str | None, data: Path | None, as_json: bool
) -> None:
    """
    Send messages to the hook of the wallet NUMBER again, under the same ids, with all their attempts.

    Name one with --message, or a period with --from and --till, or --failed, alone or for a period. A live server
    sends them at once.

    \b
    Example:  kalita hook redeliver 79991112233 --failed
              kalita hook redeliver 79991112233 --from 2026-01-14T15:00:00 --till 2026-01-14T16:00:00
    Exit:     0 they will be sent, 1 there is no such hook or message, 2 wrong command line or setting
    """
    low, high = map(ids.first_of_second, span_of(message, "--message", failed, start, end))
    settings = settings_of(data=data)

    async def work(app: App) -> int:
        try:
            active = await app.hooks.active(number)
        except NoHook:
            raise Refused(f"wallet {number} has no hook") from None
        if message is None:
            return await app.hooks.again(number, active.id, (low, high), failed)
        if event_of(active.id, message) is None or not await app.hooks.again_one(number, active.id, message):
            raise Refused(f"the hook of wallet {number} has no message {message} that was sent")
        return 1

    show_again(number, "messages", run(lambda: with_app(settings, work, writes=False)), as_json)
