"""What `hook` and `keys` share: they show what came of messages, and name those that are to be sent again."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from kalita.admin.options import Command, show, table
from kalita.clock import at_zone, micros
from kalita.hooks.api import STATES
from kalita.outbound.sent import Attempt
from kalita.wire.dates import parse_moment

MOST_LINES = 1000
LATEST = 2**62

rows_option = click.option(
    "--rows", type=click.IntRange(1, MOST_LINES), default=20, show_default=True, help="How many at most."
)


def again_options(things: str) -> Callable[[Command], Command]:
    """Add `--failed`, `--from` and `--till`. things: what messages tell of, in a sentence."""

    def add(command: Command) -> Command:
        command = click.option("--till", "end", metavar="MOMENT", help=f"Those of {things} until then.")(command)
        since = f"Those of {things} since then, like 2026-01-14T15:00:00."
        command = click.option("--from", "start", metavar="MOMENT", help=since)(command)
        return click.option("--failed", is_flag=True, help="Those that were given up.")(command)

    return add


def span_of(one: str | None, option: str, failed: bool, start: str | None, end: str | None) -> tuple[int, int]:
    """
    Return the period that messages are to be sent again of, in microseconds; all of time when none was named.

    one  the message that was named with `option`; naming one and others too, or nothing at all, is a wrong command line
    """
    if bool(one) == bool(failed or start or end):
        raise click.UsageError(f"name what to send again: {option}, or --failed, or --from and --till")
    return _moment(start, "--from", 0), _moment(end, "--till", LATEST)


def _moment(text: str | None, option: str, absent: int) -> int:
    if text is None:
        return absent
    stamp = parse_moment(text)
    if stamp is None:
        raise click.BadParameter(
            "a moment like 2026-01-14T15:00:00 is needed, Moscow unless it says", param_hint=option
        )
    return micros(stamp)


def show_attempts(found: Iterable[Attempt], name: str, key: Callable[[Attempt], str], as_json: bool) -> None:
    """Show attempts. name, key: what a message is called by, and how it is for one."""
    told: list[dict[str, Any]] = [
        {
            "at": at_zone(one.at),
            name: key(one),
            "attempt": one.number,
            "ms": one.micros // 1000,
            "answer": one.status or one.failure,
            "state": STATES[one.state],
        }
        for one in found
    ]
    if as_json:
        show(told)
        return
    lines = [tuple(map(str, (one | {"state": one["state"].lower()}).values())) for one in told]
    table([("WHEN", name.upper(), "ATTEMPT", "MS", "ANSWER", "STATE"), *lines])


def show_again(number: int, name: str, count: int, as_json: bool) -> None:
    """Say how many messages of a wallet will be sent again. name: what they are called."""
    if as_json:
        show({"wallet": number, name: count})
    else:
        click.echo(f"{count} {name} will be sent again.")
