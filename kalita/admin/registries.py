"""Registries of a day's payments: `registry provider`, `registry agent`."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import click

from kalita import ids
from kalita.admin.agents import day_of, known, name_of
from kalita.admin.options import CURRENCY, WALLET_LETTERS, data_option, settings_of, show
from kalita.admin.running import Refused, run, with_app
from kalita.agents.registry import BadRegistry, Difference, Line, differences, read, totals, written
from kalita.app import App
from kalita.clock import MOSCOW, SECOND, micros
from kalita.money import CURRENCIES, RUB, face
from kalita.payments.payouts import State

AGAINST = click.option(
    "--against", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
    help="The other side's registry: list what differs instead.",
)  # fmt: skip


@click.group()
def registry() -> None:
    """
    Exchange the list of a day's payments, and see what differs.

    One line a payment, `txn_id;txn_date;account;sum`; the last line is `count;total`. What differs is listed and never
    booked: settle it with `kalita payment settle` or `refund`, once you know who is right.
    """


@registry.command()
@click.argument("number", type=click.IntRange(1, 10**9 - 1), metavar="ID")
@click.argument("day", callback=day_of)
@click.option(
    "--currency", type=CURRENCY, metavar="|".join(WALLET_LETTERS), help="Payments in this one alone [default: in all]."
)
@AGAINST
@data_option
def provider(number: int, day: str, currency: int | None, against: Path | None, data: Path | None) -> None:
    """
    Write what the provider ID took on DAY (YYYYMMDD, Moscow), as far as we know.

    The form has no currency. Where payments are in several, the total of the last line is a check sum and no money:
    what they come to in each is told on standard error, with --against in `totals`; or ask for each with --currency.

    \b
    Example:  kalita registry provider 674 20260131 > out.csv
              kalita registry provider 674 20260131 --against theirs.csv
              kalita registry provider 9000001 20260131 --currency KZT > tenge.csv
    Exit:     0 written, or nothing differs; 1 something differs; 2 wrong command line, setting or FILE
    """

    async def work(app: App) -> list[Line]:
        begin = datetime.strptime(day, "%Y%m%d").replace(tzinfo=MOSCOW)
        low, high = (ids.first_of_second(micros(one)) for one in (begin, begin + timedelta(days=1)))
        rows = await app.engine.all("payouts_of_provider", number, low, high - 1)
        return [
            Line(str(txn), _date(txn), account, amount, its)
            for txn, its, amount, account, state in rows
            if state == State.DONE and currency in (None, its)
        ]

    _tell(against, data, work)


@registry.command()
@click.argument("name", callback=name_of)
@click.argument("day", callback=day_of)
@AGAINST
@data_option
def agent(name: str, day: str, against: Path | None, data: Path | None) -> None:
    """
    Write what the agent NAME paid in on DAY (YYYYMMDD of its own txn_date).

    \b
    Example:  kalita registry agent terminals 20260131 --against theirs.csv
    Exit:     0 written, or nothing differs; 1 something differs; 2 wrong command line, setting or FILE
    """

    async def work(app: App) -> list[Line]:
        rows = await app.agents.paid_in(await known(app, name), day)
        return [Line(one.txn_id, one.txn_date, one.account, one.amount, RUB) for one in rows]

    _tell(against, data, work)


def _date(txn: int) -> str:
    return datetime.fromtimestamp(ids.moment_of(txn) // SECOND, MOSCOW).strftime("%Y%m%d%H%M%S")


def _tell(against: Path | None, data: Path | None, work: Callable[[App], Awaitable[list[Line]]]) -> None:
    theirs = _theirs(against) if against is not None else []
    settings = settings_of(data=data)
    ours = run(lambda: with_app(settings, work, writes=False))
    if against is None:
        click.echo(written(ours), nl=False)
        _summarize(ours)
        return
    found = differences({one.txn_id: one.amount for one in ours}, theirs)
    sums = [
        {"currency": CURRENCIES[one.currency].letters, "payments": one.payments, "sum": face(one.amount, one.currency)}
        for one in totals(ours)
    ]
    differing = [_shown(one) for one in found]
    show({"ours": len(ours), "theirs": len(theirs), "totals": sums, "differences": differing})
    if found:
        raise Refused(f"{len(found)} payments differ; nothing was booked")


def _summarize(ours: list[Line]) -> None:
    """Say beside a list of several currencies what it comes to in each."""
    sums = totals(ours)
    if len(sums) > 1:
        click.echo("The total of the last line adds different currencies up. In each:", err=True)
        for one in sums:
            sum_ = f"{face(one.amount, one.currency)} {CURRENCIES[one.currency].letters}"
            click.echo(f"{one.payments} payments, {sum_}", err=True)


def _theirs(file: Path) -> list[Line]:
    try:
        return read(file.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, BadRegistry) as problem:
        raise click.BadParameter(f"{file}: {problem}", param_hint="--against") from None


def _shown(one: Difference) -> dict[str, str | None]:
    ours, theirs = (None if amount is None else face(amount) for amount in (one.ours, one.theirs))
    return {"txn_id": one.txn_id, "ours": ours, "theirs": theirs}
