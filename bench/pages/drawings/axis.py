"""Paired differences to the default row: one ablation axis at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.spec import Evaluation
from bench.foundation.errors import BenchError
from bench.results import captions
from bench.results.records import scores, tests_of
from bench.results.stats import Difference, difference
from bench.results.tidy import Results

if TYPE_CHECKING:
    import pandas as pd

READING = (
    "Differences to the default row: PSNR of a row minus that of the default row, paired over images. Small marks: one "
    "image (or one image and kernel) each, mean over seeds; diamond: their mean; bar: its interval, whose caption says "
    "what it covers. Where there is no bar there is one seed and no interval: the scatter over images is not an "
    "uncertainty of training."
)


def _default(plan: Plan, table: str) -> PlannedRow:
    name = plan.tables[table].default
    if name is None:
        raise BenchError(f"config/tables.yaml: table {table!r} has an axis figure but names no default row")
    return next(row for row in plan.rows[table] if row.id == name)


def differences(
    plan: Plan, results: Results, table: str, test: Evaluation
) -> dict[str, tuple[PlannedRow, Difference | None]]:
    """Every row with a network but the default, by id, with its PSNR difference (None without a result)."""
    base = scores(results, _default(plan, table), test, "psnr")
    found = {}
    for row in plan.rows[table]:
        if row.reference or row.id == plan.tables[table].default:
            continue
        mine = scores(results, row, test, "psnr")
        found[row.id] = (row, difference(mine, base) if mine and base else None)
    return found


def draw(plan: Plan, results: Results, table: str) -> Any:
    """One panel per test set; a small mark per image, a large one for the mean, a bar for the interval."""
    import numpy as np
    from matplotlib import pyplot as plt

    tests = tests_of(plan, table)
    data = [differences(plan, results, table, test) for test in tests]
    labels = [row.label for row, _ in data[0].values()]
    height = 1.1 + 0.42 * max(len(labels), 2)
    wide = 6.4 if len(tests) == 1 else 3.4 * len(tests) + 1.2
    figure, axes = plt.subplots(1, len(tests), figsize=(wide, height), sharey=True, squeeze=False)
    for axis, test, found in zip(axes[0], tests, data, strict=True):
        axis.axvline(0, color="#444444", linewidth=1, zorder=1)
        for y, (_, gap) in enumerate(found.values()):
            if gap is None:
                axis.annotate(
                    "no result",
                    (0.02, y),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    color="#666666",
                )
                continue
            values = gap.per_image.to_numpy()
            spread = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.zeros(1)
            axis.plot(
                values,
                y + spread,
                "o",
                color="#888888",
                markersize=3.2,
                alpha=0.65,
                zorder=2,
                mew=0,
            )
            if gap.half_width is not None:
                axis.errorbar(
                    gap.mean,
                    y,
                    xerr=gap.half_width,
                    color="black",
                    capsize=4,
                    linewidth=1.6,
                    zorder=3,
                )
            axis.plot(gap.mean, y, "D", color="black", markersize=6.5, zorder=4, mfc="#56B4E9", mew=1.1)
        axis.set_ylim(len(labels) - 0.5, -0.5)
        axis.set_yticks(range(len(labels)), labels)
        axis.grid(axis="y", visible=False)
        axis.margins(x=0.08)
        axis.set_title(captions.dataset_name(test.data), loc="left")
    label = f"PSNR difference to {_default(plan, table).label} (dB)"
    if len(tests) == 1:
        axes[0][0].set_xlabel(label)
    else:
        figure.supxlabel(label, fontsize=10)
    figure.tight_layout()
    return figure


def data(plan: Plan, results: Results, table: str) -> pd.DataFrame:
    """What the marks stand at: a row per row of the table, test set, image and kernel."""
    import pandas as pd

    found = []
    for test in tests_of(plan, table):
        for name, (row, gap) in differences(plan, results, table, test).items():
            if gap is not None:
                values = gap.per_image.rename("psnr_difference").rename_axis(["image", "kernel"]).reset_index()
                found.append(
                    values.assign(
                        dataset=test.data, row=name, label=row.label, mean=gap.mean, half_width=gap.half_width
                    )
                )
    columns = ["dataset", "row", "label", "image", "kernel", "psnr_difference", "mean", "half_width"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def caption(plan: Plan, results: Results, table: str) -> str:
    """What is compared with what, and what the interval covers."""
    tests = tests_of(plan, table)
    gaps = [g for t in tests for _, g in differences(plan, results, table, t).values() if g is not None]
    covered = dict.fromkeys(g.covers for g in gaps if g.half_width is not None)
    text = f"{plan.tables[table].title}: PSNR difference of each row to {_default(plan, table).label}. "
    if covered:
        text += f"Bar: {'; '.join(covered)}. "
    if any(g.half_width is None for g in gaps):
        text += "No bar: one seed, no interval. "
    lost = [row.label for row, g in differences(plan, results, table, tests[0]).values() if g is None]
    if lost:
        text += f"Without a result: {', '.join(lost)}. "
    return text.strip()
