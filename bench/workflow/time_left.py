"""How long what is left of a plan will take, from what was measured on this machine. Torch-free.

A training step is taken from finished runs: of the same network and budget where there is one, else of the same task
in this preset. Where no run of the task is finished, from the throughput table: one forward and backward pass of the
row's network (or the mean of its task), scaled by the number of input pixels. An evaluation is taken from the seconds
that other runs took for the same test.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from bench.config import layout
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.results.model_cases import architecture, case_name, timed_names

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

    def seconds(self, parallel: int) -> float:
        """Wall clock with so many jobs at a time."""
        return (self.training_s + self.scoring_s) / max(1, parallel)


def time_left(plan: Plan, todo: Iterable[RunSpec], scores: Iterable[tuple[RunSpec, str]]) -> TimeLeft:
    """Estimate of trainings and of evaluations (run, key) that are not done."""
    steps, passes = _Steps(plan), _passes(plan)
    tests = _seconds_of_tests(plan)
    left = TimeLeft()
    for run in todo:
        if run.train is None:
            left.training_s += JOB_S
            continue
        seconds, source = steps.of(run)
        if seconds is None:
            seconds, source = _from_throughput(run, passes)
        if seconds is None:
            left.unknown += 1
            continue
        left.training_s += seconds * run.train.budget.steps + JOB_S
        left.sources[source] = left.sources.get(source, 0) + 1
    for run, key in scores:
        known = tests.get((run.method or run.task, key))
        if known is None:
            left.unknown += 1
        else:
            left.scoring_s += known + JOB_S
    return left


class _Steps:
    """Seconds of a training step by what was trained, from the runs of this preset that are finished."""

    def __init__(self, plan: Plan) -> None:
        self.same: dict[str, list[float]] = {}
        self.task: dict[str, list[float]] = {}
        for run in plan.runs.values():
            path = layout.run_json(run.id)
            if run.train is None or not path.is_file():
                continue
            record = json.loads(path.read_text(encoding="utf-8"))
            if record.get("steps") and record.get("seconds"):
                seconds = record["seconds"] / record["steps"]
                self.same.setdefault(_work(run), []).append(seconds)
                self.task.setdefault(run.task, []).append(seconds)

    def of(self, run: RunSpec) -> tuple[float | None, str]:
        if values := self.same.get(_work(run)):
            return fmean(values), "runs of the same network"
        if values := self.task.get(run.task):
            return fmean(values), "runs of the same task"
        return None, ""


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


def _from_throughput(run: RunSpec, passes: Mapping[str, float]) -> tuple[float | None, str]:
    assert run.train is not None
    each = passes.get(architecture(run), passes.get(run.task))
    if each is None:
        return None, ""
    budget = run.train.budget
    return each * budget.batch * (budget.patch // run.train.degradation.scale) ** 2, "throughput"


def _seconds_of_tests(plan: Plan) -> dict[tuple[str, str], float]:
    """Mean seconds of one whole evaluation by (method or task, key)."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in plan.runs.values():
        for test in plan.evaluations(run):
            path = layout.metrics_csv(run.id, test.stem)
            if path.is_file():
                with path.open(newline="", encoding="utf-8") as file:
                    values = [
                        float(r["value"]) for r in csv.DictReader(file) if r["metric"] == "seconds" and r["value"]
                    ]
                if values:
                    found.setdefault((run.method or run.task, test.key), []).append(sum(values))
    return {key: fmean(values) for key, values in found.items()}
