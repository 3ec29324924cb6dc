"""Providers: `provider list`, `show`, `set`, `import`."""

import csv
import re
from pathlib import Path
from typing import Any

import click

from kalita.admin.options import data_option, json_option, settings_of, show, table
from kalita.admin.running import Refused, run, with_app
from kalita.app import App
from kalita.connectors.osmp import unfit
from kalita.connectors.registry import OSMP
from kalita.outbound.targets import BadTarget
from kalita.outbound.targets import read as read_target
from kalita.providers.detect import CARD, PHONE
from kalita.providers.provider import COLUMNS, KINDS, STATUSES, BadRow, Row
from kalita.settings import PROVIDER_PASSWORD

MOST_ROWS, MOST_PREFIXES = 10_000, 100_000
_ID = click.IntRange(1, 10**9 - 1)


@click.group()
def provider() -> None:
    """See and change whom one can pay, and how they are reached."""


@provider.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only these.")
@data_option
@json_option
def list_(kind: str | None, data: Path | None, as_json: bool) -> None:
    """
    List the catalogue: what comes with the program under what was changed here.

    \b
    Example:  kalita provider list --kind bank
    Exit:     0 listed, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    rows = run(lambda: with_app(settings, lambda app: app.providers.rows(), writes=False))
    found = [facts(row) for _, row in sorted(rows.items()) if kind in (None, row.get("kind"))]
    if as_json:
        show({"providers": found})
        return
    columns = ("id", "name_en", "kind", "currencies", "status", "connector")
    table(
        [tuple(name.upper() for name in columns), *(tuple(str(one[name] or "") for name in columns) for one in found)]
    )


@provider.command("show")
@click.argument("number", type=_ID, metavar="ID")
@data_option
@json_option
def show_(number: int, data: Path | None, as_json: bool) -> None:
    """
    Show every column of one provider; a password as stars.

    \b
    Example:  kalita provider show 1963 --json
    Exit:     0 shown, 1 there is no such provider, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    row = run(lambda: with_app(settings, lambda app: _row(app, number), writes=False))
    if as_json:
        show(facts(row))
        return
    table([(name, str(value or "")) for name, value in facts(row).items()])


@provider.command("set")
@click.argument("number", type=_ID, metavar="ID")
@click.option("--name-ru", help="Name in Russian.")
@click.option("--name-en", help="Name in English.")
@click.option("--kind", type=click.Choice(KINDS), help="What it is.")
@click.option("--countries", help="Where it is, like `RU BY`; `*` anywhere.")
@click.option("--currencies", help="Currencies of a sum by their ISO numbers, like `643 398`.")
@click.option(
    "--form", help="The fields of a payment: the name of a form that comes with Kalita, or a JSON list of rules."
)
@click.option("--min-sum", help="Least sum; empty: none.")
@click.option("--max-sum", help="Largest sum; empty: none.")
@click.option("--percent", help="Commission in per cent of the sum.")
@click.option("--fixed", help="Commission added to the percentage.")
@click.option("--least", help="Least percentage; empty: none.")
@click.option("--most", help="Largest percentage; empty: none.")
@click.option("--price", help="The only sum that may be paid; empty: any.")
@click.option("--level", type=click.Choice(("simple", "verified", "full")), help="Least identification of a payer.")
@click.option("--status", type=click.Choice(STATUSES), help="Only `active` can be paid; `history` never was.")
@click.option("--keys", help="More words that find it.")
@click.option("--connector", help="Who carries its payments: simulator, osmp, or an installed plug-in; empty: nobody.")
@click.option("--url", help="Address for the connector.")
@click.option("--login", help="Login for the connector.")
@click.option(
    "--password",
    envvar=PROVIDER_PASSWORD,
    help="Password for the connector; kept encrypted. KALITA_PROVIDER_PASSWORD keeps it off ps.",
)
@click.option("--ca", help="File of the authority that signed the provider's certificate; empty: the system's own.")
@data_option
@json_option
def set_(number: int, data: Path | None, as_json: bool, **changes: str | None) -> None:
    """
    Change a provider, or add one: an ID that is not there yet needs names, a kind and currencies.

    A running server takes the change up within two seconds. Ids from 9000000 up are free for your own providers.

    \b
    Example:  kalita provider set 674 --connector osmp --url https://pay.example.org/osmp --login kalita
              kalita provider set 1963 --percent 2.5 --fixed 50 --status active
    Exit:     0 changed, 1 refused and nothing changed, 2 wrong command line or setting
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        raise click.UsageError("nothing to change: name at least one option")
    settings = settings_of(data=data)
    row = run(lambda: with_app(settings, lambda app: _change(app, {number: given}, number), writes=False))
    if as_json:
        show(facts(row))
    else:
        click.echo(f"Provider {number}, {row['name_en']}: {', '.join(sorted(given))} changed.")


@provider.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
@json_option
def import_(file: Path, data: Path | None, as_json: bool) -> None:
    """
    Change or add every provider of a CSV FILE, all or none.

    The first line names the columns: `id`, and those of `kalita provider show` that change; the others stay as they
    are. UTF-8, commas, an empty cell for nothing.

    \b
    Example:  kalita provider import tariffs.csv
    Exit:     0 changed, 1 refused and nothing changed, 2 wrong command line, setting or FILE
    """
    changes = _read(file)
    settings = settings_of(data=data)
    run(lambda: with_app(settings, lambda app: _change(app, changes, None), writes=False))
    if as_json:
        show({"changed": sorted(changes)})
    else:
        click.echo(f"Changed {len(changes)} providers.")


@provider.command("prefixes")
@click.argument("kind", type=click.Choice((PHONE, CARD)))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
def prefixes(kind: str, file: Path, data: Path | None) -> None:
    """
    Take over a table of numbers from a CSV FILE with the columns `prefix` and `value`; the one before is forgotten.

    phone: beginnings of numbers with their country code, and the provider's id; they come before the table that Kalita
    ships. card: first digits of card numbers, and the country of the bank, like RU or BY; without a table every bank
    is Russian. The longest prefix counts.

    \b
    Example:  kalita provider prefixes phone numbering-plan.csv
    Exit:     0 taken over, 1 the installation cannot be opened, 2 wrong command line, setting or FILE
    """
    table_of = _prefixes(kind, file)
    settings = settings_of(data=data)
    run(lambda: with_app(settings, lambda app: app.detector.put(kind, table_of), writes=False))
    click.echo(f"Took over {len(table_of)} prefixes.")


def facts(row: Row) -> dict[str, Any]:
    """Return a row as it may be shown: every column, null where it is empty, a password as stars."""
    shown: dict[str, Any] = {name: row.get(name) or None for name in COLUMNS}
    return shown | {"id": int(row["id"]), "password": "********" if row.get("password") else None}


async def _row(app: App, number: int) -> Row:
    row = (await app.providers.rows()).get(number)
    if row is None:
        raise Refused(f"there is no provider {number}: `kalita provider list` lists them")
    return row


async def _change(app: App, changes: dict[int, dict[str, str]], number: int | None) -> Row:
    for columns in changes.values():
        name = columns.get("connector")
        if name and not app.connectors.knows(name):
            known = ", ".join(app.connectors.names())
            raise Refused(f"there is no connector {name}: {known} are installed; nothing was changed")
    await _check_addresses(app, changes)
    try:
        await app.providers.change(changes)
    except BadRow as problem:
        raise Refused(f"{problem}; nothing was changed") from None
    return await _row(app, number) if number is not None else {}


async def _check_addresses(app: App, changes: dict[int, dict[str, str]]) -> None:
    """Refuse addresses that would never be called; what an installed plug-in makes of its own is its affair."""
    rows = await app.providers.rows()
    for number, columns in changes.items():
        connector, url = (({**rows.get(number, {}), **columns}).get(name, "") for name in ("connector", "url"))
        if not {"connector", "url"} & columns.keys() or not app.connectors.is_own(connector):
            continue
        try:
            if columns.get("url"):
                read_target(url)
            reason = unfit(url) if connector == OSMP else ""
        except BadTarget as problem:
            reason = str(problem)
        if reason:
            raise click.BadParameter(f"provider {number}: {reason}; nothing was changed", param_hint="url")


def _prefixes(kind: str, file: Path) -> dict[str, str]:
    value_form = r"[1-9]\d{0,8}" if kind == PHONE else r"[A-Z]{2}"
    found: dict[str, str] = {}
    for index, row in enumerate(_rows(file, MOST_PREFIXES), start=2):
        prefix, value = row.get("prefix") or "", row.get("value") or ""
        if not re.fullmatch(r"\d{1,19}", prefix, re.ASCII) or not re.fullmatch(value_form, value, re.ASCII):
            raise click.BadParameter(f"{file}, line {index}: digits and their owner are needed", param_hint="FILE")
        found[prefix] = value
    return found


def _rows(file: Path, most: int) -> list[dict[str, str]]:
    try:
        lines = list(csv.DictReader(file.read_text("utf-8-sig").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise click.BadParameter(f"{file}: {problem}", param_hint="FILE") from None
    if not 0 < len(lines) <= most:
        raise click.BadParameter(f"{file}: 1 to {most} lines under the first are needed", param_hint="FILE")
    return lines


def _read(file: Path) -> dict[int, dict[str, str]]:
    changes: dict[int, dict[str, str]] = {}
    for index, row in enumerate(_rows(file, MOST_ROWS), start=2):
        number = row.pop("id", None) or ""
        if (
            not (number.isascii() and number.isdigit() and len(number) <= 9 and int(number))
            or None in row
            or None in row.values()
        ):
            raise click.BadParameter(
                f"{file}, line {index}: an id and as many cells as columns are needed", param_hint="FILE"
            )
        if int(number) in changes:
            raise click.BadParameter(f"{file}, line {index}: provider {number} stands twice", param_hint="FILE")
        changes[int(number)] = row
    return changes
