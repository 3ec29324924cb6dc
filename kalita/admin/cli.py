"""
The command line: `kalita COMMAND --help` teaches each.

Exit codes: 0 done, 1 refused or not proven, 2 a wrong command line or setting.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kalita import __version__
from kalita.admin import demo as demo_
from kalita.admin import running
from kalita.settings import BadSetting, Settings, load

Command = TypeVar("Command", bound=Callable[..., Any])


def data_option(command: Command) -> Command:
    """Add `--data DIR`, which every command has."""
    text = "Directory of the database and its key [default: data, or KALITA_DATA]."
    return click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help=text)(command)


def settings_of(base: dict[str, Any] | None = None, **flags: Any) -> Settings:
    """Build the settings for a command; a wrong one ends it with exit code 2."""
    try:
        return load(flags, base=base)[0]
    except BadSetting as problem:
        raise click.UsageError(str(problem)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kalita")
def main() -> None:
    """
    Kalita: a self-hosted electronic-wallet server.

    \b
    Try it:       kalita demo
    Run it:       kalita init --data DIR; kalita serve --data DIR
    Check books:  kalita audit --data DIR
    """


@main.command()
@data_option
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=int, help="Port to listen on [default: 8000]; 0: any free one.")
@click.option("--metrics-port", type=int, help="Port of Prometheus metrics [default: 9108]; -1: none.")
@click.option("--log-level", help="debug, info, warning or error [default: info].")
def serve(data: Path | None, **flags: Any) -> None:
    """Serve the API until a signal asks to stop; requests under way are finished first."""
    settings = settings_of(data=data, **flags)
    running.run(lambda: running.serve(settings))


@main.command()
@data_option
@click.option("--port", type=int, help="Port to listen on [default: 8000]; 0: any free one.")
@click.option("--metrics-port", type=int, help="Port of Prometheus metrics [default: any free one]; -1: none.")
def demo(data: Path | None, **flags: Any) -> None:
    """
    Serve two funded wallets for a try-out, and write how to reach them to DIR/demo.json.

    A directory that holds a demonstration is opened again with the same wallets and tokens.
    """
    base = {"data": Path("demo-data"), "metrics_port": 0, "requests_a_minute": 0, "bad_tokens_a_minute": 0}
    settings = settings_of(base | {"log_human": True}, data=data, demo=True, **flags)
    running.run(lambda: running.serve(settings, demo_.prepare))
