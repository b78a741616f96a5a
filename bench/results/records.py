"""A table as tidy records: measured joined with published, one record per row, data set, kernel and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.config.evaluation import Evaluation, PlannedTest
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.published import PublishedTable, differs, published_table
from bench.config.run_record import UNSCORED
from bench.config.run_spec import RunSpec
from bench.foundation.errors import BenchError
from bench.results.captions import lost_seeds
from bench.results.left_out import left_out_text
from bench.results.mean_sd import Summary, summarise
from bench.results.tidy import Results

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Record:
    """One number with everything needed to read it; ``status`` is ok, skipped, diverged or missing."""

    table: str
    row: str
    label: str
    reference: bool
    dataset: str
    subset: str
    kernel: str
    protocol: str
    metric: str
    mean: float | None
    sd: float | None
    n: int
    seeds: int
    """Seeds that were planned; 0 where nothing is trained."""
    parameters: int | None
    paper: float | None
    difference: float | None
    """Measured minus published; None unless data set, protocol and model are the same."""
    differs: str
    """Why the two may not be compared."""
    status: str
    reason: str
    source: str
    left_out: str = ""
    """Which images have no finite value and why: the mean is over the others."""


def tests_of(plan: Plan, table: str) -> list[PlannedTest]:
    """The evaluations of a table.

    Raises:
        BenchError: they mix protocols.
    """
    tests = plan.table_tests(table)
    protocols = list(dict.fromkeys(t.protocol for t in tests))
    if len(protocols) > 1:
        raise BenchError(
            f"table {table!r} of preset {plan.name!r} mixes the protocols {' and '.join(protocols)}: "
            "their numbers cannot stand in one table; give each its own preset"
        )
    return tests


def metrics_of(plan: Plan) -> list[str]:
    """Metrics that a table shows."""
    return list(dict.fromkeys(["psnr", "ssim", *plan.metrics]))


def row_status(results: Results, row: PlannedRow, test: Evaluation) -> tuple[str, str]:
    """Status and reason of a row on a test: ok if at least one seed can be shown."""
    if row.skipped is not None or not row.runs:
        return "skipped", row.skipped or "nothing to run"
    found = [_run_status(results, run, test) for run in row.runs]
    if any(status == "ok" for status, _ in found):
        return "ok", _partial(row, found)
    for wanted in (*UNSCORED, "missing"):
        for status, reason in found:
            if status == wanted:
                return status, reason
    return found[0]


def _run_status(results: Results, run: RunSpec, test: Evaluation) -> tuple[str, str]:
    state = results.status(run.id)
    if state.status in UNSCORED:
        return state.status, f"{state.status}: {state.reason}" if state.reason else state.status
    if results.values(run.id, test.key, "psnr") is None:
        why = results.faults.get((run.id, test.key), "")
        return "missing", why or "no result: not run yet, or its job failed (see results/logs)"
    return "ok", ""


def _partial(row: PlannedRow, found: Sequence[tuple[str, str]]) -> str:
    lost = [
        (run.train.seed if run.train else 0, reason)
        for run, (status, reason) in zip(row.runs, found, strict=True)
        if status != "ok"
    ]
    return f"mean without {lost_seeds(lost)}" if lost else ""


def scores(
    results: Results, row: PlannedRow, test: Evaluation, metric: str, kernel: str | None = None
) -> dict[int, pd.Series]:
    """Seed to values of the seeds that have a result, by (image, kernel), or by image of one kernel; NaN where an image
    has no finite value."""
    found = {}
    for run in row.runs:
        if results.status(run.id).status in UNSCORED:
            continue
        if kernel is None:
            values = results.values(run.id, test.key, metric)
        else:
            values = results.cells(run.id, test.key, metric).get(kernel)
        if values is not None and len(values) and not values.isna().all():
            found[run.train.seed if run.train else 0] = values
    return found


def summary(results: Results, row: PlannedRow, test: Evaluation, metric: str, kernel: str) -> Summary | None:
    """Mean over the images that have a finite value, then mean and spread over seeds."""
    values = scores(results, row, test, metric, kernel)
    return summarise([float(v.mean()) for v in values.values()]) if values else None


def decimals(metric: str) -> int:
    """Digits after the point: PSNR in hundredths of a dB, the others in ten-thousandths."""
    return 2 if metric.startswith("psnr") else 4


def records(plan: Plan, results: Results, table: str) -> list[Record]:
    """Every number of a table, measured or only published, in the order of its rows.

    Raises:
        BenchError: the table mixes protocols.
    """
    paper = published_table(plan, table)
    tests = tests_of(plan, table)
    found = []
    for row in plan.rows[table]:
        for test in tests:
            for kernel in results.kernels(test):
                found += [_record(plan, results, paper, row, test, kernel, m) for m in metrics_of(plan)]
        found += [_paper_only(plan, row, paper, d, k) for d, k in _unmeasured(row, paper, found)]
    return found


def _record(
    plan: Plan,
    results: Results,
    paper: PublishedTable,
    row: PlannedRow,
    test: Evaluation,
    kernel: str,
    metric: str,
) -> Record:
    got = summary(results, row, test, metric, kernel)
    status, reason = row_status(results, row, test)
    published = paper.cells.get((str(row.published), test.data, kernel)) if metric == "psnr" else None
    gone = left_out_text(results, row, test, metric, kernel)
    why = differs(plan, row, test, paper, images_of(results, row, test)) or ("images left out" if gone else "")
    gap = got.mean - published if got and published is not None and not why else None
    return Record(
        table=row.table,
        row=row.id,
        label=row.label,
        reference=row.reference,
        dataset=test.data,
        subset=test.subset or "",
        kernel=kernel,
        protocol=test.protocol,
        metric=metric,
        mean=got.mean if got else None,
        sd=got.sd if got else None,
        n=got.n if got else 0,
        seeds=len([r for r in row.runs if r.train]),
        parameters=parameters(results, row),
        paper=published,
        difference=gap,
        differs=why,
        status=status,
        reason=reason,
        source=source(results, row, test),
        left_out=gone,
    )


def images_of(results: Results, row: PlannedRow, test: Evaluation) -> int | None:
    """Over how many images a row was measured; None where it was not."""
    found = (results.values(run.id, test.key, "psnr") for run in row.runs)
    return next((values.index.get_level_values("image").nunique() for values in found if values is not None), None)


def parameters(results: Results, row: PlannedRow) -> int | None:
    """Number of trainable parameters, where a run of the row knows it."""
    return next((n for run in row.runs if (n := results.status(run.id).parameters)), None)


def source(results: Results, row: PlannedRow, test: Evaluation) -> str:
    """Evidence folders that a row's numbers come from; empty for this machine."""
    names = (results.sources.get((run.id, test.key), "") for run in row.runs)
    return ", ".join(dict.fromkeys(n for n in names if n))


def _unmeasured(row: PlannedRow, paper: PublishedTable, found: Sequence[Record]) -> list[tuple[str, str]]:
    have = {(r.dataset, r.kernel) for r in found if r.row == row.id}
    return [(d, k) for d, k in paper.columns if (d, k) not in have and (str(row.published), d, k) in paper.cells]


def _paper_only(plan: Plan, row: PlannedRow, paper: PublishedTable, dataset: str, kernel: str) -> Record:
    return Record(
        table=row.table,
        row=row.id,
        label=row.label,
        reference=row.reference,
        dataset=dataset,
        subset="",
        kernel=kernel,
        protocol="as published",
        metric="psnr",
        mean=None,
        sd=None,
        n=0,
        seeds=0,
        parameters=paper.parameters.get(str(row.published)),
        paper=paper.cells[str(row.published), dataset, kernel],
        difference=None,
        differs="not measured in this preset",
        status="published",
        reason="",
        source="",
    )
