"""The paper's numbers as data, and when a measured number may be subtracted from one of them. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.spec import Evaluation, Task

PROTOCOLS: dict[Task, str] = {
    "denoising": "denoise-gray-s25",
    "sr": "sr-bicubic-x4",
    "deblurring": "deblur-circular-s2.55",
}
"""The protocol under which the released weights give the paper's averages (protocols.md)."""


@dataclass(frozen=True)
class PublishedTable:
    """One table of ``config/published.yaml``; `cells` is (row, data set, kernel) → PSNR in dB.

    ``columns`` are (data set, kernel) in the paper's order; the kernel is empty where there is none.
    """

    columns: tuple[tuple[str, str], ...]
    cells: Mapping[tuple[str, str, str], float]
    parameters: Mapping[str, int]
    note: str | None = None

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets in the paper's order."""
        return tuple(dict.fromkeys(d for d, _ in self.columns))

    @property
    def rows(self) -> frozenset[str]:
        """Rows that have a number."""
        return frozenset(row for row, _, _ in self.cells)


def published_table(plan: Plan, table: str) -> PublishedTable:
    """The paper's numbers for a table; without columns where the paper has no such table."""
    return paper_table(plan.published, plan.tables[table].published or table)


def paper_table(published: Mapping[str, Any], table: str) -> PublishedTable:
    """One of the paper's tables by its id in ``published.yaml``."""
    data: Mapping[str, Any] = published.get(table) or {}
    names = list(data.get("columns", []))
    cells: dict[tuple[str, str, str], float] = {}
    parameters: dict[str, int] = {}
    columns: list[tuple[str, str]] = []
    if "rows" in data:
        columns = [(c, "") for c in names if c != "parameters"]
        for row, numbers in data["rows"].items():
            for name, number in zip(names, numbers, strict=True):
                if name == "parameters":
                    parameters[str(row)] = int(number)
                else:
                    cells[str(row), name, ""] = float(number)
    else:  # Table 7: the columns are kernels, and every data set has its own block of rows
        for dataset in (k for k, v in data.items() if isinstance(v, Mapping)):
            columns += [(dataset, kernel) for kernel in names]
            for row, numbers in data[dataset].items():
                for kernel, number in zip(names, numbers, strict=True):
                    cells[str(row), dataset, kernel] = float(number)
    return PublishedTable(tuple(columns), cells, parameters, data.get("note"))


def differs(plan: Plan, row: PlannedRow, test: Evaluation, paper: PublishedTable) -> str:
    """Why a measured number may not be compared with the paper's; empty if it may.

    Data set (all of its images), protocol and model must be the same: the model is where the preset has the
    paper's networks and budgets, or where the row loads the authors' released weights.
    """
    reasons = []
    if test.data not in paper.datasets:
        reasons.append("other data")
    elif test.subset:
        reasons.append("subset of the data")
    task = plan.tables[row.table].task
    if test.protocol != PROTOCOLS[task]:
        reasons.append("other protocol")
    if not same_model(plan, row):
        reasons.append("other budget")
    return ", ".join(reasons)


def same_model(plan: Plan, row: PlannedRow) -> bool:
    """Whether the row is the paper's model: the full preset, or the released weights."""
    released = bool(row.runs) and all(r.checkpoint is not None and r.checkpoint.released for r in row.runs)
    return plan.preset.full_size or released
