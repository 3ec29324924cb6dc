"""Wallets: `wallet create`, `wallet show`, `wallet list`."""

from pathlib import Path
from typing import Any

import click

from kalita.admin.options import CURRENCY, WALLET, WALLET_LETTERS, data_option, json_option, settings_of, show, table
from kalita.admin.running import Refused, run, with_app
from kalita.app import App
from kalita.clock import at_zone
from kalita.money import CURRENCIES, RUB, face
from kalita.people.wallets import Level, Wallet

LEVELS = {level.name.lower(): level for level in Level if level}


@click.group()
def wallet() -> None:
    """Make wallets and look at them."""


@wallet.command()
@click.argument("number", type=WALLET)
@click.option("--level", type=click.Choice(tuple(LEVELS)), default="simple", show_default=True, help="Identification.")
@click.option(
    "--currency", "currencies", type=CURRENCY, multiple=True, metavar="|".join(WALLET_LETTERS),
    help="Open a balance in this currency too; repeat for more. A balance in RUB is always opened.",
)  # fmt: skip
@data_option
@json_option
def create(number: int, level: str, currencies: tuple[int, ...], data: Path | None, as_json: bool) -> None:
    """
    Make the wallet NUMBER: an international phone number, 10 to 15 digits.

    A wallet that a payment brought into being gets its owner this way and keeps its money.

    \b
    Example:  kalita wallet create 79991112233 --level full --currency USD
    Exit:     0 made, 1 it is there already, 2 wrong command line or setting
    """
    wanted = tuple(dict.fromkeys((RUB, *currencies)))
    settings = settings_of(data=data)

    async def work(app: App) -> dict[str, Any]:
        known = await app.wallets.get(number)
        free = known is None or known.registered_at is None
        if not free or not await app.wallets.create(number, LEVELS[level], wanted):
            raise Refused(f"wallet {number} is there already: `kalita wallet show {number}` shows it")
        return await facts(app, number)

    answer = run(lambda: with_app(settings, work))
    if as_json:
        show(answer)
        return
    click.echo(f"Made wallet {number}, level {level}, in {', '.join(_letters(answer))}.")
    click.echo(f"Next: kalita token issue {number} --all, kalita topup {number} 100.50")


@wallet.command("show")
@click.argument("number", type=WALLET)
@data_option
@json_option
def show_(number: int, data: Path | None, as_json: bool) -> None:
    """
    Show the wallet NUMBER: its level, what is available and on hold, its tokens.

    Of a token only the first 4 characters are known. Dates are in Moscow time.

    \b
    Example:  kalita wallet show 79991112233 --json
    Exit:     0 shown, 1 there is no such wallet, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    answer = run(lambda: with_app(settings, lambda app: facts(app, number), writes=False))
    if as_json:
        show(answer)
        return
    click.echo(f"wallet {number}, level {answer['level']}, {_standing(answer)}")
    table(
        [("CURRENCY", "AVAILABLE", "ON HOLD")]
        + [(one["currency"], one["available"], one["on_hold"]) for one in answer["balances"]]
    )
    for token in answer["tokens"]:
        ended = f"blocked {token['revoked_at']}" if token["revoked_at"] else f"expires {token['expires_at']}"
        rights = ", ".join(token["permissions"])
        click.echo(f"token {token['begins']}…, issued {token['issued_at']}, {ended}: {rights}")
    if not answer["tokens"]:
        click.echo(f"no token yet: `kalita token issue {number} --all` issues one")


@wallet.command("list")
@click.option("--after", type=WALLET, metavar="NUMBER", help="Begin after this wallet.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most.")
@data_option
@json_option
def list_(after: int | None, limit: int, data: Path | None, as_json: bool) -> None:
    """
    List wallets in the order of their numbers, a page at a time.

    With --json the answer's `next` is the number to give to --after for the next page, or null at the end.

    \b
    Example:  kalita wallet list --limit 20
    Exit:     0 listed, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    found = run(lambda: with_app(settings, lambda app: app.wallets.after(after or 0, limit + 1), writes=False))
    page, more = found[:limit], len(found) > limit
    following = page[-1].wallet if more else None
    rows = [_facts_of(one) for one in page]
    if as_json:
        show({"wallets": rows, "next": following})
        return
    table(
        [("WALLET", "LEVEL", "CREATED", "STANDING")]
        + [(str(row["wallet"]), row["level"], row["created_at"], _standing(row)) for row in rows]
    )
    if following:
        click.echo(f"there are more: --after {following}")


async def facts(app: App, number: int) -> dict[str, Any]:
    """Return what is known of a wallet; refuse the command when there is none."""
    found = await app.wallets.get(number)
    if found is None:
        raise no_such_wallet(number)
    balances = [
        {
            "currency": CURRENCIES[one.currency].letters,
            "available": face(one.available, one.currency),
            "on_hold": face(one.on_hold, one.currency),
        }
        for one in await app.wallets.balances(number)
    ]
    tokens = [
        {
            "begins": one.begins,
            "permissions": one.words,
            "issued_at": at_zone(one.issued_at),
            "expires_at": at_zone(one.expires_at),
            "revoked_at": at_zone(one.revoked_at) if one.revoked_at else None,
            "last_used_at": at_zone(one.last_used_at) if one.last_used_at else None,
            "last_used_from": one.last_used_from,
        }
        for one in await app.tokens.of_wallet(number)
    ]
    return _facts_of(found) | {"balances": balances, "tokens": tokens}


def _facts_of(found: Wallet) -> dict[str, Any]:
    return {
        "wallet": found.wallet,
        "level": Level(found.level).name.lower(),
        "created_at": at_zone(found.created_at),
        "owned": found.registered_at is not None,
        "blocked": bool(found.blocked),
        "restricted": bool(found.restricted),
        "closed": found.closed_at is not None,
        "nickname": found.nickname,
    }


def _standing(facts: dict[str, Any]) -> str:
    """Say in words what stands in the way of using a wallet."""
    words = [word for word in ("blocked", "restricted", "closed") if facts[word]]
    if not facts["owned"]:
        words.append("no owner yet")
    return ", ".join(words) or "in use"


def _letters(facts: dict[str, Any]) -> list[str]:
    return [one["currency"] for one in facts["balances"]]


def no_such_wallet(number: int) -> Refused:
    """Return the refusal of a command that needs a wallet which is not there."""
    return Refused(f"there is no wallet {number}: `kalita wallet create {number}` makes it")


async def usable(app: App, number: int) -> Wallet:
    """Return a wallet that is there and was not closed; refuse the command otherwise."""
    found = await app.wallets.get(number)
    if found is None:
        raise no_such_wallet(number)
    if found.closed_at is not None:
        raise Refused(f"wallet {number} was closed; nothing can be done with it")
    return found
