"""The clock of a demonstration: `clock show`, `clock advance`, `clock set`."""

import re
from pathlib import Path
from typing import Any

import click

from kalita.admin.demo import MARK
from kalita.admin.options import data_option, json_option, settings_of, show
from kalita.admin.running import Refused, run, with_app
from kalita.app import App
from kalita.clock import DAY, HOUR, MINUTE, MOVED, SECOND, at_zone, micros
from kalita.ids import LARGEST, moment_of
from kalita.storage.engine import Step
from kalita.wire.dates import parse_moment

UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
FARTHEST = 100 * 366 * DAY
LAST = moment_of(LARGEST) - DAY
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)


class Duration(click.ParamType[int]):
    """A span of time, in microseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it (click)."""
        found = _DURATION.fullmatch(str(value))
        span = int(found[1]) * UNITS[found[2]] if found else 0
        if not 0 < span <= FARTHEST:
            self.fail(f"{str(value)[:40]!r} is no duration like 30s, 10m, 36h, 181d, up to a century", param, ctx)
        return span


class Instant(click.ParamType[int]):
    """A moment, in microseconds since 1970."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it (click)."""
        found = parse_moment(str(value))
        if found is None:
            self.fail(f"{str(value)[:40]!r} is no moment like 2026-02-01T00:00:00+03:00", param, ctx)
        return micros(found)


@click.group()
def clock() -> None:
    """Move the clock of a demonstration: months, 180 days and the life of codes pass at once."""


@clock.command("show")
@data_option
@json_option
def show_(data: Path | None, as_json: bool) -> None:
    """
    Show what time the demonstration thinks it is, and how far that is from the machine's clock.

    \b
    Example:  kalita clock show --data demo-data
    Exit:     0 shown, 1 it is no demonstration, 2 wrong command line or setting
    """
    _tell(*_work(data), as_json)


@clock.command()
@click.argument("duration", type=Duration())
@data_option
@json_option
def advance(duration: int, data: Path | None, as_json: bool) -> None:
    """
    Move the clock on by DURATION: 30s, 10m, 36h or 181d. A live server takes it up within two seconds.

    \b
    Example:  kalita clock advance 181d --data demo-data
    Exit:     0 moved, 1 it is no demonstration, 2 wrong command line or setting
    """
    _tell(*_work(data, by=duration), as_json)


@clock.command("set")
@click.argument("instant", type=Instant())
@data_option
@json_option
def set_(instant: int, data: Path | None, as_json: bool) -> None:
    """
    Set the clock to INSTANT, like 2026-02-01T00:00:00+03:00; without a zone it is Moscow's.

    It may go back, but not behind the newest transaction of the books.

    \b
    Example:  kalita clock set 2027-01-31T23:59:50+03:00 --data demo-data
    Exit:     0 set, 1 it is no demonstration, or the books are ahead, 2 wrong command line or setting
    """
    _tell(*_work(data, to=instant), as_json)


def _work(data: Path | None, by: int = 0, to: int | None = None) -> tuple[int, int]:
    """Move the clock; return what time it is and the offset, microseconds."""
    settings = settings_of(data=data)

    async def work(app: App) -> tuple[int, int]:
        if await app.engine.one("meta_get", MARK[0]) is None:
            raise Refused("only the clock of a demonstration can be moved, and this installation is none")
        clock = app.clock
        clock.offset += by if to is None else to - clock.now()
        if by or to is not None:
            if clock.now() > LAST:
                raise click.BadParameter(
                    f"the clock goes to {at_zone(LAST)} at most: ids of transactions end a day later"
                )
            (newest,) = await app.engine.one("newest_transaction") or (0,)
            if clock.now() < moment_of(newest):
                raise Refused(
                    f"time does not go back behind the books: their newest moment is {at_zone(moment_of(newest))}"
                )
            await app.engine.change(Step("meta_put", (MOVED, str(clock.offset))))
        return clock.now(), clock.offset

    return run(lambda: with_app(settings, work, writes=False))


def _tell(now: int, offset: int, as_json: bool) -> None:
    if as_json:
        show({"now": at_zone(now), "moved_s": offset // SECOND})
    else:
        click.echo(f"{at_zone(now)}, {offset // SECOND} s from the machine's clock")
