"""Agents, who bring money in: `agent create`, `list`, `fund`, `statement`."""

import contextlib
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from kalita.admin.demo import FILE
from kalita.admin.options import data_option, id_of, json_option, read_amount, settings_of, show, table
from kalita.admin.running import Refused, run, with_app
from kalita.agents.register import CURRENCY, NAME, Agent
from kalita.app import App
from kalita.clock import MOSCOW, SECOND, at_zone
from kalita.money import face
from kalita.refusals import REPEATED, Refusal

_ZERO = re.compile(r"0+(\.0{1,2})?", re.ASCII)


def name_of(context: click.Context, option: click.Parameter, text: str) -> str:
    """Read the name of an agent (click)."""
    if not NAME.fullmatch(text):
        raise click.BadParameter("2 to 40 letters, digits, dots, dashes or underscores are needed", context, option)
    return text


def day_of(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Read an accounting day (click)."""
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        if (
            len(text) == 8
            and text.isascii()
            and text.isdigit()
            and 2000 <= datetime.strptime(text, "%Y%m%d").year < 2100
        ):
            return text
    raise click.BadParameter(f"{text[:40]!r} is no day: one like 20260131 is needed", context, option)


@click.group()
def agent() -> None:
    """Let agents top wallets up over the OSMP protocol, and see what they brought."""


@agent.command()
@click.argument("name", callback=name_of)
@click.option("--overdraft", default="0", show_default=True, metavar="RUB", help="How much it may owe you.")
@click.option("--certificate", default="", help="Subject of its client certificate, as the proxy tells it.")
@data_option
@json_option
def create(name: str, overdraft: str, certificate: str, data: Path | None, as_json: bool) -> None:
    """
    Make the agent NAME with an account of its own; print its address, login and password.

    The password is shown this once. Each top-up is taken from what `agent fund` brought and from the overdraft. A proxy
    that checks client certificates tells the subject in the header that the setting agent_certificate_header names.

    \b
    Example:  kalita agent create terminals --overdraft 50000 --json
    Exit:     0 made, 1 the name is taken, 2 wrong command line or setting
    """
    minor = 0 if _ZERO.fullmatch(overdraft) else read_amount(overdraft, CURRENCY)
    settings = settings_of(data=data)

    async def work(app: App) -> dict[str, Any]:
        made = await app.agents.create(name, minor, certificate)
        if made is None:
            raise Refused(f"there is an agent {name} already: `kalita agent list` shows it")
        url = f"{_address(app)}/osmp/{name}"
        return {"name": name, "url": url, "login": name, "password": made[1], "overdraft": face(minor, CURRENCY)}

    facts = run(lambda: with_app(settings, work))
    if as_json:
        show(facts)
        return
    click.echo(f"Made agent {name}. Its password is shown this once:")
    for word in ("url", "login", "password"):
        click.echo(f"  {word:8}  {facts[word]}")


@agent.command("list")
@data_option
@json_option
def list_(data: Path | None, as_json: bool) -> None:
    """
    List agents: what is left of their money (below zero: they owe it), their overdraft.

    \b
    Example:  kalita agent list
    Exit:     0 listed, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    settings = settings_of(data=data)

    async def work(app: App) -> list[dict[str, Any]]:
        return [await _facts(app, one) for one in await app.agents.all()]

    found = run(lambda: with_app(settings, work, writes=False))
    if as_json:
        show({"agents": found})
        return
    columns = ("name", "balance", "overdraft", "created_at")
    table([tuple(word.upper() for word in columns), *(tuple(str(one[word]) for word in columns) for one in found)])


@agent.command()
@click.argument("name", callback=name_of)
@click.argument("amount")
@click.option("--id", "client_id", callback=id_of, help="Your own id of it: it will never be booked twice.")
@data_option
@json_option
def fund(name: str, amount: str, client_id: str | None, data: Path | None, as_json: bool) -> None:
    """
    Book AMOUNT roubles that the agent NAME paid you.

    \b
    Example:  kalita agent fund terminals 50000 --id bank-2026-01-31-7
    Exit:     0 booked, 1 refused and nothing moved, 2 wrong command line or setting
    """
    minor = read_amount(amount, CURRENCY)
    settings = settings_of(data=data)

    async def work(app: App) -> dict[str, Any]:
        found = await known(app, name)
        done = await app.agents.fund(found, minor, client_id)
        if isinstance(done, Refusal):
            if done == REPEATED:
                raise Refused(f"the id {client_id} was used for something else before; nothing was moved")
            raise Refused(f"{done.en} (code {done.code}); nothing was moved")
        return {"transaction": done.txn_id, "repeated": done.repeated, **await _facts(app, found)}

    facts = run(lambda: with_app(settings, work))
    if as_json:
        show(facts)
    else:
        click.echo(f"Transaction {facts['transaction']}: agent {name} has {facts['balance']} RUB left.")


@agent.command()
@click.argument("name", callback=name_of)
@click.option("--day", callback=day_of, metavar="YYYYMMDD", help="Accounting day, Moscow [default: today].")
@data_option
@json_option
def statement(name: str, day: str | None, data: Path | None, as_json: bool) -> None:
    """
    Show what the agent NAME paid in on a day, and what is left of its money. The day is that of its own txn_date.

    \b
    Example:  kalita agent statement terminals --day 20260131
    Exit:     0 shown, 1 there is no such agent, 2 wrong command line or setting
    """
    settings = settings_of(data=data)

    async def work(app: App) -> dict[str, Any]:
        found = await known(app, name)
        wanted = day or today(app)
        found_in = await app.agents.paid_in(found, wanted)
        rows = [
            {
                "txn_id": one.txn_id,
                "txn_date": one.txn_date,
                "account": one.account,
                "sum": face(one.amount, CURRENCY),
                "transaction": one.ours,
            }
            for one in found_in
        ]
        total = sum(one.amount for one in found_in)
        return {**await _facts(app, found), "day": wanted, "payments": rows, "total": face(total, CURRENCY)}

    facts = run(lambda: with_app(settings, work, writes=False))
    if as_json:
        show(facts)
        return
    columns = ("txn_id", "txn_date", "account", "sum", "transaction")
    rows = [tuple(str(one[word]) for word in columns) for one in facts["payments"]]
    table([tuple(word.upper() for word in columns), *rows])
    click.echo(f"{len(rows)} payments, {facts['total']} RUB; {facts['balance']} RUB left")


def today(app: App) -> str:
    """Return the accounting day of now."""
    return datetime.fromtimestamp(app.clock.now() // SECOND, MOSCOW).strftime("%Y%m%d")


async def known(app: App, name: str) -> Agent:
    """Return an agent by its name, or end the command."""
    found = await app.agents.named(name)
    if found is None:
        raise Refused(f"there is no agent {name}: `kalita agent create {name}` makes it")
    return found


async def _facts(app: App, found: Agent) -> dict[str, Any]:
    return {
        "name": found.name,
        "balance": face(await app.agents.balance(found), CURRENCY),
        "overdraft": face(found.overdraft, CURRENCY),
        "created_at": at_zone(found.created_at),
    }


def _address(app: App) -> str:
    """Return where agents reach the server: the public address, or that of a demonstration."""
    if not app.settings.public_url:
        with contextlib.suppress(OSError, msgspec.DecodeError, KeyError):
            return str(msgspec.json.decode((app.settings.data / FILE).read_bytes())["url"])
    return app.public_url
