"""The rest of `wallet`: level, restrict, block, acts, export, close, erase."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from kalita.admin.export import kept
from kalita.admin.options import WALLET, data_option, json_option, settings_of, show, table
from kalita.admin.running import Refused, run, with_app
from kalita.admin.wallets import LEVELS, facts, no_such_wallet, usable, wallet
from kalita.app import App
from kalita.clock import at_zone

__all__ = ["wallet"]


def _do(data: Path | None, work: Callable[[App], Awaitable[Any]], writes: bool = False) -> Any:
    settings = settings_of(data=data)
    return run(lambda: with_app(settings, work, writes=writes))


@wallet.command()
@click.argument("number", type=WALLET)
@click.argument("level", type=click.Choice(tuple(LEVELS)))
@data_option
@json_option
def level(number: int, level: str, data: Path | None, as_json: bool) -> None:
    """
    Set the identification level of the wallet NUMBER: whoever looked at the passport decides.

    Limits of the new level bind the very next payment. A balance above what a lower level may hold stays.

    \b
    Example:  kalita wallet level 79991112233 full
    Exit:     0 set, 1 there is no such wallet, 2 wrong command line or setting
    """

    async def work(app: App) -> None:
        await usable(app, number)
        await app.wallets.set_level(number, LEVELS[level])

    _do(data, work)
    _tell(as_json, {"wallet": number, "level": level}, f"Wallet {number} has the level {level}.")


@wallet.command()
@click.argument("number", type=WALLET)
@click.option("--lift", is_flag=True, help="End the restriction.")
@data_option
@json_option
def restrict(number: int, lift: bool, data: Path | None, as_json: bool) -> None:
    """
    Let nothing leave the wallet NUMBER; its owner sees the restriction, and what comes in arrives.

    \b
    Example:  kalita wallet restrict 79991112233
              kalita wallet restrict 79991112233 --lift
    Exit:     0 done, 1 there is no such wallet, 2 wrong command line or setting
    """
    _bar(data, number, as_json, restricted=not lift)


@wallet.command()
@click.argument("number", type=WALLET)
@click.option("--lift", is_flag=True, help="End the block.")
@data_option
@json_option
def block(number: int, lift: bool, data: Path | None, as_json: bool) -> None:
    """
    Block the wallet NUMBER: nothing leaves it, and its nickname cannot be paid.

    \b
    Example:  kalita wallet block 79991112233
              kalita wallet block 79991112233 --lift
    Exit:     0 done, 1 there is no such wallet, 2 wrong command line or setting
    """
    _bar(data, number, as_json, blocked=not lift)


def _bar(data: Path | None, number: int, as_json: bool, **wanted: bool) -> None:
    async def work(app: App) -> dict[str, bool]:
        known = await usable(app, number)
        now = {"restricted": bool(known.restricted), "blocked": bool(known.blocked)} | wanted
        ((word, set_),) = wanted.items()
        await app.restrictions.put(number, now["restricted"], now["blocked"], f"wallet.{'' if set_ else 'un'}{word}")
        return now

    now = _do(data, work, writes=True)
    words = [word for word, set_ in now.items() if set_] or ["in use"]
    _tell(as_json, {"wallet": number} | now, f"Wallet {number}: {', '.join(words)}.")


@wallet.command()
@click.argument("number", type=WALLET)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most.")
@data_option
@json_option
def acts(number: int, limit: int, data: Path | None, as_json: bool) -> None:
    """
    List what was done to the wallet NUMBER, newest first: when, by whom, what. No personal data is in it.

    \b
    Example:  kalita wallet acts 79991112233
    Exit:     0 listed, 1 there is no such wallet, 2 wrong command line or setting
    """

    async def work(app: App) -> list[dict[str, str]]:
        if await app.wallets.get(number) is None:
            raise no_such_wallet(number)
        return await _acts(app, number, limit)

    found = _do(data, work)
    if as_json:
        show({"wallet": number, "acts": found})
    else:
        table([("AT", "WHO", "WHAT", "ABOUT"), *(tuple(one.values()) for one in found)])


async def _acts(app: App, number: int, limit: int) -> list[dict[str, str]]:
    rows = await app.acts.of_wallet(number, limit=limit)
    return [{"at": at_zone(one.at), "who": one.who, "what": one.what, "about": one.about} for one in rows]


@wallet.command()
@click.argument("number", type=WALLET)
@data_option
def export(number: int, data: Path | None) -> None:
    """
    Write all that is kept of the wallet NUMBER and its owner, as one JSON document: for its owner's eyes only.

    Payments with what was given with them, tokens, hook, keys for bills, bills that were issued or wait to be paid, and
    what was done to it. What opens something is not in it: no token, no secret key.

    \b
    Example:  kalita wallet export 79991112233 > owner.json
    Exit:     0 written, 1 there is no such wallet, 2 wrong command line or setting
    """

    async def work(app: App) -> dict[str, Any]:
        return await facts(app, number) | await kept(app, number) | {"acts": await _acts(app, number, 10_000)}

    show(_do(data, work))


@wallet.command()
@click.argument("old", type=WALLET)
@click.argument("new", type=WALLET)
@data_option
@json_option
def move(old: int, new: int, data: Path | None, as_json: bool) -> None:
    """
    Let the owner of the wallet OLD have the number NEW: a new wallet takes over, the old one is closed.

    Money, level, person, nickname, language, mail address and default balance go over, and what was spent of the
    limits. The books keep what they say: the history of OLD stays there. The hooks of OLD end, and whoever calls with
    its token or keys is told that the wallet was closed; issue a token for NEW.

    \b
    Example:  kalita wallet move 79991112233 79997778899
    Exit:     0 moved, 1 refused: the line says why and nothing is lost, 2 wrong command line or setting
    """
    reason = _do(data, lambda app: app.moving.move(old, new), writes=True)
    if reason:
        raise Refused(f"wallet {old} was not moved: {reason}")
    _tell(
        as_json, {"wallet": old, "moved_to": new}, f"Moved wallet {old} to {new}; next: kalita token issue {new} --all"
    )


@wallet.command()
@click.argument("number", type=WALLET)
@data_option
@json_option
def close(number: int, data: Path | None, as_json: bool) -> None:
    """
    End the empty wallet NUMBER: nothing moves any more, its hooks end. It cannot be opened again.

    Whoever calls with its token or keys is told that it was closed: 404 person.not.found.

    \b
    Example:  kalita wallet close 79991112233
    Exit:     0 closed, 1 it is not empty, not there or closed before, 2 wrong command line or setting
    """
    reason = _do(data, lambda app: app.leaving.close(number), writes=True)
    if reason:
        raise Refused(f"wallet {number} was not closed: {reason}")
    _tell(as_json, {"wallet": number, "closed": True}, f"Closed wallet {number}.")


@wallet.command()
@click.argument("number", type=WALLET)
@data_option
@json_option
def erase(number: int, data: Path | None, as_json: bool) -> None:
    """
    Take away what is personal of the closed wallet NUMBER: its owner's data, nickname, mail address, last sign-in,
    from where its tokens were used or might be, its hooks and what they were sent, its keys for bills, and what its
    bills say of those who were to pay them.

    The books keep its payments under its number: the other side has a right to them, and no sum may go missing.

    \b
    Example:  kalita wallet erase 79991112233
    Exit:     0 erased, 1 it is not closed or not there, 2 wrong command line or setting
    """
    reason = _do(data, lambda app: app.leaving.erase(number))
    if reason:
        raise Refused(f"nothing of wallet {number} was erased: {reason}")
    _tell(as_json, {"wallet": number, "erased": True}, f"Erased what was personal of wallet {number}.")


def _tell(as_json: bool, content: dict[str, Any], text: str) -> None:
    if as_json:
        show(content)
    else:
        click.echo(text)
