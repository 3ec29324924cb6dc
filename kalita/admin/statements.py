"""Statements of a wallet: `wallet statement`."""

from datetime import datetime, time
from pathlib import Path

import click

from kalita.admin.options import CURRENCY, WALLET, WALLET_LETTERS, data_option, settings_of
from kalita.admin.running import Refused, cannot_use, run, with_app
from kalita.admin.wallets import no_such_wallet
from kalita.app import App
from kalita.clock import MOSCOW
from kalita.history.pages import Span, span_of
from kalita.receipts.sheets import MOST_ON_PAPER, Cover, write
from kalita.receipts.statement import NotProven, statement

KINDS = ("pdf", "csv", "xlsx")
DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("statement")
@click.argument("number", type=WALLET)
@click.option("--from", "first", type=DAY, required=True, metavar="YYYY-MM-DD", help="First day, Moscow time.")
@click.option("--to", "last", type=DAY, required=True, metavar="YYYY-MM-DD", help="Last day, it is in the statement.")
@click.option(
    "--currency", type=CURRENCY, default="RUB", show_default=True, metavar="|".join(WALLET_LETTERS), help="The balance."
)
@click.option("--format", "kind", type=click.Choice(KINDS), default="pdf", show_default=True, help="Of the file.")
@click.option("--language", type=click.Choice(("ru", "en")), default="ru", show_default=True, help="Of its texts.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-", metavar="FILE",
    help="Where to write it [default: standard output].",
)  # fmt: skip
@data_option
def statement_(
    number: int,
    first: datetime,
    last: datetime,
    currency: int,
    kind: str,
    language: str,
    out: Path,
    data: Path | None,
) -> None:
    """
    Write what moved on a balance of the wallet NUMBER in a period, with the balances before and after.

    Both are computed anew from every entry of the ledger, from the first on; where the entries do not add up, or one is
    missing, nothing is written and the command says which.

    \b
    Example:  kalita wallet statement 79991112233 --from 2026-01-01 --to 2026-01-31 --format xlsx --out january.xlsx
    Exit:     0 written, 1 no such wallet, not proven or no such place, 2 wrong command line or setting
    """
    if first > last:
        raise click.BadParameter("it is before --from", param_hint="'--to'")
    settings = settings_of(data=data)
    span = _span(first, last)

    async def work(app: App) -> bytes:
        if await app.wallets.get(number) is None:
            raise no_such_wallet(number)
        try:
            made = await statement(app.engine, number, currency, span)
        except NotProven as problem:
            raise Refused(f"the books of this balance are not in order: {problem}. Run `kalita audit`") from None
        if kind == "pdf" and len(made.moves) > MOST_ON_PAPER:
            raise Refused(f"{len(made.moves)} operations are too many for paper: take --format csv or xlsx")
        cover = Cover(settings.service_name, f"{first:%d.%m.%Y}", f"{last:%d.%m.%Y}", language)
        return write(made, cover, app.catalogue, kind)

    content = run(lambda: with_app(settings, work, writes=False))
    try:
        with click.open_file(str(out), "wb") as file:
            file.write(content)
    except OSError as problem:
        raise cannot_use(problem) from None
    if str(out) != "-":
        click.echo(f"Wrote {out}, {len(content)} bytes.")


def _span(first: datetime, last: datetime) -> Span:
    begins = datetime.combine(first.date(), time(0, 0, 0), MOSCOW)
    ends = datetime.combine(last.date(), time(23, 59, 59), MOSCOW)
    return span_of(begins, ends)
