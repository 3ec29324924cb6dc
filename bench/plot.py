"""Draw the table: how far each figure is from its must and its aim."""

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

if TYPE_CHECKING:
    from bench.measure import Row

matplotlib.use("svg")


def draw(rows: list["Row"], path: Path) -> None:
    """Draw one bar a row: 1 is the must, further right is better; a diamond marks the aim."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 0.5 * len(rows) + 1.2))
    names = [row.name for row in rows]
    values = [row.must / row.value if row.less else row.value / row.must for row in rows]
    aims = [row.must / row.aim if row.less else row.aim / row.must for row in rows]
    colours = ["#2f7d4f" if row.holds else "#b3402e" for row in rows]
    axes.barh(names, values, color=colours, height=0.6)
    axes.plot(aims, names, "D", color="#33415c", markersize=5, label="aim")
    axes.axvline(1, color="#33415c", linewidth=1, linestyle="--", label="must")
    axes.set_xlabel("times the must (further right is better)")
    axes.set_xlim(0, min(4, max(*values, *aims) * 1.1))
    axes.invert_yaxis()
    axes.legend(loc="lower right", frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
