"""What the Snakefile asks of its plans: file lists per target. No Snakemake import, no torch."""

from __future__ import annotations

import time
from pathlib import Path

from bench.config import layout
from bench.config.loading import command_options, preset_names
from bench.config.plan import Plan
from bench.config.planned_properties import properties_of
from bench.data.leak_pairs import cleared
from bench.foundation import atomic
from bench.results.done import Done
from bench.results.rendered import FIGURE_SUFFIXES, TABLE_SUFFIXES, Stage, state
from bench.workflow.cluster import has_gpus

BRIEF_STEPS = 1000
"""A training of so few steps takes seconds or minutes: on a cluster it shares one submission with others."""


class Targets:
    """Inputs and targets as strings, since Snakemake wants them so."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.done = Done(plan)
        # Reaches the jobs as a resource and not as `params`, which make a job rerun when they change: a run
        # that two presets share must not be stale in the other one.
        self.options = command_options(plan)
        self.gpus = int(plan.preset.device != "cpu" and has_gpus())

    def everything(self) -> list[str]:
        """Every result of the preset, so that a deleted one is made again."""
        plan = self.plan
        files = layout.report_pages(plan.name)
        for run in plan.runs.values():
            stems = [e.stem for e in plan.evaluations(run) if not self.done.published(run, e)]
            for scores in (layout.metrics_csv(run.id, stem) for stem in stems):
                files += [scores, layout.score_record(scores)]
            files += [layout.showcase_png(run.id, stem) for stem in stems]
            if self.done.to_make(run):
                files += [layout.weights(run.id), layout.curve_csv(run.id), layout.run_json(run.id)]
        files += [layout.throughput_csv(plan.name), *self.property_tables()]
        files += [layout.analysis_csv(a.id) for a in plan.analyses.values()]
        return [str(f) for f in files] + self.rendered()

    def property_tables(self) -> list[Path]:
        """What is measured of trained networks while their weights are here."""
        runs = self.plan.runs.values()
        return [layout.property_csv(run.id, one.stem) for run in runs for one in self.done.to_measure(run)]

    def rendered(self) -> list[str]:
        """All tables and figures."""
        plan = self.plan
        tables = [
            f"{layout.table_stem(plan.name, t)}{s}" for t in [*plan.tables, layout.THROUGHPUT] for s in TABLE_SUFFIXES
        ]
        figures = [f for f in (*plan.figures, *plan.analyses) if not self.done.undrawable(f)]
        return tables + [f"{layout.figure_stem(plan.name, f)}{s}" for f in figures for s in FIGURE_SUFFIXES]

    def tables(self) -> dict[str, list[str]]:
        """Target name to files: one per table id, and a short form (``table1``, ``lambda``).

        The results too and not the table alone: after a failure it is rendered from what exists, and a table that
        is there does not tell Snakemake that something under it is missing.
        """
        targets: dict[str, list[str]] = {}
        for table in self.plan.tables:
            for name in {table, table.split("_")[0]} - set(preset_names()):  # a preset's name is a target too
                files = targets.setdefault(name, [])
                files += [f"{layout.table_stem(self.plan.name, table)}.md", *self.table_inputs(table)]
        return targets

    def group(self, run: str) -> str | None:
        """What may share a cluster's job: trainings of a few steps with their tests; None stays by itself.

        Every training still has a process and its own number of threads: the numbers do not change.
        """
        spec = self.plan.run(run)
        return "brief" if spec.train and spec.train.budget.steps <= BRIEF_STEPS else None

    def minutes(self, run: str, most: int) -> int:
        """Time limit of a job of a run: ``most``, but of a brief one a share that a group can be made of."""
        return most if self.group(run) is None else min(most, 20)

    def manifests(self) -> list[str]:
        """Every data set that what is left of the preset needs."""
        names: list[str] = []
        for run in self.plan.runs.values():
            names += self.plan.data_names(run) if self.done.to_make(run) else []
            for test in self.done.left(run):
                names += [test.data, *([test.kernels] if test.kernels else [])]
        return [str(layout.manifest(n)) for n in dict.fromkeys(names)]

    # A finished run no longer depends on raw data or on the check: their content is in its identity. Snakemake's
    # `ancient` would say so too, but it hides the jobs behind an ancient file that is itself being remade.

    def training_inputs(self, run: str) -> list[str]:
        """Manifests and the check, while the run is not finished: not made, or without weights that are needed."""
        stale = self.done.reloads(self.plan.run(run))
        made = layout.run_json(run).is_file() and layout.curve_csv(run).is_file() and not stale
        if made and (layout.weights(run).is_file() or not self.done.needs_weights(self.plan.run(run))):
            return []
        files = [layout.manifest(n) for n in self.plan.data_names(self.plan.run(run))]
        return [*map(str, [*files, layout.check_json(self.plan.name)]), *(_newer() if stale else [])]

    def evaluation_inputs(self, run: str, key: str) -> list[str]:
        """The run, unless it has no network, and manifests of the test and its kernels; nothing once it is scored.

        Scores record the weights that they are of, so that no time of a file need tell (an import has none to keep),
        and weights that are not here any more, or never were, are not made again for the sake of finished scores.
        Also manifests of training sets that were never compared with the test set: whoever trained, a pair is checked.
        """
        spec = self.plan.run(run)
        test = next(e for e in self.plan.evaluations(spec) if e.key == key)
        if self.done.scored_here(spec, test) and layout.showcase_png(run, test.stem).is_file():
            return []
        inputs = [] if spec.method else [layout.run_json(run), layout.weights(run)]
        sets = self.plan.datasets
        train = [n for n in (spec.train.data if spec.train else ()) if not cleared(sets[n], sets[test.data])]
        return [str(f) for f in [*inputs, *(layout.manifest(n) for n in (test.data, test.kernels, *train) if n)]]

    def property_inputs(self, run: str, key: str) -> list[str]:
        """The network and the images, while the property is not measured, or is of other weights."""
        one = next(p for p in properties_of(self.plan, self.plan.run(run)) if p.key == key)
        sets = (one.test.data, one.test.kernels)
        return [
            str(f)
            for f in [layout.run_json(run), layout.weights(run), *(layout.manifest(n) for n in sets if n)]
            if not self.done.is_measured(run, one)
        ]

    def analysis_inputs(self, analysis: str) -> list[str]:
        """Manifests of the data sets and weights, while the analysis is not measured."""
        if layout.analysis_csv(analysis).is_file():
            return []
        spec = next(a for a in self.plan.analyses.values() if a.id == analysis)
        return [str(layout.manifest(name)) for name in spec.data]

    def timing_inputs(self) -> list[str]:
        """The check, while nothing is timed."""
        return [] if layout.throughput_csv(self.plan.name).is_file() else [str(layout.check_json(self.plan.name))]

    def table_inputs(self, table: str) -> list[str]:
        """Scores of all rows and the runs' own records (parameters, status), from here or from evidence."""
        stem = layout.table_stem(self.plan.name, table)
        stale = self._if_stale("tables", table, [stem.with_suffix(s) for s in TABLE_SUFFIXES])
        if table == layout.THROUGHPUT:
            return [str(layout.throughput_csv(self.plan.name)), *stale]
        return [*map(str, self.done.table_inputs(table)), *stale]

    def figure_inputs(self, figure: str) -> list[str]:
        """What a figure is drawn from, here or in evidence; restored images stand beside the clean one."""
        files = self.done.figure_inputs(figure)
        table, kind = self.plan.figures.get(figure, ("", ""))
        data = (
            [name for _, test in self.done.shown(table) for name in (test.data, test.kernels)]
            if kind == "visual"
            else []
        )
        stem = layout.figure_stem(self.plan.name, figure)
        stale = self._if_stale("figures", figure, [stem.with_suffix(s) for s in FIGURE_SUFFIXES])
        manifests = [layout.manifest(name) for name in dict.fromkeys(data) if name]
        return [*map(str, [*files, *manifests]), *stale]

    def report_inputs(self) -> list[str]:
        """All tables and figures, and the timings; what the verdicts are judged on beside these is in the stamp."""
        stale = self._if_stale("report", "", layout.report_pages(self.plan.name))
        measured = [str(path) for path in self.property_tables()]
        return [*self.rendered(), str(layout.throughput_csv(self.plan.name)), *measured, *stale]

    def _if_stale(self, stage: Stage, name: str, files: list[Path]) -> list[str]:
        """An input that is newer than the files, where they are there and not what this request gives.

        Snakemake's own memory of parameters does not do: it knows nothing of who else rendered the same name.
        """
        if state(self.plan, stage, name, files) not in ("stale", "partial"):
            return []
        return _newer()


def _newer() -> list[str]:
    """An input that is newer than anything: what it is an input of is made again.

    Of other content too, since an input that is newer and has the checksum that it had does not count.
    """
    atomic.write_bytes(layout.stale_marker(), str(time.time_ns()).encode())
    return [str(layout.stale_marker())]
