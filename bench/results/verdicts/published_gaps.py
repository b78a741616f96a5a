"""Differences between two rows of the paper's own tables. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from bench.config.plan import Plan
from bench.config.published import published_table


def published_gap(plan: Plan, table: str, first: str, second: str, cells: Sequence[tuple[str, str]]) -> float | None:
    """The paper's ``first`` minus ``second`` (dB) over those data sets and kernels that it has numbers for.

    Kernels are averaged within a data set, then data sets, as `bench.results.statistics.seed_means` does.

    Returns:
        None where the paper has neither row, or none of the cells.
    """
    names = {row.id: str(row.published) for row in plan.rows[table]}
    paper = published_table(plan, table).cells
    gaps: dict[str, list[float]] = {}
    for dataset, kernel in cells:
        pair = [paper.get((names.get(row, row), dataset, kernel)) for row in (first, second)]
        if pair[0] is not None and pair[1] is not None:
            gaps.setdefault(dataset, []).append(pair[0] - pair[1])
    return fmean(fmean(values) for values in gaps.values()) if gaps else None


def published_means(plan: Plan, table: str) -> dict[str, float | None]:
    """The paper's mean over data sets (kernels within them first) by row id; None where it has no number."""
    paper = published_table(plan, table)
    found: dict[str, float | None] = {}
    for row in plan.rows[table]:
        by_set: dict[str, list[float]] = {}
        for dataset, kernel in paper.columns:
            value = paper.cells.get((str(row.published), dataset, kernel))
            if value is not None:
                by_set.setdefault(dataset, []).append(value)
        found[row.id] = fmean(fmean(v) for v in by_set.values()) if by_set else None
    return found
