"""The table of limits: `limits show`, `limits set`, `limits import`."""

from collections.abc import Callable
from pathlib import Path

import click

from kalita.admin.options import data_option, json_option, settings_of, show, table
from kalita.admin.running import run, with_app
from kalita.app import App
from kalita.limits.table import LEVELS, BadTable, Limit, Table, read_most, read_table
from kalita.money import CURRENCIES, LETTERS, face
from kalita.people.wallets import Level


@click.group()
def limits() -> None:
    """Show and change how much each level of wallets may move."""


@limits.command("show")
@data_option
@json_option
def show_(data: Path | None, as_json: bool) -> None:
    """
    Show the table of limits that holds now.

    balance is the most a balance may reach, operation the most of one payment, cash_day of a Moscow day; the others
    are of a Moscow month. The setting sum_limits=false lifts them all.

    \b
    Example:  kalita limits show
    Exit:     0 shown, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    _show(_work(data, lambda found: found), as_json)


@limits.command("set")
@click.argument("limit", type=click.Choice([str(one) for one in Limit]))
@click.argument("level", type=click.Choice(LEVELS))
@click.argument("amount")
@click.option("--currency", type=click.Choice(["RUB", "KZT"]), default="RUB", show_default=True, help="Of AMOUNT.")
@data_option
@json_option
def set_(limit: str, level: str, amount: str, currency: str, data: Path | None, as_json: bool) -> None:
    """
    Set one limit of one level to AMOUNT, like 15000 or 15000.50, or none.

    A live server takes it up with its next payment. With a limit in KZT, payments in tenge are measured by the limits
    in KZT alone.

    \b
    Example:  kalita limits set turnover verified 250000
    Exit:     0 set, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    try:
        most = read_most(amount, "AMOUNT")
    except BadTable as problem:
        raise click.BadParameter(str(problem), param_hint="'AMOUNT'") from None
    _show(
        _work(data, lambda found: found.with_(Limit(limit), Level[level.upper()], most, LETTERS[currency]), keep=True),
        as_json,
    )


@limits.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
@json_option
def import_(file: Path, data: Path | None, as_json: bool) -> None:
    """
    Take the whole table of limits from FILE, comma-separated as `limits show` has it; an empty field is no limit.

    \b
    Example:  kalita limits import limits.csv
    Exit:     0 taken, 1 the installation cannot be opened, 2 wrong command line, FILE or setting
    """
    try:
        taken = read_table(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, BadTable) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise click.BadParameter(f"{file}: {reason}", param_hint="'FILE'") from None
    _show(_work(data, lambda _: taken, keep=True), as_json)


def _work(data: Path | None, change: Callable[[Table], Table], keep: bool = False) -> Table:
    settings = settings_of(data=data)

    async def work(app: App) -> Table:
        changed = change(await app.limits.table())
        if keep:
            await app.limits.put(changed)
        return changed

    return run(lambda: with_app(settings, work, writes=False))


def _show(found: Table, as_json: bool) -> None:
    rows = [
        (str(limit), CURRENCIES[currency].letters, *("none" if most is None else face(most, currency) for most in row))
        for (limit, currency), row in found.rows.items()
    ]
    head = ("limit", "currency", *LEVELS)
    if as_json:
        show({"limits": [dict(zip(head, row, strict=True)) for row in rows]})
    else:
        table([tuple(word.upper() for word in head), *rows])
