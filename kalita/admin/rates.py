"""Rates of exchange: `rates load`, `rates fetch`, `rates show`."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from kalita.admin.options import data_option, json_option, settings_of, show, table
from kalita.admin.running import Refused, run, with_app
from kalita.app import App
from kalita.exchange.feed import fetch as fetch_
from kalita.exchange.rates import BadRates, Middle, read_rates
from kalita.money import CURRENCIES


@click.group()
def rates() -> None:
    """See and change what currencies cost."""


@rates.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
@json_option
def load(file: Path, data: Path | None, as_json: bool) -> None:
    """
    Take over the rates of a FILE; they hold from now on, and change no payment of before.

    FILE is the central bank's XML (ValCurs), or CSV: the date on the first line, then `currency,nominal,roubles`. The
    setting rates_spread is put on top, both ways.

    \b
    Example:  kalita rates load rates.csv
    Exit:     0 taken over, 1 the installation cannot be opened, 2 wrong command line, setting or FILE
    """
    try:
        middle = read_rates(file.read_bytes())
    except (OSError, BadRates) as problem:
        raise click.BadParameter(f"{file}: {problem}", param_hint="FILE") from None
    _put(middle, str(file), data, as_json)


@rates.command()
@click.option("--url", help="Address of the XML [default: the setting rates_url].")
@data_option
@json_option
def fetch(url: str | None, data: Path | None, as_json: bool) -> None:
    """
    Fetch the rates from a bank's address and take them over. A server with rates_url set does so every hour.

    \b
    Example:  kalita rates fetch --url https://bank.example.org/daily.xml
    Exit:     0 taken over, 1 they cannot be had (the line says why), 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    address = url or settings.rates_url
    if not address:
        raise click.UsageError("no address: give --url, or set rates_url")

    async def work(app: App) -> Middle:
        try:
            return await fetch_(address, app.outbound)
        except BadRates as problem:
            raise Refused(f"{address}: {problem}; the rates stay as they are") from None

    _put(run(lambda: with_app(settings, work, writes=False)), address, data, as_json)


@rates.command("show")
@data_option
@json_option
def show_(data: Path | None, as_json: bool) -> None:
    """
    Show the rates that hold now: units of the first currency given for one of the second, the spread in it.

    \b
    Example:  kalita rates show --json
    Exit:     0 shown, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    _tell(run(lambda: with_app(settings, _facts, writes=False)), as_json)


def _put(middle: Middle, origin: str, data: Path | None, as_json: bool) -> None:
    settings = settings_of(data=data)

    async def work(app: App) -> dict[str, Any]:
        await app.exchange.put(middle, origin)
        return await _facts(app)

    _tell(run(lambda: with_app(settings, work, writes=False)), as_json)


async def _facts(app: App) -> dict[str, Any]:
    found = app.exchange.rates
    rows = [
        {"from": CURRENCIES[one].letters, "to": CURRENCIES[other].letters, "rate": _plain(rate)}
        for one, other, rate in found.all()
    ]
    return {"day": found.day or None, "stale": app.exchange.stale, "rates": rows}


def _plain(rate: Decimal) -> str:
    return f"{rate.normalize():f}"


def _tell(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show(facts)
        return
    if not facts["rates"]:
        click.echo("There are no rates yet: `kalita rates load FILE` takes some over.")
        return
    click.echo(f"Rates of {facts['day']}{', too old to convert by' if facts['stale'] else ''}.")
    table([("FROM", "TO", "RATE"), *((row["from"], row["to"], row["rate"]) for row in facts["rates"])])
