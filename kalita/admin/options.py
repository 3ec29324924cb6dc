"""
What the commands share: their options, how they read values, how they answer.

A wrong value on the command line ends with exit code 2 and names the option; see running.py for exit code 1.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import msgspec

from kalita.money import CURRENCIES, LETTERS, WALLET_CURRENCIES, parse_amount
from kalita.people.wallets import parse_wallet
from kalita.settings import BadSetting, Origins, Settings, load

Command = TypeVar("Command", bound=Callable[..., Any])
DATABASE = "kalita.database"
"""Where a command's context keeps what `--database` said."""

_LARGE = re.compile(r"0*[1-9][0-9]{12,}(?:\.[0-9]*)?", re.ASCII)
_ID = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
WALLET_LETTERS = tuple(CURRENCIES[number].letters for number in WALLET_CURRENCIES)


def data_option(command: Command) -> Command:
    """Add `--data DIR` and `--database URL`, which every command has; settings_of finds the second by itself."""
    text = "Directory of the database and its key [default: data, or KALITA_DATA]."
    other = "Address of PostgreSQL [default: a file of DIR, or KALITA_DATABASE]."
    command = click.option("--database", metavar="URL", help=other, expose_value=False, callback=_database)(command)
    return click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help=text)(command)


def _database(context: click.Context, option: click.Parameter, url: str | None) -> None:
    context.meta[DATABASE] = url


def json_option(command: Command) -> Command:
    """Add `--json`: one JSON document on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for machines.")(command)


def settings_of(base: Mapping[str, Any] | None = None, **flags: Any) -> Settings:
    """Build the settings for a command; a wrong one ends it with exit code 2."""
    return settings_and_origins(base, **flags)[0]


def settings_and_origins(base: Mapping[str, Any] | None = None, **flags: Any) -> tuple[Settings, Origins]:
    """Build the settings and tell where each value came from; a wrong one ends the command with exit code 2."""
    database = click.get_current_context().meta.get(DATABASE)
    try:
        return load({"database": database, **flags}, base=base)
    except BadSetting as problem:
        raise click.UsageError(str(problem)) from None


def id_of(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Read an operator's own id, by which a command is never done twice (click)."""
    if text is not None and not _ID.fullmatch(text):
        raise click.BadParameter("1 to 64 visible ASCII characters without blanks are needed", context, option)
    return text


class WalletNumber(click.ParamType[int]):
    """A wallet's number: 10 to 15 digits, a leading `+` is dropped."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number (click)."""
        wallet = parse_wallet(value) if len(value) <= 16 else None
        if wallet is None:
            self.fail(f"{value[:40]!r} is no wallet number: 10 to 15 digits are needed, like 79991112233", param, ctx)
        return wallet


class CurrencyLetters(click.ParamType[int]):
    """A currency a wallet may hold, by its letters."""

    name = "currency"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the letters (click)."""
        if value.upper() not in WALLET_LETTERS:
            self.fail(f"{value!r} is no currency of a wallet: {', '.join(WALLET_LETTERS)} are", param, ctx)
        return LETTERS[value.upper()]


WALLET = WalletNumber()
CURRENCY = CurrencyLetters()


def read_amount(text: str, currency: int, name: str = "AMOUNT") -> int:
    """
    Read a positive amount, like 100.50, into minor units.

    More decimals than the currency has are refused, not rounded: whoever types money means what he types.
    name  of the argument or option it was given in
    """
    decimals = CURRENCIES[currency].digits
    amount = parse_amount(text, currency)
    if amount is None and _LARGE.fullmatch(text):
        wrong_amount(f"{text[:40]} is too large: 12 digits before the point are the most", name)
    if amount is None:
        wrong_amount(f"{text[:40]!r} is no amount: digits with at most one point are needed, like 100.50", name)
    if len(text.partition(".")[2]) > decimals:
        wrong_amount(f"{text[:40]} has more decimals than {CURRENCIES[currency].letters} has: {decimals} at most", name)
    if not amount:
        wrong_amount("the amount has to be more than zero", name)
    return amount


def wrong_amount(reason: str, name: str = "AMOUNT") -> NoReturn:
    """End the command with exit code 2 over an argument or option."""
    raise click.BadParameter(reason, param_hint=f"'{name}'")


def show(content: Any) -> None:
    """Write one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def table(rows: Iterable[tuple[str, ...]]) -> None:
    """Write rows in columns as wide as their widest cell."""
    kept = list(rows)
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    for row in kept:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
