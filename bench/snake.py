"""What the Snakefile asks of a plan: file lists per target. No Snakemake import, no torch."""

from __future__ import annotations

import re
from pathlib import Path

from bench import layout
from bench.plan import Plan


def trained(plan: Plan) -> str:
    """Wildcard pattern of the runs that are trained or loaded."""
    return "|".join(re.escape(r.id) for r in plan.runs.values() if not r.method) or "none"


class Targets:
    """Inputs and targets as strings, since Snakemake wants them so."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.gpus = int(plan.preset.device != "cpu" and Path("/dev/nvidia0").exists())

    def everything(self) -> list[str]:
        """Every result of the preset, so that a deleted one is made again."""
        plan = self.plan
        files = [
            layout.report_dir(plan.name) / "index.md",
            layout.report_dir(plan.name) / "index.html",
        ]
        for run in plan.runs.values():
            files += [layout.metrics_csv(run.id, e.key) for e in plan.evaluations(run)]
            files += [layout.showcase_png(run.id, e.key) for e in plan.evaluations(run)]
            if not run.method:
                files += [layout.weights(run.id), layout.curve_csv(run.id), layout.run_json(run.id)]
        files += [layout.throughput_csv(plan.name)]
        return [str(f) for f in files] + self.rendered()

    def rendered(self) -> list[str]:
        """All tables and figures."""
        plan = self.plan
        tables = [
            f"{layout.table_stem(plan.name, t)}{s}"
            for t in [*plan.tables, layout.THROUGHPUT]
            for s in (".md", ".tex", ".csv")
        ]
        return tables + [f"{layout.figure_stem(plan.name, f)}{s}" for f in plan.figures for s in (".png", ".pdf")]

    def tables(self) -> dict[str, list[str]]:
        """Target name to files: one per table id, and a short form (``table1``, ``lambda``)."""
        targets: dict[str, list[str]] = {}
        for table in self.plan.tables:
            for name in {table, table.split("_")[0]}:
                targets.setdefault(name, []).append(f"{layout.table_stem(self.plan.name, table)}.md")
        return targets

    def manifests(self) -> list[str]:
        """Every data set that the preset touches."""
        names: list[str] = []
        for run in self.plan.runs.values():
            names += self.plan.data_names(run)
            for test in self.plan.evaluations(run):
                names += [test.data, *([test.kernels] if test.kernels else [])]
        return [str(layout.manifest(n)) for n in dict.fromkeys(names)]

    # A finished run no longer depends on raw data or on the check: their content is in its identity. Snakemake's
    # `ancient` would say so too, but it hides the jobs behind an ancient file that is itself being remade.

    def training_inputs(self, run: str) -> list[str]:
        """Manifests and the check, while the run is not finished."""
        if layout.run_json(run).is_file() and layout.weights(run).is_file() and layout.curve_csv(run).is_file():
            return []
        files = [layout.manifest(n) for n in self.plan.data_names(self.plan.run(run))]
        return [str(f) for f in [*files, layout.check_json()]]

    def evaluation_inputs(self, run: str, key: str) -> list[str]:
        """The run, unless it has no network; manifests of the test and its kernels while it is not scored."""
        spec = self.plan.run(run)
        test = next(e for e in self.plan.evaluations(spec) if e.key == key)
        inputs = [] if spec.method else [str(layout.run_json(run)), str(layout.weights(run))]
        if not (layout.metrics_csv(run, key).is_file() and layout.showcase_png(run, key).is_file()):
            inputs += [str(layout.manifest(n)) for n in (test.data, test.kernels) if n]
        return inputs

    def timing_inputs(self) -> list[str]:
        """The check, while nothing is timed."""
        return [] if layout.throughput_csv(self.plan.name).is_file() else [str(layout.check_json())]

    def table_inputs(self, table: str) -> list[str]:
        """Metrics of all rows, and the runs' own records (parameters, status)."""
        if table == layout.THROUGHPUT:
            return [str(layout.throughput_csv(self.plan.name))]
        runs = [str(layout.run_json(r.id)) for r in self.plan.table_runs(table) if not r.method]
        return [*map(str, self.plan.table_metrics(table)), *runs]
