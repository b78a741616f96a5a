"""What of a plan is done, here or in committed evidence, and which files the rest is made of. Torch- and pandas-free.

A run is answered by evidence when all its tests stand there in the present versions: it is not trained again on any
clone. A trained run is answered whole or not at all, since its scores must be of one training; a run that is made here
is scored here. `Plan.anew` names runs for which evidence does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.config import layout
from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.config.planned_properties import PlannedProperty, properties_of
from bench.config.run_record import run_record
from bench.config.run_spec import RunSpec
from bench.results.evidence import Pair, other_checkpoint, published, rows_of, runs_of
from bench.results.properties import property_weights, published_properties
from bench.scoring.score_record import fault, read_record


@dataclass(frozen=True)
class Done:
    """The state of a plan when it is asked for the first time."""

    plan: Plan

    @cached_property
    def evidence(self) -> dict[Pair, list[Path]]:
        """(run, evaluation) to the folders of evidence that hold it."""
        return published(self.plan)

    @cached_property
    def _answered(self) -> dict[str, bool]:
        return {run.id: self._is_answered(run) for run in self.plan.runs.values()}

    @cached_property
    def _curves(self) -> set[str]:
        """Runs whose training curve stands in evidence: all there is of one that no test set is asked of."""
        return {run for folder in layout.evidence_folders() for run in runs_of(folder / "curves.csv")}

    @cached_property
    def _status(self) -> dict[str, str]:
        """Run to what became of it, as evidence records it."""
        files = (folder / "runs.csv" for folder in layout.evidence_folders())
        return {row["run"]: row["status"] for file in files for row in rows_of(file, "run", "status")}

    def _is_answered(self, run: RunSpec) -> bool:
        keys = [(run.id, test.key) for test in self.plan.evaluations(run)]
        if not run.train:  # published() has left out what was loaded from another checkpoint
            return any(pair in self.evidence for pair in keys)
        if layout.run_json(run.id).is_file() or self.plan.is_anew(run.id):
            return False
        if keys:
            return all(pair in self.evidence for pair in keys)
        # One that diverged before its first row has no curve.
        return run.id in (self._curves if self._status.get(run.id) == "trained" else self._status)

    def published(self, run: RunSpec, test: PlannedTest) -> bool:
        """Whether evidence answers a test of a run, and nothing here does."""
        in_evidence = self._answered[run.id] and (run.id, test.key) in self.evidence
        return in_evidence and not layout.metrics_csv(run.id, test.stem).is_file()

    def scored_here(self, run: RunSpec, test: PlannedTest) -> bool:
        """Whether a test's scores lie here that may be used, of the weights that the run has."""
        table = layout.metrics_csv(run.id, test.stem)
        record = read_record(table) if table.is_file() and not self.reloads(run) else None
        weights = self._record.get(run.id, {}).get("weights_sha256") or ""
        if record is None or fault(table, record, run.id, test):
            return False
        return not weights or record.weights_sha256 == weights

    @cached_property
    def _record(self) -> dict[str, dict[str, Any]]:
        """Run to its record on this machine."""
        return {run: record for run in self.plan.runs if (record := run_record(run))}

    def reloads(self, run: RunSpec) -> bool:
        """Whether a run lies here that was loaded from another file than is declared now."""
        record = self._record.get(run.id)
        return record is not None and bool(other_checkpoint(self.plan, run.id, record.get("checkpoint_sha256") or ""))

    def left(self, run: RunSpec) -> list[PlannedTest]:
        """The tests of a run that have yet to be scored here."""
        return self._left[run.id]

    @cached_property
    def _left(self) -> dict[str, list[PlannedTest]]:
        return {
            run.id: [t for t in self.plan.evaluations(run) if not (self.published(run, t) or self.scored_here(run, t))]
            for run in self.plan.runs.values()
        }

    def to_make(self, run: RunSpec) -> bool:
        """Whether a network has yet to be trained or loaded here: it has tests left and no weights, or no tests and no
        curve."""
        if run.method or self._answered[run.id]:
            return False
        tests = self.plan.evaluations(run)
        if tests and not self.left(run):
            return False
        needed = layout.weights(run.id) if tests else layout.curve_csv(run.id)
        return not (layout.run_json(run.id).is_file() and needed.is_file()) or self.reloads(run)

    def lies_in_part(self, run: RunSpec) -> list[PlannedTest]:
        """The tests of a training that evidence answers though the run is made here, since others are asked of it."""
        if not run.train or not self.to_make(run) or self.plan.is_anew(run.id):
            return []
        return [test for test in self.plan.evaluations(run) if (run.id, test.key) in self.evidence]

    @cached_property
    def _measured(self) -> set[tuple[str, str]]:
        """(run, property) that evidence answers."""
        return published_properties(self.plan)

    def is_measured(self, run: str, one: PlannedProperty) -> bool:
        """Whether a property lies here, of the weights that the run has."""
        path, record = layout.property_csv(run, one.stem), layout.run_json(run)
        if not path.is_file():
            return False
        weights = property_weights(path)
        if not weights and record.is_file():  # no number, which says nothing of the weights
            return path.stat().st_mtime_ns >= record.stat().st_mtime_ns
        return (run_record(run).get("weights_sha256") or "") in ("", *weights)

    def to_measure(self, run: RunSpec) -> list[PlannedProperty]:
        """The properties of a run that are measured here, or can be: its weights are here, or will be.

        A run that evidence answers is not trained again for them.
        """
        if not (layout.weights(run.id).is_file() or self.to_make(run)):
            return []
        return [one for one in properties_of(self.plan, run) if (run.id, one.name) not in self._measured]

    def unmeasured(self, run: RunSpec) -> list[PlannedProperty]:
        """The properties that a run which evidence answers has not, and cannot get: no weights of it are here."""
        if not self._answered[run.id] or self._status.get(run.id) != "trained" or layout.weights(run.id).is_file():
            return []
        asked = properties_of(self.plan, run)
        return [p for p in asked if (run.id, p.name) not in self._measured and not self.is_measured(run.id, p)]

    def needs_weights(self, run: RunSpec) -> bool:
        """Whether scores or a restored image are still to be made."""
        shown = [t for t in self.plan.evaluations(run) if not self.published(run, t)]
        return bool(self.left(run)) or not all(layout.showcase_png(run.id, t.stem).is_file() for t in shown)

    def folders(self, table: str) -> list[Path]:
        """The folders of evidence that hold anything of a table, newest first."""
        tests = [(run.id, e.key) for run in self.plan.table_runs(table) for e in self.plan.table_tests(table, run.task)]
        return sorted({f for pair in tests for f in self.evidence.get(pair, ())}, reverse=True)

    def _only_trained_here(self, run: RunSpec) -> bool:
        """Whether no test set is asked of a training that evidence does not answer."""
        return run.train is not None and not self.plan.evaluations(run) and not self._answered[run.id]

    def table_inputs(self, table: str) -> list[Path]:
        """The files that a table is made of: scores, records of runs, and evidence that has some of them."""
        files: list[Path] = []
        for run in self.plan.table_runs(table):
            tests = [t for t in self.plan.table_tests(table, run.task) if not self.published(run, t)]
            for scores in (layout.metrics_csv(run.id, test.stem) for test in tests):
                files += [scores, layout.score_record(scores)]
            if not run.method and (tests or self._only_trained_here(run)):
                files.append(layout.run_json(run.id))
        names = ("runs.csv", "metrics.csv", "scores.csv")
        return files + [path for folder in self.folders(table) for n in names if (path := folder / n).is_file()]

    def figure_inputs(self, figure: str) -> list[Path]:
        """The files that a figure is drawn from."""
        plan = self.plan
        if figure in plan.analyses:
            return [layout.analysis_csv(plan.analyses[figure].id)]
        table, kind = plan.figures[figure]
        if kind == "curves":
            here = [layout.curve_csv(r.id) for r in plan.table_runs(table) if r.train and not self._answered[r.id]]
            trained = {r.id for r in plan.table_runs(table) if r.train}
            return here + [path for f in self.folders(table) if trained & runs_of(path := f / "curves.csv")]
        if kind == "visual":
            return [layout.showcase_png(run.id, test.stem) for run, test in self.shown(table)]
        inputs = self.table_inputs(table)
        return [*inputs, layout.throughput_csv(plan.name)] if kind == "latency" else inputs

    def undrawable(self, figure: str) -> str:
        """Why a figure is not drawn though nothing is left to do: evidence lacks what it shows. Empty if it is."""
        if figure in self.plan.analyses:
            return ""
        kind = self.plan.figures[figure][1]
        if kind not in ("curves", "visual") or self.figure_inputs(figure):
            return ""
        what = "curve" if kind == "curves" else "restored image"
        return f"every row is published evidence, which holds no {what} of them (--config anew=all makes them here)"

    def shown(self, table: str) -> list[tuple[RunSpec, PlannedTest]]:
        """Runs with their first test, whose first image is shown; those of evidence, which has no images, left out."""
        pairs = [(run, t) for run in self.plan.table_runs(table) for t in self.plan.table_tests(table, run.task)[:1]]
        return [(run, test) for run, test in pairs if not self.published(run, test)]
