"""
Measure the speed table: `make bench`, or `python -m bench --quick` for a look in a minute.

Prints the table, writes docs/performance.json and docs/performance.svg; exit code 1 when a must does not hold.
"""

import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec

from bench import bills, hooks, measure, outside, plot, postgres

PARTS = {
    "http": measure.http,
    "groups": measure.groups,
    "history": measure.pages,
    "postgres": postgres.rows,
    "outside": outside.rows,
    "hooks": hooks.rows,
    "everywhere": hooks.everywhere,
    "bills": bills.rows,
}
DOCS = Path(__file__).parent.parent / "docs"


@click.command()
@click.option("--quick", is_flag=True, help="Short runs and 50,000 payments in the long history: a look, not a proof.")
@click.option("--only", type=click.Choice(list(PARTS)), multiple=True, help="Measure only these parts.")
@click.option("--data", type=click.Path(path_type=Path), help="Where to put the databases [default: a new folder].")
def main(quick: bool, only: tuple[str, ...], data: Path | None) -> None:
    """Measure the speed table."""
    folder = Path(tempfile.mkdtemp(prefix="kalita-bench-", dir=data))
    begun = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - begun:5.0f} s] {text}", err=True)

    bench = measure.Bench(folder, 1 if quick else 4, 50_000 if quick else 1_000_000, say)
    rows = []
    try:
        for name in only or PARTS:
            found = PARTS[name](bench)
            rows += found
            for row in found:
                show(row)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not quick and not only:
        keep(rows)
    sys.exit(not all(row.holds for row in rows))


def show(row: measure.Row) -> None:
    """Print a row once it is measured."""
    bound = "at most" if row.less else "at least"
    verdict = "holds" if row.holds else "MISSED"
    click.echo(
        f"{row.name:52} {row.value:9.3f}   must {bound} {row.must:<7g} {verdict:7} aim {row.aim:<7.3g} {row.detail}"
    )


def keep(rows: list[measure.Row]) -> None:
    """Write the figures down beside the page that explains them."""
    machine = f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}"
    text = msgspec.json.encode({"machine": machine, "rows": rows})
    (DOCS / "performance.json").write_bytes(msgspec.json.format(text, indent=2) + b"\n")
    plot.draw(rows, DOCS / "performance.svg")


main()
