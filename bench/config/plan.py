"""From ``config/`` to runs: what a preset asks for. Paths are built in `bench.config.layout`.

Torch-free and quick, since the Snakefile calls it every time it is parsed. A preset or a table is
only a view: runs are shared by all tables and presets whose row resolves to the same `RunSpec`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.config.analysis_info import WEIGHTS
from bench.config.evaluation import Evaluation, PlannedTest
from bench.config.planned_analyses import AnalysisSpec
from bench.config.planned_row import PlannedRow
from bench.config.resolve import digest
from bench.config.run_spec import RunSpec
from bench.config.spec import Preset, Table
from bench.data.datasets import Dataset
from bench.data.protocols import Task
from bench.data.scored_content import Scored, scored
from bench.foundation.errors import BenchError, nearest
from converse.declarations import registry
from converse.declarations.operator_info import OperatorInfo


@dataclass(frozen=True)
class Plan:
    """Everything that one preset asks for."""

    name: str
    preset: Preset
    tables: Mapping[str, Table]
    rows: Mapping[str, tuple[PlannedRow, ...]]
    published: Mapping[str, Any]
    datasets: Mapping[str, Dataset]
    plugins: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    analyses: Mapping[str, AnalysisSpec] = field(default_factory=dict)
    subset: str | None = None
    anew: tuple[str, ...] = ()
    """Runs by id, or ``all``, that committed evidence does not answer: they are made on this machine."""
    asked: tuple[str, ...] = ()
    """Tables asked for instead of the preset's own choice."""
    folder: Path | None = None
    """Where it was read from; None for a plan that was made in memory."""

    @cached_property
    def runs(self) -> dict[str, RunSpec]:
        """All distinct runs by id, in the order of the tables."""
        return {run.id: run for rows in self.rows.values() for row in rows for run in row.runs}

    def run(self, run_id: str) -> RunSpec:
        """The run of that id.

        Raises:
            BenchError: no such run in this preset.
        """
        if run_id not in self.runs:
            hint = nearest(run_id, self.runs)
            raise BenchError(f"no run {run_id!r} in preset {self.name!r}{hint} (python -m bench plan lists them)")
        return self.runs[run_id]

    def is_anew(self, run_id: str) -> bool:
        """Whether committed evidence is ignored for a run."""
        return run_id in self.anew or "all" in self.anew

    @cached_property
    def _scored(self) -> dict[str, Scored]:
        return {}

    def scored(self, test: Evaluation) -> Scored:
        """The images and kernels of a test, as they were when it was first asked for."""
        if test.key not in self._scored:
            self._scored[test.key] = scored(self.datasets, test.data, test.kernels, subset=test.subset, only=test.only)
        return self._scored[test.key]

    def _planned(self, test: Evaluation) -> PlannedTest:
        content = self.scored(test).identity
        return PlannedTest(**test.model_dump(), content=content, metrics=self.metrics)

    def table_tests(self, table: str, task: Task | None = None) -> list[PlannedTest]:
        """The tests of one table: its own, or those of its task (or of ``task``), with the plan's subset of images."""
        if (table, task) not in self._tests:
            self._tests[table, task] = self._tests_of(table, task)
        return list(self._tests[table, task])

    @cached_property
    def _tests(self) -> dict[tuple[str, Task | None], list[PlannedTest]]:
        return {}

    def _tests_of(self, table: str, task: Task | None) -> list[PlannedTest]:
        entry = self.tables[table]
        tests = entry.evaluate
        if tests is None:
            tests = self.preset.tasks[task or entry.task].evaluate
        if self.subset:  # for all: a test of its own subset beside one of all images becomes the same test
            tests = [t.model_copy(update={"subset": self.subset}) for t in tests]
        return [self._planned(test) for test in {test.key: test for test in tests}.values()]

    def evaluations(self, run: RunSpec) -> list[PlannedTest]:
        """The tests of one run: those of every table that shows it, each once."""
        tables = self._tables_of.get(run.id, ())
        return list({test.key: test for t in tables for test in self.table_tests(t, run.task)}.values())

    def tables_of(self, run: RunSpec) -> list[str]:
        """The tables that show a run, in their order."""
        return list(self._tables_of.get(run.id, ()))

    @cached_property
    def _tables_of(self) -> dict[str, dict[str, None]]:
        """Tables that show a run, by its id, in their order: an id is a hash, too dear to be taken in a search."""
        found: dict[str, dict[str, None]] = {}
        for table, rows in self.rows.items():
            for run in (r for row in rows for r in row.runs):
                found.setdefault(run.id, {})[table] = None
        return found

    def table_runs(self, table: str) -> list[RunSpec]:
        """Distinct runs of one table."""
        return list({run.id: run for row in self.rows[table] for run in row.runs}.values())

    @property
    def figures(self) -> dict[str, tuple[str, str]]:
        """Figure name to (table, kind), e.g. ``table4_denoising-curves``."""
        return {f"{t}-{kind}": (t, kind) for t, table in self.tables.items() for kind in table.figures}

    def checkpoint_sha256(self, run: RunSpec) -> str:
        """sha256 that the file of a run's checkpoint must have; empty where it loads none.

        A released file's is declared in ``datasets.yaml`` and no part of the run's id: what was computed from another
        file does not count.
        """
        source = run.checkpoint
        if source is None or not source.released:
            return (source.sha256 or "") if source else ""
        return self.datasets[WEIGHTS].hashes[f"{source.released}.pth"] if WEIGHTS in self.datasets else ""

    def data_names(self, run: RunSpec) -> list[str]:
        """Data sets that training (or loading) one run needs."""
        if run.checkpoint and run.checkpoint.released:
            return [WEIGHTS]
        return list(run.train.data) if run.train else []

    def digest(self) -> str:
        """Hash over the ids of all runs: when it changes, the `check` job looks again."""
        return digest(sorted(self.runs))

    def timed_operators(self) -> dict[str, OperatorInfo]:
        """What the throughput stage times: the operators of every table, and those that a row of this plan names."""
        named = {(run.network or {}).get("operator") for run in self.runs.values()}
        known = registry.operators(self.plugins)
        return {n: o for n, o in known.items() if o.error or o.tables == "all" or n in named}

    def operators_digest(self) -> str:
        """Hash over the names and files of the operators that are timed."""
        return digest([(n, o.sha256) for n, o in self.timed_operators().items()])

    def fingerprint(self, table: str | None = None) -> str:
        """Hash of what rendering depends on beside the metrics: titles, labels, notes, cells."""
        tables = [t for t in self.tables if table in (None, t)]
        data = {
            t: [
                self.tables[t].model_dump(mode="json"),
                [_row_json(r) for r in self.rows[t]],
                self.published.get(t),
            ]
            for t in tables
        }
        return digest([data, self.preset.model_dump(mode="json"), self.metrics])


def _row_json(row: PlannedRow) -> list[Any]:
    return [row.id, row.label, [r.id for r in row.runs], row.skipped, row.note, row.published]
