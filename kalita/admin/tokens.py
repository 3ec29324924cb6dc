"""Tokens: `token issue`, `token revoke`."""

from pathlib import Path

import click

from kalita.access.caps import MOST_LISTED, Caps, read_networks
from kalita.admin.options import WALLET, data_option, json_option, read_amount, settings_of, show
from kalita.admin.running import Refused, run, with_app
from kalita.admin.wallets import no_such_wallet, usable
from kalita.app import App
from kalita.clock import at_zone
from kalita.money import RUB
from kalita.wire.endpoint import ALL_PERMISSIONS, Permission

WORDS = {str(permission.name).lower(): permission for permission in Permission}


@click.group()
def token() -> None:
    """Issue tokens and block them."""


@token.command()
@click.argument("number", type=WALLET)
@click.option(
    "--permission", "words", type=click.Choice(tuple(WORDS)), multiple=True, help="What it allows; repeat for more."
)
@click.option("--all", "everything", is_flag=True, help="Allow everything.")
@click.option("--per-payment", metavar="ROUBLES", help="The most it may spend in one payment.")
@click.option("--per-day", metavar="ROUBLES", help="The most it may spend in a Moscow day.")
@click.option("--provider", "providers", type=click.IntRange(1), multiple=True, help="It may pay these only.")
@click.option("--from", "networks", metavar="NETWORK", multiple=True, help="It may be used from there only.")
@data_option
@json_option
def issue(
    number: int, words: tuple[str, ...], everything: bool, per_payment: str | None, per_day: str | None,
    providers: tuple[int, ...], networks: tuple[str, ...], data: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """
    Issue a token for the wallet NUMBER, and block the one before.

    A token can be capped, for good: by what it may spend in a payment and in a day (other currencies count by what they
    are worth), by whom it may pay, and by the networks it may be used from, as this server sees them.

    The token goes to standard output, alone on its line, and can never be seen again: only its hash is stored. It
    lives 180 days. A live server honours it, and refuses the one before, from its next request on.

    \b
    Example:  kalita token issue 79991112233 --permission history --permission balance
              TOKEN=$(kalita token issue 79991112233 --all)
              kalita token issue 79991112233 --permission payments --per-day 5000 --provider 99
    Exit:     0 issued, 1 the wallet is not there, 2 wrong command line or setting
    """
    if everything == bool(words):
        raise click.UsageError(f"name permissions with --permission ({', '.join(WORDS)}), or give --all")
    permissions = ALL_PERMISSIONS if everything else Permission(0)
    for word in words:
        permissions |= WORDS[word]
    caps = _caps(per_payment, per_day, providers, networks)
    settings = settings_of(data=data)

    async def work(app: App) -> tuple[str, int]:
        if (await usable(app, number)).registered_at is None:
            raise Refused(f"wallet {number} has no owner yet: `kalita wallet create {number}` gives it one")
        issued = await app.tokens.issue(number, permissions, caps=caps)
        return issued, max(one.expires_at for one in await app.tokens.of_wallet(number) if one.revoked_at is None)

    issued, expires_at = run(lambda: with_app(settings, work, writes=False))
    if as_json:
        allowed = [word for word, permission in WORDS.items() if permission & permissions]
        show({"wallet": number, "token": issued, "permissions": allowed, "expires_at": at_zone(expires_at)})
        return
    click.echo(issued)
    click.echo(f"valid until {at_zone(expires_at)}; write it down, it is not shown again", err=True)


def _caps(per_payment: str | None, per_day: str | None, providers: tuple[int, ...], networks: tuple[str, ...]) -> Caps:
    try:
        places = read_networks(networks)
    except ValueError as problem:
        raise click.BadParameter(f"a network like 10.0.0.0/8 is needed: {problem}", param_hint="--from") from None
    if len(providers) > MOST_LISTED or len(places) > MOST_LISTED:
        raise click.UsageError(f"at most {MOST_LISTED} providers and networks can be named")
    return Caps(
        None if per_payment is None else read_amount(per_payment, RUB, "--per-payment"),
        None if per_day is None else read_amount(per_day, RUB, "--per-day"),
        providers,
        places,
    )


@token.command()
@click.argument("number", type=WALLET)
@data_option
@json_option
def revoke(number: int, data: Path | None, as_json: bool) -> None:
    """
    Block the live token of the wallet NUMBER; a live server refuses it from its next request on.

    \b
    Example:  kalita token revoke 79991112233
    Exit:     0 blocked, 1 there is no live token or no such wallet, 2 wrong command line or setting
    """
    settings = settings_of(data=data)

    async def work(app: App) -> None:
        if await app.wallets.get(number) is None:
            raise no_such_wallet(number)
        if not await app.tokens.revoke(number):
            raise Refused(f"wallet {number} has no live token; nothing was changed")

    run(lambda: with_app(settings, work, writes=False))
    if as_json:
        show({"wallet": number, "revoked": True})
    else:
        click.echo(f"Blocked the token of wallet {number}.")
