"""Panels that are legible at half a page's width: fonts at their final size, nothing told by colour alone."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

WIDTH = 3.5
"""Inches: one column of a two-column page."""
LINE = 0.125
"""Inches: one line of a label."""
SIZES: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7,
}


def panels(count: int, labels: Sequence[str], *, row_height: float = 0.24) -> tuple[Any, Sequence[Any]]:
    """A figure with panels side by side, two in a row, and one labelled line per row of a table in each.

    Args:
        count: panels.
        labels: rows of the table, from top to bottom.
        row_height: inches of one row, more where a label needs several lines.
    """
    from matplotlib import pyplot as plt

    names = [textwrap.fill(label, 16) for label in labels]
    row_height = max([row_height, *(LINE * (1 + name.count("\n")) + 0.05 for name in names)])
    columns = min(count, 2)
    rows = -(-count // columns)
    height = rows * (0.45 + row_height * max(len(labels), 2)) + 0.25
    with plt.rc_context(SIZES):
        figure, axes = plt.subplots(
            rows, columns, figsize=(WIDTH, height), sharey=True, squeeze=False, layout="constrained"
        )
    cells = list(axes.flat)
    for axis in cells[count:]:
        axis.set_visible(False)
    for axis in cells[:count]:
        axis.set_ylim(len(labels) - 0.5, -0.5)
        axis.set_yticks(range(len(labels)), names)
        axis.grid(axis="y", visible=False)
        axis.margins(x=0.1)
        axis.locator_params(axis="x", nbins=3)
    return figure, cells[:count]


def no_result(axis: Any, y: float) -> None:
    """Says in a row of `panels` that it has no number, above what else stands there."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    axis.annotate("no result", (0.02, y), xycoords=("axes fraction", "data"), va="bottom", fontsize=6, bbox=box)
