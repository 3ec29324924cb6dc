"""The books: `audit`, and the heads of the chain that are kept outside."""

import re
from pathlib import Path
from typing import Any

import click
import msgspec

from kalita.admin.options import data_option, json_option, settings_of, show
from kalita.admin.running import Refused, run, with_app
from kalita.agents.audit import paid_in
from kalita.app import App
from kalita.bills.audit import bills
from kalita.ledger.audit import Head, Report
from kalita.ledger.audit import audit as audit_
from kalita.ledger.audit_rows import Findings
from kalita.limits.audit import counters
from kalita.payments.audit import payouts
from kalita.providers.catalogue import NICKNAME_TRANSFER, WALLET_TRANSFER
from kalita.storage.engine import Snapshot

_LINE = re.compile(r"(\d{1,2}) (\d{1,15}) ([0-9a-f]{32})", re.ASCII)


@click.command()
@click.option("--head", "heads", is_flag=True, help="When the books are proven, print the newest head of each lane.")
@click.option(
    "--against", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Heads kept from an earlier --head: a lane that no longer holds one is reported.",
)  # fmt: skip
@data_option
@json_option
def audit(heads: bool, against: Path | None, data: Path | None, as_json: bool) -> None:
    """
    Recompute the whole books in one snapshot, beside a live server or not, and name what does not agree.

    A chain can tell that a row was changed, added or taken out, but not that its whole end was cut off. For that,
    keep the heads in another place and check against them later.

    \b
    Example:  kalita audit --data /var/lib/kalita
              kalita audit --head > heads.txt;  kalita audit --against heads.txt
    Exit:     0 the books are proven, 1 they are not, 2 wrong command line, setting or FILE
    """
    settings = settings_of(data=data)
    kept = read_heads(against) if against else ()

    async def work(app: App) -> Report:
        async with app.engine.snapshot() as snapshot:
            return await audit_(snapshot, app.keys, kept, (_counters, payouts, bills, paid_in))

    report = run(lambda: with_app(settings, work, writes=False))
    if as_json:
        show(_facts(report))
    elif heads and report.proven:
        for head in report.heads:
            click.echo(f"{head.lane} {head.seq} {head.head}")
    else:
        _tell(report)
    if not report.proven:
        raise Refused("the books are not proven")


async def _counters(snapshot: Snapshot, found: Findings) -> None:
    await counters(snapshot, found, (WALLET_TRANSFER, NICKNAME_TRANSFER))


def _facts(report: Report) -> dict[str, Any]:
    return {
        "proven": report.proven,
        "findings": [{"table": one.table, "key": one.key, "what": one.what} for one in report.findings],
        "more": report.more,
        "counts": report.counts,
        "heads": [{"lane": one.lane, "seq": one.seq, "head": one.head} for one in report.heads],
    }


def _tell(report: Report) -> None:
    for one in report.findings:
        click.echo(f"{one.table}, {one.key}: {one.what}")
    if report.more:
        click.echo(f"and {report.more} more")
    rows = ", ".join(f"{count} {table}" for table, count in report.counts.items())
    click.echo(f"{'Proven' if report.proven else 'Checked'}: {rows}.")


def read_heads(path: Path) -> tuple[Head, ...]:
    """Read what `audit --head` printed, as lines or as the answer of --json; a wrong file ends with exit code 2."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise click.BadParameter(f"{path}: {reason}", param_hint="--against") from None
    if text.lstrip().startswith("{"):
        return _from_json(path, text)
    heads = []
    for number, line in enumerate(text.splitlines(), start=1):
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise click.BadParameter(f"{path}, line {number}: `LANE GROUP HASH` is needed", param_hint="--against")
        heads.append(Head(int(found[1]), int(found[2]), found[3]))
    return _some(path, heads)


class _Head(msgspec.Struct):
    lane: int
    seq: int
    head: str


class _Heads(msgspec.Struct):
    heads: list[_Head]


def _from_json(path: Path, text: str) -> tuple[Head, ...]:
    try:
        found = msgspec.json.decode(text, type=_Heads)
    except msgspec.DecodeError as problem:
        raise click.BadParameter(f"{path}: {problem}", param_hint="--against") from None
    return _some(path, [Head(one.lane, one.seq, one.head) for one in found.heads])


def _some(path: Path, heads: list[Head]) -> tuple[Head, ...]:
    """Refuse an empty file: to check against nothing would prove nothing."""
    if not heads:
        raise click.BadParameter(f"{path} holds no head: keep one with `kalita audit --head`", param_hint="--against")
    return tuple(heads)
