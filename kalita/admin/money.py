"""Money by the operator's hand: `topup`."""

import re
from pathlib import Path

import click

from kalita.admin.options import (
    CURRENCY,
    WALLET,
    WALLET_LETTERS,
    data_option,
    id_of,
    json_option,
    read_amount,
    settings_of,
    show,
)
from kalita.admin.running import Refused, run, with_app
from kalita.admin.wallets import usable
from kalita.app import App
from kalita.ledger.order import Accepted
from kalita.money import CURRENCIES, face
from kalita.refusals import PERSON_NOT_FOUND, REPEATED, Refusal

LONGEST_NOTE = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def _note(context: click.Context, option: click.Parameter, text: str) -> str:
    if len(text) > LONGEST_NOTE or _CONTROL.search(text):
        raise click.BadParameter(f"at most {LONGEST_NOTE} characters on one line are allowed", context, option)
    return text


@click.command()
@click.argument("number", type=WALLET)
@click.argument("amount")
@click.option(
    "--currency", type=CURRENCY, default="RUB", show_default=True, metavar="|".join(WALLET_LETTERS), help="Of AMOUNT."
)
@click.option("--id", "client_id", callback=id_of, help="Your own id of this top-up: it will never be done twice.")
@click.option("--note", callback=_note, default="operator", show_default=True, help="The sender, as history shows it.")
@data_option
@json_option
def topup(
    number: int, amount: str, currency: int, client_id: str | None, note: str, data: Path | None, as_json: bool
) -> None:
    """
    Bring AMOUNT into the wallet NUMBER; it shows in the wallet's history.

    AMOUNT is written like 100 or 100.50; more decimals than the currency has are refused, never rounded. Give --id
    whenever the command may be repeated: the same id with the same content gives the first answer again and moves
    nothing, with other content it is refused.

    \b
    Example:  kalita topup 79991112233 100.50 --id cash-desk-42 --note "Cash desk 3"
    Exit:     0 the money is there, 1 refused and nothing moved, 2 wrong command line or setting
    """
    minor = read_amount(amount, currency)
    settings = settings_of(data=data)

    async def work(app: App) -> Accepted:
        ceilings = await app.limits.ceiling(number, currency)
        outcome = await app.wallets.top_up(number, minor, currency, client_id, note, ceilings)
        if outcome == PERSON_NOT_FOUND:
            await usable(app, number)  # says which it is: not there, or closed
        if isinstance(outcome, Refusal):
            raise _refused(outcome, client_id)
        return outcome

    done = run(lambda: with_app(settings, work))
    letters, text = CURRENCIES[currency].letters, face(minor, currency)
    if as_json:
        show(
            {
                "wallet": number, "amount": text, "currency": letters, "id": client_id,
                "transaction": done.txn_id, "repeated": done.repeated,
            }
        )  # fmt: skip
    elif done.repeated:
        click.echo(f"Done before: transaction {done.txn_id} brought {text} {letters} to wallet {number}.")
    else:
        click.echo(f"Transaction {done.txn_id} brought {text} {letters} to wallet {number}.")


def _refused(refusal: Refusal, client_id: str | None) -> Refused:
    if refusal == REPEATED:
        return Refused(f"the id {client_id} was used for another top-up before; nothing was moved. Use a new id")
    return Refused(f"{refusal.en} (code {refusal.code}); nothing was moved")
