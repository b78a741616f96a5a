"""Forest plot of one axis: every row against the default one, with its interval and the paper's own difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.pages.drawings.half_page import no_result, panels
from bench.results import captions
from bench.results.comparison import covers
from bench.results.records import tests_of
from bench.results.row_comparisons import against_default, default_row
from bench.results.tidy import Results
from bench.results.verdicts.published_gaps import published_gap

if TYPE_CHECKING:
    import pandas as pd

READING = (
    "Differences to the default row: PSNR of a row minus that of the default row, on the same images. Filled circle: "
    "mean over images and seeds; bar: its interval, whose caption says what it covers; no bar: one seed, no interval. "
    "Hollow diamond: the paper's own difference, of its networks and budget. Loaded weights are not drawn among "
    "networks trained here."
)


def draw(plan: Plan, results: Results, table: str) -> Any:
    """One panel per test set: a filled circle and a bar for ours, a hollow diamond for the paper's."""
    tests = tests_of(plan, table)
    found = [against_default(plan, results, table, test) for test in tests]
    labels = [row.label for row, _ in found[0].values()]
    figure, axes = panels(len(tests), labels)
    for axis, test, part in zip(axes, tests, found, strict=True):
        axis.axvline(0, color="#444444", linewidth=0.8, zorder=1)
        for y, (row_id, (_, gap)) in enumerate(part.items()):
            paper = _paper(plan, results, table, row_id, test)
            if paper is not None:
                axis.plot(paper, y + 0.2, "D", color="black", markersize=4, mfc="white", mew=0.9, zorder=3)
            if gap is None or gap.effect is None:
                no_result(axis, y)
                continue
            interval = gap.interval()
            if interval is not None:
                axis.plot(interval, [y, y], color="black", linewidth=1.4, marker="|", markersize=6, zorder=3)
            axis.plot(gap.effect, y, "o", color="black", markersize=4.5, zorder=4)
        axis.set_title(captions.dataset_name(test.data), loc="left")
    figure.supxlabel(f"PSNR difference to {default_row(plan, table).label} (dB)", fontsize=8)
    return figure


def _paper(plan: Plan, results: Results, table: str, row: str, test: Evaluation) -> float | None:
    cells = [(test.data, kernel) for kernel in results.kernels(test)]
    return published_gap(plan, table, row, default_row(plan, table).id, cells)


def data(plan: Plan, results: Results, table: str) -> pd.DataFrame:
    """What is drawn: a row per row of the table and test set."""
    import pandas as pd

    columns = ["dataset", "row", "label", "psnr_difference", "low", "high", "seeds", "paper"]
    found = []
    for test in tests_of(plan, table):
        for name, (row, gap) in against_default(plan, results, table, test).items():
            effect, ends, n = (gap.effect, gap.interval() or (None, None), gap.n) if gap else (None, (None, None), 0)
            paper = _paper(plan, results, table, name, test)
            found.append((test.data, name, row.label, effect, *ends, n, paper))
    return pd.DataFrame(found, columns=columns)


def caption(plan: Plan, results: Results, table: str) -> str:
    """What is compared with what, and what the interval covers."""
    tests = tests_of(plan, table)
    found = [against_default(plan, results, table, t) for t in tests]
    gaps = [g for part in found for _, g in part.values() if g is not None]
    text = f"{plan.tables[table].title}: PSNR difference of each row to {default_row(plan, table).label}. "
    if any(g.interval() is not None for g in gaps):
        text += f"Bar: {covers(gaps)}. "
    if any(g.interval() is None for g in gaps):
        text += "No bar: one seed, no interval. "
    lost = [row.label for row, g in found[0].values() if g is None]
    if lost:
        text += f"Without a result: {', '.join(lost)}. "
    return text.strip()
