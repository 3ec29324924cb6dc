"""
The command line: `kalita COMMAND --help` teaches each.

Exit codes: 0 done, 1 refused or not proven, 2 a wrong command line or setting.
"""

import errno
from typing import Any

import click

from kalita import __version__
from kalita.admin import (
    agents,
    books,
    clock,
    hooks,
    keys,
    limits,
    listen,
    money,
    owners,
    payments,
    persons,
    providers,
    rates,
    registries,
    serving,
    tokens,
)
from kalita.admin.running import Refused, cannot_use
from kalita.admin.statements import statement_


class Commands(click.Group):
    """All commands: where an answer cannot be written, as on a full disk, one line says so."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named (click)."""
        try:
            return super().invoke(ctx)
        except OSError as problem:
            if problem.errno == errno.EPIPE:
                raise
            if problem.filename:
                raise cannot_use(problem) from None
            raise Refused(
                f"the answer cannot be written: {problem.strerror or problem}. "
                "The command itself may be done: look before you repeat it"
            ) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kalita")
def main() -> None:
    """
    Kalita: a self-hosted electronic-wallet server.

    Every command but init, demo and listen works on an installation that `kalita init` made, beside a live server or
    not.

    \b
    Try it:       kalita demo
    Run it:       kalita init --data DIR; kalita serve --data DIR
    Check books:  kalita audit --data DIR
    Exit codes:   0 done, 1 refused or not proven, 2 wrong command line or setting
    """


for command in (
    serving.init, serving.serve, serving.demo, owners.wallet, tokens.token, money.topup, books.audit, serving.config,
    limits.limits,
    persons.persons,
    clock.clock,
    hooks.hook,
    keys.keys,
    listen.listen,
    providers.provider,
    rates.rates,
    payments.payment,
    agents.agent,
    registries.registry,
):  # fmt: skip
    main.add_command(command)
owners.wallet.add_command(statement_)
