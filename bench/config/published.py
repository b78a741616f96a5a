"""The paper's numbers as data, and when a measured number may be subtracted from one of them. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.data.protocols import Task
from converse.declarations import model_spec
from converse.declarations.released_options import RELEASED

PROTOCOLS: dict[Task, str] = {
    "denoising": "denoise-gray-s25",
    "sr": "sr-bicubic-x4",
    "deblurring": "deblur-circular-s2.55",
}
"""The protocol under which the released weights give the paper's averages."""


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


DIFFERENCES = (
    "other data",
    "subset of the data",
    "other protocol",
    "other inference",
    "other options",
    "other size",
    "other budget",
)
"""What may stand between a measured number and a published one, in the order in which it is said."""


def differs(plan: Plan, row: PlannedRow, test: Evaluation, paper: PublishedTable, images: int | None = None) -> str:
    """Why a measured number may not be compared with the paper's; empty if it may.

    Data set (all of its images), protocol, model and the way it is applied must be the same.

    Args:
        plan: the row's plan.
        row: what was measured.
        test: its test.
        paper: the table that has the published number.
        images: how many images were measured; None where nothing was yet.
    """
    reasons = []
    data = plan.datasets[test.data]
    if test.data not in paper.datasets or data.folder is not None:
        reasons.append("other data")
    elif test.subset or data.leave_out or images not in (None, data.count):
        reasons.append("subset of the data")
    if test.protocol != PROTOCOLS[plan.tables[row.table].task]:
        reasons.append("other protocol")
    return ", ".join([*reasons, *model_differs(plan, row)])


def model_differs(plan: Plan, row: PlannedRow) -> list[str]:
    """Why a row is not the paper's model as the paper applies it; empty if it is.

    The paper's model is what the authors' released weights are of, or what a preset of the paper's sizes and budgets
    trains.
    """
    reasons = ["other inference"] if any(run.inference for run in row.runs) else []
    released = [run.checkpoint.released for run in row.runs if run.checkpoint and run.checkpoint.released]
    if row.runs and len(released) == len(row.runs):
        if any(run.network != _released(str(name)) for run, name in zip(row.runs, released, strict=True)):
            reasons.append("other options")
    elif not plan.preset.full_size:
        reasons.append("other budget")
    elif plan.preset.tasks[plan.tables[row.table].task].options:
        reasons.append("other size")
    return reasons


def _released(name: str) -> dict[str, Any]:
    """The network that a released checkpoint is of, with all options as published."""
    return model_spec.resolve(name, RELEASED[name]).identity()
