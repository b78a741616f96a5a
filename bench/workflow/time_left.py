"""How long what is left of a plan will take, from what was measured here and, failing that, elsewhere. Torch-free.

A training step is taken from finished runs of the preset: of the same network and budget where there is one, else of
the same task. Where no run of the task is finished here, from the throughput table: one forward and backward pass of
the row's network (or the mean of its task), scaled by the number of input pixels. An evaluation is taken from the
seconds that other runs took for the same test. Published evidence counts in
the same way after what was measured here, but runs of the same network go before other ones of the task.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.config import layout
from bench.config.plan import Plan
from bench.config.run_record import run_record
from bench.config.run_spec import RunSpec
from bench.results.evidence import rows_of
from bench.results.model_cases import architecture, case_name, timed_names
from bench.scoring.score_record import VERSION

JOB_S = 5.0
"""Start of one job (imports, reading the plan), measured on the machine of the evidence; it matters for toy budgets."""


@dataclass
class TimeLeft:
    """Core-seconds that are left, and what could not be estimated."""

    training_s: float = 0.0
    scoring_s: float = 0.0
    sources: dict[str, int] = field(default_factory=dict)
    """Where a training's estimate came from, and how often."""
    unknown: int = 0
    """Trainings and evaluations without an estimate."""
    elsewhere: bool = False
    """Whether something was taken from published evidence."""

    def seconds(self, parallel: int) -> float:
        """Wall clock with so many jobs at a time."""
        return (self.training_s + self.scoring_s) / max(1, parallel)


def time_left(plan: Plan, todo: Iterable[RunSpec], scores: Iterable[tuple[RunSpec, str]]) -> TimeLeft:
    """Estimate of trainings and of evaluations (run, key) that are not done."""
    here, published, passes = _Steps(_records(plan)), _Steps(_published_records(plan)), _passes(plan)
    tests, published_tests = _seconds_of_tests(plan), _published_seconds_of_tests(plan)
    left = TimeLeft()
    for run in todo:
        if run.train is None:
            left.training_s += JOB_S
            continue
        seconds, source, elsewhere = next(
            (
                (seconds, source, elsewhere)
                for seconds, source, elsewhere in (
                    (here.of_same(run), "runs of the same network", False),
                    (published.of_same(run), "published runs of the same network", True),
                    (here.of_task(run), "runs of the same task", False),
                    (_from_throughput(run, passes), "throughput", False),
                    (published.of_task(run), "published runs of the same task", True),
                )
                if seconds is not None
            ),
            (None, "", False),
        )
        if seconds is None:
            left.unknown += 1
            continue
        left.training_s += seconds * run.train.budget.steps + JOB_S
        left.sources[source] = left.sources.get(source, 0) + 1
        left.elsewhere |= elsewhere
    for run, key in scores:
        test = (run.method or run.task, key)
        known = tests.get(test, published_tests.get(test))
        if known is None:
            left.unknown += 1
        else:
            left.scoring_s += known + JOB_S
            left.elsewhere |= test not in tests
    return left


class _Steps:
    """Seconds of a training step by what was trained."""

    def __init__(self, records: Iterable[tuple[RunSpec, Mapping[str, Any]]]) -> None:
        self.same: dict[str, list[float]] = {}
        self.task: dict[str, list[float]] = {}
        for run, record in records:
            steps, seconds = (float(record.get(key) or 0) for key in ("steps", "seconds"))
            if run.train is not None and steps > 0 and seconds > 0:
                seconds /= steps
                self.same.setdefault(_work(run), []).append(seconds)
                self.task.setdefault(run.task, []).append(seconds)

    def of_same(self, run: RunSpec) -> float | None:
        """Of runs of the same network and budget; None if there is none."""
        values = self.same.get(_work(run))
        return fmean(values) if values else None

    def of_task(self, run: RunSpec) -> float | None:
        """Of runs of the same task; None if there is none."""
        values = self.task.get(run.task)
        return fmean(values) if values else None


def _records(plan: Plan) -> Iterator[tuple[RunSpec, Mapping[str, Any]]]:
    """The plan's runs that are finished here, with their records."""
    for run in plan.runs.values():
        if record := run_record(run.id):
            yield run, record


def _published_records(plan: Plan) -> Iterator[tuple[RunSpec, Mapping[str, Any]]]:
    """The plan's runs that stand in published evidence, with their records."""
    for folder in layout.evidence_folders():
        for row in rows_of(folder / "runs.csv", "run"):
            if row["run"] in plan.runs:
                yield plan.runs[row["run"]], row


def _work(run: RunSpec) -> str:
    budget = run.train.budget if run.train else None
    return f"{architecture(run)}, {budget and (budget.batch, budget.patch)}, {run.threads}"


def _passes(plan: Plan) -> Mapping[str, float]:
    """Seconds of forward and backward for one input pixel, by architecture and by task."""
    path = layout.throughput_csv(plan.name)
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["kind"] == "model" and r["pass"] == "forward+backward"]
    found: dict[str, list[float]] = {}
    for case in plan.preset.throughput.models:
        pixels = case.batch * case.size[0] * case.size[1]
        timed = timed_names(plan, case.task)
        for row in rows:
            if row["case"] == case_name(case) and row["median_s"] and row.get("timed") in timed:
                each = float(row["median_s"]) / pixels
                found.setdefault(row["timed"], []).append(each)
                found.setdefault(case.task, []).append(each)
    return {key: fmean(values) for key, values in found.items()}


def _from_throughput(run: RunSpec, passes: Mapping[str, float]) -> float | None:
    assert run.train is not None
    each = passes.get(architecture(run), passes.get(run.task))
    if each is None:
        return None
    budget = run.train.budget
    return each * budget.batch * (budget.patch // run.train.degradation.scale) ** 2


Test = tuple[str, str]
"""Method or task, and the key of an evaluation."""


def _seconds_of_tests(plan: Plan) -> dict[Test, float]:
    """Mean seconds of one whole evaluation, of the runs that were scored here."""
    found: dict[Test, list[float]] = {}
    for run in plan.runs.values():
        for test in plan.evaluations(run):
            path = layout.metrics_csv(run.id, test.stem)
            if path.is_file() and (values := _seconds(rows_of(path, "metric", "value"))):
                found.setdefault((run.method or run.task, test.key), []).append(sum(values))
    return {key: fmean(values) for key, values in found.items()}


def _published_seconds_of_tests(plan: Plan) -> dict[Test, float]:
    """The same of published evidence."""
    totals: dict[Test, dict[tuple[Path, str], float]] = {}
    for folder in layout.evidence_folders():
        for row in rows_of(folder / "metrics.csv", "run", "evaluation", "version", "metric", "value"):
            run = plan.runs.get(row["run"])
            if run is not None and row["version"] == VERSION and (values := _seconds([row])):
                by_run = totals.setdefault((run.method or run.task, row["evaluation"]), {})
                by_run[folder, run.id] = by_run.get((folder, run.id), 0.0) + values[0]
    return {key: fmean(by_run.values()) for key, by_run in totals.items()}


def _seconds(rows: Iterable[Mapping[str, str]]) -> list[float]:
    return [float(row["value"]) for row in rows if row["metric"] == "seconds" and row["value"]]
