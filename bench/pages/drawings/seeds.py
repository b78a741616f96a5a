"""Seed strip: the mean of every training seed of every row, so that spread and outliers can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.foundation.errors import BenchError
from bench.pages.drawings.half_page import panels
from bench.results import captions
from bench.results.records import tests_of
from bench.results.seed_scores import seed_scores
from bench.results.statistics.seed_means import seed_means
from bench.results.tidy import Results

if TYPE_CHECKING:
    import pandas as pd

READING = (
    "Seed strips: each line is one training seed, its mean over the images (the lowest and the highest by number); "
    "triangle: mean over the seeds."
)


def draw(plan: Plan, results: Results, table: str) -> Any:
    """One panel per test set, a line per trained row; each mark is one seed, the outer ones with their number."""
    tests = tests_of(plan, table)
    rows = _trained(plan, table)
    figure, axes = panels(len(tests), [row.label for row in rows], row_height=0.28)
    drawn = 0
    for axis, test in zip(axes, tests, strict=True):
        for y, row in enumerate(rows):
            means = _means(results, row, test)
            for seed, mean in means.items():
                axis.plot(mean, y, "|", color="black", markersize=9, mew=1.1)
                drawn += 1
                if mean in (means.min(), means.max()):
                    axis.annotate(str(seed), (mean, y - 0.3), ha="center", va="bottom", fontsize=5.5)
            if len(means):
                axis.plot(means.mean(), y + 0.32, "^", color="#666666", markersize=4)
        axis.set_title(captions.dataset_name(test.data), loc="left")
    if not drawn:
        raise BenchError(f"no trained row of table {table!r} has a result")
    figure.supxlabel("PSNR (dB)", fontsize=8)
    return figure


def data(plan: Plan, results: Results, table: str) -> pd.DataFrame:
    """What is drawn: a row per row of the table, test set and seed."""
    import pandas as pd

    found = [
        (test.data, row.id, row.label, seed, mean)
        for test in tests_of(plan, table)
        for row in _trained(plan, table)
        for seed, mean in _means(results, row, test).items()
    ]
    return pd.DataFrame(found, columns=["dataset", "row", "label", "seed", "psnr"])


def caption(plan: Plan, results: Results, table: str) -> str:
    """How many seeds there are."""
    counts = [len(_means(results, row, test)) for test in tests_of(plan, table) for row in _trained(plan, table)]
    low, high = min(counts, default=0), max(counts, default=0)
    return f"{plan.tables[table].title}: {low if low == high else f'{low} to {high}'} seeds a row."


def _trained(plan: Plan, table: str) -> list[PlannedRow]:
    return [row for row in plan.rows[table] if any(run.train for run in row.runs)]


def _means(results: Results, row: PlannedRow, test: Evaluation) -> pd.Series:
    values = seed_scores(results, row, [test]).values
    return seed_means(values).dropna() if len(values) else values.mean()
