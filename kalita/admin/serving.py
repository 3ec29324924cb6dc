"""Set up an installation and serve it: `init`, `serve`, `demo`, `config`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kalita.admin import demo as demo_
from kalita.admin.alone import Alone
from kalita.admin.many import serve_many
from kalita.admin.options import data_option, json_option, settings_and_origins, settings_of, show, table
from kalita.admin.running import Prepare, cannot_use, run, with_app
from kalita.app import KEY, App
from kalita.settings import Settings, shown
from kalita.storage.place import Place

PROCESSES = "How many processes serve; more than one needs PostgreSQL [default: 1]."
DEMO = {
    "data": Path("demo-data"), "metrics_port": 0, "requests_a_minute": 0, "bad_tokens_a_minute": 0, "log_human": True,
    "identification": "anybody", "sms": "outbox", "oauth_renewal": True,
}  # fmt: skip
"""What a demonstration has instead of the defaults: no rate limit binds it but the documented one on history."""


@click.command()
@data_option
def init(data: Path | None) -> None:
    """
    Make a new installation: the directory, its secret key and an empty database.

    The key (DIR/secret.key, readable by its owner only) proves the books: keep a copy of it away from the database.
    A directory that holds an installation is left as it is.

    \b
    Example:  kalita init --data /var/lib/kalita
    Exit:     0 done or there already, 1 it cannot be made there, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    place = settings.data
    database = Place(settings)
    if not run(lambda: _make(settings)):
        click.echo(f"{database.name} holds an installation already; nothing was changed.")
        return
    key = "KALITA_SECRET_KEY" if settings.secret_key else str(place / KEY)
    where = f"--data {place}" + ("" if database.file else " --database URL")
    click.echo(
        f"Made {database.name}, with the key of {key}: keep a copy of the key in another place.\n"
        f"Next:\n"
        f"  kalita wallet create 79991112233 {where}\n"
        f"  kalita token issue 79991112233 --all {where}\n"
        f"  kalita serve {where}"
    )


async def _make(settings: Settings) -> bool:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return await with_app(settings, _is_new, writes=False, create=True)


async def _is_new(app: App) -> bool:
    """Opening it was all."""
    return app.is_new


@click.command()
@data_option
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=int, help="Port to listen on [default: 8000]; 0: any free one.")
@click.option("--metrics-port", type=int, help="Port of Prometheus metrics [default: 9108]; 0: any free one, -1: none.")
@click.option("--processes", type=int, help=PROCESSES)
@click.option("--log-level", help="debug, info, warning or error [default: info].")
def serve(data: Path | None, **flags: Any) -> None:
    """
    Serve the API until a signal asks to stop; requests under way are finished first.

    The log goes to standard error, one JSON object a line. TLS is the business of a proxy in front. SIGHUP reads
    the settings again: one process starts anew with them, of several new ones take over. Wrong settings change nothing.
    Several processes share one address; a dead one is started again.

    \b
    Example:  kalita serve --data /var/lib/kalita --port 8000
              kalita serve --database postgresql://kalita@db/kalita --processes 4
    Exit:     0 stopped by a signal, 1 it cannot serve (the line says why), 2 wrong command line or setting
    """
    _serve(lambda: settings_of(data=data, **flags), None)


def _serve(load: Callable[[], Settings], prepare: Prepare | None) -> None:
    if load().processes == 1:
        Alone(load, prepare).run()
    elif code := serve_many(load, prepare):
        click.get_current_context().exit(code)


@click.command()
@data_option
@click.option("--port", type=int, help="Port to listen on [default: 8000]; 0: any free one.")
@click.option("--metrics-port", type=int, help="Port of Prometheus metrics [default: 0, any free one]; -1: none.")
@click.option("--processes", type=int, help=PROCESSES)
def demo(data: Path | None, **flags: Any) -> None:
    """
    Serve two funded wallets for a try-out, and write how to reach them to DIR/demo.json.

    DIR is demo-data unless told otherwise. A directory that holds a demonstration is opened again with the same
    wallets and tokens. Tokens with every permission lie in that file: it is for trying out, not for money.

    \b
    Example:  kalita demo --port 8000
    Exit:     0 stopped by a signal, 1 it cannot serve (the line says why), 2 wrong command line or setting
    """
    settings = settings_of(DEMO, data=data, demo=True, **flags)
    _own_directory(settings)
    _serve(lambda: settings_of(DEMO, data=data, demo=True, **flags), demo_.prepare)


def _own_directory(settings: Settings) -> None:
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise cannot_use(problem) from None


@click.command()
@data_option
@json_option
def config(data: Path | None, as_json: bool) -> None:
    """
    Show every setting, its value and where the value comes from; secrets are masked.

    The last of these wins: the default, the file DIR/kalita.toml, the environment (KALITA_PORT), a flag.

    \b
    Example:  kalita config --data /var/lib/kalita
    Exit:     0 shown, 2 a setting is unknown or wrong (the line says which, and where it was given)
    """
    settings, origins = settings_and_origins(data=data)
    values = shown(settings)
    if as_json:
        show({name: {"value": value, "origin": origins[name]} for name, value in values.items()})
        return
    helps = {one.name: one.metadata["help"] for one in dataclasses.fields(Settings)}
    table(
        [("SETTING", "VALUE", "FROM", "MEANING")]
        + [(name, _word(value), origins[name], helps[name]) for name, value in values.items()]
    )


def _word(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
