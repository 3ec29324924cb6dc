"""The table of persons that identification knows: `persons import`, `persons forget`."""

from pathlib import Path

import click

from kalita.admin.options import data_option, json_option, settings_of, show
from kalita.admin.running import run, with_app
from kalita.app import App
from kalita.people.verify import COLUMNS, BadPersons


@click.group()
def persons() -> None:
    """Keep the table of persons whom identification believes."""


@persons.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
@json_option
def import_(file: Path, data: Path | None, as_json: bool) -> None:
    """
    Take persons from FILE, comma-separated: last,first,middle,birth,passport,inn,full.

    birth is YYYY-MM-DD, inn and middle may be empty, full is yes for who was fully identified before. They are kept
    encrypted; a person that is known already gets the newer facts. A file with one wrong line is not taken at all.

    \b
    Example:  kalita persons import persons.csv
    Exit:     0 taken, 1 the installation cannot be opened, 2 wrong command line, FILE or setting
    """
    settings = settings_of(data=data)
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or f"it is no text with the head {','.join(COLUMNS)}"
        raise click.BadParameter(f"{file}: {reason}", param_hint="'FILE'") from None

    async def work(app: App) -> int:
        return await app.persons.take(app.persons.read(text))

    try:
        count = run(lambda: with_app(settings, work, writes=False))
    except BadPersons as problem:
        raise click.BadParameter(f"{file}: {problem}", param_hint="'FILE'") from None
    if as_json:
        show({"persons": count})
    else:
        click.echo(f"Took {count} persons.")


@persons.command()
@data_option
@json_option
def forget(data: Path | None, as_json: bool) -> None:
    """
    Forget every person of the table; who was identified stays so.

    \b
    Example:  kalita persons forget
    Exit:     0 forgotten, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    count = run(lambda: with_app(settings, lambda app: app.persons.forget(), writes=False))
    if as_json:
        show({"persons": count})
    else:
        click.echo(f"Forgot {count} persons.")
