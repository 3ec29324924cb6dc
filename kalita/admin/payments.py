"""Payments: `payment show`, `list`, `settle`, `refund`."""

from pathlib import Path
from typing import Any

import click

from kalita import ids
from kalita.admin.options import data_option, id_of, json_option, read_amount, settings_of, show, table
from kalita.admin.running import Refused, run, with_app
from kalita.app import App
from kalita.clock import at_zone
from kalita.money import CURRENCIES, face
from kalita.payments.payouts import PaidOut, State
from kalita.refusals import RECIPIENT_STATUS, REPEATED, Refusal

TXN = click.IntRange(1, ids.LARGEST)


@click.group()
def payment() -> None:
    """Look at payments, settle those that are stuck, give money back."""


@payment.command("show")
@click.argument("txn", type=TXN)
@data_option
@json_option
def show_(txn: int, data: Path | None, as_json: bool) -> None:
    """
    Show everything that is known of transaction TXN: its records in history, its entries in the ledger, what its
    provider said, what was given back. Card numbers are masked, here and in the database.

    \b
    Example:  kalita payment show 896742112133120 --json
    Exit:     0 shown, 1 there is no such transaction, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    facts = run(lambda: with_app(settings, lambda app: _facts(app, txn), writes=False))
    if as_json:
        show(facts)
        return
    click.echo(f"transaction {txn}, {facts['date']}")
    for one in facts["records"]:
        code = f" {one['error_code']}" if one["error_code"] else ""
        click.echo(
            f"{one['type']} of wallet {one['wallet']}: {one['sum']} {one['currency']}, commission {one['commission']},"
            f" {one['status']}{code}, provider {one['provider']}, account {one['account']}"
        )
    payout = facts["payout"]
    if payout:
        more = "".join(
            f", {name.replace('_', ' ')} {payout[name]}" for name in ("next_attempt", "note") if payout[name]
        )
        click.echo(
            f"payout to provider {payout['provider']}: {payout['state']}, asked {payout['attempts']} times{more}"
        )
    for one in facts["refunds"]:
        click.echo(f"given back: {one['amount']} {one['currency']} by transaction {one['transaction']}")


@payment.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most.")
@data_option
@json_option
def list_(limit: int, data: Path | None, as_json: bool) -> None:
    """
    List payments to outside providers that have not ended, oldest first. `stuck` ones wait for you.

    \b
    Example:  kalita payment list
    Exit:     0 listed, 1 the installation cannot be opened, 2 wrong command line or setting
    """
    settings = settings_of(data=data)
    rows = run(lambda: with_app(settings, lambda app: app.engine.all("payouts_open", limit), writes=False))
    found = [
        {
            "transaction": txn, "wallet": wallet, "provider": provider, "account": account,
            "sum": face(amount, currency), "commission": face(fee, currency), "currency": CURRENCIES[currency].letters,
            "state": State(state).name.lower(), "attempts": attempts,
            "next_attempt": at_zone(due) if due and state < State.DONE else None, "note": note or None,
        }
        for wallet, txn, provider, currency, amount, fee, account, state, attempts, due, note in rows
    ]  # fmt: skip
    if as_json:
        show({"payments": found})
        return
    columns = ("transaction", "provider", "account", "sum", "currency", "state", "attempts")
    table([tuple(name.upper() for name in columns), *(tuple(str(one[name]) for name in columns) for one in found)])


@payment.command()
@click.argument("txn", type=TXN)
@click.option("--success/--failure", "success", default=None, help="How it ended: the provider has it, or not.")
@data_option
@json_option
def settle(txn: int, success: bool | None, data: Path | None, as_json: bool) -> None:
    """
    End payment TXN, which waits on hold, by hand: once you know from the provider what became of it.

    --success lets the held money go to the provider; --failure gives it back, and history shows 797. Nobody asks the
    provider any more after that.

    \b
    Example:  kalita payment settle 896742112133120 --failure
    Exit:     0 settled, 1 there is no such payment or it had ended, 2 wrong command line or setting
    """
    if success is None:
        raise click.UsageError("say how it ended: --success or --failure")
    settings = settings_of(data=data)

    async def work(app: App) -> dict[str, Any]:
        if await app.operator.settle(await _paid_out(app, txn), success) is not None:
            raise Refused(f"payment {txn} had ended before; nothing was moved: `kalita payment show {txn}`")
        return await _facts(app, txn)

    facts = run(lambda: with_app(settings, work))
    if as_json:
        show(facts)
    else:
        click.echo(f"Payment {txn} {'succeeded' if success else 'was cancelled, the money is back'}.")


@payment.command()
@click.argument("txn", type=TXN)
@click.argument("amount", required=False)
@click.option("--id", "client_id", callback=id_of, help="Your own id of this refund: it will never be done twice.")
@data_option
@json_option
def refund(txn: int, amount: str | None, client_id: str | None, data: Path | None, as_json: bool) -> None:
    """
    Give money of payment TXN back, which a provider had and returns: AMOUNT of its sum, or all that is left of it.

    A payment of its own, from the provider's settlement to the payer; the commission stays with the house.
    Give --id whenever the command may be repeated: the same id with the same content gives the first answer again and
    moves nothing, with other content it is refused.

    \b
    Example:  kalita payment refund 896742112133120 50 --id bank-2026-01-31-7
    Exit:     0 given back, 1 refused and nothing moved, 2 wrong command line or setting
    """
    settings = settings_of(data=data)

    async def work(app: App) -> dict[str, Any]:
        paid = await _paid_out(app, txn)
        minor = read_amount(amount, paid.currency) if amount else None
        done = await app.operator.refund(paid, minor, client_id)
        if isinstance(done, Refusal):
            raise Refused(_not_given(txn, client_id, done))
        letters, text = CURRENCIES[paid.currency].letters, face(done.amount, paid.currency)
        return {
            "transaction": done.txn_id, "of": txn, "amount": text, "currency": letters, "id": client_id,
            "repeated": done.repeated,
        }  # fmt: skip

    facts = run(lambda: with_app(settings, work))
    if as_json:
        show(facts)
    else:
        before = "Done before: transaction" if facts["repeated"] else "Transaction"
        click.echo(f"{before} {facts['transaction']} gave {facts['amount']} {facts['currency']} back.")


def _not_given(txn: int, client_id: str | None, refusal: Refusal) -> str:
    if refusal == REPEATED and client_id is not None:
        return f"the id {client_id} was used for something else before; nothing was moved. Use a new id"
    if refusal == RECIPIENT_STATUS:
        return f"the wallet that paid {txn} takes no money: it was closed; nothing was moved"
    return f"payment {txn} has not succeeded, or less than that is left of it; nothing was moved"


async def _facts(app: App, txn: int) -> dict[str, Any]:
    facts = await app.operator.show(txn)
    if facts is None:
        raise Refused(f"there is no transaction {txn}")
    return facts


async def _paid_out(app: App, txn: int) -> PaidOut:
    paid = await app.operator.paid_out(txn)
    if paid is None:
        raise Refused(f"transaction {txn} is no payment to an outside provider")
    return paid
