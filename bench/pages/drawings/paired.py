"""Per-image paired plot: on how many images, and by how much, each row is above or below the default one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.pages.drawings.half_page import no_result, panels
from bench.results import captions
from bench.results.records import tests_of
from bench.results.row_comparisons import against_default, default_row
from bench.results.tidy import Results

if TYPE_CHECKING:
    import pandas as pd

READING = (
    "Image by image: PSNR of a row minus that of the default row, both averaged over their seeds, sorted; n/m: on n "
    "of m the row is better. The scatter over images is no uncertainty of training: images are the same for all. "
    "Loaded weights are not drawn among networks trained here."
)


def draw(plan: Plan, results: Results, table: str) -> Any:
    """One panel per test set; a mark per image (and kernel), sorted, and the share of images above zero."""
    tests = tests_of(plan, table)
    compared = [against_default(plan, results, table, test) for test in tests]
    figure, axes = panels(len(tests), [row.label for row, _ in compared[0].values()], row_height=0.42)
    drawn = 0
    for axis, test, found in zip(axes, tests, compared, strict=True):
        axis.axvline(0, color="#444444", linewidth=0.8, zorder=1)
        for y, (_, gap) in enumerate(found.values()):
            if gap is None:
                no_result(axis, y)
                continue
            values = np.sort(gap.per_image.to_numpy())
            height = np.linspace(0.3, -0.3, len(values)) if len(values) > 1 else np.zeros(1)
            axis.plot(values, y + height, ".", color="black", markersize=2.5, zorder=2)
            above = f"{np.count_nonzero(values > 0)}/{len(values)}"
            axis.annotate(above, (0.99, y + 0.45), xycoords=("axes fraction", "data"), ha="right", fontsize=6)
            drawn += 1
        axis.set_title(captions.dataset_name(test.data), loc="left")
    if not drawn:
        raise BenchError(f"no row of table {table!r} can be compared image by image")
    figure.supxlabel(f"PSNR minus {default_row(plan, table).label}'s (dB), image by image", fontsize=8)
    return figure


def data(plan: Plan, results: Results, table: str) -> pd.DataFrame:
    """What the marks stand at: a row per row of the table, test set, kernel and image."""
    import pandas as pd

    columns = ["dataset", "row", "label", "kernel", "image", "psnr_difference"]
    found = [
        gap.per_image.rename("psnr_difference").reset_index().assign(row=name, label=row.label)
        for test in tests_of(plan, table)
        for name, (row, gap) in against_default(plan, results, table, test).items()
        if gap is not None
    ]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def caption(plan: Plan, results: Results, table: str) -> str:
    """What is compared with what."""
    unit = "image and kernel" if any(t.kernels for t in tests_of(plan, table)) else "image"
    default = default_row(plan, table).label
    return f"{plan.tables[table].title}: each row against {default}, one mark per {unit}."
