"""Pairs of keys for operators: `keys list|revoke|spend|notify`, and what they are told: `keys log|redeliver`."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from kalita import ids
from kalita.access.acts import Who
from kalita.admin.options import WALLET, data_option, json_option, settings_of, show, table
from kalita.admin.running import Refused, run, with_app
from kalita.admin.sent import again_options, rows_option, show_again, show_attempts, span_of
from kalita.admin.wallets import no_such_wallet
from kalita.app import App
from kalita.bills.keys import ALL_STATES, PAID, Address, Pair
from kalita.clock import at_zone
from kalita.outbound.sent import Attempt

SHOWN = 12
TOLD = {"paid": PAID, "all": ALL_STATES}
STATES = {PAID: ["PAID"], ALL_STATES: ["PAID", "REJECTED", "EXPIRED"]}


@click.group()
def keys() -> None:
    """See the pairs of keys that wallets ask for money with, say what they may do, revoke them; notify again."""


@keys.command("list")
@click.argument("number", type=WALLET)
@data_option
@json_option
def list_(number: int, data: Path | None, as_json: bool) -> None:
    """
    List the live pairs of the wallet NUMBER. Secrets are never shown again; --json gives the whole public keys.

    \b
    Example:  kalita keys list 79991112233
    Exit:     0 listed, 1 there is no such wallet, 2 wrong command line or setting
    """

    async def work(app: App) -> list[dict[str, Any]]:
        if await app.wallets.get(number) is None:
            raise no_such_wallet(number)
        address = await app.key_pairs.address(number)
        return [_facts(one, address) for one in await app.key_pairs.live(number)]

    found = _do(data, work)
    if as_json:
        show(found)
        return
    heads = ("PAIR", "NAME", "PUBLIC KEY", "SINCE", "MAY SPEND", "TELLS OF", "ADDRESS")
    table([heads, *map(_line, found)])


def _facts(one: Pair, address: Address | None) -> dict[str, Any]:
    mine = address if address is not None and address.pair == one.id else None
    return {
        "id": one.id,
        "name": one.name,
        "public_key": one.public,
        "created_at": at_zone(one.created_at),
        "may_spend": bool(one.may_spend),
        "notifications": None if mine is None else {"url": mine.url, "states": STATES.get(mine.kinds, [])},
    }


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    told = one["notifications"] or {"url": "", "states": []}
    name = "".join(letter if letter.isprintable() else "?" for letter in one["name"])
    words = ", ".join(told["states"]).lower()
    spends = "yes" if one["may_spend"] else "no"
    return one["id"], name, f"{one['public_key'][:SHOWN]}…", one["created_at"], spends, words, told["url"]


@keys.command()
@click.argument("number", type=WALLET)
@click.argument("pair")
@data_option
@json_option
def revoke(number: int, pair: str, data: Path | None, as_json: bool) -> None:
    """
    Revoke the pair PAIR of the wallet NUMBER: its secret opens nothing from the next request on.

    Its bills stay payable; notifications for them stop.

    \b
    Example:  kalita keys revoke 79991112233 1f0c2a52-8c0e-4f5e-9d0b-6f6f6a3f1b11
    Exit:     0 revoked, 1 there is no such live pair, 2 wrong command line or setting
    """
    _change(data, number, pair, lambda app: app.key_pairs.revoke(number, pair, Who.OPERATOR))
    _tell(as_json, number, pair, {"revoked": True}, f"Revoked the pair {pair} of wallet {number}.")


@keys.command()
@click.argument("number", type=WALLET)
@click.argument("pair")
@click.option("--lift", is_flag=True, help="It may no longer.")
@data_option
@json_option
def spend(number: int, pair: str, lift: bool, data: Path | None, as_json: bool) -> None:
    """
    Let the secret of PAIR spend money of the wallet NUMBER, which a new pair may not: on bills, other
    wallets and cards.

    A secret lies on a shop's server: without this it can only ask for money.

    \b
    Example:  kalita keys spend 79991112233 1f0c2a52-8c0e-4f5e-9d0b-6f6f6a3f1b11
              kalita keys spend 79991112233 1f0c2a52-8c0e-4f5e-9d0b-6f6f6a3f1b11 --lift
    Exit:     0 done, 1 there is no such live pair, 2 wrong command line or setting
    """
    _change(data, number, pair, lambda app: app.key_pairs.spend(number, pair, not lift, Who.OPERATOR))
    may = "may no longer" if lift else "may"
    _tell(as_json, number, pair, {"may_spend": not lift}, f"The pair {pair} of wallet {number} {may} spend.")


@keys.command()
@click.argument("number", type=WALLET)
@click.argument("pair")
@click.argument("states", type=click.Choice(tuple(TOLD)))
@data_option
@json_option
def notify(number: int, pair: str, states: str, data: Path | None, as_json: bool) -> None:
    """
    Notify the address of PAIR of paid bills only, or of all: those that were rejected or expired too.

    The address itself is given when a pair is made, and moves to the newest pair that has one.

    \b
    Example:  kalita keys notify 79991112233 1f0c2a52-8c0e-4f5e-9d0b-6f6f6a3f1b11 all
    Exit:     0 done, 1 there is no such pair with an address, 2 wrong command line or setting
    """
    kinds = TOLD[states]
    _change(data, number, pair, lambda app: app.key_pairs.tell(number, pair, kinds), "with an address ")
    told = f"The pair {pair} of wallet {number} tells of: {', '.join(STATES[kinds]).lower()}."
    _tell(as_json, number, pair, {"states": STATES[kinds]}, told)


@keys.command()
@click.argument("number", type=WALLET)
@rows_option
@data_option
@json_option
def log(number: int, rows: int, data: Path | None, as_json: bool) -> None:
    """
    Show the newest attempts to notify of bills of the wallet NUMBER, of the last 30 days.

    \b
    Example:  kalita keys log 79991112233 --rows 50
    Exit:     0 shown, 1 there is no such wallet, 2 wrong command line or setting
    """

    async def work(app: App) -> list[Attempt]:
        if await app.wallets.get(number) is None:
            raise no_such_wallet(number)
        return await app.notices.attempts(number, ids.LARGEST, rows)

    show_attempts(_do(data, work), "bill", lambda one: one.subject, as_json)


@keys.command()
@click.argument("number", type=WALLET)
@click.option("--bill", help="That of one bill, by the bill's id.")
@again_options("bills that ended")
@data_option
@json_option
def redeliver(
    number: int, bill: str | None, failed: bool, start: str | None, end: str | None, data: Path | None, as_json: bool
) -> None:
    """
    Send notifications of bills of the wallet NUMBER again, the same ones, with all their attempts.

    They go to the pair that has the address now; those of bills issued with another pair do not. Name one with --bill,
    or a period with --from and --till, or --failed, alone or for a period. A live server sends them at once.

    \b
    Example:  kalita keys redeliver 79991112233 --failed
              kalita keys redeliver 79991112233 --from 2026-01-14T15:00:00 --till 2026-01-14T16:00:00
    Exit:     0 they will be sent, 1 there is no such address or notification, 2 wrong command line or setting
    """
    span = span_of(bill, "--bill", failed, start, end)

    async def work(app: App) -> int:
        if await app.wallets.get(number) is None:
            raise no_such_wallet(number)
        address = await app.key_pairs.address(number)
        if address is None:
            raise Refused(f"wallet {number} has no address for notifications of bills")
        if bill is None:
            return await app.notices.again(number, address.pair, span, failed)
        if not await app.notices.again_one(number, address.pair, bill):
            raise Refused(
                f"no notification of a bill {bill[:200]!r} is over that went to {address.url}; "
                f"`kalita keys log {number}` shows those of the last 30 days"
            )
        return 1

    show_again(number, "notifications", _do(data, work), as_json)


def _do(data: Path | None, work: Callable[[App], Awaitable[Any]]) -> Any:
    settings = settings_of(data=data)
    return run(lambda: with_app(settings, work, writes=False))


def _change(
    data: Path | None, number: int, pair: str, change: Callable[[App], Awaitable[bool]], which: str = ""
) -> None:
    async def work(app: App) -> None:
        if await app.wallets.get(number) is None:
            raise no_such_wallet(number)
        if not await change(app):
            raise Refused(
                f"wallet {number} has no live pair {which}{pair[:40]}; `kalita keys list {number}` lists them"
            )

    _do(data, work)


def _tell(as_json: bool, number: int, pair: str, facts: dict[str, Any], line: str) -> None:
    if as_json:
        show({"wallet": number, "pair": pair} | facts)
    else:
        click.echo(line)
