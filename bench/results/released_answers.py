"""Which published averages released weights can answer, and what was measured of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.published import PROTOCOLS, paper_table
from bench.config.reproducibility import Reproducibility
from bench.results.records import summary, tests_of
from bench.results.tidy import Results

WITHIN_DB = 0.01
"""A measured average, rounded as the paper rounds, that is no farther off counts as reproduced."""


@dataclass(frozen=True)
class Answer:
    """One published average that released weights can answer."""

    table: str
    row: str
    dataset: str
    kernel: str
    paper: float
    weights: str
    note: str = ""
    protocol: str = ""
    measured: float | None = None
    images: int = 0
    subset: str = ""

    @property
    def difference(self) -> float | None:
        """Measured minus published in dB, both to two digits; None for a subset or where nothing is measured."""
        if self.measured is None or self.subset:
            return None
        return round(round(self.measured, 2) - self.paper, 2)


def released_rows(plan: Plan) -> Iterator[tuple[str, PlannedRow]]:
    """(released name, row) of every row that stands for a published one and loads released weights."""
    for rows in plan.rows.values():
        for row in rows:
            names = {run.checkpoint.released for run in row.runs if run.checkpoint and run.checkpoint.released}
            if len(names) == 1 and not row.ours:
                yield str(names.pop()), row


def answers_of(plan: Plan, results: Results, found: Reproducibility, table: str) -> list[Answer]:
    """Every published average of a table that released weights can answer, measured or not."""
    paper = paper_table(plan.published, table)
    loaded = dict(released_rows(plan))
    answers = []
    for name, weights in found.words.released.items():
        for at, note in weights.rows.items():
            where, _, row = at.partition("/")
            if where != table:
                continue
            for dataset, kernel in paper.columns:
                value = paper.cells[row, dataset, kernel]
                blank = Answer(table, row, dataset, kernel, value, name, note or "")
                answers.append(_measured(plan, results, loaded.get(name), blank))
    return answers


def _measured(plan: Plan, results: Results, row: PlannedRow | None, blank: Answer) -> Answer:
    """The answer with what was measured of it in this preset: on most images, where several subsets are scored."""
    if row is None:
        return blank
    found = [blank]
    for test in tests_of(plan, row.table):
        if test.data != blank.dataset or test.protocol != PROTOCOLS[plan.tables[row.table].task]:
            continue
        got = summary(results, row, test, "psnr", blank.kernel)
        if got:
            values = results.values(row.runs[0].id, test.key, "psnr")
            images = len(set(values.index.get_level_values("image"))) if values is not None else 0
            found.append(
                dataclasses.replace(
                    blank, protocol=test.protocol, measured=got.mean, images=images, subset=test.subset or ""
                )
            )
    return max(found, key=lambda answer: (answer.images, not answer.subset))
