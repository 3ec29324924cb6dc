"""
The pages of docs/ that are made from the code, so that they cannot be wrong: settings, commands, api, refusals.

`.venv/bin/python -m tests.pages` writes them anew; tests/test_docs.py compares.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from kalita import refusals
from kalita.admin.cli import main as kalita
from kalita.app import ROWS
from kalita.settings import PREFIX, Settings
from kalita.web.status import METRICS_ROWS
from kalita.wire.endpoint import Caller, Endpoint, Rate

DOCS = Path(__file__).parent.parent / "docs"
WIDTH = 100
NEEDED = {
    Caller.ANYONE: "no token needed", Caller.OPTIONAL: "no token needed", Caller.AGENT: "an agent's password",
    Caller.SECRET: "secret key of a pair", Caller.EITHER: "{}, or secret key of a pair",
}  # fmt: skip
RATES = {Rate.NONE: "none", Rate.GENERAL: "the operator's figure", Rate.HISTORY: "100 a minute, then 5 minutes' block"}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings() -> str:
    """Every setting."""
    rows = []
    for one in dataclasses.fields(Settings):
        default = str(one.default).lower() if isinstance(one.default, bool) else str(one.default)
        variable = f"`{PREFIX}{one.name.upper()}`" if one.name != "demo" else "only `kalita demo`"
        rows.append([f"`{one.name}`", variable, f"`{default}`" if default else "none", one.metadata["help"]])
    return f"""# Settings

Each value comes from the last of these that gives it: the default, the file `DIR/kalita.toml`, the environment, a flag
of the command line. `kalita config` shows every value with its origin, secrets masked. An unknown name or a wrong value
ends any command with exit code 2 and a line that names it; what shows only in use, like the key of other books or an
address that cannot be called, ends it with 1. There is no default secret.

{table(["setting", "environment", "default", "what it does"], rows)}

A file looks like this:

```toml
host = "0.0.0.0"
port = 8000
log_level = "warning"
```
"""


def commands() -> str:
    """Every command, as its --help has it."""
    parts = [
        "# Commands\n\n"
        "What `--help` of each command says. Every command but listen takes `--data DIR`; those with an answer take\n"
        "`--json`: one document on standard output, amounts as text in their shortest form, dates in Moscow time.\n"
        "Complaints go to standard error, in words, whatever the form of the answer.\n\n"
        "Exit codes: 0 done, 1 refused or not proven, 2 a wrong command line or setting."
    ]
    for name, command in found(kalita, "kalita"):
        context = click.Context(command, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH)
        context.help_option_names = ["-h", "--help"]
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"


def found(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Return a command and all below it."""
    yield name, command
    if isinstance(command, click.Group):
        for below, one in sorted(command.commands.items()):
            yield from found(one, f"{name} {below}")


def api() -> str:
    """Every call."""
    return f"""# Calls

Made from the table of rows that the server itself is built from. `/openapi.json` describes shapes and parameters, and
`/docs` is the same for people, with a form to try each call. Runs of slashes count as one and a slash at the end is
ignored; `{{wallet}}` has to be the token's own. Refusals that any call may give: [refusals.md](refusals.md).

{table(["call", "what it does", "token's permission, or what it needs", "rate", "own refusals"], map(row_of, ROWS))}

The address of the metrics, which only the operator should reach, serves two:

{table(["call", "what it does"], ([call_of(row), row.title] for row in METRICS_ROWS))}
"""


def row_of(row: Endpoint) -> list[str]:
    """Write one call."""
    permission = row.permission.words if row.permission else "any token"
    needed = NEEDED.get(row.caller, "{}").format(permission)
    codes = dict.fromkeys(code_of(one) for one in row.refusals)
    return [call_of(row), row.title, needed, RATES[row.rate], " ".join(codes)]


def call_of(row: Endpoint) -> str:
    """Write method and paths."""
    return "<br>".join(f"`{row.method} {path}`" for path in (row.path, *row.aliases))


def code_of(refusal: refusals.Refusal) -> str:
    """Write a code as it stands on the wire."""
    return f"QWPRC-{refusal.code}" if refusal.code.isdigit() else refusal.code


def refusals_() -> str:
    """Every refusal."""
    service = [[f"`{one.code}`", str(one.status), one.en, one.ru] for one in refusals.SERVICE_REFUSALS]
    payments = [[f"`QWPRC-{code}`", one.en, one.ru] for code, one in refusals.PAYMENT_REFUSALS.items()]
    own = [[f"`QWPRC-{one.code}`", one.en, one.ru] for one in (refusals.REPEATED, refusals.OWN_WALLET)]
    return f"""# Refusals

Every way the server says no. A refused payment debits nothing and does not use its id up. After a 500 or 503 repeat the
call with the same id: it is never done twice, and the answer tells what became of it. The header `X-Trace-Id` leads to
the line in the log.

## Any call

The body has `serviceName`, `errorCode`, `description` (English, for developers), `userMessage`, `dateTime`, `traceId`,
and for `validation.error` also `cause`: what is wrong, by field.

{table(["errorCode", "status", "in English", "in Russian"], service)}

## Payments

The body has `code` and `message`; the status is 400, and 404 for a provider's id that is no number.
The same numbers are the `errorCode` of a failed payment in history.

{table(["code", "in English", "in Russian"], payments)}

Two codes have texts of their own where the cause is known better:

{table(["code", "in English", "in Russian"], own)}
"""


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "commands.md": commands,
    "api.md": api,
    "refusals.md": refusals_,
}


if __name__ == "__main__":
    for name, write in PAGES.items():
        (DOCS / name).write_text(write(), "utf-8")
